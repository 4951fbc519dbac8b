"""Anomalies that alert: the alert is open while the anomaly is seen, and closes when its suppression has passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.detect.alerts.evidence import quoted
from pipeline.detect.alerts.life import Alert
from pipeline.detect.rules.entities import parse_entity
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.anomalies import ANOMALIES

SECOND = 10**9


class Going(Protocol):
    """An anomaly that began or went on up to tick `tick`; times (ns) of its first and last sighting."""

    @property
    def tick(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def said(self) -> str: ...
    @property
    def filter(self) -> str: ...
    @property
    def count(self) -> int: ...


def by_tick(anomalies: Sequence[Going]) -> dict[int, list[Going]]:
    """Those that make alerts, by the tick behind which they were seen, in an order that no batch changes."""
    found: dict[int, list[Going]] = {}
    for of in anomalies:
        if of.name in ANOMALIES and ANOMALIES[of.name].action == "alert":
            found.setdefault(of.tick, []).append(of)
    for some in found.values():
        some.sort(key=lambda of: (of.first, of.name, of.entity))
    return found


def opened(of: Going, turn: int) -> Alert:
    """The alert that an anomaly opens."""
    alert = Alert(of.name, parse_entity(of.entity), turn, of.first, of.first, of.last, of.last,
                  SEVERITIES.index(of.severity))
    if not alert.entity.name:
        # Two texts may stand for one entity; it is the text that tells one anomaly from another.
        alert.entity = alert.entity._replace(name=of.entity)
    alert.members = [of.entity]
    go_on(alert, of)
    alert.urgent = True
    return alert


def go_on(alert: Alert, of: Going) -> None:
    """The anomaly is seen still."""
    alert.fresh = alert.fresh or of.last > alert.ends or of.count > alert.figure
    alert.ends = alert.bad = max(alert.ends, of.last)
    alert.figure = max(alert.figure, float(of.count))
    alert.said, alert.filter = of.said, of.filter
    alert.rise(SEVERITIES.index(of.severity))


def sql(alert: Alert, sensor: str, capture: str) -> str:
    """The SQL that shows the anomaly's events."""
    return (
        f"SELECT * FROM events WHERE sensor = {quoted(sensor)} AND capture = {quoted(capture)} AND `shoal.event.name` ="
        f" {quoted(alert.rule)} AND `shoal.event.entity` = {quoted(alert.entity.name)} ORDER BY `shoal.event.time`"
    )


def over(alert: Alert, now: int) -> int:
    """When it closed by `now`; 0 while it is open."""
    at = alert.bad + ANOMALIES[alert.rule].suppression * SECOND
    return at if now >= at else 0
