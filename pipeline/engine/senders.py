"""Floods of hardware addresses: far more new senders at once than a network has.

A flood of made-up addresses fills the tables of switches, which then send everything everywhere. Each such address
sends one frame and is never heard of again: so of the senders that are new, those that soon send another do not count.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

MOST_SENDERS = 32_768
"""Hardware addresses remembered. For one more all are forgotten; those that send are soon known again, as new ones."""
FLOOD = 500
"""More new senders of one frame within a span are a flood: few networks have so many hosts behind one port at all."""
SPAN_NS = 10_000_000_000
"""Event time within which new senders are counted."""

_s = Slots(PACKETS)
_L_ETH = cython.declare(cython.Py_ssize_t, _s.lane("eth"))
_UPTO = cython.declare(cython.int, _s.upto("eth.src"))
_SOURCE = cython.declare(cython.Py_ssize_t, _s.u64("eth.src"))
_TIME = cython.declare(cython.Py_ssize_t, _s.u64("frame.time"))
_MOST = cython.declare(cython.Py_ssize_t, MOST_SENDERS)
_SLOTS = cython.declare(cython.Py_ssize_t, 2 * MOST_SENDERS)
_FLOOD = cython.declare(cython.Py_ssize_t, FLOOD)
_SPAN = cython.declare(cython.longlong, SPAN_NS)
_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


@cython.cclass
class Senders:
    """All senders of Ethernet frames of a capture."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._since = 0
        self._used = 0
        self._fresh = 0
        self._flooded = 0
        self._forgotten = 0
        self._room(np.zeros((0, 2), np.uint64))

    def _room(self, slot: Any) -> None:
        self._slot = slot if cython.compiled else memoryview(slot)

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"slots": np.asarray(self._slot), "numbers": [
            self._since, self._used, self._fresh, self._flooded, self._forgotten,
        ]}  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._room(state["slots"])
        self._since, self._used, self._fresh, self._flooded, self._forgotten = state["numbers"]

    def process(self, columns: Columns) -> None:
        """Take the senders of the next batch."""
        there = columns.counts("eth.src")
        assert there is not None
        if not there.any():
            return
        if not self._used:
            self._room(np.zeros((2 * MOST_SENDERS, 2), np.uint64))
        self._rows(columns)

    @cython.cfunc
    def _rows(self, columns: Any) -> object:
        plain = not cython.compiled
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u64: cython.ulonglong[:, ::1] = memoryview(columns.u64) if plain else columns.u64
        slot: cython.ulonglong[:, ::1] = self._slot
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        sender: cython.ulonglong
        last: cython.ulonglong = 0
        before: cython.ulonglong = 0
        now: cython.longlong
        with cython.nogil:
            for i in range(n):
                sender = u64[_SOURCE, i]
                if lane[_L_ETH, i] < _UPTO or sender == 0:
                    continue
                now = u64[_TIME, i]
                if now >= self._since + _SPAN or now < self._since - _SPAN:
                    self._since = now - now % _SPAN
                    self._fresh = 0
                if sender == last or sender == before:
                    # Most frames are of two who talk, and are known.
                    continue
                at = self._find(sender)
                if slot[at, 0] != 0:
                    if slot[at, 1] == cython.cast(cython.ulonglong, self._since):
                        # No made-up address would send again.
                        slot[at, 1] = 0
                        self._fresh -= 1
                    before = last
                    last = sender
                    continue
                if self._used >= _MOST:
                    self._forgotten += self._used
                    self._used = 0
                    last = before = 0
                    for k in range(_SLOTS):
                        slot[k, 0] = 0
                    at = self._find(sender)
                    with cython.gil:
                        self._notes.note("senders-forgotten", i, self._forgotten)
                self._used += 1
                self._fresh += 1
                slot[at, 0] = sender
                slot[at, 1] = self._since
                if self._fresh > _FLOOD:
                    self._flooded += 1
                    with cython.gil:
                        self._notes.note("mac-flooding", i, self._flooded)
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _find(self, sender: cython.ulonglong) -> cython.Py_ssize_t:
        """Where a sender stands, or the free slot for it. Half of the slots are always free."""
        at: cython.Py_ssize_t = (((sender * _MIX) & _MASK) >> 40) & (_SLOTS - 1)
        while self._slot[at, 0] != 0 and self._slot[at, 0] != sender:
            at = (at + 1) & (_SLOTS - 1)
        return at
