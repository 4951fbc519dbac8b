"""Sensors that fall silent: an interface that is said to be captured on, and of which no heartbeat comes any more.

A sensor's clock may be wrong by any amount, so the times in heartbeats are only held against each other: what counts is
how long ago, by the clock of this process, a heartbeat with another time than the last was seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.detect.watch.config import Table
from pipeline.detect.watch.raised import Raised, close, still_open, tell
from pipeline.schema.anomalies import ANOMALIES
from pipeline.schema.ddl import literal
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.sensors import HEARTBEAT_SECONDS
from pipeline.store.store import Store
from pipeline.store.told import insert_told

RULE = "sensor-silent"
LIMIT_SECONDS = 6.0 * HEARTBEAT_SECONDS
"""Five heartbeats lost are no delay of the network."""
FORGET_HOURS = 24.0
_EVERY_SECONDS = 2.0
_GAP_SECONDS = 10.0

Interface = tuple[str, str]
"""Sensor and interface."""


@dataclass(frozen=True, slots=True)
class SilentSettings:
    """`limit` in seconds; a sensor of which the last heartbeat is older than `forget` hours is no more, and none that
    fell silent."""

    limit: float = LIMIT_SECONDS
    forget: float = FORGET_HOURS


def read(table: Table) -> SilentSettings | None:
    """The settings of table [sensors]; None where nobody is to look. Raises ConfigError."""
    enabled = table.flag("enabled", True)
    made = SilentSettings(
        table.seconds("silent", LIMIT_SECONDS, 1.0), table.seconds("forget", FORGET_HOURS * 3600.0, 60.0) / 3600.0
    )
    table.end()
    return made if enabled else None


@dataclass(slots=True)
class _Heard:
    """The newest heartbeat of an interface: its time, and since when it is the newest."""

    capture: str
    told: int
    since: float


class Silent:
    """A duty of the watch."""

    def __init__(
        self, settings: SilentSettings, clock: Callable[[], float] = time.monotonic, every: float = _EVERY_SECONDS
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._every = every
        self._heard: dict[Interface, _Heard] = {}
        self._open: dict[Interface, Raised] | None = None
        self._looked = 0.0

    def work(self, store: Store) -> None:
        """Opens and closes alerts of sensors. Raises StoreError."""
        now = self._clock()
        if self._open is None:
            found = still_open(store, RULE)
            self._open = {(one.sensor, one.entity.removeprefix(f"{one.sensor} ")): one for one in found}
            self._looked = now
        elif now < self._looked + self._every:
            return
        rows = store.rows(
            "SELECT sensor, `frame.interface_name` AS interface, capture, toString(`shoal.state`) AS state,"
            " toUnixTimestamp64Nano(`shoal.time`) AS told,"
            f" `shoal.time` < now64(9) - toIntervalSecond({round(self._settings.forget * 3600)}) AS gone FROM fleet"
        )
        # While nobody looked (the database was away), nobody could see a heartbeat either.
        away = max(0.0, now - self._looked - _GAP_SECONDS)
        self._looked = now
        for heard in self._heard.values():
            heard.since += away
        there = set()
        for row in rows:
            interface = (row["sensor"], row["interface"])
            if row["gone"] or row["state"] == "ended":
                continue
            there.add(interface)
            last = self._heard.get(interface)
            if last is None:
                self._heard[interface] = _Heard(row["capture"], row["told"], now)
            elif row["told"] != last.told:
                self._heard[interface] = _Heard(row["capture"], row["told"], now)
                self._back(store, interface)
            elif now - last.since >= self._settings.limit and interface not in self._open:
                self._fell_silent(store, interface, last)
        for interface in set(self._heard) - there:
            del self._heard[interface]
        for interface in [one for one in self._open if one not in there]:
            self._back(store, interface, "the capture has ended, or the sensor was not heard of for too long")

    def _fell_silent(self, store: Store, interface: Interface, last: _Heard) -> None:
        assert self._open is not None
        sensor, name = interface
        anomaly = ANOMALIES[RULE]
        now = time.time_ns()
        said = f"{sensor} sent no heartbeat of {name} for {self._settings.limit:g} s, and its capture has not ended"
        sql = (
            f"SELECT * FROM sensors WHERE sensor = {literal(sensor)} AND `frame.interface_name` = {literal(name)}"
            " ORDER BY `shoal.time` DESC LIMIT 10"
        )
        begins = now - round(self._settings.limit * 1e9)
        alert = Raised(
            sensor, last.capture, RULE, f"{sensor} {name}", anomaly.severity, said, now, begins, "sensor", sql=sql
        )
        # The event first: one that is there twice is one, and an alert without its event never is.
        insert_told(store, EVENT_STATES, {
            "sensor": sensor, "capture": last.capture, "shoal.event.frame": 0, "shoal.event.time": begins,
            "shoal.event.name": RULE, "shoal.event.count": 1, "shoal.event.severity": anomaly.severity,
            "shoal.event.entity": alert.entity, "shoal.event.last_time": now, "shoal.event.said": said,
            "shoal.event.filter": "",
        }, "shoal.event.time")
        tell(store, alert)
        self._open[interface] = alert

    def _back(self, store: Store, interface: Interface, said: str = "") -> None:
        assert self._open is not None
        alert = self._open.get(interface)
        if alert is not None:
            close(store, alert, f"{alert.said}; {said or 'it is back'}")
            del self._open[interface]
