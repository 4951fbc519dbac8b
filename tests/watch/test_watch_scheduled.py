"""Rules in SQL on a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.detect.watch.scheduled import Rule, Scheduled
from pipeline.detect.watch.service import Stores
from pipeline.store.store import Store
from tests.watch.alert_rows import emptied, opened

SQL = "SELECT name AS entity, concat(name, ' is here') AS said FROM facts"


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    path = tmp_path_factory.mktemp("scheduled") / "db"
    with opened(path) as made:
        made.query("CREATE TABLE facts (name String) ENGINE = Memory")
    stores = Stores(str(path))
    yield stores
    stores.close()


@pytest.fixture
def stores(opened_once: Stores) -> Stores:
    store = opened_once()
    emptied(store)
    store.close()
    return opened_once


def facts(store: Store, *names: str) -> None:
    """What the rule finds."""
    store.query("TRUNCATE TABLE facts")
    if names:
        store.insert_rows("facts", [{"name": name} for name in names])


def states(store: Store) -> list[tuple[Any, ...]]:
    """Alerts: entity, state, version."""
    return [tuple(row.values()) for row in store.rows(
        "SELECT shoal.alert.entity AS entity, toString(shoal.alert.state) AS state, shoal.alert.version AS version"
        " FROM alerts ORDER BY shoal.alert.opened, entity"
    )]


def test_a_row_is_an_alert_until_it_is_gone(stores: Stores) -> None:
    store = stores()
    clock = iter(range(0, 1000, 60))
    rule = Rule("facts", SQL, "critical")
    watch = Scheduled([rule], stores.reader, clock=lambda: next(clock))
    facts(store, "a", "b")
    watch.work(store)
    watch.work(store)
    assert sorted(states(store)) == [("a", "open", 1), ("b", "open", 1)]
    facts(store, "b")
    # One that goes on where the first was killed.
    watch = Scheduled([rule], stores.reader, clock=lambda: next(clock))
    watch.work(store)
    assert sorted(states(store)) == [("a", "closed", 2), ("b", "open", 1)]
    (row,) = store.rows("SELECT shoal.alert.said AS said, toString(shoal.alert.severity) AS severity FROM alerts"
                        " WHERE shoal.alert.entity = 'b'")
    assert row == {"said": "b is here", "severity": "critical"}
    store.close()


def test_a_rule_is_asked_when_it_is_due(stores: Stores) -> None:
    store = stores()
    now = [0.0]
    watch = Scheduled([Rule("facts", SQL, every=60)], stores.reader, clock=lambda: now[0])
    watch.work(store)
    facts(store, "a")
    now[0] = 59
    watch.work(store)
    assert states(store) == []
    now[0] = 60
    watch.work(store)
    assert states(store) == [("a", "open", 1)]
    store.close()


@pytest.mark.parametrize(("sql", "said"), [
    ("SELECT nothing FROM facts", "nothing"),
    ("DROP TABLE facts", ""),
    ("SELECT 1); DROP TABLE facts; SELECT (1", ""),
    ("SELECT sleepEachRow(1) FROM numbers(5) SETTINGS max_block_size = 1", "TIMEOUT_EXCEEDED"),
])
def test_a_rule_that_is_wrong_changes_nothing(stores: Stores, sql: str, said: str) -> None:
    store = stores()
    log: list[str] = []
    facts(store, "a")
    rules = [Rule("wrong", sql, timeout=1), Rule("right", SQL)]
    Scheduled(rules, stores.reader, log.append).work(store)
    assert [line for line in log if line.startswith("warning: rule wrong: ") and said in line]
    assert states(store) == [("a", "open", 1)]
    store.close()


def test_more_rows_than_are_taken_close_nothing(stores: Stores) -> None:
    store = stores()
    log: list[str] = []
    clock = iter(range(0, 1000, 60))
    watch = Scheduled([Rule("facts", SQL, rows=2)], stores.reader, log.append, lambda: next(clock))
    facts(store, "a", "b")
    watch.work(store)
    facts(store, "x", "y", "z")
    watch.work(store)
    found = states(store)
    assert sorted(found)[:2] == [("a", "open", 1), ("b", "open", 1)]
    assert len(found) == 4
    assert log == ["warning: rule facts: more than 2 rows; the others are no alerts"]
    store.close()
