"""What befalls frames on their way through a port of the switch: loss, copies, delay, a slow line, darkness."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass

_HEADERS = {b"\x08\x00": 4, b"\x86\xdd": 6}


@dataclass(frozen=True)
class Way:
    """One direction of a port. Odds (0 to 1) are per TCP segment; other frames pass, unless the way is dark or full."""

    loss: float = 0.0
    """Odds that a segment with payload is lost."""
    ack_loss: float = 0.0
    """Odds that a segment without payload is lost."""
    copies: float = 0.0
    """Odds that a segment comes twice."""
    hold: float = 0.0
    """Odds that a segment is held back, so that later ones overtake it..."""
    held: tuple[float, float] = (0.003, 0.023)
    """...for a time between these two (seconds)."""
    jitter: float = 0.0
    """Each frame comes later by a time from 0 to this (seconds)."""
    rate: float = 0.0
    """The line's speed (bytes a second); 0 for one without limit."""
    buffer: int = 1 << 30
    """Bytes that can wait for the line; what comes on top is lost."""
    largest: int = 1 << 30
    """Longer frames are lost, and nobody says so (bytes)."""


CLEAR = Way()


@dataclass
class Counts:
    """What a way did to segments with payload, and how many without payload it lost."""

    lost: int = 0
    copied: int = 0
    held: int = 0
    late: int = 0
    """Delivered after a frame of the same sender that came to the switch later."""
    lost_without_payload: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)


class Passage:
    """A way in use: its seeded generator, its counts, and whether it is `dark` (all frames are lost)."""

    def __init__(self, way: Way, seed: str) -> None:
        self.way = way
        self.dark = False
        self.counts = Counts()
        self._random = random.Random(seed)
        self._busy = 0.0
        self._newest: dict[int, int] = {}

    def times(self, now: float, size: int, payload: int | None) -> list[float]:
        """When a frame of `size` bytes that comes at `now` (seconds) leaves the way: never, once or twice.

        `payload` is that of a TCP segment (bytes), None for other frames.
        """
        way, chance, data = self.way, self._random.random, bool(payload)
        if self.dark or size > way.largest or (payload is not None and chance() < (way.loss if data else way.ack_loss)):
            return self._lose(payload)
        if way.rate:
            start = max(now, self._busy)
            if (start - now) * way.rate > way.buffer:
                return self._lose(payload)
            self._busy = now = start + size / way.rate
        if way.jitter:
            now += chance() * way.jitter
        if payload is None:
            return [now]
        if chance() < way.hold:
            now += self._random.uniform(*way.held)
            self.counts.held += data
        if chance() < way.copies:
            self.counts.copied += data
            return [now, now]
        return [now]

    def deliver(self, sender: int, serial: int, payload: int | None) -> None:
        """Note that the frame with this number (by the order of coming) was delivered."""
        newest = self._newest.get(sender, 0)
        self.counts.late += bool(payload) and serial < newest
        self._newest[sender] = max(serial, newest)

    def _lose(self, payload: int | None) -> list[float]:
        self.counts.lost += bool(payload)
        self.counts.lost_without_payload += payload == 0
        return []


@dataclass(frozen=True)
class Segment:
    """What the switch looks at in a TCP segment."""

    destination: int
    payload: int


def segment(frame: bytes) -> Segment | None:
    """Destination port and payload length (bytes) of a TCP segment directly in IPv4 or IPv6; None for other frames."""
    version = _HEADERS.get(frame[12:14])
    if version == 4 and frame[23] == 6:
        start = 14 + (frame[14] & 15) * 4
        end = 14 + int.from_bytes(frame[16:18], "big")
    elif version == 6 and frame[20] == 6:
        start = 54
        end = start + int.from_bytes(frame[18:20], "big")
    else:
        return None
    return Segment(int.from_bytes(frame[start + 2 : start + 4], "big"), end - start - (frame[start + 12] >> 4) * 4)
