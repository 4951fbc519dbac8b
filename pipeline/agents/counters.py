"""What a worker counts."""

from __future__ import annotations

from collections import Counter

from pipeline.agents.feed import Feed
from pipeline.agents.groups import Group
from pipeline.agents.work import Outcome


class Counters:
    """Counted in the event loop alone."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.inserts: Counter[str] = Counter()
        self.insert_seconds: Counter[str] = Counter()
        self.messages = 0
        self.bytes = 0
        self.groups = 0
        self.dead: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.lost_messages = 0
        self.store_errors = 0
        self.checkpoints = 0
        self.checkpoint_bytes: dict[str, int] = {}
        self.checkpoint_seconds = 0.0

    def inserted(self, table: str, rows: int, seconds: float) -> None:
        """Rows were stored."""
        self.rows[table] += rows
        self.inserts[table] += 1
        self.insert_seconds[table] += seconds

    def counted(self, outcome: Outcome) -> None:
        """A piece of a group was stored."""
        self.events.update(outcome.counts)
        self.dead.update(letter.reason for letter in outcome.dead)

    def group(self, group: Group) -> None:
        """A group was stored."""
        self.groups += 1
        self.messages += len(group.messages)
        self.bytes += group.size

    def lost(self, feed: Feed, messages: int) -> None:
        """Messages were removed from the log before they were read."""
        self.lost_messages += messages

    def checkpoint(self, feed: Feed, size: int, seconds: float) -> None:
        """A checkpoint was written."""
        self.checkpoints += 1
        self.checkpoint_seconds += seconds
        self.checkpoint_bytes[f"{feed.topic}/{feed.partition}"] = size
