"""What a collector hands to the publisher."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for a partition of a topic. `frames` is how many rows are in it, which is what accounts are kept in;
    `capture` is whose frames they are (what is dropped is told by capture); headers are Kafka's record headers."""

    topic: str
    partition: int
    value: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    frames: int = 0
    capture: str = ""

    @property
    def size(self) -> int:
        """Bytes of value and headers: what it takes in memory and in Kafka, near enough."""
        return len(self.value) + sum(len(name) + len(value) for name, value in self.headers)
