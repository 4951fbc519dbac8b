"""Rows of conversations as dictionaries, and the packets that they count, for the tests."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.column import Column, Record
from pipeline.schema.columns import Columns
from pipeline.schema.flows import FLOW_STATES

Row = dict[str, Any]


def _value(columns: Columns, column: Column, row: int) -> Any:
    cell = columns.values(column.name)[row]
    if column.kind == "enum":
        return column.names[int(cell)]
    if column.of.slab == "code":
        return columns.texts[int(cell)]
    if column.kind == "ipv6":
        return str(ipaddress.IPv6Address(bytes(cell)))
    if column.kind == "ipv4":
        return str(ipaddress.IPv4Address(int(cell)))
    if column.kind in ("time", "seconds"):
        return int(np.uint64(cell).astype(np.int64))
    return int(cell)


def rows_of(columns: Columns, record: Record, names: tuple[str, ...] | None = None) -> Iterator[Row]:
    """Each row's values by column, those without a value left out; times are ns."""
    wanted = [c for c in record.stored if c.of.slab not in ("const", "raw") and (names is None or c.name in names)]
    present = {c.name: columns.present(c.name) for c in wanted}
    for row in range(columns.rows):
        yield {
            c.name: _value(columns, c, row) for c in wanted if (p := present[c.name]) is None or p[row]
        }


def whole_rows_of(columns: Columns) -> Iterator[Row]:
    """Each row's values with its lists, those that are empty left out."""
    yield from (row | items for row, items in zip(rows_of(columns, columns.record), _lists(columns), strict=True))


def _lists(columns: Columns) -> Iterator[Row]:
    for row in range(columns.rows):
        found: Row = {}
        for name, lists in columns.lists.items():
            first, end = int(lists.offsets[row]), int(lists.offsets[row + 1])
            for column in columns.record.by_name.values():
                if column in lists.group.columns and end > first:
                    cells = lists.values(column, columns.rows)[first:end]
                    coded = column.of.slab == "code"
                    found[column.name] = [columns.texts[int(c)] if coded else _plain(c) for c in cells]
            assert name == lists.group.name
        yield found


def _plain(cell: Any) -> Any:
    return bytes(cell) if getattr(cell, "shape", ()) else int(cell)


_SEEN = (
    "frame.number", "frame.time", "frame.len", "ip.src", "ipv6.src", "ip.ttl", "ipv6.hlim", "tcp.srcport", "tcp.stream",
    "tcp.len", "tcp.flags", "tcp.window_size", "shoal.tcp.analysis", "tcp.analysis.ack_rtt", "tcp.analysis.rto",
    "tcp.analysis.bytes_in_flight", "tcp.analysis.initial_rtt", "tcp.options.mss_val",
    "shoal.tcp.cause", "tcp.seq",
)


@dataclass
class Told:
    """What came of a capture: every row of conversations, in order, and its packets."""

    rows: list[Row] = field(default_factory=list)
    packets: list[Row] = field(default_factory=list)

    @property
    def newest(self) -> list[Row]:
        """The newest row of each conversation, in the order of their first frames."""
        newest: dict[int, Row] = {}
        for row in self.rows:
            newest[row["shoal.first_frame"]] = row
        return [newest[first] for first in sorted(newest)]


def told(path: Path, batch_rows: int = 4096, packets: bool = False) -> Told:
    """The capture through the engine."""
    found = Told()
    engine = Engine(lambda columns: found.rows.extend(rows_of(columns, FLOW_STATES)))
    columns = Columns(PACKETS, batch_rows)
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            if packets:
                found.packets.extend(rows_of(columns, PACKETS, _SEEN))
    engine.finish()
    return found
