"""Sequence ranges not seen yet below the highest one seen: a list of holes for each direction, all in one pool.

What was seen of a direction is everything below its highest sequence number but the holes, so a flow in order has an
empty list. A list is in order of sequence numbers; a new hole goes to its end, and looking up begins at the end where
that is nearer.
"""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.lines import lines
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown

MOST_HOLES = 2_000_000
"""Holes remembered in all. For one more all lists are emptied (counted in `evicted`)."""
MOST_OF_ONE = 256
"""Holes remembered of one direction. For one more its lowest is forgotten (counted in `evicted`)."""

_FIRST_SIZE = 1024
_MOST = cython.declare(cython.uint, MOST_OF_ONE)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
# Words of a list: its lowest and its highest hole (0 for none), and how many.
_HEAD = cython.declare(cython.Py_ssize_t, 0)
_TAIL = cython.declare(cython.Py_ssize_t, 1)
_COUNT = cython.declare(cython.Py_ssize_t, 2)
# Words of a hole: the next higher (in the free list the next), the next lower, its first sequence number and the one
# behind its last; timestamp and IP ID of the segment that passed it by.
_NEXT = cython.declare(cython.Py_ssize_t, 0)
_BEFORE = cython.declare(cython.Py_ssize_t, 1)
_START = cython.declare(cython.Py_ssize_t, 2)
_END = cython.declare(cython.Py_ssize_t, 3)
_TSVAL = cython.declare(cython.Py_ssize_t, 4)
_ID = cython.declare(cython.Py_ssize_t, 5)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _after(a: cython.uint, b: cython.uint) -> cython.bint:
    """Whether sequence number `a` comes after `b`."""
    return ((b - a) & _WORD) >= _HALF


@cython.cclass
class Holes:
    """Lists of holes, by number of the direction (any number below what `reserve` was told).

    `row` is the row of the batch under way, for notes.
    """

    def __init__(self, notes: Notes) -> None:
        self.evicted = 0
        self.row = 0
        self._notes = notes
        self.time = 0
        self.tsval = 0
        self.ident = 0
        self._free = 0
        self._room = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        self.reserve(1)
        return {
            "numbers": [self.evicted, self._free, self._room, len(np.asarray(self._hole))],
            "list": np.asarray(self._list),
            "hole": np.asarray(self._hole)[: self._room],
            "time": np.asarray(self._time)[: self._room],
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.evicted, self._free, self._room, size = state["numbers"]
        holes, times = grown(state["hole"], size), grown(state["time"], size)
        lists = lines(len(state["list"]), 3, np.uint32)
        lists[:] = state["list"]
        self._list = lists if cython.compiled else memoryview(lists)
        self._hole = holes if cython.compiled else memoryview(holes)
        self._time = times if cython.compiled else memoryview(times)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def reserve(self, count: cython.Py_ssize_t) -> cython.int:
        """Have room for `count` lists, and for a first hole."""
        if self._room == 0:
            none = lines(_FIRST_SIZE, 3, np.uint32)
            holes = np.zeros((_FIRST_SIZE, 6), np.uint32)
            times = np.zeros(_FIRST_SIZE, np.int64)
            self._list = none if cython.compiled else memoryview(none)
            self._hole = holes if cython.compiled else memoryview(holes)
            self._time = times if cython.compiled else memoryview(times)
            self._room = 1
        have: cython.Py_ssize_t = self._list.shape[0]  # type: ignore[index]
        if count > have:
            more = lines(max(count, have * 2), 3, np.uint32)
            more[:have] = np.asarray(self._list)
            self._list = more if cython.compiled else memoryview(more)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _forgotten(self, count: cython.Py_ssize_t) -> cython.int:
        """Count holes that were given up."""
        self.evicted += count
        self._notes.note("gaps-forgotten", self.row, self.evicted)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self) -> cython.int:
        """Twice the room for holes, or, at the cap, the same room emptied."""
        size: cython.Py_ssize_t = self._time.shape[0]  # type: ignore[index]
        if size * 2 > MOST_HOLES:
            lists = np.asarray(self._list)
            self._forgotten(int(lists[:, _COUNT].sum(dtype=np.int64)))
            lists[:] = 0
            self._free = 0
            self._room = 1
            return 0
        holes = np.zeros((size * 2, 6), np.uint32)
        holes[:size] = np.asarray(self._hole)
        times = np.zeros(size * 2, np.int64)
        times[:size] = np.asarray(self._time)
        self._hole = holes if cython.compiled else memoryview(holes)
        self._time = times if cython.compiled else memoryview(times)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def expect(self, of: cython.Py_ssize_t) -> cython.int:
        """Ask for the list `of` and the one after it, which will be needed soon."""
        if cython.compiled:
            prefetch(cython.address(self._list[of, 0]))  # type: ignore[name-defined]  # noqa: F821
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def count(self, of: cython.Py_ssize_t) -> cython.uint:
        """How many holes the list `of` has."""
        return self._list[of, _COUNT]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def drop(self, of: cython.Py_ssize_t) -> cython.int:
        """Empty the list `of`."""
        tail: cython.uint = self._list[of, _TAIL]
        if tail != 0:
            self._hole[tail, _NEXT] = self._free
            self._free = self._list[of, _HEAD]
            self._list[of, _HEAD] = 0
            self._list[of, _TAIL] = 0
            self._list[of, _COUNT] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def _new(self) -> cython.uint:
        """A free hole."""
        at: cython.uint
        if self._free == 0 and self._room >= self._time.shape[0]:  # type: ignore[index]
            with cython.gil:
                self._grow()
        if self._free != 0:
            at = self._free
            self._free = self._hole[at, _NEXT]
        else:
            at = self._room
            self._room += 1
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _remove(self, of: cython.Py_ssize_t, at: cython.uint) -> cython.int:
        """Take the hole `at` from the list `of`."""
        higher: cython.uint = self._hole[at, _NEXT]
        lower: cython.uint = self._hole[at, _BEFORE]
        if lower == 0:
            self._list[of, _HEAD] = higher
        else:
            self._hole[lower, _NEXT] = higher
        if higher == 0:
            self._list[of, _TAIL] = lower
        else:
            self._hole[higher, _BEFORE] = lower
        self._list[of, _COUNT] -= 1
        self._hole[at, _NEXT] = self._free
        self._free = at
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def open(self, of: cython.Py_ssize_t, start: cython.uint, end: cython.uint, tsval: cython.uint,
             ident: cython.uint, time: cython.longlong) -> cython.int:
        """Add the range from `start` to before `end`, which lies above all that the list `of` has."""
        at: cython.uint
        tail: cython.uint
        if self._list[of, _COUNT] >= _MOST:
            self._remove(of, self._list[of, _HEAD])
            with cython.gil:
                self._forgotten(1)
        at = self._new()
        tail = self._list[of, _TAIL]
        self._hole[at, _NEXT] = 0
        self._hole[at, _BEFORE] = tail
        self._hole[at, _START] = start
        self._hole[at, _END] = end
        self._hole[at, _TSVAL] = tsval
        self._hole[at, _ID] = ident
        self._time[at] = time
        if tail == 0:
            self._list[of, _HEAD] = at
        else:
            self._hole[tail, _NEXT] = at
        self._list[of, _TAIL] = at
        self._list[of, _COUNT] += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _split(self, of: cython.Py_ssize_t, at: cython.uint, start: cython.uint, end: cython.uint) -> cython.int:
        """Take a range from the midst of the hole `at`: what is above it becomes a hole of its own."""
        above: cython.uint
        higher: cython.uint
        k: cython.Py_ssize_t
        if self._list[of, _COUNT] >= _MOST:
            self._hole[at, _START] = end
            with cython.gil:
                self._forgotten(1)
            return 0
        above = self._new()
        if self._list[of, _COUNT] == 0:
            # The lists were emptied for it.
            self._hole[above, _NEXT] = self._free
            self._free = above
            return 0
        for k in range(6):
            self._hole[above, k] = self._hole[at, k]
        self._time[above] = self._time[at]
        higher = self._hole[at, _NEXT]
        self._hole[above, _START] = end
        self._hole[above, _BEFORE] = at
        self._hole[at, _END] = start
        self._hole[at, _NEXT] = above
        if higher == 0:
            self._list[of, _TAIL] = above
        else:
            self._hole[higher, _BEFORE] = above
        self._list[of, _COUNT] += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def fill(self, of: cython.Py_ssize_t, start: cython.uint, end: cython.uint) -> cython.uint:
        """Take the range from `start` to before `end` from the holes of the list `of`; how much of it they held.

        Then `time` (ns), `tsval` and `ident` tell of the segment that passed the lowest of these holes by.
        """
        at: cython.uint = self._list[of, _HEAD]
        higher: cython.uint
        low: cython.uint
        high: cython.uint
        filled: cython.uint = 0
        if at == 0:
            return 0
        higher = self._list[of, _TAIL]
        if not _after(self._hole[higher, _START], start):
            at = higher
        while at != 0 and _after(end, self._hole[at, _START]):
            higher = self._hole[at, _NEXT]
            if _after(self._hole[at, _END], start):
                if filled == 0:
                    self.time = self._time[at]
                    self.tsval = self._hole[at, _TSVAL]
                    self.ident = self._hole[at, _ID]
                low = start if _after(start, self._hole[at, _START]) else self._hole[at, _START]
                high = end if _after(self._hole[at, _END], end) else self._hole[at, _END]
                filled = (filled + high - low) & _WORD
                if low != self._hole[at, _START] and high != self._hole[at, _END]:
                    self._split(of, at, low, high)
                    return filled
                if low != self._hole[at, _START]:
                    self._hole[at, _END] = low
                elif high != self._hole[at, _END]:
                    self._hole[at, _START] = high
                else:
                    self._remove(of, at)
            at = higher
        return filled

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def acknowledge(self, of: cython.Py_ssize_t, ack: cython.uint) -> cython.uint:
        """Take from the holes of the list `of` what lies below `ack`; how much that was."""
        at: cython.uint = self._list[of, _HEAD]
        seen: cython.uint = 0
        while at != 0 and _after(ack, self._hole[at, _START]):
            if _after(self._hole[at, _END], ack):
                seen = (seen + ack - self._hole[at, _START]) & _WORD
                self._hole[at, _START] = ack
                break
            seen = (seen + self._hole[at, _END] - self._hole[at, _START]) & _WORD
            self._remove(of, at)
            at = self._list[of, _HEAD]
        return seen

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def length(self, of: cython.Py_ssize_t) -> cython.uint:
        """Sequence numbers in the holes of the list `of`."""
        at: cython.uint = self._list[of, _HEAD]
        length: cython.uint = 0
        while at != 0:
            length = (length + self._hole[at, _END] - self._hole[at, _START]) & _WORD
            at = self._hole[at, _NEXT]
        return length
