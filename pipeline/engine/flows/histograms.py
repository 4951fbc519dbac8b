"""Histograms of times, in one pool: the buckets of `pipeline.engine.windows.sketch`."""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown
from pipeline.engine.windows.sketch import BUCKETS

if not cython.compiled:
    from pipeline.engine.windows.sketch import bucket_of, middle_of

MOST_HISTOGRAMS = 524_288
"""Histograms held (384 MB); a direction that comes later has none (counted in `refused`)."""

_FIRST_SIZE = 256
_BUCKETS = cython.declare(cython.Py_ssize_t, BUCKETS)


@cython.cclass
class Histograms:
    """Histograms by number, from 1, at the most `most` (0: `MOST_HISTOGRAMS`); `row` is the row of the batch under way,
    for notes."""

    def __init__(self, notes: Notes, most: int = 0) -> None:
        self.refused = 0
        self.row = 0
        self._notes = notes
        self._most = most or MOST_HISTOGRAMS
        self.used = 0
        self._free = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        buckets = np.asarray(self.bucket)[: self.used + 1] if self.used else np.zeros((0, BUCKETS), np.uint32)
        return {"buckets": buckets, "numbers": [self.refused, self.used, self._free]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.refused, self.used, self._free = state["numbers"]
        if self.used:
            buckets = grown(state["buckets"], max(_FIRST_SIZE, self.used + 2))
            self.bucket = buckets if cython.compiled else memoryview(buckets)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def reserve(self) -> cython.int:
        """Twice the room, up to the cap."""
        have = 0 if self.used == 0 else np.asarray(self.bucket).shape[0]
        size = min(max(_FIRST_SIZE, have * 2), self._most + 1)
        more = np.zeros((size, BUCKETS), np.uint32)
        if have:
            more[:have] = np.asarray(self.bucket)
        self.bucket = more if cython.compiled else memoryview(more)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0, check=True)
    def take(self) -> cython.uint:
        """An empty histogram; 0 where the cap is reached."""
        at: cython.uint = self._free
        if at != 0:
            self._free = self.bucket[at, 0]
            self.bucket[at, 0] = 0
            return at
        if self.used >= self._most:
            with cython.gil:
                self.refused += 1
                self._notes.note("round-trips-not-kept", self.row, self.refused)
            return 0
        if self.used == 0 or self.used + 1 >= self.bucket.shape[0]:  # type: ignore[index]
            with cython.gil:
                self.reserve()
        self.used += 1
        return self.used

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def give(self, at: cython.uint) -> cython.int:
        """Hand a histogram back."""
        k: cython.Py_ssize_t
        for k in range(_BUCKETS):
            self.bucket[at, k] = 0
        self.bucket[at, 0] = self._free
        self._free = at
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def add(self, at: cython.uint, time: cython.longlong) -> cython.int:
        """Count a time (ns)."""
        self.bucket[at, bucket_of(time)] += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def quantile(self, at: cython.uint, samples: cython.uint, percent: cython.uint) -> cython.longlong:
        """The time (ns) that `percent` of the `samples` times do not pass: the middle of its bucket."""
        wanted: cython.ulonglong = (samples * cython.cast(cython.ulonglong, percent) + 99) // 100
        seen: cython.ulonglong = 0
        k: cython.Py_ssize_t
        for k in range(_BUCKETS):
            seen += self.bucket[at, k]
            if seen >= wanted:
                break
        return middle_of(k)
