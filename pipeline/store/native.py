"""A `Columns` as a block of ClickHouse's Native format, straight from its arrays.

A block is: number of columns and of rows, then for each column its name, its type and its cells end to end, least
significant byte first (https://clickhouse.com/docs/interfaces/formats/Native). Before the cells of a Nullable column
stands a byte a row, 1 for NULL; a LowCardinality column is a dictionary and indexes into it; an Array is the running
counts of items, then all items.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.schema.column import Column, Record
from pipeline.schema.columns import Columns, Lists
from pipeline.schema.ddl import cell_type, stored_name, stored_type
from pipeline.store.native_strings import pack_strings, packed_size

Buffer = bytes | memoryview

_LC_VERSION = (1).to_bytes(8, "little")
# The dictionary stands in the block itself ("additional keys") and is this block's own.
_LC_FLAGS = 1 << 9 | 1 << 10
_EPOCH = datetime.date(1970, 1, 1)
_INDEX: tuple[type[np.unsignedinteger], ...] = (np.uint8, np.uint16, np.uint32)


_SHORT = [bytes((value,)) for value in range(0x80)]


def varint(value: int) -> bytes:
    """LEB128, as Native writes lengths and counts."""
    if value < 0x80:
        return _SHORT[value]
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return varint(len(raw)) + raw


def _low_cardinality(keys: list[str], index: NDArray[np.generic] | int, rows: int) -> Iterator[Buffer]:
    """The dictionary `keys`, and a row's index into it: an array, or one number for all rows."""
    width = 0 if len(keys) <= 0x100 else 1 if len(keys) <= 0x10000 else 2
    head = (_LC_FLAGS | width).to_bytes(8, "little") + len(keys).to_bytes(8, "little")
    cells = np.full(rows, index, _INDEX[width]) if isinstance(index, int) else index.astype(_INDEX[width])
    yield _LC_VERSION + head + b"".join(map(_string, keys)) + rows.to_bytes(8, "little")
    yield cells.data


def _texts(columns: Columns, column: Column, first: int) -> Iterator[Buffer]:
    codes = columns.values(column.name)[first:]
    present = columns.present(column.name)
    used = np.bincount(codes, minlength=len(columns.texts)) > 0
    keys = [columns.texts[i] for i in np.flatnonzero(used)]
    index = (np.cumsum(used) - 1)[codes]
    if present is not None:
        # Of LowCardinality(Nullable(...)) key 0 is NULL.
        keys = ["", *keys]
        index = np.where(present[first:], index + 1, 0)
    yield from _low_cardinality(keys, index, len(codes))


def _strings(columns: Columns, column: Column, first: int, texts: list[bytes]) -> Iterator[Buffer]:
    """Each row's text by itself, of the batch's `texts`."""
    codes = columns.values(column.name)[first:]
    present = columns.present(column.name)
    if present is not None:
        yield np.logical_not(present[first:]).view(np.uint8).data
    yield b"".join(map(texts.__getitem__, codes.tolist()))


def _opaque(columns: Columns, column: Column, first: int) -> Iterator[Buffer]:
    """Opaque bytes of up to 16: the lane's cell is their number."""
    lengths = columns.counts(column.name)
    cells = columns.values(column.name)[first:]
    if lengths is None:
        raise TypeError(f"{column.name}: bytes16 needs a lane, which holds the length")
    size = lengths[first:].astype(np.uint32)
    yield (size == 0).view(np.uint8).data
    offset = np.arange(0, 16 * len(cells), 16)
    yield pack_strings(cells.reshape(-1).data, offset, size, np.empty(packed_size(size), np.uint8))


def _items(columns: Columns, lists: Lists, column: Column, first: int, texts: list[bytes]) -> Iterator[Buffer]:
    rows = columns.rows
    start = int(lists.offsets[first])
    yield (lists.offsets[first + 1 : rows + 1] - start).astype(np.uint64).data
    values = lists.values(column, rows)[start:]
    if column.of.slab == "code":
        yield b"".join(map(texts.__getitem__, values.tolist()))
    else:
        yield values.data


_NUMBERS = frozenset({"u8", "u16", "u32", "u64"})


def _absent(columns: Columns, column: Column, first: int) -> bool:
    """Whether no row has a value, or each has the number 0, so that the column need not be in the block."""
    present = columns.present(column.name)
    if present is not None:
        return not present[first:].any()
    return column.kind in _NUMBERS and not columns.values(column.name)[first:].any()


@cache
def _heads(record: Record) -> dict[str, bytes]:
    """Column name to its name and type as they stand in a block."""
    heads = {c.name: _string(stored_name(c)) + _string(stored_type(c)) for c in record.stored}
    heads |= {c.name: _string(c.name) + _string(f"Array({cell_type(c)})") for g in record.groups for c in g.columns}
    return heads


def stored_columns(record: Record) -> list[str]:
    """ClickHouse's names of all columns that an insert may give, in order."""
    return [stored_name(c) for c in record.stored] + [c.name for g in record.groups for c in g.columns]


class NativeEncoder:
    """Makes Native blocks of batches of `record`; holds the memory in which strings are gathered."""

    def __init__(self, record: Record) -> None:
        self.record = record
        # Whether texts stand in rows or items by themselves, and not as codes.
        items = (c for group in record.groups for c in group.columns)
        self._spells = any(c.kind == "string" for c in record.stored) or any(c.of.slab == "code" for c in items)
        self._packed: NDArray[np.uint8] = np.empty(0, np.uint8)

    def encode(self, columns: Columns, first: int = 0) -> bytes:
        """The rows from `first` on as one block; columns without any value, or with 0 alone, are left out, and are
        NULL, empty or 0 then.

        Raises KeyError where a label of the batch is not set, ValueError where `raw` slices leave their buffer.
        """
        rows = columns.rows - first
        heads = _heads(self.record)
        parts: list[Buffer] = [b""]
        # Several columns take their cells of one dictionary.
        texts = [_string(text) for text in columns.texts] if self._spells else []
        count = 0
        for c in self.record.stored:
            if _absent(columns, c, first):
                continue
            count += 1
            parts.append(heads[c.name])
            parts.extend(self._cells(columns, c, first, texts))
        for g in self.record.groups:
            lists = columns.lists[g.name]
            if lists.offsets[columns.rows] == lists.offsets[first]:
                continue
            for c in g.columns:
                count += 1
                parts.append(heads[c.name])
                parts.extend(_items(columns, lists, c, first, texts))
        parts[0] = varint(count) + varint(rows)
        return b"".join(parts)

    def _cells(self, columns: Columns, column: Column, first: int, texts: list[bytes]) -> Iterator[Buffer]:
        rows = columns.rows - first
        slab = column.of.slab
        if slab == "const":
            value = columns.labels[column.name]
            if isinstance(value, datetime.date):
                yield np.full(rows, (value - _EPOCH).days, "<u2").data
            else:
                yield from _low_cardinality([value], 0, rows)
        elif slab == "raw":
            offset, length = columns.raw_offset[first : columns.rows], columns.raw_length[first : columns.rows]
            # Packed anew for each `raw` column, of which a record has one.
            yield self._pack(columns.raw_buffer, offset, length)
        elif column.kind == "text":
            yield from _texts(columns, column, first)
        elif column.kind == "string":
            yield from _strings(columns, column, first, texts)
        elif column.kind == "bytes16":
            yield from _opaque(columns, column, first)
        else:
            present = columns.present(column.name)
            if present is not None:
                yield np.logical_not(present[first:]).view(np.uint8).data
            yield columns.values(column.name)[first:].data

    def _pack(
        self, buffer: bytes | bytearray | memoryview, offset: NDArray[np.int64], length: NDArray[np.uint32]
    ) -> memoryview:
        need = packed_size(length)
        if len(self._packed) < need:
            self._packed = np.empty(need + need // 8, np.uint8)
        return pack_strings(buffer, offset, length, self._packed)
