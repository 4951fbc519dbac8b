"""The state of every conversation, brought forward row by row.

A conversation that changed is written at the end of each minute of event time (`minutes`), when its ports begin
another, and at the end: so a row's content and place depend on the frames alone, not on how they were cut into batches
or shards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.flows import words
from pipeline.engine.flows.segments import MARK_WORDS
from pipeline.engine.flows.table import Table
from pipeline.engine.minutes import Tick, rows_of_ticks
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp.cause import Causes
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

if not cython.compiled:
    from pipeline.engine.flows.segments import segment

_s = Slots(PACKETS)
_SUMS = cython.declare(cython.Py_ssize_t, len(words.SUMS))
_PAYLOAD = cython.declare(cython.Py_ssize_t, words.total("payload_bytes"))
_UNIQUE = cython.declare(cython.Py_ssize_t, words.total("unique_bytes"))
_FIRST_PAYLOAD = cython.declare(cython.Py_ssize_t, words.total("first_payload"))
_L_UDP_LENGTH = cython.declare(cython.Py_ssize_t, _s.lane("udp.length"))
_C_UDP_LENGTH = cython.declare(cython.Py_ssize_t, _s.u16("udp.length"))
# Bits of `Streams.turn`.
_T_SIDE = cython.declare(cython.int, bits.SIDE)
_T_UDP = cython.declare(cython.int, bits.DATAGRAM)
_T_QUOTED = cython.declare(cython.int, bits.QUOTED)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _range(t: Table, first: cython.Py_ssize_t, last: cython.Py_ssize_t, number: cython.int[::1],
           turn: cython.uchar[::1], fresh: cython.uint[::1]) -> cython.int:
    """Take up the rows from `first` up to `last`."""
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t
    s: cython.Py_ssize_t
    for i in range(first, last):
        if number[i] == 0:
            continue
        if turn[i] & _T_QUOTED:
            t.unreachable(i, number[i])
            continue
        at = t.take_up(i, number[i], turn[i])
        if turn[i] & _T_UDP == 0:
            segment(t, i, at, turn[i] & _T_SIDE)
            t.sum[at, (_SUMS if turn[i] & _T_SIDE else 0) + _UNIQUE] += fresh[i]
        elif t.lane[_L_UDP_LENGTH, i] and t.u16[_C_UDP_LENGTH, i] > 8:
            s = _SUMS if turn[i] & _T_SIDE else 0
            t.sum[at, s + _PAYLOAD] += t.u16[_C_UDP_LENGTH, i] - 8
            if t.sum[at, s + _FIRST_PAYLOAD] == 0:
                t.sum[at, s + _FIRST_PAYLOAD] = t.times[i]
    return 0


@cython.cclass
class Flows:
    """Conversations by the numbers of `Streams`. `sink` takes each batch of rows (`FLOW_STATES`), in their order.

    It leads `causes` through the batch, so that a row of a conversation tells what they had counted just then.
    """

    def __init__(self, causes: Causes, sink: Callable[[Columns], None], notes: Notes | None = None) -> None:
        self._causes = causes
        self._table = Table(sink, causes.evidence, notes or Notes())
        marked: Any = MARK_WORDS if cython.compiled else memoryview(MARK_WORDS)
        self._table.marked = marked

    @property
    def rows(self) -> int:
        """Rows handed out so far."""
        rows: int = self._table.rows
        return rows

    @property
    def histograms_refused(self) -> int:
        """Directions whose round trip times have no percentiles, for the cap was reached."""
        refused: int = self._table.histograms.refused
        return refused

    def process(
        self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], ticks: Sequence[Tick]
    ) -> None:
        """Take up the batch's TCP and UDP rows; `numbers` and `turns` are `Streams.conversation` and `.turn`."""
        self._causes.reserve(columns.rows, numbers)
        if columns.rows:
            self._table.bind(columns, int(numbers[: columns.rows].max()) + 1)
        if columns.rows or ticks:
            self._rows(columns, numbers, turns, rows_of_ticks(columns, ticks))

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        state: Tree = self._table.state()
        return state

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._table.restore(state)

    def flush(self) -> None:
        """Hand out the rows that wait; without it they are handed out as many at a time as a batch holds."""
        self._table.hand_out()

    def finish(self, now: int) -> None:
        """Write every conversation that changed since its last row; the capture is at its end, at the time `now`."""
        self._table.tick(now)
        self._table.hand_out()

    @cython.cfunc
    def _rows(self, columns: Any, numbers: Any, turns: Any, ends: Any) -> object:
        plain = not cython.compiled
        t: Table = self._table
        number: cython.int[::1] = memoryview(numbers) if plain else numbers
        turn: cython.uchar[::1] = memoryview(turns) if plain else turns
        n: cython.Py_ssize_t = columns.rows
        first: cython.Py_ssize_t = 0
        last: cython.Py_ssize_t
        fresh: cython.uint[::1] = memoryview(self._causes.fresh) if plain else self._causes.fresh
        passed: cython.Py_ssize_t = 0
        until: cython.Py_ssize_t
        while True:
            while passed < len(ends) and ends[passed][0] <= first:
                t.tick(ends[passed][1])
                self._causes.tick(ends[passed][1])
                passed += 1
            if first >= n:
                break
            until = ends[passed][0] if passed < len(ends) else n
            # Up to the next row before which some are written. Row `first` writes before its cause is judged.
            last = first + 1
            with cython.nogil:
                if t.tells(number[first], turn[first]):
                    t.before(first, number[first], turn[first])
                while last < until and not t.tells(number[last], turn[last]):
                    last += 1
            self._causes.rows(columns, numbers, turns, first, last)
            with cython.nogil:
                _range(t, first, last, number, turn, fresh)
            first = last
        return None
