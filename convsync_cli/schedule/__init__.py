"""Unattended runs: what a scheduler should run, in its own format, and whether it does."""
