"""Where the tables are: in one database, or spread over the hosts of a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.schema.column import Record
from pipeline.schema.ddl import literal, table_name
from pipeline.store.errors import StoreError
from pipeline.store.store import Store

_DISTRIBUTED = re.compile(r"Distributed\('((?:[^'\\]|\\.)*)'")


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view as `system.tables` has it."""

    comment: str
    engine: str
    engine_full: str


@dataclass(frozen=True, slots=True)
class Place:
    """The database's tables by name, the cluster that they are on (empty: none), and which names some host lacks."""

    database: str
    tables: dict[str, Table]
    cluster: str = ""
    lacking: frozenset[str] = field(default_factory=frozenset)

    def lacks(self, name: str) -> bool:
        """Whether a host that should have it has no table or view `name`."""
        return name not in self.tables or name in self.lacking

    def holder(self, record: Record) -> str:
        """Name of the table that holds the record's rows."""
        return table_name(record, self.cluster)


def look(store: Store, records: Iterable[Record], cluster: str = "") -> Place:
    """What is there. Without `cluster`, it is the one that the tables were made for.

    Raises StoreError: no such cluster (exit code 2), tables made for another cluster or for none.
    """
    rows = store.rows(
        "SELECT name, comment, engine, engine_full, currentDatabase() AS at FROM system.tables"
        " WHERE database = currentDatabase()"
    )
    tables = {row["name"]: Table(row["comment"], row["engine"], row["engine_full"]) for row in rows}
    database = rows[0]["at"] if rows else store.rows("SELECT currentDatabase() AS at")[0]["at"]
    for record in records:
        if record.name not in tables:
            continue
        match = _DISTRIBUTED.match(tables[record.name].engine_full)
        on = match[1] if match else ""
        if cluster and on != cluster:
            made = f"for cluster {on}" if on else "without a cluster"
            raise StoreError(f"table {record.name} was made {made}; for cluster {cluster}, name another database")
        cluster = on
    lacking = _lacking(store, database, cluster) if cluster else frozenset()
    return Place(database, tables, cluster, lacking)


def _lacking(store: Store, database: str, cluster: str) -> frozenset[str]:
    """Names that fewer hosts have than the cluster has."""
    (row,) = store.rows(
        f"SELECT countIf(cluster = {literal(cluster)}) AS hosts, groupUniqArray(cluster) AS known FROM system.clusters"
    )
    if not row["hosts"]:
        known = ", ".join(sorted(row["known"])) or "none"
        raise StoreError(f"the server knows no cluster {cluster} (it knows: {known}); its remote_servers name them", 2)
    there = store.rows(
        f"SELECT name, count() AS hosts FROM clusterAllReplicas({literal(cluster)}, system.tables)"
        f" WHERE database = {literal(database)} GROUP BY name"
    )
    return frozenset(entry["name"] for entry in there if entry["hosts"] < row["hosts"])
