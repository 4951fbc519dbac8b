"""A cap on the bytes of table packets: the oldest weeks go, and no more of them than need be."""

from __future__ import annotations

import pytest

from pipeline.schema.retention import Retention
from pipeline.store.budget import enforce
from pipeline.store.database import Database
from pipeline.store.migrate import migrate

WEEKS = ["2026-09-07", "2026-10-05", "2026-11-16"]


@pytest.fixture
def three_weeks(database: Database) -> Database:
    """Frames of three weeks, the newest stored first."""
    migrate(database)
    for week in reversed(WEEKS):
        database.query(
            "INSERT INTO packets (sensor, capture, `shoal.day`, `frame.number`, `frame.raw`)"
            f" SELECT 'a', 'b', '{week}', number, randomString(1000) FROM numbers(500)"
        )
    return database


def _weeks(database: Database) -> list[str]:
    rows = database.rows("SELECT DISTINCT toString(toMonday(shoal.day)) AS week FROM packets ORDER BY week")
    return [row["week"] for row in rows]


def test_without_a_budget_nothing_goes(three_weeks: Database) -> None:
    done = enforce(three_weeks)
    assert (done.budget, done.dropped, done.over) == (0, (), False)
    assert _weeks(three_weeks) == WEEKS


def test_the_oldest_week_goes_alone(three_weeks: Database) -> None:
    size = enforce(three_weeks, 10**12).before
    assert size > 1_500_000
    migrate(three_weeks, retention=Retention(budget=size - 1))
    done = enforce(three_weeks)
    assert (done.dropped, done.before, done.over) == ((WEEKS[0],), size, False)
    assert 500_000 < done.now < size - 500_000
    assert _weeks(three_weeks) == WEEKS[1:]
    assert enforce(three_weeks).dropped == ()


def test_the_newest_week_stays_and_it_is_said(three_weeks: Database) -> None:
    done = enforce(three_weeks, 1)
    assert (done.dropped, done.over) == (tuple(WEEKS[:2]), True)
    assert _weeks(three_weeks) == WEEKS[2:]


def test_of_no_table_nothing_goes(database: Database) -> None:
    assert enforce(database, 1).dropped == ()
    assert enforce(database).budget == 0
