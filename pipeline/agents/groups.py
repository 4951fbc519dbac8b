"""Which messages of a partition are stored together.

Consecutive messages make a group, and the log alone says where one ends: a message of another second of Kafka's append
time is of the next group, and a message with which a group becomes large is its last. No clock has a say, so whoever
reads on from the end of any group finds the same groups again, and stores the same rows under the same tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GROUP_ROWS = 131_072
"""Rows, as the messages' headers count them, with which a group ends."""
GROUP_BYTES = 48 << 20
"""Bytes of values with which a group ends."""
SPAN_MS = 1000
"""A group holds messages of one such span of append time, unless told otherwise."""

KIND = "kind"
"""The header that a message has which is no batch."""
CLOSE = b"close"
"""What it says in a message that only ends the group before it: a worker sends one where nothing follows."""

_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the log: `timestamp` in ms since 1970 (append time), `headers` as they came, `value` the bytes."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    headers: tuple[tuple[str, bytes], ...]
    value: bytes

    def header(self, name: str) -> bytes | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(slots=True)
class Group:
    """Messages that are stored together. `next_offset` is where the log goes on behind them."""

    messages: list[Message] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    next_offset: int = 0

    @property
    def first(self) -> Message:
        """The message that begins it."""
        return self.messages[0]

    @property
    def last(self) -> Message:
        """The message that ends it."""
        return self.messages[-1]


class Grouping:
    """Cuts the messages of one partition, in the order of the log, into groups of `span_ms` at the most."""

    def __init__(self, span_ms: int = SPAN_MS) -> None:
        self._span = span_ms
        self.open = Group()
        """The group that has not ended yet; empty at a boundary."""

    def add(self, message: Message) -> list[Group]:
        """The groups that have ended now that `message` is known: none, one or two, in order."""
        ended: list[Group] = []
        closes = message.header(KIND) == CLOSE
        if self.open.messages and (closes or self._bucket(message) != self._bucket(self.open.first)):
            ended.append(self._end())
        group = self.open
        group.messages.append(message)
        group.rows += _rows_said(message)
        group.size += len(message.value)
        group.next_offset = message.offset + 1
        # What closes is a group of its own, so that behind it no group is open.
        if closes or group.rows >= GROUP_ROWS or group.size >= GROUP_BYTES:
            ended.append(self._end())
        return ended

    def _end(self) -> Group:
        group, self.open = self.open, Group()
        return group

    def _bucket(self, message: Message) -> int:
        return message.timestamp // self._span


def _rows_said(message: Message) -> int:
    """The number of rows that stands in the headers; 0 where there is none that can be read."""
    said = message.header("rows")
    if said is None or not said.isdigit() or len(said) > _DIGITS:
        return 0
    return int(said)
