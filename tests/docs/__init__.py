"""What makes the generated parts of the documentation: ``script/docs`` writes them, and
``tests/test_docs.py`` fails where they are no longer what the program says."""
