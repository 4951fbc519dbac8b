"""Rows of exchanges, gathered one by one, as a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from pipeline.schema.column import Column, ListGroup, Record
from pipeline.schema.columns import Columns


def fill(record: Record, rows: Sequence[Mapping[str, Any]]) -> Columns:
    """`rows` as a batch of `record`, without labels. A column that a row lacks has no value there.

    Values by kind: `string` and `text` are str, `ipv6` 16 bytes, `bytes16` up to 16 bytes, `enum` the place among the
    names, all others int (`time` and `seconds` in ns). Columns of a list group are lists of one length; what is over
    the group's `most` is left out.
    """
    columns = Columns(record, len(rows))
    columns.rows = len(rows)
    # Turned once, value by value: most rows lack most columns.
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for at, row in enumerate(rows):
        for name, value in row.items():
            cells = found.get(name)
            if cells is None:
                cells = found[name] = ([], [])
            cells[0].append(at)
            cells[1].append(value)
    codes = {"": 0}
    for column in record.stored:
        cells = found.get(column.name)
        if cells is not None:
            _put(columns, column, cells[0], cells[1], codes)
    for group in record.groups:
        _put_lists(columns, group, found, codes)
    columns.texts = list(codes)
    return columns


def _put(columns: Columns, column: Column, at: list[int], values: list[Any], codes: dict[str, int]) -> None:
    """The values of a column, which stand in the rows `at`."""
    everywhere = len(at) == columns.rows
    where: Any = slice(None) if everywhere else np.array(at, np.intp)
    if column.kind == "bytes16":
        lane, _ = columns.lane_at(column.name) or (0, 0)
        columns.lane[lane, : columns.rows][where] = [min(16, len(v)) for v in values]
        values = [v[:16].ljust(16, b"\0") for v in values]
    elif column.lane:
        lane, _ = columns.lane_at(column.name) or (0, 0)
        columns.lane[lane, : columns.rows][where] = 1
    columns.values(column.name)[where] = _cells(column, values, codes)


def _put_lists(
    columns: Columns, group: ListGroup, found: Mapping[str, tuple[list[int], list[Any]]], codes: dict[str, int]
) -> None:
    """The items of the rows of a group."""
    given = found.get(group.columns[0].name)
    if given is None:
        return
    at, first = given
    lists = columns.lists[group.name]
    sizes = np.zeros(columns.rows, np.int64)
    sizes[at] = [len(items) for items in first]
    over = int(sizes.max()) > group.most
    np.minimum(sizes, group.most, out=sizes)
    np.cumsum(sizes, out=lists.offsets[1 : columns.rows + 1])
    for column in group.columns:
        values = found[column.name][1]
        if over:
            values = [items[: group.most] for items in values]
        lists.values(column, columns.rows)[...] = _cells(column, list(chain.from_iterable(values)), codes)


def _cells(column: Column, values: list[Any], codes: dict[str, int]) -> Any:
    """The values as cells; `codes` numbers the texts of the batch."""
    slab = column.of.slab
    if slab == "code":
        return np.array([codes.setdefault(v, len(codes)) for v in values], np.uint32)
    if slab == "b16":
        return np.frombuffer(b"".join(values), np.uint8).reshape(-1, 16)
    if column.kind in ("time", "seconds"):
        return np.array(values, np.int64).view(np.uint64)
    return np.array(values, np.uint64 if slab == "u64" else np.int64)
