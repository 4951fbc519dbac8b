"""Benchmarks: `python -m benchmarks [CAPTURE]` times every stage on one capture."""
