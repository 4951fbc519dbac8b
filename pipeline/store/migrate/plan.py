"""The statements that bring a database to the schema: tables, then how long they keep, then views."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.schema.column import Record
from pipeline.schema.ddl import (
    create_distributed,
    create_table,
    literal,
    mark,
    on_cluster,
    quote,
    schema_mark,
    table_comment,
    table_settings,
)
from pipeline.schema.packets import PACKETS
from pipeline.schema.retention import (
    BEGINS_WITH,
    RAW_COLUMN,
    Retention,
    budget_mark,
    raw_ttl,
    read_budget,
    read_raw_ttl,
    read_rows_ttl,
    rows_ttl,
)
from pipeline.schema.tables import View
from pipeline.store.errors import StoreError
from pipeline.store.migrate.compare import table_changes
from pipeline.store.migrate.place import Place
from pipeline.store.store import Store


def _alter(place: Place, record: Record, action: str) -> str:
    return f"ALTER TABLE {quote(place.holder(record))}{on_cluster(place.cluster)} {action}"


def table_statements(store: Store, place: Place, record: Record) -> list[str]:
    """What makes the record's table, or brings it to the schema; a table of today needs nothing."""
    name, today = place.holder(record), schema_mark(record)
    statements: list[str] = []
    if place.lacks(name):
        days = BEGINS_WITH.get(record.name, 0)
        statements.append(create_table(record, cluster=place.cluster, ttl=rows_ttl(days) if days else ""))
    if name in place.tables and today not in place.tables[name].comment:
        # One statement an action: ClickHouse refuses some of them together.
        actions = table_changes(store, name, record)
        actions.append(f"MODIFY SETTING {table_settings(record, place.cluster)}")
        statements += [_alter(place, record, action) for action in actions]
    if place.cluster:
        over = place.tables.get(record.name)
        if place.lacks(record.name) or over is None or today not in over.comment:
            statements.append(create_distributed(record, place.cluster, place.database))
    return statements


def retention_statements(store: Store, place: Place, record: Record, wanted: Retention) -> list[str]:
    """What makes the record's table keep its rows for as long as is asked, and its comment say what it is of.

    Where nothing is asked, the table keeps what it has. Raises StoreError where bytes of frames are to be kept for
    longer than their rows (exit code 2).
    """
    name = place.holder(record)
    there = place.tables.get(name)
    days = wanted.days(record.name)
    frames = record.name == PACKETS.name
    created = ""
    # Not asked for nothing: every import looks whether the tables stand.
    if not there and days is not None and record.name in BEGINS_WITH:
        created = f"TTL {rows_ttl(BEGINS_WITH[record.name])}"
    if there and (days is not None or (frames and wanted.raw is not None)):
        created = store.query(f"SHOW CREATE TABLE {quote(name)}", "TSVRaw").decode()
    actions: list[str] = []
    if days is not None and days != read_rows_ttl(created):
        actions.append(f"MODIFY TTL {rows_ttl(days)}" if days else "REMOVE TTL")
    budget = read_budget(there.comment) if there else 0
    if frames:
        actions += _raw(created, wanted)
        budget = budget if wanted.budget is None else wanted.budget
    comment = table_comment(record) + budget_mark(budget)
    # Last, for its mark says that all before it was done.
    if comment != (there.comment if there else table_comment(record)):
        actions.append(f"MODIFY COMMENT {literal(comment)}")
    return [_alter(place, record, action) for action in actions]


def _raw(created: str, wanted: Retention) -> list[str]:
    if wanted.raw is None and wanted.packets is None:
        return []
    now = read_raw_ttl(created)
    raw = now if wanted.raw is None else wanted.raw
    rows = read_rows_ttl(created) if wanted.packets is None else wanted.packets
    if rows and raw > rows:
        raise StoreError(
            f"bytes of frames can't be kept for {raw} days (--ttl-raw) where their rows are kept for {rows}"
            " (--ttl-packets); make the first the smaller, or 0", 2,
        )
    if raw == now:
        return []
    return [f"MODIFY COLUMN {quote(RAW_COLUMN)} {f'TTL {raw_ttl(raw)}' if raw else 'REMOVE TTL'}"]


def view_statements(place: Place, views: Sequence[View], *, changed: bool) -> list[str]:
    """What makes the views that are missing or of another SELECT; all of them anew where a table is `changed`."""
    return [
        f"CREATE OR REPLACE VIEW {quote(view.name)}{on_cluster(place.cluster)} AS {view.select}"
        f" COMMENT {literal(f'{view.meaning} {mark(view.select)}')}"
        for view in views
        if changed or place.lacks(view.name) or mark(view.select) not in place.tables[view.name].comment
    ]
