"""Brings a database's tables to what the schema says: compares, then applies only what differs."""

from __future__ import annotations

from pipeline.schema.column import Record
from pipeline.schema.retention import Retention
from pipeline.schema.tables import TABLES, VIEWS, View
from pipeline.store.migrate.place import look
from pipeline.store.migrate.plan import retention_statements, table_statements, view_statements
from pipeline.store.store import Store

_AS_IT_IS = Retention()


def plan(
    store: Store,
    tables: tuple[Record, ...] = TABLES,
    views: tuple[View, ...] = VIEWS,
    *,
    cluster: str = "",
    retention: Retention = _AS_IT_IS,
) -> list[str]:
    """The statements that `migrate` would run; nothing is changed, but a table for comparison comes and goes.

    Raises StoreError as `migrate` does.
    """
    place = look(store, tables, cluster)
    of_tables: list[str] = []
    of_rows: list[str] = []
    for record in tables:
        of_tables += table_statements(store, place, record)
        of_rows += retention_statements(store, place, record, retention)
    return of_tables + of_rows + view_statements(place, views, changed=bool(of_tables))


def migrate(
    store: Store,
    tables: tuple[Record, ...] = TABLES,
    views: tuple[View, ...] = VIEWS,
    *,
    cluster: str = "",
    retention: Retention = _AS_IT_IS,
) -> list[str]:
    """Makes and alters tables and views; returns the statements that were run, none where all stood already.

    With `cluster`, tables are replicated and spread over its hosts, and the plain names are of Distributed tables; it
    need be named once. `retention` is what is to change of how long rows are kept. A table's comment ends in a mark of
    the schema that it was brought to, so that looking costs one query.
    Raises StoreError where a table can't be altered to the schema, is of another cluster, or keeps bytes for longer
    than rows.
    """
    statements = plan(store, tables, views, cluster=cluster, retention=retention)
    for statement in statements:
        store.query(statement)
    return statements
