"""`Columns`: a batch of rows of a record, held column by column in reusable numpy arrays.

The decoder writes cells, the engine reads and adds to them, and Arrow, ClickHouse's Native format and the
text output are made from them. One `Columns` serves batch after batch (`clear`), so that memory is touched once.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from pipeline.schema.column import Column, ListGroup, Record

BATCH_ROWS = 65_536
"""Rows of a full batch."""

SLABS: dict[str, type[np.generic]] = {
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64, "code": np.uint32, "b16": np.uint8,
}


@cache
def slab_columns(columns: tuple[Column, ...]) -> dict[str, list[Column]]:
    """Slab name to the stored columns in it, in order of declaration."""
    slabs: dict[str, list[Column]] = {name: [] for name in SLABS}
    for c in columns:
        if c.bits_of is None and c.of.slab in SLABS:
            slabs[c.of.slab].append(c)
    return slabs


def _slots(columns: tuple[Column, ...]) -> dict[str, int]:
    return {c.name: i for cs in slab_columns(columns).values() for i, c in enumerate(cs)}


class Slots:
    """Where a record's columns stand in a `Columns`; compiled modules ask once, when they are imported.

    Each method raises KeyError for a name that is not declared, and TypeError for one of another slab.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._slots = _slots(record.columns)
        self._lanes = {name: i for i, name in enumerate(record.lanes)}
        self._order = {c.name: k + 1 for cs in record.lanes.values() for k, c in enumerate(cs)}
        self._groups = {g.name: (g, _slots(g.columns)) for g in record.groups}
        self.u8: Callable[[str], int] = partial(self._slot, "u8")
        self.u16: Callable[[str], int] = partial(self._slot, "u16")
        self.u32: Callable[[str], int] = partial(self._slot, "u32")
        self.u64: Callable[[str], int] = partial(self._slot, "u64")
        self.b16: Callable[[str], int] = partial(self._slot, "b16")
        self.code: Callable[[str], int] = partial(self._slot, "code")

    def _slot(self, slab: str, name: str) -> int:
        column = self._record.by_name[name]
        if column.of.slab != slab:
            raise TypeError(f"{name} stands in slab {column.of.slab}, not {slab}")
        return self._slots[name]

    def lane(self, name: str) -> int:
        """Index of a presence lane."""
        return self._lanes[name]

    def upto(self, name: str) -> int:
        """What a lane's cell holds when the lane's columns are there up to and with `name`."""
        return self._order[name]

    def item(self, group: str, slab: str, name: str) -> int:
        """Slot of a column of a list group, in that group's slab."""
        g, slots = self._groups[group]
        column = next(c for c in g.columns if c.name == name)
        if column.of.slab != slab:
            raise TypeError(f"{name} stands in slab {column.of.slab}, not {slab}")
        return slots[name]


class Lists:
    """The items of one list group: `offsets` int32 (rows + 1), and slabs as in `Columns` with an item an index.

    There is room for `items` items in all rows together, or without it for as many as the rows can have."""

    def __init__(self, group: ListGroup, rows: int, items: int | None = None) -> None:
        self.group = group
        self.offsets: NDArray[np.int32] = np.zeros(rows + 1, np.int32)
        slabs = slab_columns(group.columns)
        items = rows * group.most if items is None else items
        self.u8 = np.zeros((max(1, len(slabs["u8"])), items), np.uint8)
        self.u16 = np.zeros((max(1, len(slabs["u16"])), items), np.uint16)
        self.u32 = np.zeros((max(1, len(slabs["u32"])), items), np.uint32)
        self.u64 = np.zeros((len(slabs["u64"]), items), np.uint64)
        self.code = np.zeros((len(slabs["code"]), items), np.uint32)
        self.b16 = np.zeros((max(1, len(slabs["b16"])), items, 16), np.uint8)
        self._slots = _slots(group.columns)

    def values(self, column: Column, rows: int) -> NDArray[np.generic]:
        """The items of `column` for the first `rows` rows, end to end."""
        slab: NDArray[np.generic] = getattr(self, column.of.slab)
        return slab[self._slots[column.name], : self.offsets[rows]]

    def splice(self, to: NDArray[np.int64], rows: int, other: Lists) -> None:
        """Put the items of `other`'s rows, as many as `to` has, behind those of the rows `to` (of `rows`).

        As far as a row has room for them. `to` is ascending.
        """
        n = len(to)
        begin, old = other.offsets[:n], self.offsets[: rows + 1].copy()
        have = np.diff(old)
        more = np.minimum(other.offsets[1 : n + 1] - begin, self.group.most - have[to])
        counts = have.copy()
        counts[to] += more
        np.cumsum(counts, out=self.offsets[1 : rows + 1])
        new = self.offsets[: rows + 1]
        was = np.arange(old[rows])
        now = was + np.repeat(new[:-1] - old[:-1], have)
        # Of each item that is new: which one of its row it is, from 0.
        rank = np.arange(more.sum()) - np.repeat(np.cumsum(more) - more, more)
        source, target = rank + np.repeat(begin, more), rank + np.repeat(new[to] + have[to], more)
        for slab in SLABS:
            mine: NDArray[np.generic] = getattr(self, slab)
            theirs: NDArray[np.generic] = getattr(other, slab)
            mine[:, now] = mine[:, was]
            mine[:, target] = theirs[:, source]


class Columns:
    """One batch of at most `capacity` rows of `record`.

    Slabs `u8`, `u16`, `u32`, `u64`, `code` have shape (columns of the slab, capacity), `b16` (columns, capacity, 16).
    `lane` is uint8 (lanes, capacity): how many of the lane's columns are present in the row.
    `texts` is the dictionary of the `code` columns, `labels` holds the values of `label` and `day` columns.
    The bytes of `raw` columns are slices of `raw_buffer`: `raw_offset` int64 and `raw_length` uint32.
    `details` holds, where they are asked for, fields of what is said in the frames (`DETAILS`): of each name the rows,
    ascending, and the values, several of one row in their order. `datagrams` holds, of a row that completes a
    datagram of fragments, the payload behind its innermost header. `items` caps the items of list groups by name.
    """

    def __init__(self, record: Record, capacity: int = BATCH_ROWS, items: Mapping[str, int] | None = None) -> None:
        self.record = record
        self.capacity = capacity
        self.rows = 0
        slabs = slab_columns(record.columns)
        self.u8 = np.zeros((max(1, len(slabs["u8"])), capacity), np.uint8)
        self.u16 = np.zeros((max(1, len(slabs["u16"])), capacity), np.uint16)
        self.u32 = np.zeros((max(1, len(slabs["u32"])), capacity), np.uint32)
        self.u64 = np.zeros((max(1, len(slabs["u64"])), capacity), np.uint64)
        self.code = np.zeros((max(1, len(slabs["code"])), capacity), np.uint32)
        self.b16 = np.zeros((max(1, len(slabs["b16"])), capacity, 16), np.uint8)
        self._lane_names = list(record.lanes)
        self._lane_columns = list(record.lanes.values())
        self.lane = np.zeros((max(1, len(self._lane_names)), capacity), np.uint8)
        self.lists = {g.name: Lists(g, capacity, (items or {}).get(g.name)) for g in record.groups}
        self.texts: list[str] = []
        self.labels: dict[str, str | datetime.date] = {}
        self.details: dict[str, tuple[list[int], list[object]]] = {}
        self.datagrams: dict[int, bytes] = {}
        self.raw_buffer: bytes | bytearray | memoryview = b""
        self.raw_offset: NDArray[np.int64] = np.zeros(0, np.int64)
        self.raw_length: NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._slots = _slots(record.columns)
        # The same bytes as truth values: whether any is not 0 is then told without a copy.
        self._there = self.lane.view(np.bool_)
        self._cells = [self._runs(columns) for columns in (*self._lane_columns, self._always())]
        self._lane_of = {c.name: (i, k) for i, cs in enumerate(self._lane_columns) for k, c in enumerate(cs)}

    def _always(self) -> list[Column]:
        """The columns that every row has."""
        return [c for c in self.record.stored if not c.lane and c.of.slab in SLABS]

    def _runs(self, columns: Iterable[Column]) -> list[tuple[NDArray[np.generic], int, int]]:
        """Where the columns stand: slab, first slot and the one after the last, of each run of neighbours."""
        runs: list[tuple[NDArray[np.generic], int, int]] = []
        for slab, slot in sorted((c.of.slab, self._slots[c.name]) for c in columns):
            array: NDArray[np.generic] = getattr(self, slab)
            if runs and runs[-1][0] is array and runs[-1][2] == slot:
                runs[-1] = (array, runs[-1][1], slot + 1)
            else:
                runs.append((array, slot, slot + 1))
        return runs

    def values(self, name: str) -> NDArray[np.generic]:
        """The cells of a stored column as a view of shape (rows,) or (rows, 16)."""
        column = self.record.by_name[name]
        slab: NDArray[np.generic] = getattr(self, column.of.slab)
        return slab[self._slots[name], : self.rows]

    def lane_at(self, name: str) -> tuple[int, int] | None:
        """Number of the column's lane and the column's place in it; None where every row has a value."""
        return self._lane_of.get(name)

    def counts(self, name: str) -> NDArray[np.uint8] | None:
        """The lane cells of a column, a view of shape (rows,); None where every row has a value."""
        at = self._lane_of.get(name)
        return None if at is None else self.lane[at[0], : self.rows]

    def present(self, name: str) -> NDArray[np.bool_] | None:
        """Which rows have a value, shape (rows,); None where every row has one."""
        at = self._lane_of.get(name)
        return None if at is None else self.lane[at[0], : self.rows] > at[1]

    def set_lane(self, lane: str, present: NDArray[np.bool_]) -> None:
        """Say which rows, shape (rows,), have all columns of `lane`; the others have none of them."""
        at = self._lane_names.index(lane)
        self.lane[at, : self.rows] = np.where(present, len(self._lane_columns[at]), 0)

    def clear(self) -> None:
        """Forget all rows. Cells without a value are zero again, so that what is stored compresses."""
        n = self.rows
        for i in [*np.flatnonzero(self._there[:, :n].any(axis=1)).tolist(), -1]:
            if i >= 0:
                self.lane[i, :n] = 0
            for slab, first, last in self._cells[i]:
                slab[first:last, :n] = 0
        for lists in self.lists.values():
            lists.offsets[: n + 1] = 0
        self.details.clear()
        self.datagrams.clear()
        self.rows = 0
