"""Values that everything speaks in; this package imports nothing of ours outside itself."""
