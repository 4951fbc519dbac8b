"""What `shoal top` shows, asked of a database: sensors, services, alerts, as they were at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.detect.watch.query import alerts_select
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.ddl import quote
from pipeline.store.store import Store

SECOND = 10**9
SILENT_SECONDS = 20
"""Seconds without a heartbeat, of which there is one every five, after which a sensor counts as silent."""
GONE_SECONDS = 900
"""A sensor that ended, and one that never sent heartbeats (a file), is shown for so long."""
_BACK_SECONDS = 86_400
"""A silent sensor is shown for a day."""
_MOST = 100

SORTS: dict[str, tuple[str, str]] = {
    "resent": ("resent / segments", "share of segments sent again"),
    "bytes": ("bytes", "bytes"),
    "packets": ("packets", "packets"),
    "rtt": ("rtt", "round trip time"),
    "unanswered": ("unanswered / syns", "share of SYNs unanswered"),
}
"""What services can be sorted by, the greatest first: to the SQL, and the words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: the time in ns (None: the newest window's end), what services are sorted by, over how many
    seconds, how many segments or SYNs a service must have had in them, and whether alerts about files that were
    imported count."""

    at: int | None
    sort: str = "resent"
    over: int = 60
    least: int = 50
    past: bool = False


@dataclass(slots=True)
class Sensor:
    """A run of a sensor, or a file. Times in ns since 1970, rates a second; None where it isn't known."""

    name: str
    capture: str
    interfaces: str = ""
    state: str = ""
    heard: int | None = None
    window: int | None = None
    packets: float | None = None
    bytes: float | None = None
    dropping: float | None = None
    dropped: int | None = None
    resent: float | None = None
    ring: int | None = None


@dataclass(slots=True)
class Service:
    """A service in the last windows; rates a second, shares from 0 to 1, `rtt` in seconds; None where not known."""

    sensor: str
    host: str
    port: int
    proto: int
    packets: float
    bytes: float
    segments: int
    resent: float
    rtt: float | None
    resets: int
    unanswered: float | None


@dataclass(slots=True)
class View:
    """All that a frame shows, as it was at the time `at`; `sort` is what services are sorted by."""

    at: int
    sort: str
    sensors: list[Sensor]
    services: list[Service]
    alerts: list[dict[str, Any]]


def look(database: Store, asked: Asked) -> View:
    """Asks the database. Raises StoreError."""
    at = asked.at if asked.at is not None else newest(database)
    sensors = {(one.name, one.capture): one for one in _heard(database, at)}
    seconds = _windows(database, at, asked.over, sensors)
    found = [one for one in sensors.values() if _is_shown(one, at)]
    found.sort(key=lambda one: (one.state != "silent", -(one.dropping or 0), -(one.packets or 0), one.name))
    services = _services(database, at, asked, seconds) if seconds else []
    return View(at, asked.sort, found, services, _alerts(database, at, past=asked.past))


def newest(database: Store) -> int:
    """The end of the newest window that there is; 0 without one."""
    [row] = database.rows(
        f"SELECT toUnixTimestamp64Nano(max({_TIME})) AS at, argMax({_LONG}, {_TIME}) AS seconds FROM window_states"
        f" WHERE {_KIND} = 'sensor'"
    )
    return int(row["at"]) + int(row["seconds"]) * SECOND


_TIME, _LONG, _KIND = (quote(f"shoal.window.{name}") for name in ("time", "seconds", "kind"))


def _time(ns: int) -> str:
    return f"fromUnixTimestamp64Nano({max(ns, 0)}, 'UTC')"


def _heard(database: Store, at: int) -> list[Sensor]:
    """Sensors by their heartbeats of the last day; rates by those of the last minute."""
    span = f"`shoal.time` > {_time(at - _BACK_SECONDS * SECOND)} AND `shoal.time` <= {_time(at)}"
    found: dict[tuple[str, str], Sensor] = {}
    for row in database.rows(
        "SELECT sensor, capture, arrayStringConcat(arraySort(groupUniqArray(toString(`frame.interface_name`))), ', ')"
        " AS interfaces, argMax(`shoal.state`, `shoal.time`) AS state,"
        " toUnixTimestamp64Nano(max(`shoal.time`)) AS heard"
        f" FROM sensors WHERE {span} GROUP BY sensor, capture"
    ):
        silent = row["state"] != "ended" and at - row["heard"] > SILENT_SECONDS * SECOND
        found[row["sensor"], row["capture"]] = Sensor(
            row["sensor"], row["capture"], row["interfaces"], "silent" if silent else row["state"], row["heard"]
        )
    seen = "`shoal.frames.seen`"
    lost = "`shoal.frames.dropped_kernel` + `shoal.frames.dropped_spool`"
    # Counters run since the capture began, of each interface by itself.
    each = (
        f"SELECT sensor, capture, argMax({lost}, t) AS lost, argMax(`shoal.ring.fill`, t) AS fill,"
        f" toUnixTimestamp64Nano(max(t)) - toUnixTimestamp64Nano(min(t)) AS span,"
        f" (argMax({seen}, t) - argMin({seen}, t)) * {SECOND} / span AS came,"
        f" (argMax({lost}, t) - argMin({lost}, t)) * {SECOND} / span AS went"
        f" FROM (SELECT *, `shoal.time` AS t FROM sensors WHERE t > {_time(at - 60 * SECOND)} AND t <= {_time(at)})"
        " GROUP BY sensor, capture, `frame.interface_name`"
    )
    for row in database.rows(
        "SELECT sensor, capture, sum(lost) AS dropped, max(fill) AS ring, min(span) AS long,"
        f" if(long > 0, sum(came), 0) AS packets, if(long > 0, sum(went), 0) AS dropping FROM ({each})"
        " GROUP BY sensor, capture"
    ):
        one = found.get((row["sensor"], row["capture"]))
        if one is None:
            continue
        one.dropped, one.ring = row["dropped"], row["ring"]
        if row["long"] and one.state != "silent":
            one.packets, one.dropping = row["packets"], row["dropping"]
    return list(found.values())


def _windows(database: Store, at: int, over: int, sensors: dict[tuple[str, str], Sensor]) -> int:
    """Fills in what windows tell of sensors, and adds those that send no heartbeats; the length in seconds of the
    shortest windows, 0 where there are none."""
    until = f"toUnixTimestamp64Nano({_TIME}) + {_LONG} * {SECOND}"
    for row in database.rows(
        f"SELECT sensor, capture, max({until}) AS until FROM window_states WHERE {_KIND} = 'sensor'"
        f" AND {_TIME} > {_time(at - _BACK_SECONDS * SECOND)} AND {_TIME} < {_time(at)} AND {until} <= {at}"
        " GROUP BY sensor, capture"
    ):
        key = row["sensor"], row["capture"]
        sensors.setdefault(key, Sensor(*key)).window = row["until"]
    rows = database.rows(
        f"SELECT sensor, capture, {_LONG} AS seconds,"
        f" toUnixTimestamp64Nano(max({_TIME})) - toUnixTimestamp64Nano(min({_TIME})) + seconds * {SECOND} AS long,"
        " sum(`shoal.packets`) AS packets, sum(`shoal.bytes`) AS bytes, sum(`shoal.dropped`) AS dropped,"
        " sum(`shoal.segments`) AS segments, sum(`shoal.resent`) AS resent"
        f" FROM windows WHERE {_KIND} = 'sensor' AND {_span(at, over)} GROUP BY sensor, capture, seconds"
    )
    shortest = min((row["seconds"] for row in rows), default=0)
    for row in rows:
        one = sensors.get((row["sensor"], row["capture"]))
        if row["seconds"] != shortest or one is None:
            continue
        one.bytes = row["bytes"] * SECOND / row["long"]
        one.resent = row["resent"] / row["segments"] if row["segments"] else None
        if one.heard is None:
            one.packets, one.dropping = (row[name] * SECOND / row["long"] for name in ("packets", "dropped"))
    return int(shortest)


def _span(at: int, over: int) -> str:
    """Windows that began in the last `over` seconds: the newest of them may be incomplete, and none is there yet."""
    return f"{_TIME} >= {_time(at - over * SECOND)} AND {_TIME} < {_time(at)}"


def _is_shown(one: Sensor, at: int) -> bool:
    if one.state not in ("", "ended"):
        return True
    return at - max(one.heard or 0, one.window or 0) <= GONE_SECONDS * SECOND


def _services(database: Store, at: int, asked: Asked, seconds: int) -> list[Service]:
    order = SORTS[asked.sort][0]
    windows = (
        "SELECT sensor, toString(`shoal.window.host`) AS host, `shoal.window.port` AS port,"
        " `shoal.window.proto` AS proto,"
        f" toUnixTimestamp64Nano(max({_TIME})) - toUnixTimestamp64Nano(min({_TIME})) + {seconds * SECOND} AS long,"
        " sum(`shoal.packets`) AS packets, sum(`shoal.bytes`) AS bytes, sum(`shoal.segments`) AS segments,"
        " sum(`shoal.resent`) AS resent, sum(`shoal.resets`) AS resets, sum(`shoal.syns`) AS syns,"
        " sum(`shoal.syns_unanswered`) AS unanswered,"
        # The median of medians, each as heavy as its samples: a hint, for medians do not add up.
        " quantileExactWeighted(0.5)(toFloat64(ifNull(`shoal.rtt.p50`, 0)), `shoal.rtt.samples`) AS rtt,"
        " sum(`shoal.rtt.samples`) AS samples"
        f" FROM windows WHERE {_KIND} = 'service' AND {_LONG} = {seconds} AND {_span(at, asked.over)}"
        " GROUP BY sensor, capture, host, port, proto"
    )
    rows = database.rows(
        f"SELECT * FROM ({windows}) WHERE segments >= {asked.least} OR syns >= {asked.least}"
        f" ORDER BY ifNotFinite({order}, 0) DESC, packets DESC, sensor, host, port LIMIT {_MOST}"
    )
    return [
        Service(
            row["sensor"], row["host"].removeprefix("::ffff:"), row["port"], row["proto"],
            row["packets"] * SECOND / row["long"], row["bytes"] * SECOND / row["long"], row["segments"],
            row["resent"] / row["segments"] if row["segments"] else 0.0, row["rtt"] if row["samples"] else None,
            row["resets"], row["unanswered"] / row["syns"] if row["syns"] else None,
        )
        for row in rows
    ]


def _alerts(database: Store, at: int, *, past: bool) -> list[dict[str, Any]]:
    """The alerts that were open then, the gravest first; those about what was imported only with `past`."""
    opened, closed = "`shoal.alert.opened`", "`shoal.alert.closed`"
    where = f"{opened} <= {_time(at)} AND ({closed} IS NULL OR {closed} > {_time(at)})"
    rows = database.rows(alerts_select(
        where if past else f"{where} AND NOT `shoal.alert.past`",
        more=f"ORDER BY `shoal.alert.severity` DESC, {opened} DESC, `shoal.alert.id` LIMIT {_MOST}",
    ))
    for row in rows:
        # Never acknowledged is 1970.
        row["shoal.alert.acknowledged"] = not row["shoal.alert.acknowledged"].startswith("1970-")
    return rows


def by_severity(alerts: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many alerts there are of each severity, the gravest first; those without any left away."""
    counts = {name: sum(a["shoal.alert.severity"] == name for a in alerts) for name in reversed(SEVERITIES)}
    return {name: count for name, count in counts.items() if count}
