"""How long rows are kept: set, changed and left alone by migrations, and what becomes of old rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.schema.columns import Columns
from pipeline.schema.ddl import create_table, quote
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.packets import PACKETS
from pipeline.schema.retention import (
    ROWS_OF,
    Retention,
    raw_ttl,
    read_budget,
    read_duration,
    read_raw_ttl,
    read_rows_ttl,
    read_size,
    rows_ttl,
)
from pipeline.schema.tables import TABLES
from pipeline.schema.watch import PINNED_DAYS
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.migrate import migrate
from tests.store.older import OLDER

Random = Callable[..., Columns]
ALL = Retention(raw=7, packets=56, flows=365, events=90, sensors=30, pinned=40, budget=10**9)


def _created(database: Database, table: str) -> str:
    return database.query(f"SHOW CREATE TABLE {quote(table)}", "TSVRaw").decode()


def _kept(database: Database) -> dict[str, int]:
    """Days that each table says its rows are kept; tables without a TTL are left out."""
    days = {record.name: read_rows_ttl(_created(database, record.name)) for record in TABLES}
    return {name: n for name, n in days.items() if n}


def _budget(database: Database) -> int:
    (row,) = database.rows("SELECT comment FROM system.tables WHERE name = 'packets'")
    return read_budget(row["comment"])


def test_by_itself_all_but_copies_is_kept(database: Database) -> None:
    migrate(database)
    assert _kept(database) == {"pinned_packets": PINNED_DAYS}
    assert not any(" TTL " in _created(database, r.name) for r in TABLES if r.name != "pinned_packets")
    assert _budget(database) == 0


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_set_stays_until_something_else_is(database: Database, at_once: bool) -> None:
    if not at_once:
        migrate(database)
    assert migrate(database, retention=ALL)
    exchanges = {record.name: 365 for record in EXCHANGES}
    assert _kept(database) == exchanges | {
        "packets": 56, "flow_states": 365, "event_states": 90, "alert_states": 90, "dead_letters": 90,
        "delivery_states": 90, "sensors": 30, "pinned_packets": 40,
    }
    assert read_raw_ttl(_created(database, "packets")) == 7
    assert _budget(database) == 10**9
    for again in (ALL, Retention()):
        assert migrate(database, retention=again) == []
    statements = migrate(database, retention=Retention(flows=30))
    assert statements == [f"ALTER TABLE `{name}` MODIFY TTL {rows_ttl(30)}" for name in ROWS_OF["flows"]]
    (statement,) = migrate(database, retention=Retention(raw=0))
    assert statement == "ALTER TABLE `packets` MODIFY COLUMN `frame.raw` REMOVE TTL"
    assert migrate(database, retention=Retention(packets=0)) == ["ALTER TABLE `packets` REMOVE TTL"]
    assert len(migrate(database, retention=Retention(budget=0))) == 1
    exchanges = {record.name: 30 for record in EXCHANGES}
    assert _kept(database) == exchanges | {
        "flow_states": 30, "event_states": 90, "alert_states": 90, "dead_letters": 90, "delivery_states": 90,
        "sensors": 30, "pinned_packets": 40,
    }
    assert (read_raw_ttl(_created(database, "packets")), _budget(database)) == (0, 0)
    assert migrate(database) == []


def test_an_upgrade_keeps_what_was_set(database: Database) -> None:
    # The comment of frame.raw changes as well, so that the column with the TTL is altered.
    older = OLDER["columns missing at several places"]
    columns = (replace(c, meaning="Bytes") if c.name == "frame.raw" else c for c in older.columns)
    older = replace(older, columns=tuple(columns))
    migrate(database, tables=(older,), views=(), retention=Retention(raw=7, packets=56, budget=5))
    assert any("MODIFY COLUMN `frame.raw`" in s for s in migrate(database))
    created = _created(database, "packets")
    assert (read_rows_ttl(created), read_raw_ttl(created), _budget(database)) == (56, 7, 5)
    assert migrate(database) == []


def test_bytes_are_not_kept_for_longer_than_rows(database: Database) -> None:
    migrate(database, retention=Retention(packets=14))
    with pytest.raises(StoreError, match="make the first the smaller"):
        migrate(database, retention=Retention(raw=15))
    with pytest.raises(StoreError, match=r"kept for 15 days .* kept for 14"):
        migrate(database, retention=Retention(raw=15, packets=14))
    migrate(database, retention=Retention(raw=14))
    assert migrate(database, retention=Retention(raw=20, packets=20))


def _store(database: Database, ages: list[int]) -> None:
    """A frame of each age in days, with bytes, in an insert of its own."""
    for number, age in enumerate(ages, 1):
        database.query(
            "INSERT INTO packets (sensor, capture, `shoal.day`, `frame.number`, `frame.time`, `frame.raw`)"
            f" SELECT 'a', 'b', today() - {age}, {number}, now64(9) - toIntervalDay({age}), 'bytes'"
        )


def test_bytes_vanish_before_their_rows(database: Database) -> None:
    ages = [0, 3, 10, 20, 100]
    migrate(database)
    _store(database, ages)
    # Rows that were stored before a TTL was set are of it as well.
    migrate(database, retention=Retention(raw=7, packets=56))
    database.query("OPTIMIZE TABLE packets FINAL")
    found = database.rows(
        "SELECT today() - shoal.day AS age, frame.raw AS raw, frame.number AS n FROM packets ORDER BY age"
    )
    assert [(row["age"], row["raw"], row["n"]) for row in found] == [
        (0, "bytes", 1), (3, "bytes", 2), (10, "", 3), (20, "", 4),
    ]


def test_rows_of_one_week_go_together(database: Database) -> None:
    migrate(database, retention=Retention(packets=1))
    # The week before last is over for longer than a day, whatever day of the week it is.
    database.query(
        "INSERT INTO packets (sensor, capture, `shoal.day`, `frame.number`)"
        " SELECT 'a', 'b', toMonday(today()) - 14 + number, number FROM numbers(7)"
    )
    database.query(
        "INSERT INTO packets (sensor, capture, `shoal.day`, `frame.number`)"
        " SELECT 'a', 'b', toMonday(today()) + number, 100 + number FROM numbers(7)"
    )
    database.query("OPTIMIZE TABLE packets FINAL")
    (row,) = database.rows("SELECT count() AS n, min(frame.number) AS first FROM packets")
    assert row == {"n": 7, "first": 100}


def test_every_table_with_a_day_has_a_retention() -> None:
    kept = {name for names in ROWS_OF.values() for name in names}
    assert kept == {record.name for record in TABLES if "shoal.day" in record.by_name}


def test_expressions_are_read_as_they_are_written(database: Database) -> None:
    comment = "Bytes TTL `shoal.day` + toIntervalDay(3),"
    database.query(create_table(PACKETS, name="t", comment=comment))
    assert (read_rows_ttl(_created(database, "t")), read_raw_ttl(_created(database, "t"))) == (0, 0)
    database.query(f"ALTER TABLE t MODIFY TTL {rows_ttl(12)}")
    database.query(f"ALTER TABLE t MODIFY COLUMN `frame.raw` TTL {raw_ttl(0)}")
    assert (read_rows_ttl(_created(database, "t")), read_raw_ttl(_created(database, "t"))) == (12, 0)


@pytest.mark.parametrize(("text", "days"), [("0", 0), ("90", 90), ("7d", 7), ("12w", 84), ("6m", 180), ("1y", 365)])
def test_durations(text: str, days: int) -> None:
    assert read_duration(text) == days


@pytest.mark.parametrize(("text", "size"), [
    ("0", 0), ("1234", 1234), ("500G", 500 * 10**9), ("1.5T", 1_500_000_000_000), ("200GiB", 200 << 30), ("2kb", 2000),
])
def test_sizes(text: str, size: int) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1h", "d", "1.5d", "99999y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no number of days"):
        read_duration(text)


@pytest.mark.parametrize("text", ["", "-1", "G", "1X", "1 G B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        read_size(text)
