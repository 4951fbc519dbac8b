"""What alerts ought to be raised, by what the kernels really sent again, and how those that were compare.

The rule of truth, for windows of ten seconds of a service's segments with payload, and of those of a pair of hosts at a
time when none of the services between them has a spike of its own:

- a spike **is to be raised** where, in a window or in two that adjoin, at least MUST_SEGMENTS segments were sent and at
  least MUST_SHARE of them again: one transfer of 400 kB, wherever the window's end falls in it, with a loss of 5 % less
  what chance may take off so few segments;
- none **may be raised** where no window of FEW_SEGMENTS or more had MAY_SHARE of them sent again;
- in between, either is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.alerts.compose import BEGIN, Mix, Placed

MUST_SEGMENTS, MUST_SHARE = 250, 0.03
FEW_SEGMENTS, MAY_SHARE = 30, 0.015
WINDOW = 10
"""Seconds."""
_ONE_SPIKE = 6
"""Windows without a spike that don't part one spike from the next: alerts close a while after."""

Entity = tuple[str, str]
"""Kind and text, as in alerts."""


@dataclass(frozen=True)
class Alert:
    """An alert as the database has it; `begins` and `ends` in seconds since BEGIN."""

    rule: str
    kind: str
    entity: str
    state: str
    begins: float
    ends: float
    opened: float
    closed: float
    members: tuple[str, ...]
    past: bool
    filter: str
    sql: str
    said: str

    @property
    def opened_at(self) -> float:
        """When it was opened, in Unix seconds."""
        return self.opened + BEGIN / 1e9

    @classmethod
    def of(cls, row: dict[str, Any]) -> Alert:
        """From a row of QUERY."""
        times = (float((int(row[name] or 0) - BEGIN) / 1e9) for name in ("begins", "ends", "opened", "closed"))
        return cls(row["rule"], row["kind"], row["entity"], row["state"], *times, tuple(json.loads(row["members"])),
                   bool(row["past"]), row["filter"], row["sql"], row["said"])  # fmt: skip


QUERY = """SELECT capture, shoal.alert.rule AS rule, shoal.alert.kind AS kind, shoal.alert.entity AS entity,
  shoal.alert.state AS state, toUnixTimestamp64Nano(shoal.alert.begins) AS begins,
  toUnixTimestamp64Nano(shoal.alert.ends) AS ends, toUnixTimestamp64Nano(shoal.alert.opened) AS opened,
  toUnixTimestamp64Nano(shoal.alert.closed) AS closed, shoal.alert.members AS members, shoal.alert.past AS past,
  shoal.alert.filter AS filter, shoal.alert.sql AS sql, shoal.alert.said AS said
  FROM alerts ORDER BY shoal.alert.opened, shoal.alert.entity"""


@dataclass
class Windows:
    """Of an entity, by window: segments with payload that were sent, and those of them that had been sent before."""

    sent: NDArray[np.int64]
    again: NDArray[np.int64]

    def must(self) -> NDArray[np.bool_]:
        """Windows in which a spike is to be raised; of two that make it together, the second."""
        alone = (self.sent >= MUST_SEGMENTS) & (self.again >= MUST_SHARE * self.sent)
        sent, again = (of + np.concatenate(([0], of[:-1])) for of in (self.sent, self.again))
        return alone | ((self.again > 0) & (sent >= MUST_SEGMENTS) & (again >= MUST_SHARE * sent))

    def may(self) -> NDArray[np.bool_]:
        """Windows in which it is not wrong to raise one."""
        return self.must() | ((self.sent >= FEW_SEGMENTS) & (self.again >= MAY_SHARE * self.sent))


@dataclass
class Spike:
    """A time, in seconds from BEGIN, in which a service or a pair has to be in an alert."""

    entity: Entity
    begin: int
    end: int
    first_end: int
    """End of the first window that makes it one."""


class Truth:
    """What was sent and sent again in a composed capture, for each entity."""

    def __init__(self, mix: Mix) -> None:
        self._placed = mix.placed
        self.last = 1 + max(int(one.at + one.transfer.seconds) for one in mix.placed) // WINDOW
        self._windows: dict[Entity, Windows] = {}

    def services(self) -> list[str]:
        """All services."""
        return sorted({_service(one) for one in self._placed})

    def windows(self, entity: Entity) -> Windows:
        """The windows of an entity."""
        if entity not in self._windows:
            self._windows[entity] = self._count(one for one in self._placed if concerns(one, entity))
        return self._windows[entity]

    def spikes(self) -> list[Spike]:
        """All spikes: of services, and of pairs where it is of no service."""
        pairs = {("pair", f"{one.client} {one.service[0]}") for one in self._placed}
        found = [spike for name in self.services() for spike in self._spikes(("service", name))]
        for entity in sorted(pairs):
            server = entity[1].split()[1]
            near = [spike for spike in found if spike.entity[1].split(":")[0] == server]
            found += [spike for spike in self._spikes(entity)
                      if not any(of.begin < spike.end and spike.begin < of.end for of in near)]
        return found

    def between(self) -> list[Spike]:
        """Windows of services that are neither, apart from those near a spike of the same service."""
        found = []
        for entity in [("service", name) for name in self.services()]:
            near = [(of.begin - _ONE_SPIKE * WINDOW, of.end + _ONE_SPIKE * WINDOW) for of in self._spikes(entity)]
            for begin in (WINDOW * np.flatnonzero(self.windows(entity).may())).tolist():
                if not any(first <= begin < last for first, last in near):
                    found.append(Spike(entity, begin, begin + WINDOW, begin + WINDOW))
        return found

    def _spikes(self, entity: Entity) -> list[Spike]:
        found: list[Spike] = []
        for begin in (WINDOW * np.flatnonzero(self.windows(entity).must())).tolist():
            if found and begin - found[-1].end <= _ONE_SPIKE * WINDOW:
                found[-1].end = begin + WINDOW
            else:
                found.append(Spike(entity, begin, begin + WINDOW, begin + WINDOW))
        return found

    def right(self, alert: Alert) -> bool:
        """Whether the alert may be: of its entity enough was sent again in its time."""
        may = self.windows((alert.kind, alert.entity)).may()
        # An alert may begin with the window before, which two that adjoin make.
        first, last = int(alert.begins // WINDOW), int(-(-alert.ends // WINDOW))
        return bool(may[max(0, first) : last].any())

    def tells(self, alert: Alert, spike: Spike) -> bool:
        """Whether the alert tells of the spike: it is of that time, and about its entity, or about another that most
        of what was sent again goes through."""
        if alert.begins >= spike.end or alert.ends <= spike.begin:
            return False
        span = slice(spike.begin // WINDOW, spike.end // WINDOW)
        here = [one for one in self._placed if concerns(one, spike.entity)]
        whole = self._count(here).again[span].sum()
        part = self._count(one for one in here if concerns(one, (alert.kind, alert.entity))).again[span].sum()
        return bool(part > 0.5 * whole)

    def _count(self, placed: Iterable[Placed]) -> Windows:
        found = Windows(np.zeros(self.last, np.int64), np.zeros(self.last, np.int64))
        for one in placed:
            number = (one.transfer.sent + int(one.at * 1e9)) // (WINDOW * 10**9)
            np.add.at(found.sent, number, 1)
            np.add.at(found.again, number[one.transfer.kinds > 0], 1)
        return found


def _service(one: Placed) -> str:
    return f"{one.service[0]}:{one.service[1]}"


def concerns(one: Placed, entity: Entity) -> bool:
    """Whether a transfer is of an entity."""
    kind, text = entity
    hosts = {one.client, one.service[0]}
    return {"service": lambda: text == _service(one), "host": lambda: text in hosts,
            "pair": lambda: set(text.split()) == hosts, "sensor": lambda: True}[kind]()


@dataclass
class Verdict:
    """How the alerts of a capture compare with the truth."""

    alerts: int = 0
    right: int = 0
    spikes: int = 0
    told: int = 0
    between: int = 0
    """Spans of services in which either is right..."""
    between_told: int = 0
    """...and those of them in which an alert was raised."""
    late: list[float] = field(default_factory=list)
    """Of spikes that were told: seconds of the capture's time from the end of the first window that makes it one until
    an alert was open."""
    wrong: list[str] = field(default_factory=list)

    def __iadd__(self, other: Verdict) -> Verdict:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self


def judge(truth: Truth, alerts: list[Alert]) -> Verdict:
    """Hold the alerts of one capture against the truth."""
    found = Verdict(alerts=len(alerts))
    for alert in alerts:
        if truth.right(alert):
            found.right += 1
        else:
            found.wrong.append(f"not to be raised: {alert.rule}, {alert.kind} {alert.entity}: {alert.said}")
    for spike in truth.spikes():
        found.spikes += 1
        telling = [alert for alert in alerts if truth.tells(alert, spike)]
        if telling:
            found.told += 1
            found.late.append(max(0.0, min(alert.opened for alert in telling) - spike.first_end))
        else:
            found.wrong.append(f"missed: {' '.join(spike.entity)} from {spike.begin} to {spike.end} s")
    for span in truth.between():
        found.between += 1
        found.between_told += any(truth.tells(alert, span) for alert in alerts)
    return found
