"""What is done about alerts by the clock and the database alone: telling them, silencing, pinning their packets."""
