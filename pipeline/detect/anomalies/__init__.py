"""Anomalies of a whole capture: what shards have seen of them is gathered, and what only all together show is found."""

from pipeline.detect.anomalies.all import Anomalies
from pipeline.detect.anomalies.gather import Gather, Going

__all__ = ["Anomalies", "Gather", "Going"]
