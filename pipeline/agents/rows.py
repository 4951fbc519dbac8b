"""A few rows given as dictionaries, as `Columns`: heartbeats, dead letters, parts of checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.schema.column import Column, Record
from pipeline.schema.columns import Columns

_BITS = {"u8": 8, "bool": 1, "u16": 16, "u32": 32, "u64": 64, "time": 63, "seconds": 59}
_SIGNED = frozenset({"time", "seconds"})
_MOST_TEXT = 65_536


def columns_of(record: Record, rows: Sequence[Mapping[str, Any]]) -> Columns:
    """The rows as a batch of `record`, without labels and without `raw` bytes; a column that a row lacks is empty.

    Numbers are integers (times and durations in ns), texts are `str`, values of an enumeration its names. Raises
    ValueError for a value that the column can't hold.
    """
    columns = Columns(record, len(rows))
    columns.rows = len(rows)
    columns.texts = [""]
    for column in record.stored:
        if column.of.slab in ("const", "raw"):
            continue
        given = [row.get(column.name) for row in rows]
        cells = [0 if value is None else _cell(column, value, columns.texts) for value in given]
        columns.values(column.name)[:] = np.array(cells, np.int64 if column.kind in _SIGNED else np.uint64).view(
            np.uint64
        )
        if column.lane:
            columns.set_lane(column.lane, np.array([value is not None for value in given], np.bool_))
    return columns


def _cell(column: Column, value: Any, texts: list[str]) -> int:
    if column.kind in ("text", "string"):
        if not isinstance(value, str) or len(value) > _MOST_TEXT:
            raise ValueError(f"{column.name} is no text, or a very long one")
        texts.append(value)
        return len(texts) - 1
    if column.kind == "enum":
        if value not in column.names:
            raise ValueError(f"{column.name} is none of {', '.join(column.names)}")
        return column.names.index(value)
    bits = _BITS[column.kind]
    if not isinstance(value, int) or not (-(1 << bits) if column.kind in _SIGNED else 0) <= value < 1 << bits:
        raise ValueError(f"{column.name} is no number that fits")
    return int(value)
