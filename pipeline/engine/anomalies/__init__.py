"""What a shard sees of anomalies: of the link, of IP, of TCP, and of what is said."""
