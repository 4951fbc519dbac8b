"""A table as it is held against the record that it should have: what `ALTER TABLE` has to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.schema.column import Record
from pipeline.schema.ddl import create_table, literal, quote, table_columns
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


def _columns(store: Store, table: str) -> dict[str, Stored]:
    rows = store.rows(
        "SELECT name, type, default_kind, default_expression, comment, compression_codec FROM system.columns"
        f" WHERE database = currentDatabase() AND table = {literal(table)} ORDER BY position"
    )
    return {row.pop("name"): Stored(**row) for row in rows}


def _keys(store: Store, table: str) -> tuple[str, str, str]:
    (row,) = store.rows(
        "SELECT engine, sorting_key, partition_key FROM system.tables"
        f" WHERE database = currentDatabase() AND name = {literal(table)}"
    )
    return row["engine"].removeprefix("Replicated"), row["sorting_key"], row["partition_key"]


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


def table_changes(store: Store, table: str, record: Record) -> list[str]:
    """The `ALTER TABLE` actions that bring the columns of `table` to `record`.

    For the time of the comparison there is a table beside it. Raises StoreError where order or partition differ,
    which can't be altered.
    """
    store.query(f"DROP TABLE IF EXISTS {_WANTED} SYNC")
    store.query(create_table(record, name=_WANTED))
    try:
        if _keys(store, table) != _keys(store, _WANTED):
            raise StoreError(
                f"table {table} has another order or partition than this version of Shoal;"
                " import the captures again into a new database"
            )
        return column_changes(record, _columns(store, table), _columns(store, _WANTED))
    finally:
        store.query(f"DROP TABLE IF EXISTS {_WANTED} SYNC")
