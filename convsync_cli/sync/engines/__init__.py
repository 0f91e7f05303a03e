"""Databases: one folder each, chosen by the scheme of the database URL."""
