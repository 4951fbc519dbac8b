"""Bytes that nobody wants, passed over in the compiled walk over a batch's rows (`Packet.seek`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.exchanges.side import Side
from pipeline.engine.snapshot import grown

_WORD = 0xFFFFFFFF
_MOST = 1 << 62


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

    def begin(self, most: int) -> None:
        """Make room for numbers up to `most`."""
        if most >= len(self.slots):
            self.slots = grown(self.slots, 2 * most)

    def arm(self, number: int, slot: int, sides: tuple[Side, Side]) -> int:
        """Say what is not wanted from here on; the slot, which is `slot` where that is not 0."""
        held = sides[0].held or sides[1].held
        for index, side in enumerate(sides):
            left = 0 if held else min(side.skip - side.at, _MOST)
            if left > 0 and not slot:
                slot = self._take(number)
            if slot:
                self.table[slot, index] = (side.at & _WORD, max(0, left), 0)
        return slot

    def settle(self, slot: int, sides: tuple[Side, Side]) -> bool:
        """Move the sides on by what went by; whether anything did."""
        one, other = int(self.table[slot, 0, 2]), int(self.table[slot, 1, 2])
        if not one | other:
            return False
        sides[0].at += one
        sides[1].at += other
        self.table[slot, :, 1:] = 0
        return True

    def passed(self, slot: int) -> tuple[int, int]:
        """How many bytes of each side went by."""
        return int(self.table[slot, 0, 2]), int(self.table[slot, 1, 2])

    def release(self, number: int, slot: int) -> None:
        """The conversation is over."""
        self.slots[number] = 0
        self.table[slot] = 0
        self._free.append(slot)

    def _take(self, number: int) -> int:
        if self._free:
            slot = self._free.pop()
        else:
            self._used += 1
            slot = self._used
            if slot >= len(self.table):
                self.table = grown(self.table, 2 * slot)
        self.slots[number] = slot
        return slot
