"""clickhouse-go over HTTP, which Grafana's ClickHouse plugin asks with: Native of its protocol revision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.serve.native import RevisionWriter
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.migrate import migrate
from pipeline.store.remote import Remote
from tests.serve.go_client import GoClient, build
from tests.serve.served import Served, serving


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> GoClient:
    return build(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("go") / "db", "--read-write") as it:
        with Remote(it.url).open() as remote:
            migrate(remote)
        yield it


# An expression, what clickhouse-go makes of it.
VALUES: dict[str, object] = {
    "toUInt8(1)": 1, "'x'": "x", "toLowCardinality('lc')": "lc", "[1, 2]::Array(UInt32)": [1, 2],
    "map('k', toUInt64(7))": {"k": 7}, "(1::UInt8, 'z')": [1, "z"], "toNullable(3::Int32)": 3,
    "NULL::Nullable(String)": None, "toDateTime64('2024-01-02 03:04:05.123', 3, 'UTC')": "2024-01-02T03:04:05.123Z",
    "toIPv4('1.2.3.4')": "1.2.3.4", "toIPv6('::1')": "::1", "toLowCardinality(toNullable('n'))": "n",
    "NULL::LowCardinality(Nullable(String))": None, "[toLowCardinality('q')]": ["q"],
    "CAST('b, (c', 'Enum8(\\'a\\' = 1, \\'b, (c\\' = 2)')": "b, (c", "true": True, "1.5::Decimal(10, 2)": "1.5",
    "[]::Array(LowCardinality(String))": [], "[[1], [2, 3]]::Array(Array(UInt16))": [[1], [2, 3]],
    "repeat('long', 100)": "long" * 100, "map('a', toLowCardinality('x'))": {"a": "x"}, "toInt128(-5)": -5,
    "toDate('2024-01-02')": "2024-01-02T00:00:00Z", "-1.5": -1.5,
    "('it''s', 2)::Tuple(a String, c UInt8)": {"a": "it's", "c": 2},
}


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd", "gzip", "deflate"])
def test_values_of_every_kind(go: GoClient, served: Served, compression: str) -> None:
    columns = ", ".join(f"{expression} AS c{at}" for at, expression in enumerate(VALUES))
    head, *rows = go.run(served.url, "ask", f"SELECT {columns} FROM numbers(3)", compression=compression)
    assert isinstance(head, list), head
    assert [name.partition(" ")[0] for name in head] == [f"c{at}" for at in range(len(VALUES))]
    assert rows == [list(VALUES.values())] * 3


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd", "gzip", "deflate"])
def test_inserts(go: GoClient, served: Served, compression: str) -> None:
    with Remote(served.url).open() as remote:
        remote.query("DROP TABLE IF EXISTS go_t SYNC")
        remote.query("CREATE TABLE go_t (a UInt64, b LowCardinality(String), c String) ENGINE = MergeTree ORDER BY a")
    assert go.run(served.url, "insert", compression=compression) == [[100_000, 4_999_950_000]]


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_many_blocks_and_none(go: GoClient, served: Served, compression: str) -> None:
    sql = "SELECT number, toString(number) AS text FROM numbers(200000)"
    head, *rows = go.run(served.url, "ask", sql, compression=compression)
    assert head == ["number UInt64", "text String"]
    assert rows == [[n, str(n)] for n in range(200_000)]
    assert go.run(served.url, "ask", "SELECT 1 WHERE 0", compression=compression) == [[]]


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_errors_have_codes(go: GoClient, served: Served, compression: str) -> None:
    def code(sql: str) -> object:
        return go.run(served.url, "ask", sql, compression=compression)[-1]["code"]

    assert code("SELECT * FROM nowhere") == 60
    assert code("SELECT number, throwIf(number = 300000) FROM numbers(1000000)") == 395
    assert code("SELECT sumState(1)") == 48


def test_what_grafana_s_explorer_asks(go: GoClient, served: Served) -> None:
    def column(sql: str) -> list[object]:
        return [row[0] for row in go.run(served.url, "ask", sql)[1:]]

    assert "default" in column("SELECT name FROM system.databases")
    assert {"packets", "flows"} <= set(column("SELECT name FROM system.tables WHERE database = 'default'"))
    named = "SELECT name, type FROM system.columns WHERE database = 'default' AND table = 'packets'"
    assert "ip.src" in column(named)
    assert "packets" in column("SHOW TABLES")
    assert "ip.src" in column("DESCRIBE TABLE packets")


def test_blocks_of_a_revision_keep_their_cells(tmp_path: Path) -> None:
    with Database(tmp_path / "db").open(create=True) as database:
        two = database.query("SELECT toLowCardinality(toString(number)) AS a FROM numbers(300)", "Native") * 2
        state = database.query("SELECT sumState(1)", "Native")
    assert RevisionWriter(0).encode(two) == two
    info = b"\x01\x00\x02\xff\xff\xff\xff\x00"
    old, new = RevisionWriter(1).encode(two), RevisionWriter(54454).encode(two)
    assert old.replace(info, b"") == two
    assert new.replace(info, b"").replace(b"LowCardinality(String)\0\1", b"LowCardinality(String)\1") == two
    with pytest.raises(StoreError, match="AggregateFunction"):
        RevisionWriter(54454).encode(state)
