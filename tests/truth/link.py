"""A link between two hosts of the lab that loses, delays, duplicates and holds back frames, and notes what it did.

What no capture tells, the link knows: of each segment that it delivers whether the sender had sent its bytes before,
whether it is the link's own copy, and whether one sent after it was delivered before it.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import random
import threading
import time
from dataclasses import dataclass, field

from tests.netlab.lab import Host, polled, readable

_VNET = 10
"""Bytes before a frame of a TAP with offloads: struct virtio_net_hdr."""


@dataclass(frozen=True)
class Impair:
    """What one direction does to TCP segments: odds of `loss`, of a second copy (`copies`), of being held back by
    `hold` seconds (from, to); `delay` and up to `jitter` seconds for every frame; a bottleneck of `rate` bytes a second
    with `buffer` bytes of queue (0: none); `stops`: from when to when (seconds after the first frame) nothing passes
    (`cut`: is lost; else waits); `first`: numbers of the TCP segments, from 0, that are lost whatever the odds."""

    loss: float = 0.0
    copies: float = 0.0
    held: float = 0.0
    hold: tuple[float, float] = (0.003, 0.023)
    delay: float = 0.005
    jitter: float = 0.0
    rate: float = 0.0
    buffer: float = 0.0
    stops: tuple[tuple[float, float], ...] = ()
    cut: bool = False
    first: tuple[int, ...] = ()


@dataclass
class Delivered:
    """A segment with payload, SYN or FIN as it came out of the link."""

    payload: int
    resent: bool
    copy: bool
    late: bool


@dataclass
class Direction:
    """One direction's counts, of segments with payload as the sender's kernel counts them, and what it delivered."""

    dropped: int = 0
    duplicated: int = 0
    held_back: int = 0
    late: int = 0
    delivered: list[Delivered] = field(default_factory=list)


@dataclass
class Segment:
    """The numbers of a TCP segment; `units` is how many segments the kernel makes of it."""

    port: int
    seq: int
    payload: int
    span: int
    units: int


def parsed(frame: bytes, offload: bool) -> Segment | None:
    """The TCP segment in an Ethernet frame, which has a virtio header in front with `offload`; None for others."""
    size = int.from_bytes(frame[4:6], "little") if offload else 0
    frame = frame[_VNET:] if offload else frame
    if frame[12:14] == b"\x08\x00" and frame[23] == 6:
        start, end = 34, 14 + int.from_bytes(frame[16:18], "big")
    elif frame[12:14] == b"\x86\xdd" and frame[20] == 6:
        start, end = 54, 54 + int.from_bytes(frame[18:20], "big")
    else:
        return None
    payload = end - start - (frame[start + 12] >> 4) * 4
    flags = frame[start + 13]
    units = -(-payload // size) if size and payload > size else 1
    span = payload + (flags & 1) + (flags >> 1 & 1)
    port, seq = int.from_bytes(frame[start : start + 2], "big"), int.from_bytes(frame[start + 4 : start + 8], "big")
    return Segment(port, seq, payload, 0 if flags & 4 else span, units)


class _Sequence:
    """Which sequence numbers of a direction were sent, by source port, relative to the first."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []
        self._base: dict[int, int] = {}

    def seen(self, port: int, start: int, span: int) -> bool:
        """Whether all of the range was there before; it is from now on."""
        base = self._base.setdefault(port, start - (1 << 20))
        low = (start - base) % (1 << 32) + (port << 33)
        high = low + span
        covered = any(a <= low and high <= b for a, b in self._ranges)
        if not covered:
            touching = [(a, b) for a, b in self._ranges if a <= high and low <= b]
            self._ranges = [r for r in self._ranges if r not in touching]
            self._ranges.append((min([low, *(a for a, _ in touching)]), max([high, *(b for _, b in touching)])))
        return covered


class Link(threading.Thread):
    """Moves frames between two hosts until `stop`. `there` is what was done from the first host to the second, `back`
    the other way."""

    def __init__(self, hosts: tuple[Host, Host], impair: tuple[Impair, Impair], seed: int, offload: bool) -> None:
        super().__init__(name="link", daemon=True)
        self.there = Direction()
        self.back = Direction()
        self._hosts = hosts
        self._impair = impair
        self._offload = offload
        self._random = [random.Random(f"{seed} there"), random.Random(f"{seed} back")]
        self._sent = (_Sequence(), _Sequence())
        self._count = [0, 0]
        self._order = 0
        self._began = 0.0
        self._busy = [0.0, 0.0]
        self._queue: list[tuple[float, int, int, bytes, Segment | None, int, bool, bool]] = []
        self._latest = [0, 0]
        self._running = True

    def stop(self) -> None:
        """End the thread; frames still in flight are dropped."""
        self._running = False
        self.join()

    def run(self) -> None:
        """Read what is ready, write what is due."""
        taps = {host.tap: side for side, host in enumerate(self._hosts)}
        poll = polled(taps)
        while self._running:
            wait = self._queue[0][0] - time.monotonic() if self._queue else 0.05
            for tap in readable(poll, wait):
                with contextlib.suppress(BlockingIOError):
                    for _ in range(64):
                        self._take(taps[tap], os.read(tap, 70_000))
            now = time.monotonic()
            while self._queue and self._queue[0][0] <= now:
                _, _, side, frame, segment, order, resent, copy = heapq.heappop(self._queue)
                with contextlib.suppress(OSError):
                    os.write(self._hosts[1 - side].tap, frame)
                    if segment:
                        self._deliver(side, segment, order, resent, copy)

    def _take(self, side: int, frame: bytes) -> None:
        impair, direction, chance = self._impair[side], (self.there, self.back)[side], self._random[side]
        segment = parsed(frame, self._offload)
        now = time.monotonic()
        due = now + impair.delay + chance.random() * impair.jitter
        if segment is None:
            self._push(due, side, frame, None, False, False)
            return
        self._began = self._began or now
        number = self._count[side]
        self._count[side] += 1
        units = segment.units if segment.payload else 0
        resent = segment.span > 0 and self._sent[side].seen(segment.port, segment.seq, segment.span)
        luck = [chance.random() for _ in range(4)]
        stop = next((b for a, b in impair.stops if a <= now - self._began < b), 0.0)
        if luck[0] < impair.loss or number in impair.first or (stop and impair.cut):
            direction.dropped += units
            return
        if stop:
            due += self._began + stop - now
        if impair.rate:
            start = max(now, self._busy[side])
            if (start - now) * impair.rate > impair.buffer:
                direction.dropped += units
                return
            self._busy[side] = start + len(frame) / impair.rate
            due += self._busy[side] - now
        if luck[1] < impair.held:
            due += impair.hold[0] + luck[2] * (impair.hold[1] - impair.hold[0])
            direction.held_back += units
        self._push(due, side, frame, segment, resent, False)
        if luck[3] < impair.copies:
            direction.duplicated += units
            self._push(due, side, frame, segment, resent, True)

    def _push(self, due: float, side: int, frame: bytes, segment: Segment | None, resent: bool, copy: bool) -> None:
        self._order += 1
        heapq.heappush(self._queue, (due, self._order, side, frame, segment, self._order, resent, copy))

    def _deliver(self, side: int, segment: Segment, order: int, resent: bool, copy: bool) -> None:
        """Late is what one was delivered before that was sent after it."""
        late = not copy and order < self._latest[side]
        self._latest[side] = max(order, self._latest[side])
        if not segment.span:
            return
        direction = (self.there, self.back)[side]
        direction.late += segment.units if late and segment.payload else 0
        direction.delivered.append(Delivered(segment.payload, resent, copy, late))
