"""Detection: what is wrong, from what all shards of a capture have counted and seen. Anomalies, rules, alerts."""
