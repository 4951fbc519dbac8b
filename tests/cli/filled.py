"""Rows of windows, alerts, events and heartbeats, as tests of the commands that show them want them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.column import Record
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.sensors import SENSORS
from pipeline.schema.windows import WINDOWS
from pipeline.store.connect import connect
from pipeline.store.migrate import migrate
from pipeline.store.told import insert_told

SECOND = 10**9
Row = tuple[Record, dict[str, Any]]
_DAY_BY = {
    "alert_states": "shoal.alert.opened", "event_states": "shoal.event.time", "window_states": "shoal.window.time",
    "sensors": "shoal.time", "delivery_states": "shoal.delivery.time",
}


def fill(path: Path, rows: Iterable[Row]) -> Path:
    """Makes the database, or adds to it."""
    with connect(str(path), create=True) as database:
        migrate(database)
        for record, row in rows:
            insert_told(database, record, row, _DAY_BY.get(record.name, ""))
    return path


def alert(id: str, opened: int, **changed: Any) -> Row:
    """A state of an alert, opened at a time in ns; `changed` are columns without `shoal.alert.`."""
    row: dict[str, Any] = {"sensor": "roof", "capture": "run-1"} | {f"shoal.alert.{k}": v for k, v in {
        "id": id, "version": 1, "rule": "retransmission-spike", "state": "open", "severity": "warning",
        "opened": opened, "begins": opened - 10 * SECOND, "ends": opened, "kind": "service",
        "entity": "192.0.2.1:443", "host": "::ffff:192.0.2.1", "proto": 6, "port": 443,
        "said": "5.0% of 280 segments were sent again", "filter": "tcp.port == 443", "sql": "SELECT 1",
        "counts": "{}", "members": "[]",
    }.items()}
    for name, value in changed.items():
        row[name if name in ("sensor", "capture") or "." in name else f"shoal.alert.{name}"] = value
    return ALERT_STATES, row


def event(name: str, time: int, **changed: Any) -> Row:
    """An event at a time in ns; `changed` are columns without `shoal.event.`."""
    row: dict[str, Any] = {"sensor": "roof", "capture": "run-1"} | {f"shoal.event.{k}": v for k, v in {
        "frame": 7, "time": time, "name": name, "count": 1, "severity": "info", "last_time": time,
    }.items()}
    for key, value in changed.items():
        row[key if key in ("sensor", "capture") else f"shoal.event.{key}"] = value
    return EVENT_STATES, row


def window(kind: str, begins: int, seconds: int = 10, **changed: Any) -> Row:
    """A window that begins at a time in ns; `changed` are columns without `shoal.` and with `__` for points."""
    row: dict[str, Any] = {
        "sensor": "roof", "capture": "run-1", "shoal.window.time": begins, "shoal.window.seconds": seconds,
        "shoal.window.kind": kind, "shoal.window.host": "::", "shoal.window.peer": "::", "shoal.window.version": 1,
    }
    for key, value in changed.items():
        row[key if key in row else f"shoal.{key.replace('__', '.')}"] = value
    return WINDOWS, row


def heartbeat(time: int, **changed: Any) -> Row:
    """A heartbeat at a time in ns; `changed` are columns without `shoal.` and with `__` for points."""
    row: dict[str, Any] = {
        "sensor": "roof", "capture": "run-1", "shoal.time": time, "frame.interface_name": "eth0",
        "shoal.state": "running", "shoal.version": "1",
    }
    for key, value in changed.items():
        row[key if key in ("sensor", "capture") else
            "frame.interface_name" if key == "interface" else f"shoal.{key.replace('__', '.')}"] = value
    return SENSORS, row
