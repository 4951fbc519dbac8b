"""A live view of a database in a terminal: sensors, services, alerts."""
