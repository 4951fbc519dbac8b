"""Alerts that the watch itself opens and closes: rows of the same table as those of the engine.

They are of a rule of the watch; what is open of a rule is read from the database once, when the watch begins.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import Any

from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.ddl import literal
from pipeline.store.store import Store
from pipeline.store.told import insert_told

NOBODY = "::"


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert of the watch; times in ns since 1970, by the watch's clock."""

    sensor: str
    capture: str
    rule: str
    entity: str
    severity: str
    said: str
    opened: int
    begins: int
    kind: str = "other"
    filter: str = ""
    sql: str = ""
    counts: str = "{}"
    version: int = 1

    @property
    def id(self) -> str:
        """16 hexadecimal digits, of sensor, capture, rule, entity and opening."""
        parts = "\n".join((self.sensor, self.capture, self.rule, self.entity, str(self.opened)))
        return hashlib.sha256(parts.encode()).hexdigest()[:16]


def tell(store: Store, alert: Raised, *, closed: int = 0) -> None:
    """Stores a state of an alert, with `closed` its last. Raises StoreError."""
    row: dict[str, Any] = {
        "id": alert.id, "version": alert.version, "rule": alert.rule, "state": "closed" if closed else "open",
        "severity": alert.severity, "past": False, "opened": alert.opened, "begins": alert.begins,
        "ends": closed or alert.opened, "kind": alert.kind, "entity": alert.entity, "host": NOBODY, "peer": NOBODY,
        "proto": 0, "port": 0, "said": alert.said, "filter": alert.filter, "sql": alert.sql, "counts": alert.counts,
        "members": "[]",
    }
    if closed:
        row["closed"] = closed
    named = {f"shoal.alert.{name}": value for name, value in row.items()}
    insert_told(
        store, ALERT_STATES, {"sensor": alert.sensor, "capture": alert.capture, **named}, "shoal.alert.opened"
    )


def close(store: Store, alert: Raised, said: str = "") -> None:
    """Closes it now. Raises StoreError."""
    ended = replace(alert, version=alert.version + 1, said=said or alert.said)
    tell(store, ended, closed=max(time.time_ns(), alert.opened))


def still_open(store: Store, rule: str) -> list[Raised]:
    """What a watch before this one opened under a rule, and nobody closed. Raises StoreError."""
    rows = store.rows(
        "SELECT sensor, capture, `shoal.alert.rule` AS rule, `shoal.alert.entity` AS entity,"
        " toString(`shoal.alert.severity`) AS severity, `shoal.alert.said` AS said,"
        " toUnixTimestamp64Nano(`shoal.alert.opened`) AS opened,"
        " toUnixTimestamp64Nano(`shoal.alert.begins`) AS begins, toString(`shoal.alert.kind`) AS kind,"
        " `shoal.alert.filter` AS filter, `shoal.alert.sql` AS sql, `shoal.alert.counts` AS counts,"
        " `shoal.alert.version` AS version FROM alerts"
        f" WHERE `shoal.alert.state` = 'open' AND `shoal.alert.rule` = {literal(rule)}"
    )
    return [Raised(**row) for row in rows]
