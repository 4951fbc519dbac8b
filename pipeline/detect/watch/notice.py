"""A notification: what a sink makes its message of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.detect.watch.board import ids_sql
from pipeline.detect.watch.due import Due
from pipeline.detect.watch.query import alerts_select
from pipeline.schema.alerts import SEVERITIES
from pipeline.store.store import Store

FORMAT = 1
"""Number of the form of the JSON; it changes when a field changes its meaning or goes."""


def iso(shown: str) -> str:
    """A time as ClickHouse shows it, as RFC 3339 has it: `2026-11-22T10:00:00.000000000Z`."""
    return f"{shown.replace(' ', 'T')}Z"


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert with its evidence; times as RFC 3339 has them, `closed` empty while it is open."""

    id: str
    version: int
    state: str
    severity: str
    sensor: str
    capture: str
    opened: str
    begins: str
    ends: str
    closed: str
    said: str
    filter: str
    sql: str
    counts: Any
    members: Any
    worst: tuple[dict[str, Any], ...]

    @property
    def json(self) -> dict[str, Any]:
        """For a body in JSON; a flow's id is a text, for it has 64 bits."""
        return {name: getattr(self, name) for name in self.__slots__} | {"closed": self.closed or None}


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification. `event` is opened, updated, closed, or open (told again because the sink wants it so); `key` is
    the same in each attempt of the same. `alerts` are all of the thread, the gravest open one first."""

    key: str
    thread: str
    event: str
    rule: str
    kind: str
    entity: str
    alerts: tuple[Shown, ...]
    attempt: int = 1

    @property
    def closed(self) -> bool:
        """Whether nothing of it is open."""
        return all(alert.state == "closed" for alert in self.alerts)

    @property
    def severity(self) -> str:
        """The highest of its alerts."""
        return max((alert.severity for alert in self.alerts), key=SEVERITIES.index)

    @property
    def sensors(self) -> list[str]:
        """Their sensors, in the order of the alphabet."""
        return sorted({alert.sensor for alert in self.alerts})

    @property
    def opened(self) -> str:
        """When the first of them opened."""
        return min(alert.opened for alert in self.alerts)

    @property
    def ended(self) -> str:
        """When the last of them was closed; empty while one is open."""
        return max(alert.closed for alert in self.alerts) if self.closed else ""

    @property
    def title(self) -> str:
        """One line: what, where, who saw it."""
        state = "closed" if self.closed else self.severity
        about = f" {self.entity}" if self.entity else ""
        return f"[{state}] {self.rule}{about} ({', '.join(self.sensors)})"

    @property
    def json(self) -> dict[str, Any]:
        """The body of a webhook and the value of a message in Kafka."""
        return {
            "format": FORMAT, "key": self.key, "thread": self.thread, "event": self.event,
            "state": "closed" if self.closed else "open", "rule": self.rule, "severity": self.severity,
            "kind": self.kind, "entity": self.entity, "title": self.title, "said": self.alerts[0].said,
            "sensors": self.sensors, "opened": self.opened, "closed": self.ended or None,
            "alerts": [alert.json for alert in self.alerts],
        }


def delivery_key(sink: str, thread: str, states: Iterable[tuple[str, int]]) -> str:
    """32 hexadecimal digits that are the same whenever the same states (alert, version) of a thread are told."""
    said = ",".join(f"{alert}:{version}" for alert, version in sorted(states))
    return hashlib.sha256(f"{sink}|{thread}|{said}".encode()).hexdigest()[:32]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _shown(row: Mapping[str, Any]) -> Shown:
    of = {name.removeprefix("shoal.alert."): value for name, value in row.items()}
    worst = tuple(
        {"flow_id": str(flow_id), "flow": flow, "resent": resent, "segments": segments}
        for flow_id, flow, resent, segments in zip(
            row["worst.flow_id"], row["worst.flow"], row["worst.resent"], row["worst.segments"], strict=True
        )
    )
    closed = iso(of["closed"] or of["ends"]) if of["state"] == "closed" else ""
    return Shown(
        of["id"], of["version"], of["state"], of["severity"], of["sensor"], of["capture"], iso(of["opened"]),
        iso(of["begins"]), iso(of["ends"]), closed, of["said"], of["filter"], of["sql"], _parsed(of["counts"]),
        _parsed(of["members"]), worst,
    )


def notice(store: Store, due: Due, sink: str, attempt: int) -> Notice | None:
    """The notification of what is due, with the evidence as it stands now; None where the alerts are gone.

    Where a newer state has come since `due` was made, that is what is told. Raises StoreError.
    """
    rows = store.rows(alerts_select(f"`shoal.alert.id` IN {ids_sql(alert.id for alert in due.alerts)}"))
    shown = sorted(map(_shown, rows), key=lambda a: (a.state == "closed", -SEVERITIES.index(a.severity), a.opened))
    if not shown:
        return None
    first = due.alerts[0]
    told = {alert.id for alert in due.news}
    key = delivery_key(sink, due.thread, ((a.id, a.version) for a in shown if a.id in told))
    event = "closed" if all(a.state == "closed" for a in shown) else due.event
    return Notice(key, due.thread, event, first.rule, first.kind, first.entity, tuple(shown), attempt)
