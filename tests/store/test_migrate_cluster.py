"""Tables of a cluster: the statements, what ClickHouse's parser takes, and the plan run as far as one host goes.

No coordination service is at hand, so what is said `ON CLUSTER` runs here alone and nothing is replicated; clusters,
macros and Distributed tables are ClickHouse's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from pipeline.schema.checkpoints import CHECKPOINTS
from pipeline.schema.column import Record
from pipeline.schema.ddl import SHARDED_BY, create_distributed, create_table, literal
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.packets import PACKETS
from pipeline.schema.retention import Retention
from pipeline.schema.tables import TABLES, VIEWS
from pipeline.store.budget import enforce
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.migrate import migrate

RECORDS = pytest.mark.parametrize("record", TABLES, ids=lambda r: r.name)

CONFIG = """
<clickhouse>
  <remote_servers>
    <fleet><shard><replica><host>127.0.0.1</host><port>1</port></replica></shard></fleet>
    <other><shard><replica><host>127.0.0.1</host><port>1</port></replica></shard></other>
  </remote_servers>
  <macros><shard>1</shard><replica>a</replica></macros>
</clickhouse>
"""

EVENTS_LOCAL = """\
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', `shoal.event.count`)
PARTITION BY toMonday(`shoal.day`)
ORDER BY (`sensor`, `capture`, `shoal.event.frame`, `shoal.event.name`, `shoal.event.entity`)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 2592000, \
min_bytes_for_wide_part = 1073741824, min_rows_for_wide_part = 4194304, ttl_only_drop_parts = 1
"""


class OneHost(Database):
    """A database that knows clusters, of which it is the only host; statements are kept as they were given."""

    def __init__(self, path: Path, config: Path) -> None:
        super().__init__(path)
        self._config = config
        self.given: list[str] = []
        self.absent: set[str] = set()

    def open(self, *, create: bool = False) -> Self:
        """Open it with a configuration file."""
        import chdb

        self._connection = chdb.connect(f"{self.path}?config-file={self._config}")
        return self

    def query(self, sql: str, fmt: str = "TabSeparated") -> bytes:
        """Run a statement as if this host alone were asked."""
        self.given.append(sql)
        sql = re.sub(r" ON CLUSTER '\w+'", "", sql)
        sql = re.sub(r"cluster(AllReplicas)?\('\w+', ([\w.]+)\)", r"\2", sql)
        if self.absent and "count() AS hosts" in sql:
            absent = ", ".join(map(literal, sorted(self.absent)))
            sql = sql.replace("count()", f"toUInt8(name NOT IN ({absent}))")
        sql = re.sub(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?", r"\1(", sql)
        return super().query(sql, fmt)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[OneHost]:
    """An empty database on a host of the clusters `fleet` and `other`."""
    config = tmp_path / "config.xml"
    config.write_text(CONFIG)
    with OneHost(tmp_path / "db", config).open() as opened:
        yield opened


@RECORDS
def test_all_versions_of_a_row_are_on_one_shard(record: Record) -> None:
    assert SHARDED_BY[record.name]
    assert set(SHARDED_BY[record.name]) <= set(record.order_by)


@RECORDS
def test_clickhouse_reads_the_statements(database: Database, record: Record) -> None:
    for sql in (create_table(record, cluster="c"), create_distributed(record, "c", "d")):
        read = database.query(f"SELECT formatQuery({literal(sql)})", "TSVRaw").decode()
        assert " ON CLUSTER c\n" in read
        # It leaves out backticks that need not be.
        wanted, found = (re.findall(r"^ENGINE = .*", text.replace("`", ""), re.MULTILINE) for text in (sql, read))
        assert wanted == found
        assert len(found) == 1


def test_the_statements_of_a_table() -> None:
    local = create_table(EVENT_STATES, cluster="fleet")
    assert local.startswith("CREATE TABLE IF NOT EXISTS `event_states_local` ON CLUSTER 'fleet'\n(\n    `sensor` ")
    assert EVENTS_LOCAL in local
    over = create_distributed(EVENT_STATES, "fleet", "shoal")
    assert over.startswith("CREATE OR REPLACE TABLE `event_states` ON CLUSTER 'fleet'\n(\n    `sensor` ")
    assert "\nENGINE = Distributed('fleet', 'shoal', 'event_states_local', cityHash64(`capture`))\n" in over
    assert "CODEC" not in over
    assert "'{replica}', `shoal.offset`)\nPARTITION BY" in create_table(CHECKPOINTS, cluster="fleet")


def test_the_plan_is_run_once(host: OneHost) -> None:
    statements = migrate(host, cluster="fleet")
    assert len(statements) == 2 * len(TABLES) + len(VIEWS)
    assert all(" ON CLUSTER 'fleet'" in statement for statement in statements)
    for again in ("fleet", ""):
        assert migrate(host, cluster=again) == []
    engines = {row["name"]: row["engine"] for row in host.rows(
        "SELECT name, engine FROM system.tables WHERE database = currentDatabase()"
    )}
    assert engines["packets"] == "Distributed"
    assert engines["packets_local"] == "MergeTree"
    assert engines["flows"] == "View"
    # The view is analysed down to what would be sent to the shards.
    assert b"ReadFromRemote" in host.query("EXPLAIN SELECT * FROM flows")
    assert b"ReadFromRemote" in host.query("EXPLAIN SELECT eth.src, tcp.flags.syn, ip.addr FROM packets")


def test_an_older_state_is_brought_up(host: OneHost) -> None:
    older = replace(PACKETS, columns=tuple(c for c in PACKETS.columns if c.name not in ("tcp.stream", "tcp.flags.syn")))
    migrate(host, tables=(older,), views=(), cluster="fleet", retention=Retention(raw=3))
    statements = migrate(host, tables=(PACKETS,), views=())
    heads = [statement.partition("\n")[0][:60] for statement in statements]
    assert [head for head in heads if not head.startswith("ALTER TABLE `packets_local` ON CLUSTER 'fleet' ")] == [
        "CREATE OR REPLACE TABLE `packets` ON CLUSTER 'fleet'",
    ]
    assert sum("ADD COLUMN" in statement for statement in statements) == 2
    assert migrate(host, tables=(PACKETS,), views=()) == []
    host.query("SELECT tcp.stream, tcp.flags.syn FROM packets_local")
    host.query("EXPLAIN SELECT tcp.stream, tcp.flags.syn FROM packets")


def test_what_a_host_lacks_is_made(host: OneHost) -> None:
    migrate(host, cluster="fleet")
    host.absent = {"packets_local", "events"}
    made = [statement.partition("\n")[0] for statement in migrate(host)]
    assert made[0] == "CREATE TABLE IF NOT EXISTS `packets_local` ON CLUSTER 'fleet'"
    assert [m for m in made[1:] if "VIEW `events` ON CLUSTER" in m]
    host.absent = set()
    assert migrate(host) == []


def test_retention_is_of_the_local_tables(host: OneHost) -> None:
    migrate(host, cluster="fleet")
    statements = migrate(host, retention=Retention(packets=14, budget=1000))
    assert [statement.partition(" MODIFY")[0] for statement in statements] == [
        "ALTER TABLE `packets_local` ON CLUSTER 'fleet'",
    ] * 2
    assert migrate(host) == []


def test_a_budget_drops_weeks_on_each_host(host: OneHost) -> None:
    migrate(host, cluster="fleet", retention=Retention(budget=1))
    for day in ("2026-11-02", "2026-11-16"):
        host.insert_rows("packets_local", [{"sensor": "a", "capture": "b", "shoal.day": day, "frame.number": 1}])
    assert enforce(host).dropped == ("2026-11-02",)
    assert [sql for sql in host.given if "DROP PARTITION" in sql] == [
        "ALTER TABLE `packets_local` ON CLUSTER 'fleet' DROP PARTITION ID '20261102'",
    ]


def test_another_cluster_is_refused(host: OneHost) -> None:
    with pytest.raises(StoreError, match=r"no cluster elsewhere \(it knows: fleet, other\)"):
        migrate(host, cluster="elsewhere")
    migrate(host, cluster="fleet")
    with pytest.raises(StoreError, match="was made for cluster fleet; for cluster other"):
        migrate(host, cluster="other")


def test_tables_of_one_server_are_not_spread(host: OneHost) -> None:
    migrate(host)
    with pytest.raises(StoreError, match="was made without a cluster"):
        migrate(host, cluster="fleet")
