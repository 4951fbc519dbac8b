"""A frame of `shoal top`: what was asked of the database, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.cli.listing import shown
from pipeline.cli.times import SECOND, read_time, spoken, utc
from pipeline.top.rows import SORTS, Sensor, Service, View, by_severity

_STYLES = {"critical": "bold red", "warning": "yellow", "info": "", "silent": "bold red", "ended": "dim"}
_LEAST_ROWS = 3
KEYS = "q quit   s sort   p pause"
_BAD_SHARE = 0.02
"""Resent segments of a service that has more than this are seen by its users."""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the rows: the database, the clock (ns), what services are sorted by, and what is amiss."""

    db: str
    clock: int
    sort: str
    live: bool = True
    paused: bool = False
    error: str = ""
    keys: str = KEYS


def frame(view: View, around: Around, height: int = 0) -> RenderableType:
    """The frame, in at most `height` lines; 0 for as many as it takes."""
    sensors, services, alerts = _room((len(view.sensors), len(view.services), len(view.alerts)), height)
    # Ages run on while nothing new is asked.
    at = around.clock if around.live else view.at
    parts: list[RenderableType] = [
        _head(view, around),
        _sensors(view.sensors[:sensors], len(view.sensors), at),
        _services(view.services[:services], len(view.services), around.sort),
        _alerts(view, alerts, at),
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


def _table(columns: Sequence[tuple[str, bool]]) -> Table:
    """A table without lines; of each column the heading, and whether it is of numbers."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="reverse", expand=True)
    for number, (heading, right) in enumerate(columns):
        table.add_column(heading, justify="right" if right else "left", no_wrap=True, overflow="ellipsis",
                         ratio=1 if number == len(columns) - 1 else None)
    return table


def _left_out(shown_rows: int, of: int) -> str:
    return f" (of {of})" if shown_rows < of else ""


def _cell(value: object, style: str = "") -> Text:
    return Text(shown(value), style=style)


def _share(value: float | None) -> Text:
    if value is None:
        return _cell("-")
    return _cell(f"{value:.1%}", "bold red" if value > _BAD_SHARE else "")


def _sensors(sensors: list[Sensor], of: int, at: int) -> RenderableType:
    table = _table((
        (f"SENSOR{_left_out(len(sensors), of)}", False), ("STATE", False), ("HEARD", True), ("WINDOW", True),
        ("PACKETS/S", True), ("BYTES/S", True), ("DROPPED/S", True), ("DROPPED", True), ("RING", True),
        ("RESENT", True), ("INTERFACE", False),
    ))
    for one in sensors:
        table.add_row(
            _cell(one.name), _cell(one.state or "-", _STYLES.get(one.state, "")), _age(one.heard, at),
            _age(one.window, at), _cell(_rate(one.packets)), _cell(_rate(one.bytes)),
            _cell(_rate(one.dropping), "bold red" if one.dropping else ""),
            _cell("-" if one.dropped is None else f"{one.dropped:,}"),
            _cell("-" if one.ring is None else f"{one.ring}%"), _share(one.resent),
            _cell(one.interfaces or one.capture),
        )
    if not sensors:
        table.add_row(_cell("none", "dim"))
    return Group("", table)


def _age(ns: int | None, at: int) -> Text:
    return _cell("-" if ns is None else spoken((at - ns) // SECOND * SECOND))


def _services(services: list[Service], of: int, sort: str) -> RenderableType:
    title = f"SERVICE, by {SORTS[sort][1]}{_left_out(len(services), of)}"
    table = _table((
        (title, False), ("RESENT", True), ("SEGMENTS", True), ("PACKETS/S", True), ("BYTES/S", True), ("RTT", True),
        ("RESETS", True), ("UNANSWERED", True), ("SENSOR", False),
    ))
    for one in services:
        host = f"[{one.host}]" if ":" in one.host else one.host
        name = f"{host}:{one.port}" + ("" if one.proto == 6 else " udp" if one.proto == 17 else f" {one.proto}")
        table.add_row(
            _cell(name), _share(one.resent), _cell(f"{one.segments:,}"), _cell(_rate(one.packets)),
            _cell(_rate(one.bytes)), _cell("-" if one.rtt is None else f"{one.rtt * 1000:.3g} ms"),
            _cell(f"{one.resets:,}"), _share(one.unanswered), _cell(one.sensor),
        )
    if not services:
        table.add_row(_cell("none with enough traffic", "dim"))
    return Group("", table)


def _alerts(view: View, room: int, at: int) -> RenderableType:
    alerts = view.alerts[:room]
    table = _table((
        (f"ALERT{_left_out(len(alerts), len(view.alerts))}", False), ("OPEN FOR", True), ("SEVERITY", False),
        ("RULE", False), ("ENTITY", False), ("SENSOR", False), ("SAID", False),
    ))
    for one in alerts:
        marks = [word for word in ("past", "acknowledged", "silenced") if one[f"shoal.alert.{word}"]]
        severity = one["shoal.alert.severity"]
        table.add_row(
            _cell(one["shoal.alert.id"][:8]), _age(read_time(one["shoal.alert.opened"]), at),
            _cell(", ".join((severity, *marks)), "dim" if marks else _STYLES[severity]),
            _cell(one["shoal.alert.rule"]), _cell(one["shoal.alert.entity"]), _cell(one["sensor"]),
            _cell(one["shoal.alert.said"]),
        )
    if not alerts:
        table.add_row(_cell("none open", "dim"))
    return Group("", table)
