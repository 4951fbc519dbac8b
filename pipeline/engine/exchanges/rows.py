"""Rows of exchanges, gathered one by one, as a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.schema.column import Column, Record
from pipeline.schema.columns import Columns


def fill(record: Record, rows: Sequence[Mapping[str, Any]]) -> Columns:
    """`rows` as a batch of `record`, without labels. A column that a row lacks has no value there.

    Values by kind: `string` and `text` are str, `ipv6` 16 bytes, `bytes16` up to 16 bytes, `enum` the place among the
    names, all others int (`time` and `seconds` in ns). Columns of a list group are lists of one length; what is over
    the group's `most` is left out.
    """
    columns = Columns(record, len(rows))
    columns.rows = len(rows)
    texts = _Texts()
    for column in record.stored:
        if column.of.slab in ("const", "raw"):
            continue
        name = column.name
        there = [name in row for row in rows]
        if column.lane and not any(there):
            continue
        _put(columns, column, [row[name] if has else None for row, has in zip(rows, there, strict=True)], texts)
        if column.lane and column.kind != "bytes16":
            columns.set_lane(column.lane, np.array(there, np.bool_))
    for group in record.groups:
        first = group.columns[0].name
        sizes = [min(len(row.get(first, ())), group.most) for row in rows]
        lists = columns.lists[group.name]
        np.cumsum(sizes, out=lists.offsets[1 : len(rows) + 1])
        if not any(sizes):
            continue
        for column in group.columns:
            items = [v for row, size in zip(rows, sizes, strict=True) if size for v in row[column.name][:size]]
            _cells(lists.values(column, len(rows)), column, items, texts)
    columns.texts = texts.known
    return columns


class _Texts:
    """The batch's dictionary of texts."""

    def __init__(self) -> None:
        self.known = [""]
        self._codes = {"": 0}

    def code(self, text: str | None) -> int:
        """The number of a text."""
        if text is None:
            return 0
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self.known)
            self.known.append(text)
        return code


def _put(columns: Columns, column: Column, values: list[Any], texts: _Texts) -> None:
    if column.kind == "bytes16":
        lane, _ = columns.lane_at(column.name) or (0, 0)
        columns.lane[lane, : columns.rows] = [0 if v is None else min(16, len(v)) for v in values]
        values = [v and v[:16].ljust(16, b"\0") for v in values]
    _cells(columns.values(column.name), column, values, texts)


def _cells(cells: Any, column: Column, values: list[Any], texts: _Texts) -> None:
    slab = column.of.slab
    if slab == "code":
        cells[:] = [texts.code(v) for v in values]
    elif slab == "b16":
        empty = bytes(16)
        whole = b"".join([v or empty for v in values])
        cells[:] = np.frombuffer(whole, np.uint8).reshape(-1, 16)
    elif column.kind in ("time", "seconds"):
        cells.view(np.int64)[:] = [v or 0 for v in values]
    else:
        cells[:] = [v or 0 for v in values]
