"""clickhouse-connect's own HTTP client, as workers, notebooks and users have it."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from pipeline.store.native import varint
from tests.serve.served import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("connect") / "db", "--read-write") as it:
        yield it


@pytest.fixture(params=[True, "lz4", "zstd", "gzip", False], ids=str)
def client(served: Served, request: pytest.FixtureRequest) -> Iterator[Any]:
    client = clickhouse_connect.get_client(
        interface="http", host="127.0.0.1", port=served.port, compress=request.param
    )
    client.command("DROP TABLE IF EXISTS t SYNC")
    client.command(
        "CREATE TABLE t (a UInt64, b LowCardinality(String), c Array(Nullable(Int32)), d DateTime64(3, 'UTC'), e IPv6)"
        " ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100"
    )
    yield client
    client.close()


NOON = datetime.datetime(2024, 2, 29, 12, 0, 0, 123000, datetime.UTC)
# The client gives times of UTC without a zone.
GIVEN = NOON.replace(tzinfo=None)
ROWS = [
    [1, "one", [1, None, -3], NOON, ipaddress.IPv6Address("2001:db8::1")],
    [2, "two", [], NOON, ipaddress.IPv6Address("::")],
]


def test_insert_and_query(client: Any) -> None:
    done = client.insert("t", ROWS, column_names=list("abcde"))
    assert done.written_rows == 2
    result = client.query("SELECT * FROM t ORDER BY a")
    assert result.column_names == tuple("abcde")
    assert [list(row) for row in result.result_rows] == [[*row[:3], GIVEN, row[4]] for row in ROWS]
    assert int(result.summary["read_rows"]) == 2
    assert client.query("SELECT * FROM t LIMIT 0").column_names == tuple("abcde")
    assert client.query("SELECT a FROM t WHERE a = 99").result_rows == []


def test_commands_and_parameters(client: Any) -> None:
    assert client.command("SELECT 42") == 42
    assert client.command("SELECT currentDatabase()", settings={"max_threads": 1}) == "default"
    nasty = "it's \\ a\ttab\n`quoted` {x:String} ünï"
    asked = {"text": nasty, "number": -5, "list": ["a'b", nasty], "when": NOON}
    server = "SELECT {text:String}, {number:Int32}, {list:Array(String)}, {when:DateTime64(3, 'UTC')}"
    assert client.query(server, parameters=asked).result_rows == [(nasty, -5, asked["list"], GIVEN)]
    here = "SELECT %(text)s, %(number)s, %(list)s"
    assert client.query(here, parameters=asked).result_rows == [(nasty, -5, asked["list"])]
    # So long a parameter goes in a form.
    assert client.command("SELECT length({long:String})", parameters={"long": "x" * 100_000}) == 100_000


def test_data_frames_and_arrow(client: Any) -> None:
    frame = pd.DataFrame({"a": np.arange(10_000, dtype=np.uint64), "b": ["b"] * 10_000})
    client.insert_df("t", frame)
    back = client.query_df("SELECT a, b FROM t ORDER BY a")
    assert back["a"].tolist() == list(range(10_000))
    arrow = client.query_arrow("SELECT a FROM t ORDER BY a")
    assert arrow.column("a").to_pylist() == list(range(10_000))
    client.insert_arrow("t", pa.table({"a": pa.array([77_777], pa.uint64()), "b": ["from arrow"]}))
    assert client.query("SELECT b FROM t WHERE a = 77777").result_rows == [("from arrow",)]
    assert client.raw_query("SELECT max(a) FROM t", fmt="CSV") == b"77777\n"


def test_streams(client: Any) -> None:
    sql = "SELECT number AS n, toString(number) AS s FROM numbers(500000)"
    with client.query_row_block_stream(sql) as blocks:
        counted = [(len(block), block[-1]) for block in blocks]
    assert len(counted) > 1
    assert sum(rows for rows, _ in counted) == 500_000
    assert counted[-1][1] == (499_999, "499999")
    with client.query_arrow_stream("SELECT number AS n FROM numbers(500000)") as tables:
        assert sum(table.num_rows for table in tables) == 500_000


def test_raw_inserts_under_a_token_are_stored_once(client: Any) -> None:
    block = varint(1) + varint(3) + b"\x01a\x06UInt64" + b"".join(n.to_bytes(8, "little") for n in (1, 2, 3))
    for _ in range(3):
        client.raw_insert(
            "t", ["a"], block, fmt="Native", settings={"insert_deduplication_token": "topic:0:1-9"}
        )
    assert client.command("SELECT count() FROM t") == 3
    client.raw_insert("t", ["a"], iter([block, block]), fmt="Native", settings={"insert_deduplication_token": "other"})
    assert client.query("SELECT count(), uniqExact(_part) FROM t").result_rows == [(9, 2)]


def test_errors_have_codes(client: Any) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as caught:
        client.query("SELECT * FROM nowhere")
    assert caught.value.code == 60
    with pytest.raises(DatabaseError, match=r"TYPE_MISMATCH|CANNOT_PARSE|UNKNOWN") as caught:
        client.raw_insert("t", ["a"], b"rubbish", fmt="TSV")
    assert caught.value.code == 27
    with pytest.raises((StreamFailureError, OperationalError), match="throwIf"):
        _read_all(client, "SELECT number, throwIf(number = 3000000) FROM numbers(10000000)")
    assert client.command("SELECT 1") == 1


def _read_all(client: Any, sql: str) -> None:
    with client.query_row_block_stream(sql) as blocks:
        for _ in blocks:
            pass


def test_external_data(client: Any) -> None:
    brought = ExternalData(file_name="brought", fmt="CSV", structure=["n UInt64", "s String"], data=b"1,a\n2,b\n")
    answer = client.query("SELECT sum(n), max(s) FROM brought", external_data=brought)
    assert answer.result_rows == [(3, "b")]


def test_session(served: Served) -> None:
    client = clickhouse_connect.get_client(
        interface="http", host="127.0.0.1", port=served.port, session_id="a session of mine"
    )
    client.command("CREATE TEMPORARY TABLE kept AS SELECT 7 AS a")
    assert client.command("SELECT a FROM kept") == 7
    client.close()


async def test_async_client(served: Served) -> None:
    client = await clickhouse_connect.get_async_client(interface="http", host="127.0.0.1", port=served.port)
    try:
        result = await client.query("SELECT number FROM numbers(5)")
        assert [row[0] for row in result.result_rows] == [0, 1, 2, 3, 4]
    finally:
        await client.close()
