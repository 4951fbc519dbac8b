"""The ends of windows in a capture's own time: before which frames one is passed, so that who counts may tell.

They are told from all frames of the capture together, before its rows are shared out, so that every shard ends its
windows at the same frames, however quiet it is.
"""

from __future__ import annotations

from typing import Any

import cython

from pipeline.engine.snapshot import Tree
from pipeline.engine.windows.bundle import WindowTick
from pipeline.schema.columns import Columns
from pipeline.schema.windows import BASE_SECONDS

LATEST = 1 << 62
"""Times are taken to be no later than this (in the year 2116), ns since 1970; what is before 1970 is no time at all."""
HOUR_NS = 3_600_000_000_000

_LATEST = cython.declare(cython.longlong, LATEST)
_HOUR = cython.declare(cython.longlong, HOUR_NS)


@cython.cclass
class WindowTicks:
    """`now` is the latest time of a frame so far, ns since 1970; where times fall back by over an hour, it begins anew,
    and `passes` counts how often. `number` is that of the last tick."""

    def __init__(self, base_seconds: int = BASE_SECONDS) -> None:
        self.now = self.number = self.passes = 0
        self._base = base_seconds * 1_000_000_000

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"numbers": [self.now, self.number, self.passes]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.now, self.number, self.passes = state["numbers"]

    def process(self, columns: Columns) -> list[WindowTick]:
        """The ends of windows within the batch, in order. Frames without a time change nothing."""
        plain = not cython.compiled
        times: Any = columns.values("frame.time").view("i8")
        frames: Any = columns.values("frame.number")
        found: list[WindowTick] = []
        time: cython.longlong[::1] = memoryview(times) if plain else times
        t: cython.longlong
        i: cython.Py_ssize_t
        # What a frame must be before, or behind, to change more than `now`.
        least: cython.longlong = self.now - _HOUR
        end: cython.longlong = self.now - self.now % self._base + self._base
        with cython.nogil:
            for i in range(time.shape[0]):
                t = time[i]
                if t <= self.now and t >= least:
                    continue
                if t <= 0:
                    continue
                if t > _LATEST:
                    t = _LATEST
                if self.now != 0 and (t >= end or t < least):
                    if t < least:
                        self.passes += 1
                    self.number += 1
                    with cython.gil:
                        found.append((self.number, int(frames[i]), t, self.passes))
                self.now = t
                least = t - _HOUR
                end = t - t % self._base + self._base
        return found

    def idle(self, now: int, frame: int) -> list[WindowTick]:
        """The sensor's clock says `now`, ns since 1970, and no frame came meanwhile: what ends before `frame`, the
        next one. What is not later than the frames changes nothing, nor does a clock before the first of them."""
        if self.now == 0 or now <= self.now or now > LATEST:
            return []
        before = self.now
        self.now = now
        if now // self._base == before // self._base:
            return []
        self.number += 1
        return [(self.number, frame, now, self.passes)]
