"""`Columns` to Arrow record batches and back: what travels between collectors and pipeline.

A batch from Kafka is untrusted: `from_arrow` takes only what `to_arrow` can have made.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.schema.column import Column, Record
from pipeline.schema.columns import SLABS, Columns, Lists

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


def to_arrow(columns: Columns, rows: NDArray[np.int64] | None = None) -> pa.RecordBatch:
    """A record batch of the rows of `columns`, or of those named by `rows` (ascending); it shares no memory with them.

    Raises SchemaMismatch where a label has no value, or frame bytes exceed the 2 GiB of an Arrow binary array.
    """
    record = columns.record
    which: Rows = slice(None) if rows is None else rows
    count = columns.rows if rows is None else len(rows)
    arrays = [_own_array(columns, c, which, count) for c in record.stored]
    for group in record.groups:
        lists = columns.lists[group.name]
        bounds, items = _items_of(lists, columns.rows, rows)
        offsets = pa.array(bounds)
        for c in group.columns:
            values = _plain(c, lists.values(c, columns.rows)[items], None)
            arrays.append(pa.ListArray.from_arrays(offsets, values, type=_list_type(c)))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(record))


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


def _own_array(columns: Columns, column: Column, which: Rows, rows: int) -> Any:
    slab = column.of.slab
    if slab == "const":
        return _constant(columns, column, rows)
    if slab == "raw":
        return _raw_array(columns, which, rows)
    counts = columns.counts(column.name)
    valid = None
    if counts is not None:
        present = columns.present(column.name)
        assert present is not None
        present = present[which]
        if not present.any():
            return pa.nulls(rows, _TYPES[column.of.arrow])
        if not present.all():
            valid = pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    values = columns.values(column.name)[which]
    if column.kind in ("text", "string"):
        codes = pa.Array.from_buffers(pa.uint32(), rows, [valid, pa.py_buffer(values.tobytes())])
        texts = pa.DictionaryArray.from_arrays(codes, pa.array(columns.texts, pa.string()))
        return texts if column.kind == "text" else texts.dictionary_decode()
    if column.kind == "bytes16":
        assert counts is not None
        return _short_bytes(values, np.minimum(counts[which], 16), valid)
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


def from_arrow(batch: pa.RecordBatch, columns: Columns) -> None:
    """Clear `columns` and fill them with the rows of `batch`, the inverse of `to_arrow`.

    The bytes of frames stay where they are in the batch. Raises SchemaMismatch, and leaves `columns` empty, for a batch
    that is not of the record in every respect: names, types, nulls, offsets, dictionary codes, and the caps of lists.
    """
    columns.clear()
    _check_schema(batch, columns)
    columns.rows = batch.num_rows
    try:
        _fill(batch, columns)
    except SchemaMismatch:
        columns.clear()
        columns.texts, columns.labels = [], {}
        raise


def _check_schema(batch: pa.RecordBatch, columns: Columns) -> None:
    expected = arrow_schema(columns.record)
    try:
        for wanted, given in zip(expected, batch.schema, strict=False):
            if wanted.name != given.name or wanted.type != given.type:
                raise SchemaMismatch(f"column {given.name} of type {given.type} stands where {wanted.name} of type "
                                     f"{wanted.type} is expected")
    except UnicodeDecodeError:
        raise SchemaMismatch("a column's name is no text") from None
    if len(expected) != len(batch.schema):
        raise SchemaMismatch(f"{len(batch.schema)} columns instead of {len(expected)}")
    if batch.num_rows > columns.capacity:
        raise SchemaMismatch(f"{batch.num_rows} rows are more than the {columns.capacity} of a batch")
    try:
        batch.validate(full=True)
    except pa.ArrowException as error:
        raise SchemaMismatch(f"not a valid Arrow batch: {error}") from None


def _fill(batch: pa.RecordBatch, columns: Columns) -> None:
    arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns.texts, columns.labels = [], {}
    if not batch.num_rows:
        return
    lane_of = {c.name: k for cs in columns.record.lanes.values() for k, c in enumerate(cs)}
    before = np.zeros(0, np.bool_)
    dictionaries: list[tuple[Any, int]] = []
    for c in columns.record.stored:
        array = arrays[c.name]
        if c.of.slab == "const":
            columns.labels[c.name] = _label(c, array)
            continue
        present = _present(array)
        if not c.lane:
            _require(c, bool(present.all()), "a row has no value")
        else:
            whole = not lane_of[c.name] or not (present & ~before).any()
            _require(c, whole, "has a value where the field before has none")
            before = present
        if c.of.slab == "raw":
            _fill_raw(array, columns)
        elif c.kind == "bytes16":
            _fill_short_bytes(c, array, present, columns)
        else:
            if c.kind == "string":
                array = array.dictionary_encode()
            cells = _cells(c, array)
            if c.kind in ("text", "string"):
                cells = cells + _dictionary(c, array.dictionary, columns.texts, dictionaries)
            columns.values(c.name)[...] = np.where(present[:, None] if cells.ndim == 2 else present, cells, 0)
            if c.lane:
                counts = columns.counts(c.name)
                assert counts is not None
                counts += present
    for group in columns.record.groups:
        _fill_lists(columns.lists[group.name], [arrays[c.name] for c in group.columns])


def _require(column: Column, holds: bool, what: str) -> None:
    if not holds:
        raise SchemaMismatch(f"{column.name}: {what}")


def _bits(buffer: pa.Buffer, offset: int, length: int) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little", count=offset + length)
    return bits[offset:].view(np.bool_)


def _present(array: pa.Array) -> NDArray[np.bool_]:
    if not array.null_count:
        return np.ones(len(array), np.bool_)
    return _bits(array.buffers()[0], array.offset, len(array))


def _cells(column: Column, array: pa.Array) -> NDArray[Any]:
    """The cells of an array of a fixed-width type, also those without a value."""
    data = array.buffers()[1]
    if not len(array):
        return np.zeros((0, 16) if column.of.slab == "b16" else 0, np.uint8)
    if column.kind == "bool":
        return _bits(data, array.offset, len(array)).view(np.uint8)
    cells: NDArray[Any]
    if column.of.slab == "b16":
        cells = np.frombuffer(data, np.uint8, 16 * len(array), 16 * array.offset).reshape(-1, 16)
    else:
        type_ = np.dtype(SLABS[column.of.slab])
        cells = np.frombuffer(data, type_, len(array), type_.itemsize * array.offset)
    if column.kind == "enum":
        _require(column, int(cells.max()) < len(column.names), f"a value is not below {len(column.names)}")
    return cells


def _dictionary(column: Column, dictionary: pa.Array, texts: list[str], known: list[tuple[Any, int]]) -> np.uint32:
    """Append a dictionary to the batch's texts, if it is not there yet; the code of its first text."""
    _require(column, not dictionary.null_count, "a text of the dictionary is null")
    for other, first in known:
        if other.equals(dictionary):
            return np.uint32(first)
    known.append((dictionary, len(texts)))
    texts += dictionary.to_pylist()
    return np.uint32(known[-1][1])


def _label(column: Column, array: pa.Array) -> str | datetime.date:
    _require(column, not array.null_count, "a row has no value")
    try:
        values = set(array.unique().to_pylist())
    except OverflowError:
        raise SchemaMismatch(f"{column.name}: a day is out of the calendar") from None
    _require(column, len(values) == 1 and None not in values, "has not one value for the whole batch")
    value: str | datetime.date = values.pop()
    return value


def _byte_slices(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
    """Start and length of each item of a binary array in its buffer, and the buffer."""
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int32, len(array) + 1, 4 * array.offset).astype(np.int64)
    return bounds[:-1], np.diff(bounds), b"" if data is None else data


def _fill_short_bytes(column: Column, array: pa.Array, present: NDArray[np.bool_], columns: Columns) -> None:
    start, length, data = _byte_slices(array)
    length = length * present
    _require(column, bool((length[present] > 0).all()) and int(length.max()) <= 16, "a value is not of 1 to 16 bytes")
    counts = columns.counts(column.name)
    assert counts is not None
    counts[...] = length
    rows = np.flatnonzero(present)
    values = columns.values(column.name)
    values[...] = 0
    for row in rows.tolist():
        values[row, : length[row]] = np.frombuffer(data, np.uint8, length[row], start[row])


def _fill_raw(array: pa.Array, columns: Columns) -> None:
    start, length, data = _byte_slices(array)
    columns.raw_offset, columns.raw_length = start, length.astype(np.uint32)
    columns.raw_buffer = memoryview(data).cast("B")


def _fill_lists(lists: Lists, arrays: list[pa.Array]) -> None:
    group = lists.group
    bounds = [np.asarray(a.offsets).astype(np.int64) for a in arrays]
    for column, array, at in zip(group.columns, arrays, bounds, strict=True):
        _require(column, not array.null_count, "a row has no list")
        _require(column, int(np.diff(at).max()) <= group.most, f"a list is longer than {group.most}")
        same = np.array_equal(at - at[0], bounds[0] - bounds[0][0])
        _require(column, same, f"lists are not as long as those of {group.columns[0].name}")
        items = array.values[at[0] : at[-1]]
        _require(column, not items.null_count, "an item is null")
        lists.offsets[: len(at)] = at - at[0]
        lists.values(column, len(at) - 1)[...] = _cells(column, items)
