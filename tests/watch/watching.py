"""A watch in this process over an embedded database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.detect.watch.config import of
from pipeline.detect.watch.service import build
from pipeline.detect.watch.watch import Watch
from pipeline.store.database import Database
from tests.watch.receiver import until

QUICK = {"retry_first": 0.02, "retry_longest": 0.05}
"""Settings of a sink whose tests do not want to wait."""


@contextmanager
def watching(database: Database, log: list[str] | None = None, **sinks: dict[str, Any]) -> Iterator[Watch]:
    """A watch of these sinks that looks often; it has looked when it is given."""
    config = of({"watch": {"every": 0.05}, "sinks": sinks}, "watch.toml", Path("."))
    lines: list[str] = [] if log is None else log
    watch = build(config, database.beside, lines.append)
    watch.start()
    try:
        until(lambda: told(database, "outcome = 'passed' AND id = ''") or not sinks)
        yield watch
    finally:
        watch.close()


def seen(watch: Watch) -> None:
    """Waits until the watch knows of all that is stored now. What is stored later may be seen before it otherwise: a
    query takes each table as it is when it comes to it."""
    # The look that is under way may have begun before.
    looks = watch.looks
    until(lambda: watch.looks >= looks + 2)


def told(database: Database, where: str = "id != ''") -> list[dict[str, Any]]:
    """Rows of `deliveries`, by short names, the oldest first."""
    return database.rows(
        "SELECT * FROM (SELECT `shoal.delivery.sink` AS sink, `shoal.alert.id` AS id, `shoal.alert.version` AS version,"
        " toString(`shoal.delivery.outcome`) AS outcome, `shoal.delivery.attempts` AS attempts,"
        " `shoal.delivery.said` AS said, `shoal.delivery.thread` AS thread, `shoal.delivery.key` AS key,"
        " `shoal.delivery.time` AS time FROM deliveries)"
        f" WHERE {where} ORDER BY time, id, version"
    )
