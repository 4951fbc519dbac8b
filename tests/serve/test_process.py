"""The process of `shoal serve` among others: signals, clients that go away, and who finds a directory taken."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.run.importer import import_capture
from pipeline.store.remote import Remote
from tests.serve.served import ROOT, Served, serving, shoal
from tests.serve.test_http import post

SAMPLE = ROOT / "samples" / "demo.pcapng"
OTHER = ROOT / "tests" / "scenarios" / "clean-client.pcap.gz"
ENDLESS = "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))"
RUNNING = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'"


def wait_for(event: Callable[[], bool]) -> None:
    """Waits until `event` holds."""
    deadline = time.monotonic() + 60
    while not event():
        assert time.monotonic() < deadline, "nothing came of it in a minute"
        time.sleep(0.02)


def asked(served: Served, sql: str, path: str = "/") -> http.client.HTTPConnection:
    """A request under way, whose answer nobody has read yet."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("POST", path, sql)
    return connection


def test_sql_and_import_go_through_the_process_that_has_the_directory(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write"):
        pass
    alone = shoal("import", SAMPLE, "--db", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    counted = "SELECT count(), sum(cityHash64(frame.number, ip.src, tcp.stream, frame.raw)) FROM packets"
    wanted = shoal("sql", "--db", tmp_path / "alone", counted).stdout
    # Others may only read; those who can read the file in the directory may write too.
    with serving(tmp_path / "alone") as served:
        assert shoal("sql", "--db", tmp_path / "alone", counted).stdout == wanted
        assert shoal("sql", "--db", served.url, counted).stdout == wanted
        again = shoal("import", SAMPLE, "--db", tmp_path / "alone")
        assert "are stored already" in again.stdout, again.stderr
        refused = shoal("import", OTHER, "--db", served.url)
        assert refused.returncode == 1
        assert "readonly mode" in refused.stderr
        more = shoal("import", OTHER, "--db", tmp_path / "alone")
        assert more.returncode == 0, more.stderr
        assert shoal("sql", "--db", served.url, counted).stdout != wanted
        drop = shoal("sql", "--db", tmp_path / "alone", "DROP TABLE packets")
        assert (drop.returncode, "READONLY" in drop.stderr) == (1, True)
        other = shoal("serve", "--db", tmp_path / "alone", "--http", "127.0.0.1:0")
        assert (other.returncode, "is in use by another process" in other.stderr) == (1, True)
    with serving(tmp_path / "new", "--read-write") as served:
        assert shoal("import", SAMPLE, "--db", tmp_path / "new").returncode == 0
        assert shoal("sql", "--db", tmp_path / "new", counted).stdout == wanted
        with Remote(served.url).open() as remote:
            assert import_capture(remote, str(SAMPLE)).was_complete
            assert remote.query("SELECT uniqExact(_part) FROM packets") == b"1\n"


def test_a_file_that_was_left_behind_is_not_believed(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        file = tmp_path / "db" / "shoal-serve.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"pid": 1}))
        done = shoal("sql", "--db", tmp_path / "db", "SELECT 1")
        assert (done.returncode, f"PID: {served.process.pid}" in done.stderr) == (1, True)
        served.process.kill()
        served.process.wait(60)
    done = shoal("import", SAMPLE, "--db", tmp_path / "db")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_what_is_under_way(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        slow = asked(served, "SELECT sleep(2), sleep(1) + 1", "/?function_sleep_max_microseconds_per_block=9000000")
        # The one that asks is the other.
        running = "SELECT count() FROM system.processes WHERE query LIKE '%sleep(2)%'"
        wait_for(lambda: post(served, running).body == b"2\n")
        served.process.send_signal(number)
        assert slow.getresponse().read() == b"0\t1\n"
        assert served.process.wait(60) == 0
    assert not (tmp_path / "db" / "shoal-serve.json").exists()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        endless = asked(served, ENDLESS)
        wait_for(lambda: post(served, RUNNING).body == b"1\n")
        served.process.send_signal(signal.SIGTERM)

        def refuses() -> bool:
            try:
                socket.create_connection(("127.0.0.1", served.port), timeout=10).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_for(refuses)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 130
        endless.close()


def test_a_query_ends_with_its_client_and_hinders_nobody(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        post(served, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        endless = [asked(served, ENDLESS) for _ in range(3)]
        wait_for(lambda: post(served, RUNNING).body == b"3\n")
        assert post(served, "INSERT INTO t FORMAT TSV\n1\n").status == 200
        assert post(served, "SELECT a FROM t").body == b"1\n"
        for connection in endless:
            connection.close()
        wait_for(lambda: post(served, RUNNING).body == b"0\n")


def test_an_insert_that_is_cut_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        post(served, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        under_way = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT%'"
        for head in (b"Transfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n", b"Content-Length: 900\r\n\r\n1\n2\n"):
            with socket.create_connection(("127.0.0.1", served.port)) as raw:
                raw.sendall(b"POST /?query=INSERT%20INTO%20t%20FORMAT%20TSV HTTP/1.1\r\nHost: x\r\n" + head)
                wait_for(lambda: post(served, under_way).body == b"1\n")
            wait_for(lambda: post(served, under_way).body == b"0\n")
        assert post(served, "SELECT count() FROM t").body == b"0\n"


def test_a_reply_that_was_cut_and_the_same_again(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        post(served, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a"
                     " SETTINGS non_replicated_deduplication_window = 100")
        path = "/?query=INSERT%20INTO%20t%20FORMAT%20TSV&insert_deduplication_token=one"
        # Stored, and nobody heard of it.
        unread = asked(served, "1\n2\n", path)
        wait_for(lambda: post(served, "SELECT count() FROM t").body == b"2\n")
        unread.close()
        for _ in range(3):
            connection = asked(served, "1\n2\n", path)
            assert connection.getresponse().status == 200
            connection.close()
        assert post(served, "SELECT count() FROM t").body == b"2\n"


def test_many_at_once_and_no_more(tmp_path: Path) -> None:
    with serving(tmp_path / "db", "--read-write") as served:
        answers: list[int] = []
        crowd = [
            threading.Thread(target=lambda: answers.append(post(served, "SELECT sleep(0.05)").status))
            for _ in range(60)
        ]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        assert answers == [200] * 60
        waiting = [asked(served, ENDLESS) for _ in range(120)]
        wait_for(lambda: post(served, "SELECT 1").headers.get("X-ClickHouse-Exception-Code") == "202")
        assert get_status(served) == 200
        for connection in waiting:
            connection.close()
        wait_for(lambda: post(served, RUNNING).body == b"0\n")


def get_status(served: Served) -> int:
    """Of a ping, which needs no turn."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("GET", "/ping")
    return connection.getresponse().status


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shoal("serve", "--db", tmp_path / "db", "--read-write", "--http", f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: " in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_database_is_said(tmp_path: Path) -> None:
    done = shoal("serve", "--db", tmp_path / "none")
    assert (done.returncode, "no database in" in done.stderr) == (2, True)
    wrong = shoal("serve", "--db", tmp_path / "none", "--http", "here")
    assert (wrong.returncode, "give HOST:PORT" in wrong.stderr) == (2, True)
