"""Histograms of times, in one pool: a bucket for each eighth of a power of two, so a quantile is within 6 % of it."""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown

MOST_HISTOGRAMS = 524_288
"""Histograms held (384 MB); a direction that comes later has none (counted in `refused`)."""

_FIRST_SIZE = 256
_MOST = cython.declare(cython.uint, MOST_HISTOGRAMS)
# From 2**_LEAST ns (4 us) on, 8 buckets an octave; bucket 0 holds what is less, the last what is more (68 s).
_LEAST = cython.declare(cython.int, 12)
_BUCKETS = cython.declare(cython.Py_ssize_t, 192)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _bucket_of(time: cython.longlong) -> cython.Py_ssize_t:
    """Which bucket a time (ns) belongs to."""
    octave: cython.int = 0
    rest: cython.longlong = time >> _LEAST
    bucket: cython.Py_ssize_t
    if rest <= 0:
        return 0
    while rest > 1:
        rest >>= 1
        octave += 1
    bucket = 8 * octave + ((time >> (_LEAST + octave - 3)) & 7)
    return bucket if bucket < _BUCKETS else _BUCKETS - 1


@cython.cclass
class Histograms:
    """Histograms by number, from 1; `row` is the row of the batch under way, for notes."""

    def __init__(self, notes: Notes) -> None:
        self.refused = 0
        self.row = 0
        self._notes = notes
        self.used = 0
        self._free = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        buckets = np.asarray(self._bucket)[: self.used + 1] if self.used else np.zeros((0, 192), np.uint32)
        return {"buckets": buckets, "numbers": [self.refused, self.used, self._free]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.refused, self.used, self._free = state["numbers"]
        if self.used:
            buckets = grown(state["buckets"], max(_FIRST_SIZE, self.used + 2))
            self._bucket = buckets if cython.compiled else memoryview(buckets)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def reserve(self) -> cython.int:
        """Twice the room, up to the cap."""
        have = 0 if self.used == 0 else np.asarray(self._bucket).shape[0]
        size = min(max(_FIRST_SIZE, have * 2), MOST_HISTOGRAMS + 1)
        more = np.zeros((size, 192), np.uint32)
        if have:
            more[:have] = np.asarray(self._bucket)
        self._bucket = more if cython.compiled else memoryview(more)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0, check=True)
    def take(self) -> cython.uint:
        """An empty histogram; 0 where the cap is reached."""
        at: cython.uint = self._free
        if at != 0:
            self._free = self._bucket[at, 0]
            self._bucket[at, 0] = 0
            return at
        if self.used >= _MOST:
            with cython.gil:
                self.refused += 1
                self._notes.note("round-trips-not-kept", self.row, self.refused)
            return 0
        if self.used == 0 or self.used + 1 >= self._bucket.shape[0]:  # type: ignore[index]
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
            self._bucket[at, k] = 0
        self._bucket[at, 0] = self._free
        self._free = at
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def add(self, at: cython.uint, time: cython.longlong) -> cython.int:
        """Count a time (ns)."""
        self._bucket[at, _bucket_of(time)] += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def quantile(self, at: cython.uint, samples: cython.uint, percent: cython.uint) -> cython.longlong:
        """The time (ns) that `percent` of the `samples` times do not pass: the middle of its bucket."""
        wanted: cython.ulonglong = (samples * cython.cast(cython.ulonglong, percent) + 99) // 100
        seen: cython.ulonglong = 0
        k: cython.Py_ssize_t
        low: cython.longlong
        for k in range(_BUCKETS):
            seen += self._bucket[at, k]
            if seen >= wanted:
                break
        if k == 0:
            return 1 << (_LEAST - 1)
        low = cython.cast(cython.longlong, 8 + (k & 7)) << (_LEAST - 3 + (k >> 3))
        return low + ((cython.cast(cython.longlong, 1) << (_LEAST - 3 + (k >> 3))) >> 1)
