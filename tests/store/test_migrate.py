"""Tables are brought to the schema from each older state, and left alone when they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.schema.column import Column
from pipeline.schema.columns import Columns
from pipeline.schema.ddl import create_table, quote, stored_name, table_columns
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.packets import PACKETS
from pipeline.schema.tables import TABLES, VIEWS
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.migrate import migrate, plan
from pipeline.store.native import NativeEncoder, stored_columns
from tests.store.older import OLDER

Random = Callable[..., Columns]


def _layout(database: Database) -> list[dict[str, object]]:
    return database.rows(
        "SELECT table, name, type, default_kind, default_expression, comment, compression_codec FROM system.columns"
        " WHERE database = currentDatabase() ORDER BY table, position"
    )


def _fresh(database: Database) -> list[dict[str, object]]:
    """The layout that an empty database gets."""
    for name in (*(v.name for v in VIEWS), *(t.name for t in TABLES)):
        database.query(f"DROP TABLE IF EXISTS {quote(name)} SYNC")
    migrate(database)
    return _layout(database)


def test_a_second_run_does_nothing(database: Database) -> None:
    assert len(migrate(database)) == len(TABLES) + len(VIEWS)
    assert migrate(database) == []
    names = {row["name"] for row in database.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")}
    assert names == {
        "packets", "capture_states", "captures", "event_states", "events", "flow_states", "flows",
        "sensors", "fleet", "dead_letters", "checkpoints", "leases", "window_states", "windows", "alert_states",
        "alerts", "alert_acks", "silence_states", "silences", "delivery_states", "deliveries", "pinned_packets",
    } | {name for record in EXCHANGES for name in (record.name, record.name.removesuffix("_states"))}


@pytest.mark.parametrize("state", OLDER)
def test_an_older_state_is_brought_up(database: Database, random_columns: Random, state: str) -> None:
    older = OLDER[state]
    migrate(database, tables=(older,), views=())
    # What is stored survives: the older columns are a part of today's.
    columns = random_columns(older, 20, seed=1)
    insert = database.insert("packets", stored_columns(older))
    insert.append(NativeEncoder(older).encode(columns))
    insert.finish()
    kept = ", ".join(quote(stored_name(c)) for c in older.stored)
    before = database.query(f"SELECT {kept} FROM packets ORDER BY frame.number")
    assert before.count(b"\n") == 20
    statements = migrate(database)
    assert any(s.startswith("ALTER TABLE `packets`") for s in statements)
    assert database.query(f"SELECT {kept} FROM packets ORDER BY frame.number") == before
    assert migrate(database) == []
    brought = _layout(database)
    wanted = _fresh(database)
    assert brought == wanted


def test_a_column_that_went_stays_with_its_data_and_an_alias_goes(database: Database) -> None:
    more = replace(PACKETS, columns=(
        *PACKETS.columns,
        Column("old.stored", "u8", "Was stored once"),
        Column("old.bits", "u8", "Was an alias once", bits_of=("tcp.flags", 0, 3)),
    ))
    migrate(database, tables=(more,), views=())
    statements = migrate(database)
    assert [s for s in statements if "old." in s] == ["ALTER TABLE `packets` DROP COLUMN `old.bits`"]
    names = {row["name"] for row in _layout(database)}
    assert "old.stored" in names
    assert "old.bits" not in names
    assert migrate(database) == []


def test_a_view_of_another_select_is_made_anew(database: Database) -> None:
    migrate(database, views=(replace(VIEWS[0], select="SELECT 1 AS one"), *VIEWS[1:]))
    (statement,) = migrate(database)
    assert statement.startswith(f"CREATE OR REPLACE VIEW `{VIEWS[0].name}`")
    assert migrate(database) == []


def test_a_plan_changes_nothing(database: Database) -> None:
    statements = plan(database)
    assert database.rows("SELECT name FROM system.tables WHERE database = currentDatabase()") == []
    assert migrate(database) == statements


def test_another_order_is_refused(database: Database) -> None:
    migrate(database, tables=(replace(PACKETS, order_by=("capture", "frame.number")),), views=())
    with pytest.raises(StoreError, match="another order or partition"):
        migrate(database)
    assert not database.rows("SELECT 1 FROM system.tables WHERE name = 'shoal_wanted'")


def test_create_table_names_every_column_once() -> None:
    names = [c.name for c in table_columns(PACKETS)]
    assert len(names) == len(set(names))
    assert re.findall(r"^    `([^`]+)`", create_table(PACKETS), re.MULTILINE) == names
