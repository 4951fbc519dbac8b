"""Segments sent and not acknowledged yet: a list for each direction of a conversation, all in one pool.

Wireshark keeps such a list, newest first, and walks all of it for each segment. Here the lowest and the highest
sequence number of a list are kept beside it, and whether it is in order, so that an acknowledgment touches only what
it removes: an ordered list is taken from its old end, and one whose segments all lie beyond the acknowledgment is not
walked at all. A list with a segment sent again in it is walked, as there, until that one is gone.
"""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.lines import lines
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown

MOST_SEGMENTS = 8_000_000
"""Segments remembered in all. For one more all lists are emptied (counted in `evicted`)."""
MOST_UNACKED = 10_000
"""Segments remembered of one direction, as Wireshark does; what is sent beyond is not added."""

_FIRST_SIZE = 4096
_MOST = cython.declare(cython.uint, MOST_UNACKED)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_HALF_RANGE = cython.declare(cython.ulonglong, 0x80000000)
# Words of a list: its newest and its oldest segment (0 for none), how many, the lowest `seq` and highest `nextseq`
# relative to the direction's first, whether it is in order (0), not in order (1), or has a segment whose end wraps (2).
_NEWEST = cython.declare(cython.Py_ssize_t, 0)
_OLDEST = cython.declare(cython.Py_ssize_t, 1)
_COUNT = cython.declare(cython.Py_ssize_t, 2)
_LOW = cython.declare(cython.Py_ssize_t, 3)
_HIGH = cython.declare(cython.Py_ssize_t, 4)
_MIXED = cython.declare(cython.Py_ssize_t, 5)
# Words of a segment: the next older (in the free list the next), the next newer, frame, sequence numbers.
_OLDER = cython.declare(cython.Py_ssize_t, 0)
_NEWER = cython.declare(cython.Py_ssize_t, 1)
_FRAME = cython.declare(cython.Py_ssize_t, 2)
_SEQ = cython.declare(cython.Py_ssize_t, 3)
_NEXT = cython.declare(cython.Py_ssize_t, 4)


@cython.cclass
class Unacked:
    """Lists of unacknowledged segments, by number of the direction (any number below what `reserve` was told).

    `row` is the row of the batch under way, for notes.
    """

    def __init__(self, notes: Notes) -> None:
        self.evicted = 0
        self.row = 0
        self._notes = notes
        self.acked_frame = 0
        self.acked_time = 0
        self._free = 0
        self._room = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        self.reserve(1)
        return {
            "numbers": [self.evicted, self._free, self._room, len(np.asarray(self._segment))],
            "list": np.asarray(self._list),
            "segment": np.asarray(self._segment)[: self._room],
            "time": np.asarray(self._time)[: self._room],
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.evicted, self._free, self._room, size = state["numbers"]
        lists = lines(len(state["list"]), 6, np.uint32)
        lists[:] = state["list"]
        segments = lines(size, 5, np.uint32)
        segments[: self._room] = state["segment"]
        times = grown(state["time"], size)
        self._list = lists if cython.compiled else memoryview(lists)
        self._segment = segments if cython.compiled else memoryview(segments)
        self._time = times if cython.compiled else memoryview(times)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def reserve(self, count: cython.Py_ssize_t) -> cython.int:
        """Have room for `count` lists, and for a first segment."""
        if self._room == 0:
            none = lines(_FIRST_SIZE, 6, np.uint32)
            segments = lines(_FIRST_SIZE, 5, np.uint32)
            times = np.zeros(_FIRST_SIZE, np.int64)
            self._list = none if cython.compiled else memoryview(none)
            self._segment = segments if cython.compiled else memoryview(segments)
            self._time = times if cython.compiled else memoryview(times)
            self._room = 1
        have: cython.Py_ssize_t = self._list.shape[0]  # type: ignore[index]
        if count > have:
            more = lines(max(count, have * 4), 6, np.uint32)
            more[:have] = np.asarray(self._list)
            self._list = more if cython.compiled else memoryview(more)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self) -> cython.int:
        """Twice the room for segments, or, at the cap, the same room emptied."""
        size: cython.Py_ssize_t = self._time.shape[0]  # type: ignore[index]
        if size * 2 > MOST_SEGMENTS:
            lists = np.asarray(self._list)
            self.evicted += int(lists[:, _COUNT].sum(dtype=np.int64))
            self._notes.note("unacknowledged-forgotten", self.row, self.evicted)
            lists[:] = 0
            self._free = 0
            self._room = 1
            return 0
        segments = lines(size * 2, 5, np.uint32)
        segments[:size] = np.asarray(self._segment)
        times = np.zeros(size * 2, np.int64)
        times[:size] = np.asarray(self._time)
        self._segment = segments if cython.compiled else memoryview(segments)
        self._time = times if cython.compiled else memoryview(times)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def drop(self, of: cython.Py_ssize_t) -> cython.int:
        """Empty the list `of`."""
        oldest: cython.uint = self._list[of, _OLDEST]
        k: cython.Py_ssize_t
        if oldest != 0:
            self._segment[oldest, _OLDER] = self._free
            self._free = self._list[of, _NEWEST]
        for k in range(6):
            self._list[of, k] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def add(self, of: cython.Py_ssize_t, frame: cython.uint, seq: cython.uint, nextseq: cython.uint,
            base: cython.uint, time: cython.longlong) -> cython.int:
        """Add a segment to the list `of` whose direction begins at `base`, if there is room in it."""
        at: cython.uint
        newest: cython.uint
        low: cython.uint
        high: cython.uint
        if self._list[of, _COUNT] >= _MOST:
            return 0
        if self._free == 0 and self._room >= self._time.shape[0]:  # type: ignore[index]
            with cython.gil:
                self._grow()
        if self._free != 0:
            at = self._free
            self._free = self._segment[at, _OLDER]
        else:
            at = self._room
            self._room += 1
        newest = self._list[of, _NEWEST]
        low = (seq - base) & _WORD
        high = (nextseq - base) & _WORD
        if newest == 0:
            self._list[of, _OLDEST] = at
            self._list[of, _LOW] = low
            self._list[of, _HIGH] = high
            self._list[of, _MIXED] = 2 if high <= low else 0
        else:
            self._segment[newest, _NEWER] = at
            if high <= low:
                self._list[of, _MIXED] = 2
            elif low < self._list[of, _HIGH] and self._list[of, _MIXED] == 0:
                self._list[of, _MIXED] = 1
            if low < self._list[of, _LOW]:
                self._list[of, _LOW] = low
            if high > self._list[of, _HIGH]:
                self._list[of, _HIGH] = high
        self._segment[at, _OLDER] = newest
        self._segment[at, _NEWER] = 0
        self._segment[at, _FRAME] = frame
        self._segment[at, _SEQ] = seq
        self._segment[at, _NEXT] = nextseq
        self._time[at] = time
        self._list[of, _NEWEST] = at
        self._list[of, _COUNT] += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def _remove(self, of: cython.Py_ssize_t, at: cython.uint) -> cython.uint:
        """Take the segment `at` from the list `of`; the next older one."""
        older: cython.uint = self._segment[at, _OLDER]
        newer: cython.uint = self._segment[at, _NEWER]
        if newer == 0:
            self._list[of, _NEWEST] = older
        else:
            self._segment[newer, _OLDER] = older
        if older == 0:
            self._list[of, _OLDEST] = newer
        else:
            self._segment[older, _NEWER] = newer
        self._list[of, _COUNT] -= 1
        self._segment[at, _OLDER] = self._free
        self._free = at
        return older

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def acknowledge(self, of: cython.Py_ssize_t, ack: cython.uint, base: cython.uint) -> cython.int:
        """Take from the list `of` what `ack` acknowledges; 1 where a segment ends there, else 0.

        Then `acked_frame` and `acked_time` are those of the eldest such segment.
        """
        at: cython.uint = self._list[of, _OLDEST]
        seq: cython.uint
        beyond: cython.ulonglong
        behind: cython.bint
        found: cython.int = 0
        changed: cython.bint = False
        if at == 0:
            return 0
        # Nothing happens where every segment begins at or behind `ack`, in terms of signed differences.
        beyond = (self._list[of, _LOW] - (ack - base)) & _WORD
        behind = beyond >= _HALF_RANGE
        if self._list[of, _HIGH] >= self._list[of, _LOW] and self._list[of, _MIXED] < 2:
            beyond += self._list[of, _HIGH] - self._list[of, _LOW]
            if beyond < _HALF_RANGE:
                return 0
        # In order, the ends are in order of their signed differences from `ack` too, if the first begins behind it.
        if behind and self._list[of, _MIXED] == 0 and self._list[of, _HIGH] - self._list[of, _LOW] < _HALF:
            while at != 0:
                seq = self._segment[at, _SEQ]
                if (self._segment[at, _NEXT] - ack) & _WORD == 0:
                    self.acked_frame = self._segment[at, _FRAME]
                    self.acked_time = self._time[at]
                    found = 1
                elif (ack - self._segment[at, _NEXT]) & _WORD >= _HALF:
                    if (seq - ack) & _WORD >= _HALF:
                        self._segment[at, _SEQ] = ack
                    break
                seq = self._segment[at, _NEWER]
                self._remove(of, at)
                at = seq
            at = self._list[of, _OLDEST]
            if at == 0:
                self._list[of, _LOW] = self._list[of, _HIGH] = 0
            else:
                self._list[of, _LOW] = (self._segment[at, _SEQ] - base) & _WORD
            return found
        at = self._list[of, _NEWEST]
        while at != 0:
            if (self._segment[at, _NEXT] - ack) & _WORD == 0:
                self.acked_frame = self._segment[at, _FRAME]
                self.acked_time = self._time[at]
                found = 1
            elif (ack - self._segment[at, _NEXT]) & _WORD >= _HALF:
                if (self._segment[at, _SEQ] - ack) & _WORD >= _HALF:
                    self._segment[at, _SEQ] = ack
                    changed = True
                at = self._segment[at, _OLDER]
                continue
            at = self._remove(of, at)
            changed = True
        if changed:
            self._measure(of, base)
        return found

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def rebase(self, of: cython.Py_ssize_t, base: cython.uint) -> cython.int:
        """Let the direction of the list `of` begin at `base` from now on."""
        if self._list[of, _OLDEST] != 0:
            self._measure(of, base)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _measure(self, of: cython.Py_ssize_t, base: cython.uint) -> cython.int:
        """Find the bounds of the list `of`, and whether it is in order."""
        at: cython.uint = self._list[of, _OLDEST]
        low: cython.uint = _WORD
        high: cython.uint = 0
        mixed: cython.uint = 0
        a: cython.uint
        b: cython.uint
        while at != 0:
            a = (self._segment[at, _SEQ] - base) & _WORD
            b = (self._segment[at, _NEXT] - base) & _WORD
            if b <= a:
                mixed = 2
            elif a < high and mixed == 0:
                mixed = 1
            if a < low:
                low = a
            if b > high:
                high = b
            at = self._segment[at, _NEWER]
        self._list[of, _LOW] = low if self._list[of, _OLDEST] != 0 else 0
        self._list[of, _HIGH] = high
        self._list[of, _MIXED] = mixed
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def eldest(self, of: cython.Py_ssize_t) -> cython.uint:
        """The eldest segment of the list `of`; 0 for none."""
        return self._list[of, _OLDEST]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def frame_of(self, at: cython.uint) -> cython.uint:
        """The frame of the segment `at`."""
        return self._segment[at, _FRAME]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=True)
    def time_of(self, at: cython.uint) -> cython.longlong:
        """When the segment `at` was captured, ns."""
        return self._time[at]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def span(self, of: cython.Py_ssize_t) -> cython.uint:
        """From the lowest to the highest sequence number of the list `of`; 0 for an empty one."""
        return (self._list[of, _HIGH] - self._list[of, _LOW]) & _WORD
