"""The minutes of a capture's own time: before which rows one ends, so that who counts by minutes may write.

They are told from all conversations of the capture together, before its rows are shared out, so that each shard ends
its minutes at the same frames however quiet it is. As long as there was no conversation (a capture of ARP alone, of
pings), all frames tell them: nothing is known then of conversations that could be written at other times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.snapshot import Tree
from pipeline.schema.columns import Columns

MINUTE_NS = 60_000_000_000
"""Event time between two ends of a minute."""

_MINUTE = cython.declare(cython.longlong, MINUTE_NS)
_HOUR = cython.declare(cython.longlong, 60 * MINUTE_NS)
_QUOTED = cython.declare(cython.int, bits.QUOTED)
_FORGOT = cython.declare(cython.int, bits.FORGOT)

Tick = tuple[int, int]
"""Number of the frame before which a minute ends, and the capture's time then: the latest of its frames so far, ns."""


@cython.cclass
class Minutes:
    """`now` is the latest time of a frame of any conversation so far, ns since 1970; before the first of them, of any
    frame."""

    def __init__(self) -> None:
        self.now = 0
        self._end = 0
        self._quiet = True

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"now": self.now, "end": self._end, "quiet": self._quiet}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.now, self._end, self._quiet = state["now"], state["end"], state["quiet"]

    def process(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> list[Tick]:
        """The ends of minutes within the batch, in order; `numbers` and `turns` are `Streams.conversation` and `.turn`.

        A minute also ends where the times fall back by more than an hour, and where all numbers are given anew.
        """
        plain = not cython.compiled
        times: Any = columns.values("frame.time").view("i8")
        frames: Any = columns.values("frame.number")
        found: list[Tick] = []
        time: cython.longlong[::1] = memoryview(times) if plain else times
        number: cython.int[::1] = memoryview(numbers) if plain else numbers
        turn: cython.uchar[::1] = memoryview(turns) if plain else turns
        begins: cython.bint
        over: cython.bint
        i: cython.Py_ssize_t
        with cython.nogil:
            for i in range(time.shape[0]):
                begins = False
                if number[i] == 0 or turn[i] & _QUOTED:
                    if not self._quiet:
                        continue
                elif self._quiet:
                    # From here on it is as if nothing had come before.
                    self._quiet = False
                    begins = True
                if time[i] > self.now or begins:
                    self.now = time[i]
                over = time[i] >= self._end or time[i] < self._end - _HOUR or turn[i] & _FORGOT != 0
                if over and self._end:
                    with cython.gil:
                        found.append((int(frames[i]), self.now))
                if over or begins:
                    self._end = time[i] - time[i] % _MINUTE + _MINUTE
        return found


def rows_of_ticks(columns: Columns, ticks: Sequence[Tick]) -> list[Tick]:
    """For each of `ticks` the row before which it comes (as many as there are rows: behind all), and the time."""
    frames = np.array([frame for frame, _ in ticks], np.uint64)
    rows = np.searchsorted(columns.values("frame.number"), frames)
    return [(int(row), now) for row, (_, now) in zip(rows, ticks, strict=True)]
