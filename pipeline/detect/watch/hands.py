"""What operators say about alerts: acknowledgements and silences."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from pipeline.schema.ddl import literal
from pipeline.schema.watch import ALERT_ACKS, SILENCE_STATES
from pipeline.store.errors import StoreError
from pipeline.store.store import Store
from pipeline.store.told import insert_told

SILENCE_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Matchers:
    """Patterns (* and ?) that all have to match; a silence of everything has to be asked for by a `*`."""

    rule: str = "*"
    entity: str = "*"
    sensor: str = "*"
    severity: str = "*"


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence in its newest state; times in ns since 1970."""

    id: str
    version: int
    matchers: Matchers
    begins: int
    ends: int
    by: str
    note: str


def acknowledge(store: Store, alert: str, by: str, note: str = "") -> None:
    """Say that someone takes care of the alert of this id. Raises StoreError."""
    insert_told(store, ALERT_ACKS, {
        "shoal.alert.id": alert, "shoal.ack.time": time.time_ns(), "shoal.ack.by": by, "shoal.ack.note": note,
    })


def silence(store: Store, matchers: Matchers, seconds: float, by: str, note: str = "") -> Silence:
    """Begin a silence that holds for so long. Raises StoreError."""
    now = time.time_ns()
    made = Silence(
        secrets.token_hex(SILENCE_DIGITS // 2), 1, matchers, now, now + round(seconds * 1e9), by, note
    )
    _store(store, made)
    return made


def silences(store: Store, *, ended: bool = False) -> list[Silence]:
    """The silences that hold now or will, the oldest first; with `ended` those that held once too."""
    where = "" if ended else " WHERE `shoal.silence.ends` > now64(9)"
    rows = store.rows(
        "SELECT `shoal.silence.id` AS id, `shoal.silence.version` AS version, `shoal.silence.rule` AS rule,"
        " `shoal.silence.entity` AS entity, `shoal.silence.sensor` AS sensor, `shoal.silence.severity` AS severity,"
        " toUnixTimestamp64Nano(`shoal.silence.begins`) AS begins,"
        " toUnixTimestamp64Nano(`shoal.silence.ends`) AS ends, `shoal.silence.by` AS by, `shoal.silence.note` AS note"
        f" FROM silences{where} ORDER BY begins, id"
    )
    return [
        Silence(
            row["id"], row["version"], Matchers(row["rule"], row["entity"], row["sensor"], row["severity"]),
            row["begins"], row["ends"], row["by"], row["note"],
        )
        for row in rows
    ]


def end_silence(store: Store, prefix: str, by: str) -> Silence:
    """End the one silence whose id begins with `prefix`. Raises StoreError where none does that holds, or several."""
    found = [one for one in silences(store) if prefix and one.id.startswith(prefix.lower())]
    if len(found) != 1:
        said = "several silences have" if found else "no silence that holds has"
        raise StoreError(f"{said} an id that begins with {literal(prefix)}; see: shoal alerts silence --list", 2)
    (was,) = found
    now = max(time.time_ns(), was.begins)
    ended = Silence(was.id, was.version + 1, was.matchers, was.begins, now, by, was.note)
    _store(store, ended)
    return ended


def _store(store: Store, of: Silence) -> None:
    insert_told(store, SILENCE_STATES, {
        "shoal.silence.id": of.id, "shoal.silence.version": of.version, "shoal.silence.rule": of.matchers.rule,
        "shoal.silence.entity": of.matchers.entity, "shoal.silence.sensor": of.matchers.sensor,
        "shoal.silence.severity": of.matchers.severity, "shoal.silence.begins": of.begins,
        "shoal.silence.ends": of.ends, "shoal.silence.by": of.by, "shoal.silence.note": of.note,
    })
