"""Where the frames are that were given to a publisher: at any moment, put + recovered = published + memory + spool +
dropped, in frames and in messages alike."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum


class Place(StrEnum):
    """Where a message waits."""

    MEMORY = "memory"
    SPOOL = "spool"


class Reason(StrEnum):
    """Why a message was dropped."""

    SPOOL_FULL = "spool-full"
    DISK_FULL = "disk-full"
    MEMORY_FULL = "memory-full"
    DAMAGED = "damaged"
    TOO_LARGE = "too-large"
    REFUSED = "refused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Totals:
    """The accounts at one moment. Counts are of frames, `..._messages` of messages, `..._bytes` of bytes.

    `recovered` was in the spool when it was opened; `dropped` is by (capture, reason), and never shrinks.
    """

    put: int = 0
    recovered: int = 0
    published: int = 0
    memory: int = 0
    spool: int = 0
    put_messages: int = 0
    recovered_messages: int = 0
    published_messages: int = 0
    memory_messages: int = 0
    spool_messages: int = 0
    memory_bytes: int = 0
    spool_bytes: int = 0
    published_bytes: int = 0
    dropped_messages: int = 0
    dropped_by: dict[tuple[str, Reason], int] = field(default_factory=dict)

    @property
    def dropped(self) -> int:
        """Frames dropped, for whatever reason."""
        return sum(self.dropped_by.values())

    @property
    def waiting_messages(self) -> int:
        """Messages that Kafka has not acked yet."""
        return self.memory_messages + self.spool_messages

    @property
    def balanced(self) -> bool:
        """Whether nothing is missing, and nothing counted twice."""
        frames = self.put + self.recovered == self.published + self.memory + self.spool + self.dropped
        came = self.put_messages + self.recovered_messages
        return frames and came == self.published_messages + self.waiting_messages + self.dropped_messages


_COUNTED = [each.name for each in fields(Totals) if each.name != "dropped_by"]


class Accounts:
    """The accounts of one publisher, in total and by capture. Each message moves in one step under one lock: any reader
    sees them balanced, of each capture as well."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: Counter[str] = Counter()
        self._captures: dict[str, Counter[str]] = {}
        self._dropped: Counter[tuple[str, Reason]] = Counter()

    def put(self, capture: str, frames: int, size: int) -> None:
        """A message came, and waits in memory."""
        with self._lock:
            self._count(capture, "put", frames, size)
            self._count(capture, Place.MEMORY, frames, size)

    def recovered(self, capture: str, frames: int, size: int) -> None:
        """A message of an earlier run was found in the spool."""
        with self._lock:
            self._count(capture, "recovered", frames, size)
            self._count(capture, Place.SPOOL, frames, size)

    def moved(self, capture: str, frames: int, size: int, source: Place, target: Place) -> None:
        """A message went from one place to another."""
        with self._lock:
            self._count(capture, source, frames, size, -1)
            self._count(capture, target, frames, size)

    def published(self, capture: str, frames: int, size: int, source: Place) -> None:
        """Kafka acked a message."""
        with self._lock:
            self._count(capture, source, frames, size, -1)
            self._count(capture, "published", frames, size)

    def dropped(self, capture: str, frames: int, size: int, source: Place, reason: Reason) -> None:
        """A message was given up."""
        with self._lock:
            self._count(capture, source, frames, size, -1)
            self._count(capture, "dropped", 0)
            self._dropped[capture, reason] += frames

    def totals(self, capture: str | None = None) -> Totals:
        """The accounts as they stand: all of them, or those of one capture."""
        with self._lock:
            counts = self._all if capture is None else self._captures.get(capture, Counter())
            dropped = {key: frames for key, frames in self._dropped.items() if capture in (None, key[0])}
            return Totals(**{name: counts[name] for name in _COUNTED}, dropped_by=dropped)

    def _count(self, capture: str, name: str, frames: int, size: int = 0, sign: int = 1) -> None:
        for counts in self._all, self._captures.setdefault(capture, Counter()):
            counts[name] += sign * frames
            counts[f"{name}_messages"] += sign
            counts[f"{name}_bytes"] += sign * size
