"""convsync: every SMS and email conversation with a lead, once, in one SQLite file."""

__version__ = "0.1.0"
