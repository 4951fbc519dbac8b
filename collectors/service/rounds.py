"""Frames to messages: a batch is decoded, taken up by `Front`, cut to what travels, and shared out over the shards."""

from __future__ import annotations

import datetime
import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collectors.decode import decode
from collectors.publish.message import Outgoing
from collectors.service.keep import FIRST_BYTES, Keep, kept
from collectors.sources.frames import Frames
from pipeline.engine.front import Front, Tick, shard_of
from pipeline.engine.notes import Event, events_of
from pipeline.engine.windows.bundle import WindowTick
from pipeline.schema import PACKETS
from pipeline.schema.columns import BATCH_ROWS, Columns
from pipeline.schema.days import day_of
from pipeline.schema.message import Head, encode, head_headers
from pipeline.schema.windows import BASE_SECONDS

MOST_RAW = 8 << 20
"""Bytes of frames in one message: with the columns and without compression it stays below the limit of the topic."""


@dataclass(frozen=True, slots=True)
class Route:
    """Whose frames they are, and where they go: a topic of as many partitions as there are shards."""

    sensor: str
    capture: str
    topic: str
    shards: int
    keep: Keep = "smart"
    first_bytes: int = FIRST_BYTES
    base_seconds: int = BASE_SECONDS

    def partition(self, shard: int) -> int:
        """The partition of a shard: shard 0 has what belongs to no flow, so that sensors begin at different ones."""
        return (shard + zlib.crc32(self.sensor.encode())) % self.shards


class Rounds:
    """The messages of one capture. A batch of up to 65,536 frames gives a message for each shard that has rows in it,
    or must hear that a minute or a window has ended; more where there are too many bytes for one.
    """

    def __init__(self, route: Route, batch_rows: int = BATCH_ROWS) -> None:
        self._route = route
        self._front = Front(shards=route.shards)
        self._columns = Columns(PACKETS, batch_rows)
        self._columns.labels.update({"sensor": route.sensor, "capture": route.capture})
        self._sequence = [0] * route.shards
        # Up to which frame each shard has heard.
        self._heard = [0] * route.shards
        self._last = 0

    @property
    def last(self) -> int:
        """Number of the last frame that was taken."""
        return self._last

    def take(self, frames: Frames, dropped: int = 0) -> Iterator[Outgoing]:
        """The messages of the next frames, before which `dropped` were dropped. Their bytes are not needed any more
        when it is exhausted."""
        columns, route = self._columns, self._route
        decode(frames, columns)
        ticks = self._front.process(columns)
        events = events_of(columns, self._front.notes.take())
        kept(columns, route.keep, route.first_bytes)
        self._last = frames.first + len(frames) - 1
        columns.labels["shoal.day"] = day_of(int(frames.time[0])) if len(frames) else datetime.date(1970, 1, 1)
        shard = shard_of(columns, route.shards)
        drops = ((self._front.windows.now, dropped),) if dropped else ()
        for k in range(route.shards):
            rows = np.flatnonzero(shard == k)
            if len(rows) or ticks or self._front.window_ticks or ((events or drops) and k == 0):
                yield from self._messages(k, rows, ticks, events if k == 0 else [], drops if k == 0 else ())

    def idle(self, now: int, dropped: int = 0) -> Iterator[Outgoing]:
        """The messages that tell the shards which windows have ended though no frame came: the sensor's clock says
        `now`, ns since 1970. `dropped` frames were dropped since that was told last."""
        windows = self._front.windows.idle(now, self._last + 1)
        drops = ((now, dropped),) if dropped else ()
        self._columns.clear()
        for k in range(self._route.shards):
            if windows or (drops and k == 0):
                yield self._message(
                    k, np.zeros(0, np.int64), self._last, [], [], windows, drops if k == 0 else ()
                )

    def end(self) -> Iterator[Outgoing]:
        """The messages that tell every shard that the capture is complete."""
        self._columns.clear()
        for k in range(self._route.shards):
            yield self._message(k, np.zeros(0, np.int64), self._last, [], [], [], ends=True)

    def _messages(
        self, shard: int, rows: NDArray[np.int64], ticks: list[Tick], events: list[Event],
        drops: tuple[tuple[int, int], ...],
    ) -> Iterator[Outgoing]:  # fmt: skip
        """The shard's rows in as many messages as their bytes need; the last one covers all frames of the batch."""
        sizes = np.cumsum(self._columns.raw_length[rows], dtype=np.int64) // MOST_RAW
        cuts = [0, *(np.flatnonzero(np.diff(sizes)) + 1).tolist(), len(rows)]
        numbers = self._columns.values("frame.number")
        for first, last in itertools.pairwise(cuts):
            upto = self._last if last == len(rows) else int(numbers[rows[last - 1]])
            heard = self._heard[shard]
            yield self._message(
                shard, rows[first:last], upto, [tick for tick in ticks if heard < tick[0] <= upto],
                [event for event in events if heard < event[1] <= upto],
                [tick for tick in self._front.window_ticks if heard < tick[1] <= upto], drops if first == 0 else (),
            )  # fmt: skip

    def _message(
        self, shard: int, rows: NDArray[np.int64], upto: int, ticks: list[Tick], events: list[Event],
        windows: list[WindowTick], drops: tuple[tuple[int, int], ...] = (), *, ends: bool = False,
    ) -> Outgoing:  # fmt: skip
        route, streams = self._route, self._front.streams
        head = Head(
            route.sensor, route.capture, shard, route.shards, self._sequence[shard], self._heard[shard] + 1, upto,
            len(rows), self._front.minutes.now, int(ends), tuple(ticks), tuple(events),
            tuple(windows), drops,
        )  # fmt: skip
        self._sequence[shard] += 1
        self._heard[shard] = upto
        value = encode(self._columns, rows, streams.conversation, streams.turn)
        return Outgoing(
            route.topic, route.partition(shard), value, head_headers(head), len(rows), route.capture
        )
