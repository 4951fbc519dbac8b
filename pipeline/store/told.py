"""What a process tells of itself, as rows: dictionaries by the names of the columns, as collectors send them in JSON.

Texts are strings, values of an enumeration its words, all else whole numbers: times and durations in nanoseconds.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from pipeline.schema.column import Record
from pipeline.schema.days import day_of
from pipeline.store.store import Store

_NS_A_DAY = 86_400 * 10**9
_FIRST_TIME = -25_567 * _NS_A_DAY


def timestamp(ns: int) -> str:
    """A time as ClickHouse reads it, within what DateTime64(9) can say (from 1900; int64 ends it in 2262)."""
    seconds, rest = divmod(max(ns, _FIRST_TIME), 10**9)
    return f"{datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)}.{rest:09d}"


def insert_told(store: Store, record: Record, row: Mapping[str, Any], day_by: str = "") -> None:
    """Store one row. `day_by` is the column of times that tells `shoal.day`. Raises StoreError."""
    told = dict(row)
    if day_by:
        told["shoal.day"] = day_of(row[day_by]).isoformat()
    for column in record.columns:
        if column.name in told and column.kind == "time":
            told[column.name] = timestamp(told[column.name])
        elif column.name in told and column.kind == "seconds":
            told[column.name] = f"{told[column.name] / 1e9:.9f}"
    store.insert_rows(record.name, [told])
