"""Rows of exchanges, gathered one by one, as a batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import cython

from pipeline.schema.column import Column, Record
from pipeline.schema.columns import Columns, Slots

_SLABS = ("u8", "u16", "u32", "u64", "code", "b16")
_U8 = cython.declare(cython.int, 0)
_U16 = cython.declare(cython.int, 1)
_U32 = cython.declare(cython.int, 2)
_U64 = cython.declare(cython.int, 3)
_CODE = cython.declare(cython.int, 4)
_B16 = cython.declare(cython.int, 5)


@cython.cclass
class _Place:
    """Where a column's cells stand: `slab` (an index of _SLABS), `slot`, and its `lane` or -1. `signed` are numbers
    that may be negative in 64 bits; `sized` is a lane that holds how many bytes there are. `most` items of a list."""

    def __init__(self, column: Column, slot: int, lane: int, most: int) -> None:
        self.slab = _SLABS.index(column.of.slab)
        self.slot = slot
        self.lane = lane
        self.signed = column.kind in ("time", "seconds")
        self.sized = column.kind == "bytes16"
        self.most = most


@cython.cclass
class _Cells:
    """The slabs of the batch's columns or of a list group's items, into which values are put; `base` is the first item
    of the row under way, `size` how many it has. `codes` numbers the texts of the batch."""

    def __init__(self, of: Any, codes: dict[str, int]) -> None:
        plain = not cython.compiled
        slabs: Any = (of.u8, of.u16, of.u32, of.u64, of.code, of.b16)
        if plain:
            slabs = tuple(memoryview(slab) if slab.size else slab for slab in slabs)
        self._u8, self._u16, self._u32, self._u64, self._code, self._b16 = slabs
        self._codes = codes
        self.base = 0
        self.size = 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def put(self, place: _Place, at: cython.Py_ssize_t, value: Any) -> cython.int:
        """`value` as cell `at`."""
        slab: cython.int = place.slab
        slot: cython.Py_ssize_t = place.slot
        code: cython.uint
        number: cython.longlong
        k: cython.Py_ssize_t
        if slab == _CODE:
            found = self._codes.get(value)
            if found is None:
                found = self._codes[value] = len(self._codes)
            code = found
            self._code[slot, at] = code
        elif slab == _B16:
            data: bytes = value
            for k in range(min(16, len(data))):
                self._b16[slot, at, k] = data[k]
        elif slab == _U64 and not place.signed:
            self._u64[slot, at] = value
        else:
            number = value
            if slab == _U8:
                self._u8[slot, at] = cython.cast(cython.uchar, number & 0xFF)
            elif slab == _U16:
                self._u16[slot, at] = cython.cast(cython.ushort, number & 0xFFFF)
            elif slab == _U32:
                self._u32[slot, at] = cython.cast(cython.uint, number & 0xFFFFFFFF)
            else:
                self._u64[slot, at] = cython.cast(cython.ulonglong, number) if cython.compiled else number % 2**64
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def put_items(self, place: _Place, values: Any) -> cython.int:
        """The row's items of a list group's column."""
        self.size = min(len(values), place.most)
        k: cython.Py_ssize_t
        for k in range(self.size):
            self.put(place, self.base + k, values[k])
        return 0


@cache
def _places(record: Record) -> tuple[dict[str, _Place], dict[str, tuple[int, _Place]]]:
    """Of each column its place; of each column of a list group the number of the group and its place in it."""
    slots, empty = Slots(record), Columns(record, 0)
    cells = {
        c.name: _Place(c, getattr(slots, c.of.slab)(c.name), (empty.lane_at(c.name) or (-1, 0))[0], 0)
        for c in record.stored if c.bits_of is None and c.of.slab in _SLABS
    }  # fmt: skip
    items = {
        c.name: (i, _Place(c, slots.item(group.name, c.of.slab, c.name), -1, group.most))
        for i, group in enumerate(record.groups) for c in group.columns
    }  # fmt: skip
    return cells, items


def fill(record: Record, rows: Sequence[dict[str, Any]]) -> Columns:
    """`rows` as a batch of `record`, without labels. A column that a row lacks has no value there.

    Values by kind: `string` and `text` are str, `ipv6` 16 bytes, `bytes16` up to 16 bytes, `enum` the place among the
    names, all others int (`time` and `seconds` in ns). Columns of a list group are lists of one length; what is over
    the group's `most` is left out. Names that are no column are a tracker's own, and passed over.
    """
    columns = Columns(record, len(rows))
    columns.rows = len(rows)
    places, items = _places(record)
    codes: dict[str, int] = {"": 0}
    cells: _Cells = _Cells(columns, codes)
    lists: list[_Cells] = [_Cells(columns.lists[group.name], codes) for group in record.groups]
    offsets = [columns.lists[group.name].offsets for group in record.groups]
    lane: Any = columns.lane if cython.compiled else memoryview(columns.lane)
    _fill(cells, lists, offsets, lane, rows, places, items)
    columns.texts = list(codes)
    return columns


@cython.cfunc
@cython.exceptval(-1, check=False)
def _fill(
    cells: _Cells, lists: list[_Cells], offsets: list[Any], lanes: Any, rows: Sequence[dict[str, Any]],
    places: dict[str, _Place], items: dict[str, tuple[int, _Place]],
) -> cython.int:  # fmt: skip
    lane: cython.uchar[:, :] = lanes
    at: cython.Py_ssize_t
    group: cython.Py_ssize_t
    place: _Place
    of: _Cells
    for at in range(len(rows)):
        given: dict[str, Any] = rows[at]
        for name, value in given.items():
            found = places.get(name)
            if found is not None:
                place = found
                cells.put(place, at, value)
                if place.lane >= 0:
                    lane[place.lane, at] = min(16, len(value)) if place.sized else 1
            else:
                item = items.get(name)
                if item is not None:
                    group, place = item
                    of = lists[group]
                    of.put_items(place, value)
        for group in range(len(lists)):
            of = lists[group]
            if of.size:
                of.base += of.size
                of.size = 0
            offsets[group][at + 1] = of.base
    return 0
