"""What the watch does beside its sinks: sensors that fall silent, and packets that are pinned."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pipeline.detect.watch.pins import Pins, PinSettings, pin
from pipeline.detect.watch.silent import Silent, SilentSettings
from pipeline.schema.sensors import SENSORS
from pipeline.store.database import Database
from pipeline.store.told import insert_told, timestamp
from tests.watch.alert_rows import SECOND, alert, put

AT = (time.time_ns() // SECOND - 100) * SECOND


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def beat(database: Database, at: int, sensor: str = "north", state: str = "running", capture: str = "run-1") -> None:
    """A heartbeat of interface `tap 0`."""
    insert_told(database, SENSORS, {
        "sensor": sensor, "capture": capture, "shoal.time": at, "frame.interface_name": "tap 0", "shoal.state": state,
    }, "shoal.time")


def silences(database: Database) -> list[tuple[Any, ...]]:
    """Alerts of silent sensors: entity, state, version."""
    rows = database.rows(
        "SELECT `shoal.alert.entity` AS entity, toString(`shoal.alert.state`) AS state,"
        " `shoal.alert.version` AS version FROM alerts"
        " WHERE `shoal.alert.rule` = 'sensor-silent' ORDER BY `shoal.alert.opened`"
    )
    return [tuple(row.values()) for row in rows]


def go_on(silent: Silent, database: Database, clock: Clock, seconds: int) -> None:
    """So much time passes, with a look each two seconds."""
    for _ in range(seconds // 2):
        clock.now += 2
        silent.work(database)


@pytest.mark.parametrize("offset", [-3600, 0, 3600])
def test_a_sensor_falls_silent_and_is_back_whatever_its_clock_says(database: Database, offset: int) -> None:
    clock = Clock()
    silent = Silent(SilentSettings(limit=30), clock, every=0)
    at = time.time_ns() + offset * SECOND
    for step in range(5):
        beat(database, at + step * 20 * SECOND)
        go_on(silent, database, clock, 20)
    go_on(silent, database, clock, 10)
    assert silences(database) == []
    go_on(silent, database, clock, 6)
    assert silences(database) == [("north tap 0", "open", 1)]
    # Another watch, that goes on where the first was killed.
    again = Silent(SilentSettings(limit=30), clock, every=0)
    go_on(again, database, clock, 40)
    assert silences(database) == [("north tap 0", "open", 1)]
    beat(database, at + 400 * SECOND, capture="run-2")
    go_on(again, database, clock, 4)
    assert silences(database) == [("north tap 0", "closed", 2)]
    (event,) = database.rows("SELECT shoal.event.name AS name, shoal.event.entity AS entity FROM events")
    assert event == {"name": "sensor-silent", "entity": "north tap 0"}


def test_who_has_ended_or_is_long_gone_is_not_silent(database: Database) -> None:
    clock = Clock()
    silent = Silent(SilentSettings(limit=30, forget=24), clock, every=0)
    beat(database, time.time_ns() - 25 * 3600 * SECOND, "gone")
    beat(database, time.time_ns(), "ended", state="ended")
    beat(database, time.time_ns(), "lost")
    go_on(silent, database, clock, 40)
    assert silences(database) == [("lost tap 0", "open", 1)]
    # An end that comes late ends the alert too.
    beat(database, time.time_ns(), "lost", state="ended")
    go_on(silent, database, clock, 2)
    assert silences(database) == [("lost tap 0", "closed", 2)]


def test_while_the_database_was_away_nobody_was_silent(database: Database) -> None:
    clock = Clock()
    silent = Silent(SilentSettings(limit=30), clock, every=0)
    beat(database, time.time_ns())
    go_on(silent, database, clock, 2)
    clock.now += 300
    go_on(silent, database, clock, 10)
    assert silences(database) == []
    go_on(silent, database, clock, 30)
    assert len(silences(database)) == 1


def frames(database: Database, first: int, count: int, flow: int, size: int = 100, at: int = AT) -> None:
    """Frames of a flow, a millisecond apart."""
    database.insert_rows("packets", [
        {
            "sensor": "north", "capture": "run-1", "shoal.day": "2026-11-22", "frame.number": number,
            "frame.time": timestamp(at + number * 10**6), "shoal.flow_id": flow, "frame.len": size,
            "frame.raw": "x" * size, "shoal.mac.eth.src": 0x020304050607,
        }
        for number in range(first, first + count)
    ])


def pinned(database: Database) -> list[int]:
    """Numbers of the pinned frames, with copies."""
    return [row["n"] for row in database.rows("SELECT frame.number AS n FROM pinned_packets ORDER BY n")]


def spike(*flows: int, **given: Any) -> dict[str, Any]:
    """An alert that shows flows."""
    n = len(flows)
    worst = {"flow_id": list(flows), "flow": ["f"] * n, "resent": [1] * n, "segments": [9] * n}
    return alert(opened=AT + 10 * SECOND, **{f"worst.{name}": value for name, value in worst.items()}, **given)


def test_packets_of_the_worst_flows_are_pinned_once(database: Database) -> None:
    frames(database, 1, 10, flow=7)
    frames(database, 11, 10, flow=2**63 + 9)
    frames(database, 21, 10, flow=8)
    frames(database, 31, 1, flow=7, at=AT - 60 * SECOND)
    made = spike(2**63 + 9, 7)
    put(database, made)
    for _ in range(2):
        pin(database, made["shoal.alert.id"], PinSettings())
        assert pinned(database) == list(range(1, 21))
    # What comes later is pinned besides.
    frames(database, 41, 2, flow=7)
    pin(database, made["shoal.alert.id"], PinSettings())
    assert pinned(database) == [*range(1, 21), 41, 42]
    database.query("TRUNCATE TABLE packets")
    (row,) = database.rows(
        "SELECT any(frame.raw) AS raw, any(eth.src) AS src, any(shoal.alert.id) AS id,"
        " min(`shoal.day`) = today() AS day FROM pinned_packets"
    )
    assert row == {"raw": "x" * 100, "src": "02:03:04:05:06:07", "id": made["shoal.alert.id"], "day": 1}


def test_what_is_pinned_is_bounded(database: Database) -> None:
    frames(database, 1, 10, flow=7)
    frames(database, 11, 10, flow=9)
    of_rows, of_bytes = spike(9, 7), spike(9, 7, sensor="north", rule="other")
    put(database, of_rows, of_bytes)
    for _ in range(2):
        pin(database, of_rows["shoal.alert.id"], PinSettings(rows=12))
    # The worst flow is the first of the list.
    assert pinned(database) == [1, 2, *range(11, 21)]
    database.query("TRUNCATE TABLE pinned_packets")
    for _ in range(2):
        pin(database, of_bytes["shoal.alert.id"], PinSettings(bytes=3 * 500 + 499))
    assert pinned(database) == [11, 12, 13]


def test_the_watch_pins_what_alerts_show_and_what_comes_late(database: Database) -> None:
    log: list[str] = []
    pins = Pins(PinSettings(), log.append, again=(0.0, 0.0), every=0.0)
    put(database, spike(7), alert("nothing to show"))
    pins.work(database)
    assert pinned(database) == []
    frames(database, 1, 3, flow=7)
    pins.work(database)
    assert pinned(database) == [1, 2, 3]
    frames(database, 4, 3, flow=7)
    pins.work(database)
    assert pinned(database) == [1, 2, 3]
    put(database, spike(7, version=2))
    pins.work(database)
    assert pinned(database) == [1, 2, 3, 4, 5, 6]
    assert log == []


def test_over_the_budget_nothing_more_is_pinned(database: Database) -> None:
    log: list[str] = []
    frames(database, 1, 3, flow=7)
    put(database, spike(7))
    made = spike(7)
    pin(database, made["shoal.alert.id"], PinSettings())
    assert pinned(database) == [1, 2, 3]
    frames(database, 4, 3, flow=7)
    pins = Pins(PinSettings(budget=1), log.append, again=(0.0,), every=0.0)
    pins.work(database)
    pins.work(database)
    assert pinned(database) == [1, 2, 3]
    assert [line for line in log if "over their budget of 1 bytes" in line]
