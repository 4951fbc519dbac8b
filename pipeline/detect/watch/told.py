"""What each sink was told: the rows of `deliveries`, and their newest state in memory."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.schema.days import day_of
from pipeline.schema.ddl import literal
from pipeline.schema.watch import DELIVERY_STATES
from pipeline.store.store import Store
from pipeline.store.told import timestamp

BEGINS = ""
"""Id that stands in the first row of a sink: from then on it is told."""
_DAYS = 62
_IN_ONE_INSERT = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """The newest state of an alert that concerned a sink; `delivered` is whether some state of it came there."""

    version: int
    thread: str
    outcome: str
    state: str
    attempts: int = 0
    number: int = 1
    delivered: bool = False
    key: str = ""

    @property
    def final(self) -> bool:
        """Whether nothing more is done about that state."""
        return self.outcome != "waiting"

    @property
    def thinks_open(self) -> bool:
        """Whether the sink was told that it is open, and nothing since."""
        return self.delivered and not (self.state == "closed" and self.final)


def load(store: Store, sink: str) -> dict[str, Told]:
    """What the sink was told, by the alert's id; empty for one that never was. Raises StoreError."""
    rows = store.rows(
        "SELECT `shoal.alert.id` AS id, max(`shoal.alert.version`) AS version,"
        " argMax(`shoal.delivery.thread`, `shoal.alert.version`) AS thread,"
        " argMax(toString(`shoal.delivery.outcome`), `shoal.alert.version`) AS outcome,"
        " argMax(toString(`shoal.delivery.state`), `shoal.alert.version`) AS state,"
        " argMax(`shoal.delivery.attempts`, `shoal.alert.version`) AS attempts,"
        " argMax(`shoal.delivery.number`, `shoal.alert.version`) AS number,"
        " argMax(`shoal.delivery.key`, `shoal.alert.version`) AS key,"
        " max(`shoal.delivery.outcome` = 'delivered') AS delivered"
        f" FROM deliveries WHERE `shoal.delivery.sink` = {literal(sink)}"
        f" AND (`shoal.day` >= today() - {_DAYS} OR `shoal.alert.id` = {literal(BEGINS)}) GROUP BY id"
    )
    return {row.pop("id"): Told(**{**row, "delivered": bool(row["delivered"])}) for row in rows}


def asked_again(store: Store) -> dict[tuple[str, str, int], int]:
    """States that wait for another attempt: sink, alert and version to the number of the row's state."""
    rows = store.rows(
        "SELECT `shoal.delivery.sink` AS sink, `shoal.alert.id` AS id, `shoal.alert.version` AS version,"
        " `shoal.delivery.number` AS number FROM deliveries WHERE `shoal.delivery.outcome` = 'waiting'"
        f" AND `shoal.day` >= today() - {_DAYS}"
    )
    return {(row["sink"], row["id"], row["version"]): row["number"] for row in rows}


def row(sink: str, alert: str, told: Told, said: str = "") -> dict[str, Any]:
    """The row that says so."""
    now = time.time_ns()
    return {
        "shoal.delivery.sink": sink, "shoal.alert.id": alert, "shoal.alert.version": told.version,
        "shoal.day": day_of(now).isoformat(), "shoal.delivery.number": told.number,
        "shoal.delivery.thread": told.thread, "shoal.delivery.key": told.key, "shoal.delivery.time": timestamp(now),
        "shoal.delivery.attempts": told.attempts, "shoal.delivery.outcome": told.outcome,
        "shoal.delivery.state": told.state, "shoal.delivery.said": said,
    }


def store_rows(store: Store, rows: list[dict[str, Any]]) -> None:
    """Stores rows, up to ten thousand of them at once or not at all. Raises StoreError."""
    for at in range(0, len(rows), _IN_ONE_INSERT):
        store.insert_rows(DELIVERY_STATES.name, rows[at : at + _IN_ONE_INSERT])


def _of_sinks(sinks: Iterable[str]) -> str:
    names = ", ".join(map(literal, sinks))
    return f" AND `shoal.delivery.sink` IN ({names})" if names else ""


def troubled(store: Store, sinks: Iterable[str] = ()) -> list[dict[str, Any]]:
    """What could not be told to these sinks, or to any: outcome, sink, alert, version, when, attempts, why."""
    return store.rows(
        "SELECT toString(`shoal.delivery.outcome`) AS outcome, `shoal.delivery.sink` AS sink, `shoal.alert.id` AS id,"
        " `shoal.alert.version` AS version, toString(toDateTime(`shoal.delivery.time`, 'UTC')) AS time,"
        " `shoal.delivery.attempts` AS attempts, `shoal.delivery.said` AS said FROM deliveries"
        f" WHERE `shoal.delivery.outcome` IN ('waiting', 'refused', 'dead'){_of_sinks(sinks)}"
        " ORDER BY `shoal.delivery.time`, id, version"
    )


def redeem(store: Store, sinks: Iterable[str] = ()) -> int:
    """Lets what was given up (dead letters) be tried again, of these sinks or of all; how many states. A watch that
    runs takes them up by itself. Raises StoreError."""
    dead = store.rows(
        "SELECT `shoal.delivery.sink` AS sink, `shoal.alert.id` AS id, `shoal.alert.version` AS version,"
        " `shoal.delivery.thread` AS thread, toString(`shoal.delivery.state`) AS state,"
        " `shoal.delivery.number` AS number, `shoal.delivery.key` AS key"
        f" FROM deliveries WHERE `shoal.delivery.outcome` = 'dead'{_of_sinks(sinks)}"
    )
    again = [
        row(one["sink"], one["id"], Told(
            one["version"], one["thread"], "waiting", one["state"], 0, one["number"] + 1, key=one["key"]
        ))
        for one in dead
    ]
    if again:
        store_rows(store, again)
    return len(again)
