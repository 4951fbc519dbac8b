"""`Remote`, the seam over HTTP, against a server of ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.store.errors import StoreError
from pipeline.store.native import varint
from pipeline.store.remote import Remote
from tests.serve.served import Served, serving

TABLE = (
    "CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a"
    " SETTINGS non_replicated_deduplication_window = 1000"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("remote") / "db", "--read-write") as it:
        yield it


@pytest.fixture
def remote(served: Served) -> Iterator[Remote]:
    with Remote(served.url).open() as it:
        it.query("DROP TABLE IF EXISTS t SYNC")
        it.query(TABLE)
        yield it


def block(numbers: list[int]) -> bytes:
    """A Native block of table t."""
    cells = b"".join(n.to_bytes(8, "little") for n in numbers)
    texts = b"".join(varint(len(str(n))) + str(n).encode() for n in numbers)
    return varint(2) + varint(len(numbers)) + b"\x01a\x06UInt64" + cells + b"\x01b\x06String" + texts


def test_query_rows_and_stream(remote: Remote) -> None:
    assert remote.query("SELECT 1, 'a'") == b"1\ta\n"
    assert remote.query("SELECT 1 AS a", "JSONEachRow") == b'{"a":1}\n'
    assert remote.rows("SELECT toUInt64(18446744073709551615) AS big") == [{"big": 18446744073709551615}]
    pieces = list(remote.stream("SELECT number FROM numbers(1000000)", "TSV"))
    assert len(pieces) > 1
    assert b"".join(pieces) == b"".join(b"%d\n" % n for n in range(1_000_000))


def test_insert_of_several_blocks_is_one_part_and_a_token_counts_once(remote: Remote) -> None:
    for _ in range(2):
        insert = remote.insert("t", ["a", "b"], "token-1")
        insert.append(block([1, 2]))
        insert.append(block([3]))
        assert insert.finish() == 3
    remote.insert_rows("t", [{"a": 4}])
    assert remote.rows("SELECT a, b FROM t ORDER BY a") == [
        {"a": 1, "b": "1"}, {"a": 2, "b": "2"}, {"a": 3, "b": "3"}, {"a": 4, "b": ""},
    ]
    assert remote.query("SELECT count() FROM system.parts WHERE table = 't' AND active") == b"2\n"


def test_cancelled_insert_stores_nothing(remote: Remote) -> None:
    insert = remote.insert("t", ["a", "b"], "token-1")
    insert.append(block([1, 2]))
    insert.cancel()
    again = remote.insert("t", ["a", "b"], "token-1")
    again.append(block([7]))
    again.finish()
    assert remote.query("SELECT a FROM t") == b"7\n"


def test_connections_beside_have_an_insert_each(remote: Remote) -> None:
    other = remote.beside()
    first, second = remote.insert("t", ["a", "b"]), other.insert("t", ["a", "b"])
    first.append(block([1]))
    second.append(block([2]))
    second.finish()
    first.finish()
    other.close()
    assert remote.query("SELECT a FROM t ORDER BY a") == b"1\n2\n"


def test_errors_have_clickhouse_s_code(remote: Remote) -> None:
    with pytest.raises(StoreError, match="UNKNOWN_TABLE") as caught:
        remote.query("SELECT * FROM nowhere")
    assert (caught.value.code, caught.value.retryable) == (60, False)
    insert = remote.insert("nowhere", ["a"])
    with pytest.raises(StoreError, match=r"insert into nowhere failed: .*UNKNOWN_TABLE") as caught:
        insert.finish()
    assert (caught.value.code, caught.value.retryable) == (60, False)
    insert = remote.insert("t", ["a", "b"])
    insert.append(b"no block at all, whatever it says")
    with pytest.raises(StoreError) as caught:
        insert.finish()
    assert caught.value.code
    # The connection is as good as new.
    assert remote.query("SELECT count() FROM t") == b"0\n"


def test_a_server_that_is_away_may_come_back(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        remote = Remote(served.url).open()
        host = served.url.removeprefix("http://")
    with pytest.raises(StoreError, match=r"no answer from http://127\.0\.0\.1") as caught:
        remote.query("SELECT 1")
    assert caught.value.retryable
    with pytest.raises(StoreError) as caught:
        remote.insert("t", ["a"])
    assert caught.value.retryable
    with serving(tmp_path / "db", "--read-write", "--http", host):
        assert remote.query("SELECT 1") == b"1\n"
    remote.close()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "http://host:port"])
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        Remote(url).open()
    assert caught.value.exit_code == 2


def test_of_a_cluster_the_shards_have_the_rows_when_an_insert_is_answered() -> None:
    """No cluster is to be had, so what is asked is looked at."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked.append(parse_qs(urlsplit(self.path).query).get("query", [""])[0])
            body = b""
            if "Content-Length" in self.headers:
                question = self.rfile.read(int(self.headers["Content-Length"]))
                engine = "Distributed" if b"'d'" in question else "MergeTree"
                body = b'{"engine":"%s"}\n' % engine.encode()
            else:
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Remote(f"http://127.0.0.1:{server.server_port}").open(ask=False) as remote:
            for table in ("d", "t", "d"):
                insert = remote.insert(table, ["a", "b"])
                insert.append(block([1]))
                insert.finish()
        server.shutdown()
    # The engine of each table is asked once.
    assert [text.startswith("INSERT") for text in asked] == [False, True, False, True, True]
    assert ["distributed_foreground_insert = '1'" in text for text in asked] == [False, True, False, False, True]
