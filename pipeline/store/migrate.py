"""Brings a database's tables to what the schema says: compares, then applies only what differs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.schema.column import Record
from pipeline.schema.ddl import create_table, literal, quote, schema_mark, table_columns
from pipeline.schema.tables import TABLES, VIEWS, View
from pipeline.store.errors import StoreError
from pipeline.store.store import Store

# A table made as the schema wants it, and dropped again: ClickHouse's own spelling of types and expressions.
_WANTED = "shoal_wanted"
_ENUM_ENTRY = re.compile(r"'(?:[^'\\]|\\.)*' = -?\d+")


@dataclass(frozen=True, slots=True)
class Stored:
    """A column as `system.columns` has it."""

    type: str
    default_kind: str
    default_expression: str
    comment: str
    compression_codec: str


def _columns(database: Store, table: str) -> dict[str, Stored]:
    rows = database.rows(
        "SELECT name, type, default_kind, default_expression, comment, compression_codec FROM system.columns"
        f" WHERE database = currentDatabase() AND table = {literal(table)} ORDER BY position"
    )
    return {row.pop("name"): Stored(**row) for row in rows}


def _keys(database: Store, table: str) -> tuple[str, str, str]:
    (row,) = database.rows(
        "SELECT engine, sorting_key, partition_key FROM system.tables"
        f" WHERE database = currentDatabase() AND name = {literal(table)}"
    )
    return row["engine"], row["sorting_key"], row["partition_key"]


def _renumbered(now: str, want: str) -> bool:
    """Whether both types are enumerations, and a name of `now` stands for another number in `want`."""
    if not (now.startswith("Enum8(") and want.startswith("Enum8(")):
        return False
    return not set(_ENUM_ENTRY.findall(now)) <= set(_ENUM_ENTRY.findall(want))


def column_changes(record: Record, now: dict[str, Stored], wanted: dict[str, Stored]) -> list[str]:
    """The `ALTER TABLE` actions that lead from `now` to `wanted`; columns are compared by all that they are.

    A stored column that the schema no longer has stays, with its data; an ALIAS that it no longer has goes.
    """
    actions: list[str] = []
    before = ""
    for column in table_columns(record):
        name, want = column.name, wanted[column.name]
        if name not in now:
            actions.append(f"ADD COLUMN {column.ddl} {f'AFTER {quote(before)}' if before else 'FIRST'}")
        elif now[name] != want:
            if not want.compression_codec and now[name].compression_codec:
                actions.append(f"MODIFY COLUMN {quote(name)} REMOVE CODEC")
            if _renumbered(now[name].type, want.type):
                # Over its names, for ClickHouse refuses to let a name stand for another number.
                actions.append(f"MODIFY COLUMN {quote(name)} String")
            actions.append(f"MODIFY COLUMN {column.ddl}")
        before = name
    gone = [name for name, stored in now.items() if name not in wanted and stored.default_kind == "ALIAS"]
    return actions + [f"DROP COLUMN {quote(name)}" for name in gone]


def _migrate_table(database: Store, record: Record) -> list[str]:
    database.query(f"DROP TABLE IF EXISTS {_WANTED} SYNC")
    database.query(create_table(record, name=_WANTED))
    try:
        if _keys(database, record.name) != _keys(database, _WANTED):
            raise StoreError(
                f"table {record.name} has another order or partition than this version of Shoal;"
                " import the captures again into a new directory"
            )
        actions = column_changes(record, _columns(database, record.name), _columns(database, _WANTED))
    finally:
        database.query(f"DROP TABLE IF EXISTS {_WANTED} SYNC")
    table = quote(record.name)
    # One statement an action: ClickHouse refuses some of them together.
    statements = [f"ALTER TABLE {table} {action}" for action in actions]
    settings = create_table(record).partition("SETTINGS ")[2].partition("\n")[0]
    statements.append(f"ALTER TABLE {table} MODIFY SETTING {settings}")
    statements.append(f"ALTER TABLE {table} MODIFY COMMENT {literal(f'{record.meaning} {schema_mark(record)}')}")
    return statements


def _create_view(view: View) -> str:
    return f"CREATE OR REPLACE VIEW {quote(view.name)} AS {view.select} COMMENT {literal(view.meaning)}"


def migrate(database: Store, tables: tuple[Record, ...] = TABLES, views: tuple[View, ...] = VIEWS) -> list[str]:
    """Makes and alters tables and views; returns the statements that were run, none where all stood already.

    A table's comment ends in a mark of the schema that it was brought to, so that looking costs one query.
    Raises StoreError where a table can't be altered to the schema.
    """
    there = {row["name"]: row["comment"] for row in database.rows(
        "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"
    )}
    statements: list[str] = []
    for record in tables:
        if record.name not in there:
            statements.append(create_table(record))
        elif schema_mark(record) not in there[record.name]:
            statements += _migrate_table(database, record)
    changed = bool(statements)
    statements += [_create_view(view) for view in views if changed or view.name not in there]
    for statement in statements:
        database.query(statement)
    return statements
