"""Who may ask, and what those may who may only read."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import pytest

from pipeline.serve.access import Access
from pipeline.serve.server import Server
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.remote import Remote
from tests.serve.served import Served, serving, shoal
from tests.serve.test_http import get, post


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("access") / "db"
    with Database(path).open(create=True) as database:
        database.query("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
        database.query("INSERT INTO t VALUES (1), (2)")
    return path


@pytest.fixture(scope="module")
def reading(db: Path) -> Iterator[Served]:
    with serving(db) as it:
        yield it


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(a) FROM t", "WITH x AS (SELECT 1) SELECT * FROM x", "(SELECT 1) UNION ALL (SELECT 2)",
        "SHOW TABLES", "DESCRIBE TABLE t", "EXISTS TABLE t", "SHOW CREATE TABLE t", "EXPLAIN SELECT 1",
        "SELECT 1 AS file, 'INTO OUTFILE' AS \"bytes/s\" -- file('x')", "SET max_threads = 1",
        "SELECT a FROM t SETTINGS max_threads = 1 FORMAT JSON", "SELECT * FROM format(CSV, '1,2')",
        "SELECT format('{}', 1), number FROM numbers(3)",
    ],
)
def test_a_reader_reads(reading: Served, sql: str) -> None:
    answer = post(reading, sql, max_block_size=1000)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("INSERT INTO t VALUES (3)", 164), ("INSERT INTO t SELECT 3", 164), ("DROP TABLE t", 164),
        ("CREATE TABLE x (a Int8) ENGINE = Memory", 164), ("ALTER TABLE t DELETE WHERE 1", 164),
        ("CREATE TEMPORARY TABLE x (a String) ENGINE = File(TSV, '/etc/passwd')", 164),
        ("INSERT INTO FUNCTION file('/tmp/shoal-never') SELECT 1", 164), ("KILL QUERY WHERE 1", 164),
        ("SYSTEM FLUSH LOGS", 164), ("SET readonly = 0", 164), ("SELECT 1 SETTINGS readonly = 0", 164),
        ("SELECT 1 PARALLEL WITH INSERT INTO FUNCTION file('/tmp/shoal-never') SELECT 1", 164),
        ("SELECT * FROM file('/etc/passwd', LineAsString)", 497), ("SELECT file('/etc/passwd')", 497),
        ("SELECT * FROM /* x */ `file` ( '/etc/passwd', LineAsString)", 497),
        ("SELECT * FROM '/etc/passwd'", 497), ("SELECT * FROM `/etc/passwd`", 497),
        ("SELECT * FROM default.\"/etc/passwd\"", 497), ("DESCRIBE '/etc/passwd'", 497),
        ("SELECT 1 IN `/etc/passwd`", 497), ("SELECT * FROM `pyproject.toml`", 497),
        ("SELECT * FROM `pypro*.toml`", 497),
        ("SELECT * FROM url('http://127.0.0.1:1/', LineAsString)", 497),
        ("SELECT * FROM t WHERE a IN (SELECT * FROM s3('http://127.0.0.1:1/a/b'))", 497),
        ("SELECT * FROM remote('127.0.0.1', system.one)", 497), ("SELECT * FROM executable('a', TSV, 'a String')", 497),
        ("SELECT 1 SETTINGS format_template_resultset = '/etc/passwd' FORMAT Template", 497),
        ("SHOW TABLES INTO OUTFILE '/tmp/shoal-never'", 358), ("SELECT 1 INTO OUTFILE '/tmp/shoal-never'", 358),
    ],
)
def test_a_reader_changes_nothing_and_stays_within_the_database(reading: Served, sql: str, code: int) -> None:
    answer = post(reading, sql)
    assert answer.headers.get("X-ClickHouse-Exception-Code") == str(code), answer.body
    assert not Path("/tmp/shoal-never").exists()
    assert post(reading, "SELECT sum(a) FROM t").body == b"3\n"


def test_a_reader_s_settings_and_tables_are_looked_at_too(reading: Served) -> None:
    assert post(reading, "SELECT 1", readonly=0).headers["X-ClickHouse-Exception-Code"] == "164"
    for value in (0, 10**12, "x"):
        assert post(reading, "SELECT 1", max_memory_usage=value).headers["X-ClickHouse-Exception-Code"] == "452"
        more = post(reading, f"SELECT 1 SETTINGS max_execution_time = '{value}'")
        assert more.headers["X-ClickHouse-Exception-Code"] == "452"
    assert post(reading, "SELECT 1 SETTINGS max_execution_time = 30", max_memory_usage=10**9).body == b"1\n"
    assert post(reading, "SELECT 1", readonly=2).body == b"1\n"
    assert post(reading, "SELECT 1", format_schema="/etc/passwd").headers["X-ClickHouse-Exception-Code"] == "497"
    form = '--e\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\n1\r\n--e--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=e"}
    asked = {"query": "SELECT * FROM x"}
    assert post(reading, form, kind, x_structure="a Int8", **asked).body == b"1\n"
    for columns in ("a Int8, b String DEFAULT file('/etc/passwd')", "a Int8) ENGINE = File(TSV, '/etc/passwd') --"):
        assert post(reading, form, kind, x_structure=columns, **asked).status != 200


def test_clickhouse_connect_reads(reading: Served) -> None:
    client = clickhouse_connect.get_client(interface="http", host="127.0.0.1", port=reading.port)
    assert client.query("SELECT a FROM t ORDER BY a").result_rows == [(1,), (2,)]
    client.close()


def test_get_never_writes(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        answer = get(served, "/?query=CREATE%20TABLE%20t%20(a%20Int8)%20ENGINE=Memory")
        assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_user_and_password(tmp_path: Path) -> None:
    with Database(tmp_path / "db").open(create=True):
        pass
    with serving(tmp_path / "db", "--read-write", "--user", "ann", SHOAL_PASSWORD="so secret") as served:
        basic = {"Authorization": "Basic YW5uOnNvIHNlY3JldA=="}
        own = {"X-ClickHouse-User": "ann", "X-ClickHouse-Key": "so secret"}
        assert post(served, "SELECT 1", basic).body == post(served, "SELECT 1", own).body == b"1\n"
        assert post(served, "SELECT 1", user="ann", password="so secret").body == b"1\n"
        assert get(served, "/ping").status == 200
        for headers, asked in (
            ({}, {}), ({"X-ClickHouse-User": "ann"}, {}), ({"Authorization": "Basic YW5uOm5v"}, {}),
            ({"Authorization": "Bearer no"}, {}), ({}, {"user": "bob", "password": "so secret"}),
        ):
            answer = post(served, "SELECT 1", headers, **asked)
            assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
            assert b"AUTHENTICATION_FAILED" in answer.body
        with Remote(served.url, user="ann", password="so secret").open() as remote:
            assert remote.query("SELECT 1") == b"1\n"
        with pytest.raises(StoreError, match="AUTHENTICATION_FAILED") as caught:
            Remote(served.url).open()
        assert not caught.value.retryable
        url = served.url.replace("http://", "clickhouse://ann:so%20secret@") + "/system"
        assert shoal("sql", "--db", url, "SELECT * FROM one").stdout == "dummy\n0\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_machines_need_a_password(tmp_path: Path, host: str) -> None:
    Access("ann", "secret").check(host)
    done = shoal("serve", "--db", str(tmp_path / "db"), "--http", f"{host}:0", "--read-write", "--user", "ann")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{host} can be reached from other machines: give --user and a password" in done.stderr
    assert not (tmp_path / "db").exists()


def test_the_token_s_file_is_its_user_s_alone_and_goes(tmp_path: Path) -> None:
    file = tmp_path / "db" / "shoal-serve.json"
    with serving(tmp_path / "db", "--read-write") as served:
        told = json.loads(file.read_text())
        assert file.stat().st_mode & 0o777 == 0o600
        assert (told["url"], told["pid"]) == (served.url, served.process.pid)
    assert not file.exists()


async def test_the_token_opens_what_others_may_not(tmp_path: Path) -> None:
    with Database(tmp_path / "db").open(create=True) as database:
        server = Server(database, port=0, access=Access(token_only=True))
        await server.start()
        try:
            token = json.loads((tmp_path / "db" / "shoal-serve.json").read_text())["token"]
            def ask() -> bytes:
                with pytest.raises(StoreError, match="AUTHENTICATION_FAILED"):
                    Remote(server.url).open()
                with Remote(server.url, token=token).open() as remote:
                    remote.query("CREATE TABLE t (a Int8) ENGINE = Memory")
                    return remote.query("SHOW TABLES")

            assert await asyncio.to_thread(ask) == b"t\n"
        finally:
            await server.stop()
    assert os.listdir(tmp_path / "db").count("shoal-serve.json") == 0
