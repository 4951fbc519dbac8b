"""Hostile bytes for the parsers of what is said: `python -m tests.fuzz NAME --seconds 600`."""
