"""Rows of alerts as the engine would write them, put by hand."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.ddl import quote
from pipeline.store.database import Database
from pipeline.store.migrate import migrate
from pipeline.store.store import Store
from pipeline.store.told import insert_told

SECOND = 10**9
AnyStore = TypeVar("AnyStore", bound=Store)


@cache
def _made() -> Path:
    """A database with all tables, made once: it takes a while."""
    directory = Path(tempfile.mkdtemp(prefix="shoal-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with Database(directory / "db").open(create=True) as database:
        migrate(database)
    return directory / "db"


def opened(path: Path) -> Database:
    """A new database with all tables."""
    shutil.copytree(_made(), path, symlinks=True)
    return Database(path).open()


def emptied(store: AnyStore) -> AnyStore:
    """The database without rows."""
    filled = "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
    for row in store.rows(filled):
        store.query(f"TRUNCATE TABLE {quote(row['name'])}")
    return store


def alert_id(*parts: object) -> str:
    """16 hexadecimal digits."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def alert(entity: str = "192.0.2.1:443", version: int = 1, **given: Any) -> dict[str, Any]:
    """A row of `alert_states` as `insert_told` takes it; keys of `given` are columns without their prefix."""
    opening = given.pop("opened", time.time_ns() // SECOND * SECOND)
    sensor = given.pop("sensor", "north")
    capture = given.pop("capture", "run-1")
    state = given.pop("state", "open")
    rule = given.pop("rule", "retransmission-spike")
    row: dict[str, Any] = {
        "id": alert_id(sensor, capture, rule, entity, opening), "version": version, "rule": rule, "state": state,
        "severity": "warning", "past": False, "opened": opening, "begins": opening - 10 * SECOND, "ends": opening,
        "kind": "service", "entity": entity, "host": "::ffff:192.0.2.1", "peer": "::", "proto": 6, "port": 443,
        "said": f"7 of 100 segments sent again at {entity}", "filter": "tcp.analysis.retransmission",
        "sql": "SELECT frame.number FROM packets", "counts": '{"before": {}, "during": {"shoal.resent": 7}}',
        "members": "[]",
    }
    if state == "closed":
        row["closed"] = given.pop("closed", opening + 20 * SECOND)
    flows = {name: given.pop(name) for name in list(given) if name.startswith("worst.")}
    row |= given
    return {"sensor": sensor, "capture": capture, **{f"shoal.alert.{k}": v for k, v in row.items()}, **flows}


def put(store: Store, *rows: dict[str, Any]) -> None:
    """Store rows of alerts."""
    for row in rows:
        insert_told(store, ALERT_STATES, row, "shoal.alert.opened")
