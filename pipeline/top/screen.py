"""A frame of `shoal top`: what was asked of the database, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.render.terminal import shown
from pipeline.schema.times import SECOND, read_time, spoken, utc
from pipeline.top.rows import SORTS, Sensor, Service, View, by_severity

_STYLES = {"critical": "bold red", "warning": "yellow", "info": "", "silent": "bold red", "ended": "dim"}
_LEAST_ROWS = 3
_LAST_COLUMN = 24
"""So many characters of the last column tell something."""
KEYS = "q quit   s sort   p pause"
_BAD_SHARE = 0.02
"""Resent segments of a service that has more than this are seen by its users."""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the rows: the database, the clock (ns), and what is amiss."""

    db: str
    clock: int
    live: bool = True
    paused: bool = False
    error: str = ""
    keys: str = KEYS


def frame(view: View, around: Around, width: int, height: int = 0) -> RenderableType:
    """The frame, in so many columns and at most `height` lines; 0 for as many as it takes."""
    sensors, services, alerts = _room((len(view.sensors), len(view.services), len(view.alerts)), height)
    # Ages run on while nothing new is there.
    at = around.clock if around.live and not around.paused else view.at
    parts: list[RenderableType] = [
        _head(view, around),
        _sensors(view.sensors[:sensors], len(view.sensors), at, width),
        _services(view.services[:services], len(view.services), view.sort, width),
        _alerts(view, alerts, at, width),
    ]
    if around.keys:
        parts.append(Text(around.keys, style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _room(wanted: Sequence[int], height: int) -> list[int]:
    """How many rows each of the three tables gets of `height` lines: what it wants, if others leave it that."""
    if not height:
        return list(wanted)
    # Two lines of head, one of keys, and of each table an empty line and its headings.
    left = max(height - 3 - 2 * len(wanted), _LEAST_ROWS)
    given = [0] * len(wanted)
    while left > 0 and given != list(wanted):
        for number, most in enumerate(wanted):
            if given[number] < most and left > 0:
                given[number] += 1
                left -= 1
    return given


def _head(view: View, around: Around) -> RenderableType:
    silent = sum(one.state == "silent" for one in view.sensors)
    live = [one for one in view.sensors if one.state != "silent"]
    totals = [
        f"{len(view.sensors)} sensors" + (f" ({silent} silent)" if silent else ""),
        f"{_rate(_sum(one.packets for one in live))} packets/s", f"{_rate(_sum(one.bytes for one in live))} bytes/s",
        f"{_rate(_sum(one.dropping for one in live))} dropped/s",
    ]
    open_ones = ", ".join(f"{count} {name}" for name, count in by_severity(view.alerts).items())
    totals.append(f"alerts: {open_ones or 'none'}")
    first = Text(no_wrap=True, overflow="ellipsis")
    first.append("shoal top", "bold").append(f"  {shown(around.db)}  {utc(view.at)} UTC")
    if around.paused:
        first.append("  paused", "bold yellow")
    if around.error:
        first.append(f"  {shown(around.error)}", "bold red")
    return Group(first, Text("  ".join(totals), no_wrap=True, overflow="ellipsis"))


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _rate(value: float | None) -> str:
    """A number in up to three digits and a unit: `0`, `0.25`, `999`, `1.2k`, `12M`."""
    if value is None:
        return "-"
    if 0 < abs(value) < 9.95:
        return f"{value:.2g}"
    for unit in "", "k", "M", "G":
        if abs(value) < 999.5:
            return f"{value:.1f}{unit}" if unit and abs(value) < 9.95 else f"{value:.0f}{unit}"
        value /= 1000
    return f"{value:.0f}T"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its heading, whether it is of numbers, and which columns go first where the terminal is narrow: those
    of the greatest `spare`; 0 stays."""

    heading: str
    right: bool = False
    spare: int = 0


def _table(columns: Sequence[_Column], rows: Sequence[Sequence[Text]], width: int, none: str) -> RenderableType:
    """A table without lines, in as many of its columns as fit; the last is cut where it must."""
    wide = [max(len(c.heading), *(row[n].cell_len for row in rows), 0) for n, c in enumerate(columns)]
    wide[-1] = min(wide[-1], _LAST_COLUMN)
    kept = set(range(len(columns)))
    while sum(wide[n] + 1 for n in kept) > width and (spare := max(kept, key=lambda n: columns[n].spare)):
        if not columns[spare].spare:
            break
        kept.remove(spare)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="reverse", expand=True)
    for n in sorted(kept):
        table.add_column(columns[n].heading, justify="right" if columns[n].right else "left", no_wrap=True,
                         overflow="ellipsis", ratio=1 if n == max(kept) else None)
    for row in rows:
        table.add_row(*(row[n] for n in sorted(kept)))
    if not rows:
        table.add_row(_cell(none, "dim"))
    return Group("", table)


def _left_out(shown_rows: int, of: int) -> str:
    return f" (of {of})" if shown_rows < of else ""


def _cell(value: object, style: str = "") -> Text:
    return Text(shown(value), style=style)


def _share(value: float | None) -> Text:
    if value is None:
        return _cell("-")
    return _cell(f"{value:.1%}", "bold red" if value > _BAD_SHARE else "")


def _sensors(sensors: list[Sensor], of: int, at: int, width: int) -> RenderableType:
    columns = (
        _Column(f"SENSOR{_left_out(len(sensors), of)}"), _Column("STATE"), _Column("HEARD", True, 2),
        _Column("WINDOW", True, 3), _Column("PACKETS/S", True), _Column("BYTES/S", True, 4),
        _Column("DROPPED/S", True, 1), _Column("DROPPED", True, 7), _Column("RING", True, 6),
        _Column("RESENT", True, 5), _Column("INTERFACE", spare=8),
    )
    rows = [
        (_cell(one.name), _cell(one.state or "-", _STYLES.get(one.state, "")), _age(one.heard, at),
         _age(one.window, at), _cell(_rate(one.packets)), _cell(_rate(one.bytes)),
         _cell(_rate(one.dropping), "bold red" if one.dropping else ""),
         _cell("-" if one.dropped is None else f"{one.dropped:,}"),
         _cell("-" if one.ring is None else f"{one.ring}%"), _share(one.resent),
         _cell(one.interfaces or one.capture))
        for one in sensors
    ]
    return _table(columns, rows, width, "none")


def _age(ns: int | None, at: int) -> Text:
    return _cell("-" if ns is None else spoken((at - ns) // SECOND * SECOND))


def _services(services: list[Service], of: int, sort: str, width: int) -> RenderableType:
    columns = (
        _Column(f"SERVICE, by {SORTS[sort][1]}{_left_out(len(services), of)}"), _Column("RESENT", True),
        _Column("SEGMENTS", True, 3), _Column("PACKETS/S", True, 4), _Column("BYTES/S", True, 2),
        _Column("RTT", True, 1), _Column("RESETS", True, 6), _Column("UNANSWERED", True, 5),
        _Column("SENSOR", spare=7),
    )
    rows = []
    for one in services:
        host = f"[{one.host}]" if ":" in one.host else one.host
        name = f"{host}:{one.port}" + ("" if one.proto == 6 else " udp" if one.proto == 17 else f" {one.proto}")
        rows.append((
            _cell(name), _share(one.resent), _cell(f"{one.segments:,}"), _cell(_rate(one.packets)),
            _cell(_rate(one.bytes)), _cell("-" if one.rtt is None else f"{one.rtt * 1000:.3g} ms"),
            _cell(f"{one.resets:,}"), _share(one.unanswered), _cell(one.sensor),
        ))
    return _table(columns, rows, width, "none with enough traffic")


def _alerts(view: View, room: int, at: int, width: int) -> RenderableType:
    alerts = view.alerts[:room]
    columns = (
        _Column(f"ALERT{_left_out(len(alerts), len(view.alerts))}"), _Column("OPEN FOR", True, 3),
        _Column("SEVERITY"), _Column("RULE", spare=1), _Column("ENTITY"), _Column("SENSOR", spare=2),
        _Column("SAID", spare=4),
    )
    rows = []
    for one in alerts:
        marks = [word for word in ("past", "acknowledged", "silenced") if one[f"shoal.alert.{word}"]]
        severity = one["shoal.alert.severity"]
        rows.append((
            _cell(one["shoal.alert.id"][:8]), _age(read_time(one["shoal.alert.opened"]), at),
            _cell(", ".join((severity, *marks)), "dim" if marks else _STYLES[severity]),
            _cell(one["shoal.alert.rule"]), _cell(one["shoal.alert.entity"]), _cell(one["sensor"]),
            _cell(one["shoal.alert.said"]),
        ))
    return _table(columns, rows, width, "none open")
