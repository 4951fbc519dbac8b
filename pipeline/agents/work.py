"""What a partition's messages are turned into: the seam between the life of a partition and what is in its messages."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.agents.groups import Group, Message
from pipeline.agents.inserts import Block


def fault(error: Exception) -> str:
    """What failed, and where, of a failure that is Shoal's own: a line for a dead letter."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.name}, line {where.lineno} of {where.filename})"[:1000]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be taken: `reason` in a word, `said` in a sentence, the sensor where it is known."""

    message: Message
    reason: str
    said: str
    sensor: str = ""


@dataclass(frozen=True, slots=True)
class Onward:
    """A message for the topic of windows. All of one sensor go to one partition, in their order."""

    sensor: str
    headers: list[tuple[str, bytes]]
    value: bytes


@dataclass(slots=True)
class Outcome:
    """What became of a group or, where that is much, of a piece of it: rows to store, messages that go on, letters, and
    what was counted."""

    blocks: list[Block] = field(default_factory=list)
    onward: list[Onward] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    newest: int = 0
    """The latest time of a frame, ns since 1970; 0 where there is none."""

    @property
    def size(self) -> int:
        """Bytes of the blocks and messages."""
        return sum(len(block.data) for block in self.blocks) + sum(len(each.value) for each in self.onward)


class Work(Protocol):
    """Turns groups into rows, in the order of the log. Its methods run in a thread, one at a time.

    A function of the log alone: the same groups give the same outcomes, byte for byte. `span_ms` is over how much of
    the log's time a group goes: what waits for its rows waits as long.
    """

    span_ms: int

    def process(self, group: Group) -> Iterator[Outcome]:
        """The next group, in one piece or more."""

    def snapshot(self) -> bytes:
        """All that is known between two groups."""

    def restore(self, snapshot: bytes) -> None:
        """Know what `snapshot` was taken from, and nothing else. Raises SnapshotError."""
