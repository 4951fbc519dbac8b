"""From a collector to Kafka: a publisher that never makes the capture wait, and a spool on disk while Kafka is away."""
