"""Events as rows of a database, as `shoal events` asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.cli.listing import conditions
from pipeline.schema.anomalies import ANOMALIES
from pipeline.schema.events import EVENT_STATES, EVENTS
from pipeline.store.store import Store

Row = dict[str, Any]
COLUMNS: tuple[str, ...] = tuple(c.name for c in EVENT_STATES.columns if c.name != "shoal.day")
"""What is known of an event, by the names of table `event_states`."""
BATCH = 1_000
"""So many events are in memory at a time."""
_NAMES = ", ".join(f"`{name}`" for name in COLUMNS)
_ORDER = "`shoal.event.time`, `shoal.event.frame`, sensor, capture, `shoal.event.name`, `shoal.event.entity`"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: patterns have `*` and `?`, an empty text or tuple is all; `since` in ns since 1970; `most` is how
    many, the newest."""

    name: str = ""
    sensor: str = ""
    capture: str = ""
    severities: tuple[str, ...] = ()
    since: int | None = None
    most: int | None = None

    def sql(self) -> str:
        """The SELECT of these, the oldest first."""
        found = conditions(
            {"shoal.event.name": self.name, "sensor": self.sensor, "capture": self.capture},
            {"shoal.event.severity": self.severities}, self.since, "shoal.event.time",
        )  # fmt: skip
        where = f" WHERE {' AND '.join(found)}" if found else ""
        select = f"SELECT {_NAMES} FROM events{where} ORDER BY "
        if self.most is None:
            return select + _ORDER
        newest = ", ".join(f"{name} DESC" for name in _ORDER.split(", "))
        return f"SELECT {_NAMES} FROM ({select}{newest} LIMIT {self.most}) ORDER BY {_ORDER}"


def key(row: Row) -> tuple[Any, ...]:
    """What an event is known by, whatever its count."""
    return tuple(row[name] for name in EVENT_STATES.order_by)


def batches(database: Store, sql: str) -> Iterator[list[Row]]:
    """The rows of a SELECT, `BATCH` at a time. Raises StoreError."""
    rows: list[Row] = []
    rest = b""
    for piece in database.stream(f"{sql} SETTINGS output_format_json_quote_64bit_integers = 0", "JSONEachRow"):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            rows.append(json.loads(line))
            if len(rows) == BATCH:
                yield rows
                rows = []
    if rows:
        yield rows


def names() -> list[Row]:
    """Each name that an event may have: its meaning, what is done about it (`log`, or `alert` too), how grave it is,
    and the seconds in which it is told once of an entity; None where each is told."""
    found = []
    for name, meaning in EVENTS.items():
        of = ANOMALIES.get(name)
        found.append({
            "name": name, "action": of.action if of else "log", "severity": of.severity if of else "info",
            "suppression": of.suppression if of else None, "meaning": meaning,
        })
    return found
