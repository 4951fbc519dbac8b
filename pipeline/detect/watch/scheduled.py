"""Rules in SQL on a schedule: a row that is answered is an alert, which is closed when it is not answered any more.

A rule only reads: it is asked over a connection that can't change anything, as a subquery, with bounds on time, memory
and rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pipeline.detect.watch.raised import Raised, close, still_open, tell
from pipeline.store.errors import StoreError
from pipeline.store.store import Store

ENTITY = "entity"
"""Column that names what a row is about; without it, the rule has one alert."""
SENSOR = "sensor"
SAID = "said"
_LIMITS = "max_memory_usage = 1000000000, max_rows_to_read = 1000000000, max_threads = 1"
_MOST_TEXT = 500


class SqlRule(Protocol):
    """What a rule of kind `sql` has: `every` and `timeout` in seconds, `rows` that are taken of an answer."""

    @property
    def name(self) -> str: ...
    @property
    def sql(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def every(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def timeout(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule given by hand."""

    name: str
    sql: str
    severity: str = "warning"
    every: int = 60
    rows: int = 100
    timeout: int = 10


class Scheduled:
    """A duty of the watch."""

    def __init__(
        self, rules: Sequence[SqlRule], reader: Callable[[], Store], log: Callable[[str], None] = print,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reader` gives a connection that can only read."""
        self._rules = rules
        self._reader = reader
        self._log = log
        self._clock = clock
        self._due: dict[str, float] = {}
        self._open: dict[str, dict[tuple[str, str], Raised]] = {}
        self._trouble: dict[str, str] = {}

    def work(self, store: Store) -> None:
        """Asks the rules that are due. Raises StoreError where the database is away; a rule that is wrong is logged."""
        for rule in self._rules:
            now = self._clock()
            if now < self._due.get(rule.name, now):
                continue
            self._due[rule.name] = now + rule.every
            try:
                rows = self._ask(rule)
            except StoreError as error:
                # What is open stays so: nothing is known.
                if self._trouble.get(rule.name) != str(error):
                    self._log(f"warning: rule {rule.name}: {error}")
                self._trouble[rule.name] = str(error)
                continue
            self._trouble.pop(rule.name, None)
            self._judge(store, rule, rows)

    def _ask(self, rule: SqlRule) -> list[dict[str, Any]]:
        # One row more than the limit tells that there are more.
        sql = (
            f"SELECT * FROM (\n{rule.sql.strip().rstrip(';')}\n) LIMIT {rule.rows + 1} SETTINGS {_LIMITS},"
            f" max_execution_time = {rule.timeout}"
        )
        store = self._reader()
        try:
            answer = store.query(sql, "JSONEachRow")
        finally:
            store.close()
        return [json.loads(line) for line in answer.splitlines()]

    def _judge(self, store: Store, rule: SqlRule, rows: list[dict[str, Any]]) -> None:
        if rule.name not in self._open:
            self._open[rule.name] = {(one.sensor, one.entity): one for one in still_open(store, rule.name)}
        was = self._open[rule.name]
        more = len(rows) > rule.rows
        if more:
            self._log(f"warning: rule {rule.name}: more than {rule.rows} rows; the others are no alerts")
        there: dict[tuple[str, str], dict[str, Any]] = {}
        for row in rows[: rule.rows]:
            there.setdefault((str(row.get(SENSOR) or ""), str(row.get(ENTITY) or "")), row)
        for key, row in there.items():
            said = str(row.get(SAID) or _words(rule.name, row))[:_MOST_TEXT]
            if key not in was:
                at = time.time_ns()
                sensor, entity = key
                was[key] = Raised(sensor, "", rule.name, entity, rule.severity, said, at, at, sql=rule.sql)
                tell(store, was[key])
            elif was[key].said != said and SAID in row:
                was[key] = replace(was[key], version=was[key].version + 1, said=said)
                tell(store, was[key])
        # Beyond the limit it may still be.
        for key in [] if more else [key for key in was if key not in there]:
            close(store, was[key])
            del was[key]


def _words(name: str, row: dict[str, Any]) -> str:
    return f"{name}: " + ", ".join(f"{column} {value}" for column, value in row.items())
