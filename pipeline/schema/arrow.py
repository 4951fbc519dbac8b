"""`Columns` as Arrow record batches: what travels from collectors to workers. Back: `pipeline.schema.arrow_read`."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.schema.column import Column, Record
from pipeline.schema.columns import Columns, Lists

_TYPES: dict[str, Any] = {
    "uint8": pa.uint8(), "uint16": pa.uint16(), "uint32": pa.uint32(), "uint64": pa.uint64(), "int16": pa.int16(),
    "bool": pa.bool_(), "duration[ns]": pa.duration("ns"),
    "timestamp[ns, UTC]": pa.timestamp("ns", "UTC"), "fixed_size_binary[16]": pa.binary(16), "binary": pa.binary(),
    "dictionary<uint32, string>": pa.dictionary(pa.uint32(), pa.string()), "date32": pa.date32(), "string": pa.string(),
}


class SchemaMismatch(Exception):
    """A batch that is none of the record: says which column, and what differs."""


def arrow_schema(record: Record) -> pa.Schema:
    """The Arrow schema of a record: a field for each stored column and each column of a list group, by its name, with
    meaning and unit as metadata. Columns of a presence lane are nullable."""
    own = [_field(c, _TYPES[c.of.arrow], bool(c.lane)) for c in record.stored]
    lists = [
        _field(c, pa.list_(pa.field("item", _TYPES[c.of.arrow], nullable=False)), False)
        for g in record.groups
        for c in g.columns
    ]
    return pa.schema(own + lists, metadata={"shoal.record": record.name, "shoal.schema": schema_hash(record)})


class Plan:
    """What follows from a record alone, made once: its schema, and of each field its column and its type."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.schema = arrow_schema(record)
        self.types = dict(zip(self.schema.names, self.schema.types, strict=True))
        self.optional = {c.name for c in record.stored if c.lane}
        self.first = {c.name: not k for cs in record.lanes.values() for k, c in enumerate(cs)}


_plans: dict[int, Plan] = {}


def plan_of(record: Record) -> Plan:
    """The record's plan, made at the first call."""
    # A plan holds its record, whose id is no other's for as long.
    plan = _plans.get(id(record))
    if plan is None:
        plan = _plans[id(record)] = Plan(record)
    return plan


def _field(column: Column, type_: Any, nullable: bool) -> Any:
    said = {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {})
    return pa.field(column.name, type_, nullable, metadata=said)


def schema_hash(record: Record) -> str:
    """12 hexadecimal digits that differ where names, order, types, lanes or lists of a record do; stable over versions
    of Python and Arrow, so that it can stand in the name of a topic."""
    lines = [record.name, *(f"{c.name} {c.kind} {c.lane}" for c in record.stored)]
    lines += [f"{g.name} {g.most} {c.name} {c.kind}" for g in record.groups for c in g.columns]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


Rows = NDArray[np.int64] | slice
"""Some of a batch's rows, ascending, or all of them."""


def to_arrow(
    columns: Columns, rows: NDArray[np.int64] | None = None, *, sparse: bool = False
) -> pa.RecordBatch:
    """A record batch of the rows of `columns`, or of those named by `rows` (ascending); it shares no memory with them.

    With `sparse`, nullable columns of which no row has a value are left out, and so are meanings and units.
    Raises SchemaMismatch where a label has no value, or frame bytes exceed the 2 GiB of an Arrow binary array.
    """
    record = columns.record
    which: Rows = slice(None) if rows is None else rows
    count = columns.rows if rows is None else len(rows)
    arrays = {}
    lanes: dict[int, _Lane] = {}
    for c in record.stored:
        array = _own_array(columns, c, which, count, lanes)
        if array is not None:
            arrays[c.name] = array
        elif not sparse:
            arrays[c.name] = pa.nulls(count, _TYPES[c.of.arrow])
    for group in record.groups:
        lists = columns.lists[group.name]
        bounds, items = _items_of(lists, columns.rows, rows)
        offsets = pa.array(bounds)
        for c in group.columns:
            values = _plain(c, lists.values(c, columns.rows)[items], None)
            arrays[c.name] = pa.ListArray.from_arrays(offsets, values, type=_list_type(c))
    plan = plan_of(record)
    if not sparse:
        return pa.RecordBatch.from_arrays(list(arrays.values()), schema=plan.schema)
    fields = [pa.field(name, array.type, name in plan.optional) for name, array in arrays.items()]
    return pa.RecordBatch.from_arrays(list(arrays.values()), schema=pa.schema(fields))


def _items_of(lists: Lists, count: int, rows: NDArray[np.int64] | None) -> tuple[NDArray[np.int32], Rows]:
    """The list bounds of the rows, and which items are in their lists; `count` is the number of all rows."""
    bounds = lists.offsets[: count + 1]
    if rows is None:
        return bounds.copy(), slice(None)
    lengths = np.diff(bounds)[rows]
    own = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(lengths, out=own[1:])
    return own, np.arange(own[-1]) + np.repeat(bounds[:-1][rows] - own[:-1], lengths)


def _list_type(column: Column) -> Any:
    return pa.list_(pa.field("item", _TYPES[column.of.arrow], nullable=False))


def _taken(array: NDArray[Any], which: Rows) -> NDArray[Any]:
    return array[which] if isinstance(which, slice) else array.take(which, axis=0)


class _Lane:
    """A lane's cells in the rows that are taken, and the bitmaps of its columns, of which most are the same."""

    def __init__(self, cells: NDArray[np.uint8]) -> None:
        self.cells = cells
        self.least = int(cells.min(initial=255))
        self.most = int(cells.max(initial=0))
        self._at = -1
        self._bitmap: Any = None

    def bitmap(self, at: int) -> Any:
        """The validity of the lane's column `at`; None where every row has a value."""
        if self.least > at:
            return None
        # Where the same rows have this column and the one before, nothing is to be made anew.
        if at == 0 or self._at != at - 1 or bool((self.cells == at).any()):
            self._bitmap = pa.py_buffer(np.packbits(self.cells > at, bitorder="little").tobytes())
        self._at = at
        return self._bitmap


def _own_array(columns: Columns, column: Column, which: Rows, rows: int, lanes: dict[int, _Lane]) -> Any:
    """The column's array; None where no row has a value."""
    slab = column.of.slab
    if slab == "const":
        return _constant(columns, column, rows)
    if slab == "raw":
        return _raw_array(columns, which, rows)
    valid = lane = None
    at = columns.lane_at(column.name)
    if at is not None:
        lane = lanes.get(at[0])
        if lane is None:
            lane = lanes[at[0]] = _Lane(_taken(columns.lane[at[0], : columns.rows], which))
        if lane.most <= at[1]:
            return None
        valid = lane.bitmap(at[1])
    values = _taken(columns.values(column.name), which)
    if column.kind in ("text", "string"):
        codes = pa.Array.from_buffers(pa.uint32(), rows, [valid, pa.py_buffer(values.tobytes())])
        texts = pa.DictionaryArray.from_arrays(codes, pa.array(columns.texts, pa.string()))
        return texts if column.kind == "text" else texts.dictionary_decode()
    if column.kind == "bytes16":
        assert lane is not None
        return _short_bytes(values, np.minimum(lane.cells, 16), valid)
    return _plain(column, values, valid)


def _plain(column: Column, values: NDArray[Any], valid: Any) -> Any:
    """An array of a fixed-width type from cells, with the validity bitmap `valid`."""
    if column.kind == "bool":
        data = np.packbits(values != 0, bitorder="little").tobytes()
    else:
        data = values.tobytes()
    return pa.Array.from_buffers(_TYPES[column.of.arrow], len(values), [valid, pa.py_buffer(data)])


def _short_bytes(values: NDArray[Any], lengths: NDArray[np.uint8], valid: Any) -> Any:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    data = values[np.arange(16) < lengths[:, None]]
    buffers = [valid, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(lengths), buffers)


def _constant(columns: Columns, column: Column, rows: int) -> Any:
    if rows and column.name not in columns.labels:
        raise SchemaMismatch(f"{column.name}: the batch has no value of this label")
    value = columns.labels.get(column.name, datetime.date(1970, 1, 1) if column.kind == "day" else "")
    if column.kind == "day":
        return pa.repeat(pa.scalar(value, pa.date32()), rows)
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.uint32)), pa.array([value], pa.string()))


def _raw_array(columns: Columns, which: Rows, rows: int) -> Any:
    """The frames' bytes end to end. Frames and what lies between them make one array without a copy, of which the even
    items are taken; frames that do not follow each other in the buffer are joined one by one."""
    start = columns.raw_offset[: columns.rows][which]
    length = columns.raw_length[: columns.rows][which].astype(np.int64)
    end = start + length
    if length.sum() >= 1 << 31:
        raise SchemaMismatch("frame.raw: more than 2 GiB in one batch; make batches smaller")
    if rows == 0:
        return pa.array([], pa.binary())
    if start[0] < 0 or (start[1:] < end[:-1]).any() or end[-1] > min(len(columns.raw_buffer), (1 << 31) - 1):
        view = memoryview(columns.raw_buffer)
        return pa.array([bytes(view[a:b]) for a, b in zip(start.tolist(), end.tolist(), strict=True)], pa.binary())
    bounds = np.stack((start, end), axis=1).astype(np.int32).reshape(-1)
    buffers = [None, pa.py_buffer(bounds.tobytes()), pa.py_buffer(columns.raw_buffer)]
    both = pa.Array.from_buffers(pa.binary(), 2 * rows - 1, buffers)
    return both.take(pa.array(np.arange(0, 2 * rows, 2)))
