"""What tests show in seconds, for minutes and hours."""
