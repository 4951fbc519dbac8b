"""Arrow record batches into `Columns`: the inverse of `to_arrow`.

A batch from Kafka is untrusted: `from_arrow` takes only what `to_arrow` can have made.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.schema.arrow import SchemaMismatch, plan_of
from pipeline.schema.column import Column
from pipeline.schema.columns import SLABS, Columns, Lists


def from_arrow(batch: pa.RecordBatch, columns: Columns) -> None:
    """Clear `columns` and fill them with the rows of `batch`, the inverse of `to_arrow`.

    A nullable column that is left out is one without values. The bytes of frames stay where they are in the batch.
    Raises SchemaMismatch, and leaves `columns` empty, for a batch that is not of the record in every respect: names,
    types, nulls, offsets, dictionary codes, and the caps of lists.
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
    plan = plan_of(columns.record)
    expected = iter(plan.types.items())
    try:
        names = batch.schema.names
    except UnicodeDecodeError:
        raise SchemaMismatch("a column's name is no text") from None
    for name, type_ in zip(names, batch.schema.types, strict=True):
        for wanted, kind in expected:
            if wanted == name and kind == type_:
                break
            if wanted == name or wanted not in plan.optional:
                raise SchemaMismatch(f"column {name} of type {type_} stands where {wanted} of type {kind} is expected")
        else:
            raise SchemaMismatch(f"column {name} of type {type_} is one too many, or none of the record's")
    missing = [wanted for wanted, _ in expected if wanted not in plan.optional]
    if missing:
        raise SchemaMismatch(f"{len(names)} columns, none of which is {missing[0]}")
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
    first = plan_of(columns.record).first
    before = _NONE
    dictionaries: list[tuple[Any, int]] = []
    for c in columns.record.stored:
        array = arrays.get(c.name)
        if array is None or (c.lane and array.null_count == len(array)):
            # The cells are empty: they were cleared. So have to be those that come after in the lane.
            before = _NONE
            continue
        if c.of.slab == "const":
            columns.labels[c.name] = _label(c, array)
            continue
        if not c.lane:
            _require(c, not array.null_count, "a row has no value")
            present = None
        else:
            present = _Present(array)
            whole = first[c.name] or present.within(before)
            _require(c, whole, "has a value where the field before has none")
            before = present
        if c.of.slab == "raw":
            _fill_raw(array, columns)
        elif c.kind == "bytes16":
            assert present is not None
            _fill_short_bytes(c, array, present.rows, columns)
        else:
            _fill_cells(c, array, present, columns, dictionaries)
    for group in columns.record.groups:
        _fill_lists(columns.lists[group.name], [arrays[c.name] for c in group.columns])


def _require(column: Column, holds: bool, what: str) -> None:
    if not holds:
        raise SchemaMismatch(f"{column.name}: {what}")


def _bits(buffer: pa.Buffer, offset: int, length: int) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little", count=offset + length)
    return bits[offset:].view(np.bool_)


class _Present:
    """Which rows of an array have a value, `rows` of shape (rows,)."""

    def __init__(self, array: pa.Array | None) -> None:
        self.all = array is not None and not array.null_count
        self.rows = np.zeros(0, np.bool_)
        if array is None:
            return
        if self.all:
            self.rows = np.ones(len(array), np.bool_)
        else:
            bits = array.buffers()[0]
            self.rows = _bits(bits, array.offset, len(array))

    def within(self, other: _Present) -> bool:
        """Whether each of these rows is one of the other's."""
        return other.all or (len(other.rows) > 0 and not bool((self.rows > other.rows).any()))


_NONE = _Present(None)


def _fill_cells(
    column: Column, array: pa.Array, present: _Present | None, columns: Columns, known: list[tuple[Any, int]]
) -> None:
    if column.kind == "string":
        array = array.dictionary_encode()
    cells = _cells(column, array)
    if column.kind in ("text", "string"):
        cells = cells + _dictionary(column, array.dictionary, columns.texts, known)
    if present is None or present.all:
        columns.values(column.name)[...] = cells
    else:
        np.copyto(columns.values(column.name), cells, where=present.rows[:, None] if cells.ndim == 2 else present.rows)
    if present is not None:
        counts = columns.counts(column.name)
        assert counts is not None
        counts += present.rows


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
