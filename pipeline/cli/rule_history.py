"""Windows out of a database, as a merger told them once: for trying rules on what is stored.

A database has windows and no conversations. Pairs of hosts stand in their place, so entities are grouped by hosts
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.rules import Rules
from pipeline.engine.windows.bundle import Closed, WindowTick
from pipeline.schema.column import Column
from pipeline.schema.columns import Columns
from pipeline.schema.ddl import literal, quote
from pipeline.schema.windows import COUNTS, KINDS, PARTS, WINDOWS
from pipeline.store.database import Database
from pipeline.store.remote import Remote

SECOND = 10**9
SLICE_SECONDS = 1800
"""Windows of so much time are held at once."""
_KEYS = ("shoal.window.time", "shoal.window.seconds", "shoal.window.kind", "shoal.window.host", "shoal.window.peer",
         "shoal.window.proto", "shoal.window.port", "shoal.window.pass")
_TYPES = {"u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "enum": "u1", "ipv6": "V16", "time": "<i8",
          "seconds": "<f8"}
# What is missing has a place of its own among the values.
_MISSING = -1.0


def captures(database: Database | Remote, since: int, until: int, sensor: str) -> list[dict[str, Any]]:
    """Of each capture with windows that end between these times (ns): `sensor`, `capture`, `begin` and `end` (ns)."""
    wanted = [_within(since, until)] + ([f"sensor = {literal(sensor)}"] if sensor else [])
    return database.rows(
        "SELECT sensor, capture, toUnixTimestamp64Nano(min(`shoal.window.time`)) AS begin,"
        f" toUnixTimestamp64Nano(max({_END})) AS end FROM windows WHERE {' AND '.join(wanted)}"
        " GROUP BY sensor, capture ORDER BY begin, sensor, capture"
    )


_END = "addSeconds(`shoal.window.time`, `shoal.window.seconds`)"


def _within(since: int, until: int) -> str:
    return (f"{_END} > fromUnixTimestamp64Nano(toInt64({since}), 'UTC')"
            f" AND {_END} <= fromUnixTimestamp64Nano(toInt64({until}), 'UTC')")


def history(
    database: Database | Remote, capture: dict[str, Any], rules: Rules, since: int, until: int
) -> Iterator[Closed]:
    """What is told of the windows of `capture` that end between the times, slice after slice."""
    names = _needed(rules)
    begin, end = max(since, capture["begin"]), min(until, capture["end"])
    passes = database.rows(
        f"SELECT DISTINCT `shoal.window.pass` AS turn FROM windows WHERE sensor = {literal(capture['sensor'])}"
        f" AND capture = {literal(capture['capture'])} AND {_within(since, until)} ORDER BY turn"
    )
    number = 0
    flows: list[Columns] = []
    for turn in (row["turn"] for row in passes):
        for at in range(begin, end, SLICE_SECONDS * SECOND):
            cells = _cells(database, capture, turn, names, at, min(end, at + SLICE_SECONDS * SECOND))
            if len(cells):
                closed = _closed(cells, names, turn, number, flows)
                flows = [closed.parts]
                number += len(closed.ticks)
                yield closed


def _needed(rules: Rules) -> tuple[Column, ...]:
    names = {c.name for c in WINDOWS.columns if c.name in _KEYS} | {count.name for count in COUNTS}
    names |= {name for rule in rules for name in rule.columns}
    names |= {name for rule in rules for of in (*rule.unless, *rule.unless_sensor) for name in of.left.columns}
    return tuple(column for column in WINDOWS.columns if column.name in names)


def _select(column: Column) -> str:
    name = quote(column.name)
    if column.kind == "time":
        return f"toUnixTimestamp64Nano({name})"
    if column.kind == "enum":
        return f"toUInt8({name})"
    return f"ifNull(toFloat64({name}), {_MISSING})" if column.kind == "seconds" else name


def _cells(
    database: Database | Remote, capture: dict[str, Any], turn: int, names: Iterable[Column], since: int, until: int
) -> NDArray[Any]:
    """The windows that end between the times, in the order in which they end."""
    kind = np.dtype([(column.name, _TYPES[column.kind]) for column in names])
    sql = (
        f"SELECT {', '.join(map(_select, names))} FROM windows WHERE sensor ="
        f" {literal(capture['sensor'])} AND capture = {literal(capture['capture'])}"
        f" AND `shoal.window.pass` = {turn} AND {_within(since, until)}"
        f" ORDER BY {_END}, `shoal.window.seconds`, `shoal.window.kind`, `shoal.window.host`, `shoal.window.peer`,"
        " `shoal.window.proto`, `shoal.window.port`"
    )
    return np.frombuffer(b"".join(database.stream(sql, "RowBinary")), kind)


def _closed(
    cells: NDArray[Any], names: Iterable[Column], turn: int, number: int, flows: list[Columns]
) -> Closed:
    windows = Columns(WINDOWS, len(cells))
    windows.rows = len(cells)
    for column in names:
        given = cells[column.name]
        if column.kind == "seconds":
            windows.values(column.name)[:] = np.where(given < 0, 0, np.rint(given * SECOND)).astype(np.uint64)
            if column.lane:
                windows.set_lane(column.lane, given >= 0)
        elif column.kind == "ipv6":
            windows.values(column.name)[:] = np.frombuffer(given.tobytes(), np.uint8).reshape(-1, 16)
        elif column.kind == "time":
            windows.values(column.name).view(np.int64)[:] = given
        else:
            windows.values(column.name)[:] = given
    ends = cells["shoal.window.time"] + cells["shoal.window.seconds"].astype(np.int64) * SECOND
    distinct = np.unique(ends)
    ticks: list[WindowTick] = [(number + 1 + k, 0, end, turn) for k, end in enumerate(distinct.tolist())]
    tick = (np.searchsorted(distinct, ends) + number + 1).astype(np.uint32)
    parts = _pairs(cells, tick)
    return Closed(tuple(ticks), windows, tick, parts, flows=[*flows, parts])


def _pairs(cells: NDArray[Any], tick: NDArray[np.uint32]) -> Columns:
    """Windows of pairs in the form of parts."""
    size = cells["shoal.window.seconds"].min()
    mine = np.flatnonzero((cells["shoal.window.kind"] == KINDS.index("pair")) & (cells["shoal.window.seconds"] == size))
    parts = Columns(PARTS, len(mine))
    parts.rows = len(mine)
    parts.values("shoal.window.tick")[:] = tick[mine]
    parts.values("shoal.window.time").view(np.int64)[:] = cells["shoal.window.time"][mine]
    for side, name in (("a", "host"), ("b", "peer")):
        given = cells[f"shoal.window.{name}"][mine]
        parts.values(f"shoal.{side}.address")[:] = np.frombuffer(given.tobytes(), np.uint8).reshape(-1, 16)
    for count in COUNTS:
        parts.values(f"shoal.a.{count.bare}" if count.split else count.name)[:] = cells[count.name][mine]
    return parts
