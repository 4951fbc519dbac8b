"""What a worker counts (pipeline/schema/metrics.py says what each is)."""

from __future__ import annotations

import time

from pipeline.agents.feed import Feed
from pipeline.agents.groups import Group
from pipeline.agents.inserts import Insert
from pipeline.agents.work import Outcome
from pipeline.schema.exporter import Metrics
from pipeline.schema.metrics import WORKER

_BESIDE = frozenset({"missing", "repeated"})


class Counters:
    """A worker's metrics, told in its own terms."""

    def __init__(self) -> None:
        self.metrics = Metrics(WORKER)

    def _add(self, name: str, amount: float = 1, **labels: str) -> None:
        self.metrics.add(f"shoal_worker_{name}", amount, **labels)

    def processed(self, seconds: float) -> None:
        """The engine was done with a piece of a group."""
        self.metrics.observe("shoal_worker_engine_seconds", seconds)

    def inserted(self, insert: Insert, seconds: float) -> None:
        """Rows were stored."""
        self._add("rows_total", insert.rows, table=insert.record.name)
        self.metrics.observe("shoal_worker_insert_seconds", seconds, table=insert.record.name)

    def refused(self, _: Exception) -> None:
        """Something that was asked of ClickHouse failed."""
        self._add("insert_errors_total")

    def stored(self, feed: Feed, outcome: Outcome) -> None:
        """A piece of a group was stored."""
        self._add("frames_missing_total", outcome.counts["missing"])
        self._add("batches_repeated_total", outcome.counts["repeated"])
        for event in outcome.counts.keys() - _BESIDE:
            self._add("evictions_total", outcome.counts[event], event=event)
        for letter in outcome.dead:
            self._add("dead_letters_total", reason=letter.reason)
        if outcome.newest:
            delay = time.time() - outcome.newest / 1e9
            self.metrics.set("shoal_worker_watermark_delay_seconds", delay, **_of(feed))

    def group(self, group: Group) -> None:
        """All of a group was stored."""
        self._add("groups_total")
        self._add("batches_total", len(group.messages))
        self._add("batch_bytes_total", group.size)

    def lost(self, messages: int) -> None:
        """Messages were removed from the log before they were read."""
        self._add("batches_lost_total", messages)

    def checkpoint(self, feed: Feed, size: int, seconds: float) -> None:
        """A checkpoint was written."""
        self._add("checkpoints_total")
        self.metrics.observe("shoal_worker_checkpoint_seconds", seconds)
        self.metrics.set("shoal_worker_checkpoint_bytes", size, **_of(feed))

    def damaged(self) -> None:
        """A checkpoint was passed over."""
        self._add("checkpoints_damaged_total")

    def has(self, feed: Feed, lag: int, checkpoint_age: float) -> None:
        """How it stands with a partition."""
        self.metrics.set("shoal_worker_lag_messages", lag, **_of(feed))
        self.metrics.set("shoal_worker_checkpoint_age_seconds", checkpoint_age, **_of(feed))

    def worker(self, partitions: int, *, connected: bool) -> None:
        """How it stands with the worker."""
        self.metrics.set("shoal_worker_partitions", partitions)
        self.metrics.set("shoal_worker_clickhouse_connected", connected)

    def left(self, feed: Feed) -> None:
        """A partition is another worker's."""
        self.metrics.forget(**_of(feed))


def _of(feed: Feed) -> dict[str, str]:
    return {"topic": feed.topic, "partition": str(feed.partition)}
