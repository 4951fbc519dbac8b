"""The latest segments sent, by where they begin: when they passed, with which IP ID, timestamp and checksum.

Segments stand one after the other in a ring, and a small index has the place of the last one for each hash of direction
and sequence number. So the memory is fixed, writing touches little of it, and what is no longer found is merely no
evidence any more.
"""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.snapshot import Tree

SEGMENTS = 1 << 16
"""Segments remembered of all conversations together."""

_ODD_A = cython.declare(cython.ulonglong, 0x9E3779B1)
_ODD_B = cython.declare(cython.ulonglong, 0x85EBCA6B)
_SLOT = cython.declare(cython.ulonglong, SEGMENTS - 1)
_LAST = cython.declare(cython.Py_ssize_t, SEGMENTS - 1)
# Words of a segment: its direction and 1, where it begins and how long it is, timestamps and IP IDs of its first and
# its latest transmission, checksum of the latest, bits of the caller, bytes in flight when it was first sent.
OF, SEQ, LENGTH, TS_FIRST, TS_LAST, ID_FIRST, ID_LAST, CHECKSUM, BITS, FLIGHT = range(10)
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


@cython.cclass
class Sent:
    """`word` uint32 of shape (SEGMENTS, 10) and `time` int64 of shape (SEGMENTS,), ns: see the words above. `flight` is
    what the next segment gets as its bytes in flight."""

    def __init__(self) -> None:
        words = np.zeros((SEGMENTS, 10), np.uint32)
        times = np.zeros(SEGMENTS, np.int64)
        places = np.zeros(SEGMENTS, np.uint32)
        self.word = words if cython.compiled else memoryview(words)
        self.time = times if cython.compiled else memoryview(times)
        self._place = places if cython.compiled else memoryview(places)
        self._next = 0
        self.flight = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "word": np.asarray(self.word), "time": np.asarray(self.time), "place": np.asarray(self._place),
            "next": self._next,
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.word = state["word"] if cython.compiled else memoryview(state["word"])
        self.time = state["time"] if cython.compiled else memoryview(state["time"])
        self._place = state["place"] if cython.compiled else memoryview(state["place"])
        self._next = state["next"]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _slot(self, of: cython.Py_ssize_t, seq: cython.uint) -> cython.Py_ssize_t:
        """Where the index has the place of a segment of direction `of` that begins at `seq`."""
        a: cython.ulonglong = of
        b: cython.ulonglong = seq
        a = (a * _ODD_A) ^ (b * _ODD_B)
        return (a ^ (a >> 16)) & _SLOT

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-2, check=False)
    def find(self, of: cython.Py_ssize_t, seq: cython.uint, since: cython.longlong) -> cython.Py_ssize_t:
        """The place of the segment of direction `of` that begins at `seq`, sent at `since` or later; -1 for none."""
        at: cython.Py_ssize_t = self._place[self._slot(of, seq)]
        if self.word[at, _OF] == of + 1 and self.word[at, _SEQ] == seq and self.time[at] >= since:
            return at
        return -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def put(self, of: cython.Py_ssize_t, seq: cython.uint, length: cython.uint, tsval: cython.uint,
            ident: cython.uint, checksum: cython.uint, bits: cython.uint, time: cython.longlong) -> cython.int:
        """Remember the first transmission of a segment."""
        at: cython.Py_ssize_t = self._next
        self._next = (at + 1) & _LAST
        self._place[self._slot(of, seq)] = at
        self.word[at, _OF] = of + 1
        self.word[at, _SEQ] = seq
        self.word[at, _LENGTH] = length
        self.word[at, _TS_FIRST] = tsval
        self.word[at, _TS_LAST] = tsval
        self.word[at, _ID_FIRST] = ident
        self.word[at, _ID_LAST] = ident
        self.word[at, _CHECKSUM] = checksum
        self.word[at, _BITS] = bits
        self.word[at, _FLIGHT] = self.flight
        self.flight = 0
        self.time[at] = time
        return 0
