"""The worker of a fleet: record batches from Kafka through the engine into ClickHouse, each row once."""
