"""What a merger would tell of conversations that are given by hand: parts, and windows of their entities."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.detect.rules.entities import NOBODY, cell
from pipeline.engine.exchanges.rows import fill
from pipeline.engine.windows.bundle import Closed, WindowTick
from pipeline.schema.columns import Columns
from pipeline.schema.windows import BY_NAME, KINDS, PARTS, WINDOWS

SECOND = 10**9
BEGIN = 1_700_000_040 * SECOND
"""Begin of the first window: a multiple of 10 and of 60 seconds."""


@dataclass(frozen=True)
class Talk:
    """A conversation in window `window` (a number from 0), told at the tick behind it, or `late` ticks later."""

    window: int
    client: str
    server: str
    port: int = 443
    segments: int = 0
    resent: int = 0
    client_port: int = 40_000
    late: int = 0
    counts: tuple[tuple[str, int], ...] = ()
    odd: tuple[tuple[int, int], ...] = ()

    @property
    def tick(self) -> int:
        """Number of the tick at which it is told."""
        return self.window + 1 + self.late

    def counted(self) -> dict[str, int]:
        """Counts by their names."""
        return {"shoal.segments": self.segments, "shoal.resent": self.resent, "shoal.packets": 2 * self.segments,
                **dict(self.counts)}


@dataclass
class Told:
    """Ticks from the first to the last, and what is told at them."""

    talks: Sequence[Talk]
    ticks: int
    drops: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Window to how many frames the sensor dropped in it, and how many ticks later that is told."""

    def closed(self, first: int = 1, last: int = 0, ends: bool = False) -> Closed:
        """What is told at the ticks `first` to `last`."""
        last = last or self.ticks
        ticks: list[WindowTick] = [(n, 100 * n, BEGIN + (10 * n + 1) * SECOND, 0) for n in range(first, last + 1)]
        rows = sorted((row for n in range(first, last + 1) for row in self._windows(n)), key=lambda row: row["tick"])
        windows = fill(WINDOWS, rows)
        parts = self._parts(first, last)
        return Closed(tuple(ticks), windows, np.array([row["tick"] for row in rows], np.uint32), parts, (), ends,
                      [self._parts(1, last)])

    def _parts(self, first: int, last: int) -> Columns:
        talks = sorted((t for t in self.talks if first <= t.tick <= last), key=lambda talk: talk.tick)
        return fill(PARTS, [_part(talk) for talk in talks])

    def _windows(self, tick: int) -> list[dict[str, Any]]:
        """Rows of all entities of which something is told at the tick, with all that is known of them by then."""
        touched = {t.window for t in self.talks if t.tick == tick}
        touched |= {w for w, (_, late) in self.drops.items() if w + 1 + late == tick}
        rows: list[dict[str, Any]] = []
        for window in sorted(touched):
            known = [t for t in self.talks if t.window == window and t.tick <= tick]
            sums: dict[tuple[int, bytes, bytes, int, int], dict[str, int]] = {}
            for talk in known:
                for entity in _entities(talk):
                    found = sums.setdefault(entity, {})
                    for name, count in talk.counted().items():
                        found[name] = found.get(name, 0) + count
            dropped, late = self.drops.get(window, (0, 0))
            if dropped and window + 1 + late <= tick:
                sums.setdefault((KINDS.index("sensor"), NOBODY, NOBODY, 0, 0), {})["shoal.dropped"] = dropped
            for (kind, host, peer, proto, port), counts in sorted(sums.items()):
                rows.append({
                    "shoal.window.time": BEGIN + 10 * window * SECOND, "shoal.window.seconds": 10,
                    "shoal.window.kind": kind, "shoal.window.host": host, "shoal.window.peer": peer,
                    "shoal.window.proto": proto, "shoal.window.port": port, "shoal.window.pass": 0,
                    "shoal.window.version": tick, "tick": tick, **counts,
                })
        return rows


def _entities(talk: Talk) -> Iterable[tuple[int, bytes, bytes, int, int]]:
    client, server = cell(talk.client), cell(talk.server)
    yield (KINDS.index("sensor"), NOBODY, NOBODY, 0, 0)
    yield (KINDS.index("host"), client, NOBODY, 0, 0)
    yield (KINDS.index("host"), server, NOBODY, 0, 0)
    yield (KINDS.index("service"), server, NOBODY, 6, talk.port)
    yield (KINDS.index("pair"), min(client, server), max(client, server), 0, 0)


def _part(talk: Talk) -> dict[str, Any]:
    counts = {
        (f"shoal.b.{BY_NAME[name].bare}" if BY_NAME[name].split else name): count
        for name, count in talk.counted().items()
    }
    return {
        "shoal.window.tick": talk.tick, "shoal.window.time": BEGIN + 10 * talk.window * SECOND, "ip.proto": 6,
        "shoal.a.address": cell(talk.client), "shoal.b.address": cell(talk.server), "shoal.a.port": talk.client_port,
        "shoal.b.port": talk.port, "shoal.server": 2,
        "shoal.flow_id": zlib.crc32(f"{talk.client} {talk.client_port} {talk.server}".encode()),
        "shoal.odd.time": [time for time, _ in talk.odd], "shoal.odd.resent": [resent for _, resent in talk.odd],
        **counts,
    }


def rows(columns: Columns | None) -> list[dict[str, Any]]:
    """Rows of `ALERT_STATES`, with texts as such."""
    if columns is None:
        return []
    found: list[dict[str, Any]] = []
    for at in range(columns.rows):
        row: dict[str, Any] = {}
        for column in columns.record.columns:
            if column.kind in ("label", "day"):
                continue
            value = columns.values(column.name)[at]
            there = columns.present(column.name)
            if there is not None and not there[at]:
                value = None
            elif column.kind in ("string", "text"):
                value = columns.texts[int(value)]
            elif column.kind == "enum":
                value = column.names[int(value)]
            else:
                value = value.tobytes() if column.kind == "ipv6" else int(value)
            row[column.name.removeprefix("shoal.alert.")] = value
        flows = columns.lists["flows"]
        first, last = int(flows.offsets[at]), int(flows.offsets[at + 1])
        for column in flows.group.columns:
            items = flows.values(column, columns.rows)[first:last].tolist()
            row[column.name] = [columns.texts[item] for item in items] if column.kind == "string" else items
        found.append(row)
    return found
