"""ClickHouse: the embedded database, its tables, and what goes in."""
