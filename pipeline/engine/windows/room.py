"""Where rows are written until they are handed out; then they are written over."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.engine.windows.told import ROW_SLABS
from pipeline.schema.column import Record
from pipeline.schema.columns import SLABS, Columns, Lists

_FIRST_SIZE = 256
_IDLE = 32
"""So often rows are handed out that need less than a quarter of the room, until it is given back."""
_SKEW = 16
"""Rows beyond a power of two: columns that stand a multiple of 4,096 bytes apart push each other out of the cache."""


class Room:
    """Room for rows of `record`. Memory that was touched before is written again: new memory costs several times what
    the rows do. So what is handed out holds until there must be room for the next rows."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._columns: Columns | None = None
        self._handed_out = False
        self._idle = 0

    def have(self, told: int, rows: int, items: Mapping[str, int], hint: int = 0) -> Columns:
        """Columns with the first `told` rows of those that were not handed out, and with room for `rows` rows and
        `items` of each list group in all; there may be `hint` rows soon."""
        columns = self._columns
        if self._handed_out and columns is not None:
            if self._idle < _IDLE:
                columns.clear()
            else:
                columns, self._idle = None, 0
        self._handed_out = False
        if columns is None:
            room = {name: max(_FIRST_SIZE, count) for name, count in items.items()}
            columns = Columns(self._record, _skewed(max(_FIRST_SIZE, rows, hint)), room)
        else:
            columns.rows = told
            if rows > columns.capacity:
                columns = _longer(columns, _skewed(max(rows, 2 * columns.capacity, hint)))
            for name, count in items.items():
                _lengthen(columns, name, count)
        self._columns = columns
        return columns

    def hand_out(self, rows: int) -> Columns | None:
        """The first `rows` rows, which hold until `have` is called again; None for none."""
        columns = self._columns
        if columns is None or not rows:
            return None
        columns.rows = rows
        self._idle = self._idle + 1 if 4 * rows < columns.capacity else 0
        self._handed_out = True
        return columns

    def empty(self) -> None:
        """Forget all."""
        self._columns, self._handed_out, self._idle = None, False, 0


def _longer(columns: Columns, capacity: int) -> Columns:
    """The same rows, and room for `capacity` of them."""
    more, rows = Columns(columns.record, capacity, dict.fromkeys(columns.lists, 0)), columns.rows
    more.rows = rows
    for slab in ROW_SLABS:
        getattr(more, slab)[:, :rows] = getattr(columns, slab)[:, :rows]
    for name, lists in columns.lists.items():
        offsets = more.lists[name].offsets
        offsets[: rows + 1] = lists.offsets[: rows + 1]
        more.lists[name] = lists
        lists.offsets = offsets
    return more


def _lengthen(columns: Columns, name: str, count: int) -> None:
    """Have room for `count` items of a list group."""
    lists = columns.lists[name]
    have = lists.u8.shape[1]
    if count <= have:
        return
    more, end = Lists(lists.group, columns.capacity, max(count, 2 * have)), int(lists.offsets[columns.rows])
    more.offsets[:] = lists.offsets
    for slab in SLABS:
        getattr(more, slab)[:, :end] = getattr(lists, slab)[:, :end]
    columns.lists[name] = more


def _skewed(rows: int) -> int:
    return (rows | 1023) + 1 + _SKEW
