"""Bytes that nobody wants, passed over in the compiled walk over a batch's rows (`Packet.advance`)."""

from __future__ import annotations

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.exchanges.side import Side
from pipeline.engine.snapshot import grown

_WORD = cython.declare(cython.longlong, 0xFFFFFFFF)
_MOST = cython.declare(cython.longlong, 1 << 62)


@cython.cclass
class Passing:
    """Of conversations with such bytes ahead: `slots` says by number where in `table` they stand, 0 for nowhere.

    `table` is int64 of shape (slots, side, 3): the sequence number that comes next, how many bytes from there on are
    not wanted, and how many of them went by since that was said.
    """

    def __init__(self) -> None:
        self.slots: NDArray[np.int32] = np.zeros(1024, np.int32)
        self.table: NDArray[np.int64] = np.zeros((64, 2, 3), np.int64)
        self._free: list[int] = []
        self._used = 0
        self._look()

    def _look(self) -> None:
        plain = not cython.compiled
        self._slots = memoryview(self.slots) if plain else self.slots  # type: ignore[arg-type]
        self._table = memoryview(self.table) if plain else self.table  # type: ignore[arg-type]

    def begin(self, most: int, rows: int) -> None:
        """Take up a batch of so many rows, with numbers up to `most`: nothing moves before the next one."""
        if most >= len(self.slots):
            self.slots = grown(self.slots, 2 * most)
        if self._used + rows >= len(self.table):
            self.table = grown(self.table, self._used + rows + 1)
        self._look()

    def arm(self, number: cython.int, slot: cython.int, one: Side, other: Side) -> cython.int:
        """Say what is not wanted from here on; the slot, which is `slot` where that is not 0."""
        left: cython.longlong = min(one.skip - one.at, _MOST)
        right: cython.longlong = min(other.skip - other.at, _MOST)
        if one.held or other.held:
            left = right = 0
        if not slot:
            if left <= 0 and right <= 0:
                return 0
            slot = self._take(number)
        self._table[slot, 0, 0] = one.at & _WORD
        self._table[slot, 0, 1] = max(0, left)
        self._table[slot, 0, 2] = 0
        self._table[slot, 1, 0] = other.at & _WORD
        self._table[slot, 1, 1] = max(0, right)
        self._table[slot, 1, 2] = 0
        return slot

    def settle(self, slot: cython.int, one: Side, other: Side) -> cython.bint:
        """Move the sides on by what went by; whether anything did."""
        left: cython.longlong = self._table[slot, 0, 2]
        right: cython.longlong = self._table[slot, 1, 2]
        if left == 0 and right == 0:
            return False
        one.at += left
        other.at += right
        for side in range(2):
            self._table[slot, side, 1] = 0
            self._table[slot, side, 2] = 0
        return True

    def passed(self, slot: int) -> tuple[int, int]:
        """How many bytes of each side went by."""
        return int(self.table[slot, 0, 2]), int(self.table[slot, 1, 2])

    def release(self, number: cython.int, slot: cython.int) -> None:
        """The conversation is over."""
        self._slots[number] = 0
        self.table[slot] = 0
        self._free.append(slot)

    def _take(self, number: cython.int) -> cython.int:
        slot: cython.int
        if self._free:
            slot = self._free.pop()
        else:
            self._used += 1
            slot = self._used
        self._slots[number] = slot
        return slot
