"""The embedded form: capture, engine and database in one process."""
