"""What was acknowledged, of the few conversations that have a hole: pure ACKs are not seen one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.exchanges.side import Side
from pipeline.schema.columns import Columns

_ACK, _RST = 16, 4
_HALF = 0x80000000
_WORD = 0xFFFFFFFF


class Acks:
    """The acknowledgments of the batch under way, by conversation; sorted when the first one is asked for."""

    def __init__(self) -> None:
        self._order: NDArray[np.intp] | None = None
        self._columns: Columns
        self._numbers: NDArray[np.int32]
        self._turns: NDArray[np.uint8]
        self._sorted: NDArray[np.int32]

    def begin(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Take up a batch."""
        self._columns, self._numbers, self._turns = columns, numbers, turns
        self._order = None

    def highest(self, number: int, index: int, side: Side, first: int, last: int) -> int:
        """The highest place of `side`, which is side `index` of conversation `number`, that the other side acknowledged
        in one of the rows from `first` to before `last`; `side.at` where none went beyond that."""
        if self._order is None:
            self._order = np.argsort(self._numbers, kind="stable")
            self._sorted = self._numbers[self._order]
        low, high = np.searchsorted(self._sorted, [number, number + 1])
        rows = self._order[low:high]
        rows = rows[np.searchsorted(rows, first) : np.searchsorted(rows, last)]
        columns = self._columns
        other = self._turns[rows] & (bits.SIDE | bits.QUOTED | bits.DATAGRAM) == 1 - index
        # A reset's number acknowledges nothing that was received.
        rows = rows[other & (columns.values("tcp.flags")[rows].astype(np.uint16) & (_ACK | _RST) == _ACK)]
        if not len(rows):
            return side.at
        ahead = (columns.values("tcp.ack_raw")[rows].astype(np.int64) - side.at) & _WORD
        ahead[ahead >= _HALF] = 0
        return side.at + int(ahead.max())
