"""The latest segments sent, of each direction by itself: when they passed, with which IP ID, timestamp and checksum.

What is remembered of a direction depends on its own segments and on the capture's minutes alone, so that other
conversations, and how they are shared out, change nothing. At the end of a minute a direction that was silent for the
whole of it is forgotten.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pipeline.engine.lines import lines
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown

MOST_OF_ONE = 4096
"""Segments remembered of one direction; the oldest is forgotten for one more."""
MOST_SEGMENTS = 4_000_000
"""Segments remembered in all. For one more all are forgotten (counted in `evicted`)."""
SILENT_NS = 60_000_000_000
"""Time after its last segment after which a direction is forgotten at the end of a minute."""

_FIRST_SIZE = 4096
_ODD_A = cython.declare(cython.ulonglong, 0x9E3779B1)
_ODD_B = cython.declare(cython.ulonglong, 0x85EBCA6B)
_MOST = cython.declare(cython.uint, MOST_OF_ONE)
_SILENT = cython.declare(cython.longlong, SILENT_NS)
# Words of a segment: where it begins and how long it is, timestamps and IP IDs of its first and its latest
# transmission, checksum of the latest, bits of the caller, bytes in flight when it was first sent; its direction; the
# one before it of the same hash, and the next newer of its direction (in the free list: the next).
SEQ, LENGTH, TS_FIRST, TS_LAST, ID_FIRST, ID_LAST, CHECKSUM, BITS, FLIGHT, OF, SAME_HASH, NEWER = range(12)
_OF = cython.declare(cython.Py_ssize_t, OF)
_SEQ = cython.declare(cython.Py_ssize_t, SEQ)
_LENGTH = cython.declare(cython.Py_ssize_t, LENGTH)
_TS_FIRST = cython.declare(cython.Py_ssize_t, TS_FIRST)
_TS_LAST = cython.declare(cython.Py_ssize_t, TS_LAST)
_ID_FIRST = cython.declare(cython.Py_ssize_t, ID_FIRST)
_ID_LAST = cython.declare(cython.Py_ssize_t, ID_LAST)
_CHECKSUM = cython.declare(cython.Py_ssize_t, CHECKSUM)
_BITS = cython.declare(cython.Py_ssize_t, BITS)
_FLIGHT = cython.declare(cython.Py_ssize_t, FLIGHT)
_SAME = cython.declare(cython.Py_ssize_t, SAME_HASH)
_NEWER = cython.declare(cython.Py_ssize_t, NEWER)
# Words of a direction: its newest and its oldest segment (0 for none), how many, and of one that has any its place in
# the list of these.
_NEWEST = cython.declare(cython.Py_ssize_t, 0)
_OLDEST = cython.declare(cython.Py_ssize_t, 1)
_COUNT = cython.declare(cython.Py_ssize_t, 2)
_LISTED = cython.declare(cython.Py_ssize_t, 3)


@cython.cclass
class Sent:
    """`word` uint32 of shape (segments, 16) and `time` int64 of shape (segments,), ns: see the words above; segment 0
    is none. `flight` is what the next segment gets as its bytes in flight, `row` the row of the batch, for notes."""

    def __init__(self, notes: Notes) -> None:
        self.evicted = 0
        self.flight = 0
        self.row = 0
        self._notes = notes
        self._free = 0
        self._room = 1
        self._remembered = 0
        self._set(lines(_FIRST_SIZE, 12, np.uint32), np.zeros(_FIRST_SIZE, np.int64), np.zeros((2, 4), np.uint32),
                  np.zeros(_FIRST_SIZE, np.uint32))

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _set(self, words: Any, times: Any, directions: Any, places: Any) -> cython.int:
        plain = not cython.compiled
        self.word = memoryview(words) if plain else words
        self.time = memoryview(times) if plain else times
        self._direction = memoryview(directions) if plain else directions
        self._place = memoryview(places) if plain else places
        self._list()
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _list(self) -> cython.int:
        """List the directions of which segments are remembered: at the end of a minute all others are passed over."""
        directions = np.asarray(self._direction)
        some = np.flatnonzero(directions[:, _COUNT])
        listed = np.zeros(len(directions), np.uint32)
        listed[: len(some)] = some
        directions[some, _LISTED] = np.arange(len(some))
        self._remembered = len(some)
        self._listed = listed if cython.compiled else memoryview(listed)
        return 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "numbers": [self.evicted, self._free, self._room, len(np.asarray(self.time))],
            "word": np.asarray(self.word)[: self._room, : NEWER + 1], "time": np.asarray(self.time)[: self._room],
            "direction": np.asarray(self._direction), "place": np.asarray(self._place),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.evicted, self._free, self._room, size = state["numbers"]
        words = lines(size, 12, np.uint32)
        words[: self._room, : NEWER + 1] = state["word"]
        self._set(words, grown(state["time"], size), state["direction"], state["place"])

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def reserve(self, directions: cython.Py_ssize_t) -> cython.int:
        """Have room for the directions numbered below `directions`."""
        have: cython.Py_ssize_t = self._direction.shape[0]  # type: ignore[index]
        if directions > have:
            more = np.zeros((max(directions, 2 * have), 4), np.uint32)
            more[:have] = np.asarray(self._direction)
            self._direction = more if cython.compiled else memoryview(more)
            self._list()
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self) -> cython.int:
        """Twice the room for segments, or, at the cap, the same room emptied."""
        size: cython.Py_ssize_t = self.time.shape[0]  # type: ignore[index]
        directions = np.asarray(self._direction)
        if size * 2 > MOST_SEGMENTS:
            self.evicted += int(directions[:, _COUNT].sum(dtype=np.int64))
            self._notes.note("segments-forgotten", self.row, self.evicted)
            directions[:] = 0
            self._remembered = 0
            np.asarray(self._place)[:] = 0
            self._free = 0
            self._room = 1
            return 0
        words = lines(size * 2, 12, np.uint32)
        words[:size] = np.asarray(self.word)
        self._set(words, grown(np.asarray(self.time), size * 2), directions, np.zeros(size * 2, np.uint32))
        self._place_all()
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _place_all(self) -> cython.int:
        """Put every segment in its place anew, of each direction the newest last."""
        of: cython.Py_ssize_t
        at: cython.uint
        slot: cython.Py_ssize_t
        for of in range(self._direction.shape[0]):  # type: ignore[index]
            at = self._direction[of, _OLDEST]
            while at != 0:
                slot = self._slot(of, self.word[at, _SEQ])
                self.word[at, _SAME] = self._place[slot]
                self._place[slot] = at
                at = self.word[at, _NEWER]
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _slot(self, of: cython.Py_ssize_t, seq: cython.uint) -> cython.Py_ssize_t:
        """Where the index has the place of a segment of direction `of` that begins at `seq`."""
        a: cython.ulonglong = of
        b: cython.ulonglong = seq
        a = (a * _ODD_A) ^ (b * _ODD_B)
        return (a ^ (a >> 16)) & (self._place.shape[0] - 1)  # type: ignore[index]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-2, check=False)
    def find(self, of: cython.Py_ssize_t, seq: cython.uint, since: cython.longlong) -> cython.Py_ssize_t:
        """The place of the segment of direction `of` that begins at `seq`, sent at `since` or later; -1 for none."""
        at: cython.uint = self._place[self._slot(of, seq)]
        while at != 0:
            if self.word[at, _OF] == of and self.word[at, _SEQ] == seq:
                return at if self.time[at] >= since else -1
            at = self.word[at, _SAME]
        return -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _forget_oldest(self, of: cython.Py_ssize_t) -> cython.int:
        """Give up the oldest segment of a direction that has one."""
        at: cython.uint = self._direction[of, _OLDEST]
        slot: cython.Py_ssize_t = self._slot(of, self.word[at, _SEQ])
        k: cython.uint = self._place[slot]
        if k == at:
            self._place[slot] = self.word[at, _SAME]
        else:
            while self.word[k, _SAME] != at:
                k = self.word[k, _SAME]
            self.word[k, _SAME] = self.word[at, _SAME]
        self._direction[of, _OLDEST] = self.word[at, _NEWER]
        self._direction[of, _COUNT] -= 1
        if self._direction[of, _COUNT] == 0:
            self._direction[of, _NEWEST] = 0
            self._remembered -= 1
            last: cython.uint = self._listed[self._remembered]
            self._listed[self._direction[of, _LISTED]] = last
            self._direction[last, _LISTED] = self._direction[of, _LISTED]
        self.word[at, _NEWER] = self._free
        self._free = at
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def drop(self, of: cython.Py_ssize_t) -> cython.int:
        """Forget the direction `of`."""
        while self._direction[of, _COUNT] != 0:
            self._forget_oldest(of)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def tick(self, now: cython.longlong) -> cython.int:
        """A minute ends: forget the directions that were silent."""
        k: cython.Py_ssize_t
        of: cython.Py_ssize_t
        # From the last one, whose place another takes that was looked at already.
        for k in range(self._remembered - 1, -1, -1):
            of = self._listed[k]
            if now - self.time[self._direction[of, _NEWEST]] >= _SILENT:
                self.drop(of)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def put(self, of: cython.Py_ssize_t, seq: cython.uint, length: cython.uint, tsval: cython.uint,
            ident: cython.uint, checksum: cython.uint, bits: cython.uint, time: cython.longlong) -> cython.int:
        """Remember the first transmission of a segment."""
        at: cython.uint
        slot: cython.Py_ssize_t
        if self._direction[of, _COUNT] >= _MOST:
            self._forget_oldest(of)
        if self._free == 0 and self._room >= self.time.shape[0]:  # type: ignore[index]
            with cython.gil:
                self._grow()
        if self._free != 0:
            at = self._free
            self._free = self.word[at, _NEWER]
        else:
            at = self._room
            self._room += 1
        slot = self._slot(of, seq)
        self.word[at, _OF] = of
        self.word[at, _SEQ] = seq
        self.word[at, _LENGTH] = length
        self.word[at, _TS_FIRST] = tsval
        self.word[at, _TS_LAST] = tsval
        self.word[at, _ID_FIRST] = ident
        self.word[at, _ID_LAST] = ident
        self.word[at, _CHECKSUM] = checksum
        self.word[at, _BITS] = bits
        self.word[at, _FLIGHT] = self.flight
        self.word[at, _SAME] = self._place[slot]
        self.word[at, _NEWER] = 0
        self.time[at] = time
        self._place[slot] = at
        if self._direction[of, _COUNT] == 0:
            self._direction[of, _OLDEST] = at
            self._direction[of, _LISTED] = self._remembered
            self._listed[self._remembered] = of
            self._remembered += 1
        else:
            self.word[self._direction[of, _NEWEST], _NEWER] = at
        self._direction[of, _NEWEST] = at
        self._direction[of, _COUNT] += 1
        self.flight = 0
        return 0
