"""`shoal migrate`: on a directory, and on a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli.main import run
from pipeline.schema.retention import ROWS_OF
from pipeline.schema.tables import TABLES, VIEWS
from pipeline.store.database import Database
from pipeline.store.remote import Remote
from tests.serve.served import Served, serving

ALL = len(TABLES) + len(VIEWS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that takes changes."""
    with serving(tmp_path_factory.mktemp("served") / "db", "--read-write") as served:
        yield served


def test_a_directory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    db = str(tmp_path / "db")
    assert run(["migrate", "--db", db]) == 0
    assert run(["migrate", "--db", db]) == 0
    assert run(["migrate", "--db", db, "--ttl-raw", "7d", "--size-budget", "5G", "--dry-run"]) == 0
    assert run(["migrate", "--db", db, "--ttl-raw", "1w", "--size-budget", "5G"]) == 0
    assert run(["migrate", "--db", db, "--ttl-raw", "7"]) == 0
    first, second, dry, *planned, third, fourth = capfd.readouterr().out.splitlines()
    assert (first, second, fourth) == (f"{ALL} statements run", "all stands already", "all stands already")
    assert dry == "ALTER TABLE `packets` MODIFY COLUMN `frame.raw` TTL `shoal.day` + toIntervalDay(8);"
    assert len(planned) == 1
    assert planned[0].endswith(" [budget 5000000000]';")
    assert third == "2 statements run"


def test_a_server(server: Served, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate", "--clickhouse", server.url]) == 0
    assert run(["migrate", "--clickhouse", server.url, "--ttl-flows", "1y"]) == 0
    assert run(["migrate", "--clickhouse", server.url]) == 0
    flows = len(ROWS_OF["flows"])
    assert capfd.readouterr().out == f"{ALL} statements run\n{flows} statements run\nall stands already\n"
    with Remote(server.url).open() as remote:
        created = remote.query("SHOW CREATE TABLE flow_states", "TSVRaw").decode()
    assert "\nTTL toMonday(`shoal.day`) + toIntervalDay(372)\n" in created


def test_a_database_of_a_server(server: Served, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate", "--clickhouse", server.url, "--database", "shoal-two"]) == 0
    assert run(["migrate", "--clickhouse", server.url, "--database", "shoal-two"]) == 0
    assert capfd.readouterr().out == f"{ALL} statements run\nall stands already\n"
    with Remote(server.url).open() as remote:
        rows = remote.rows("SELECT count() AS n FROM system.tables WHERE database = 'shoal-two'")
    assert rows == [{"n": ALL}]


def test_a_cluster_that_is_none(server: Served, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate", "--clickhouse", f"{server.url}/default", "--cluster", "fleet"]) in (1, 2)
    err = capfd.readouterr().err
    assert err.startswith("shoal: ")
    assert "cluster" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "name the database: either --clickhouse URL or --db DIR"),
    (["--db", "d", "--clickhouse", "http://h"], "name the database: either"),
    (["--db", "d", "--cluster", "c"], "--cluster is of a server"),
    (["--db", "d", "--ttl-raw", "soon"], "--ttl-raw: 'soon' is no number of days"),
    (["--db", "d", "--size-budget", "much"], "--size-budget: 'much' is no size"),
    (["--db", "d", "--ttl-raw", "30", "--ttl-packets", "7"], "can't be kept for 30 days"),
    (["--clickhouse", "h:8123"], "a server is given as http://HOST:PORT"),
    (["--db", "d/e", "--dry-run"], "no database in d/e"),
])
def test_bad_usage_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["migrate", *arguments]) == 2
    err = capfd.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_heartbeats_of_all_interfaces(tmp_path: Path) -> None:
    """View fleet has the newest of each, and says of which frames it can't be told what became."""
    db = tmp_path / "db"
    assert run(["migrate", "--db", str(db)]) == 0
    with Database(db).open() as database:
        for second in (0, 5, 10):
            database.insert_rows("sensors", [
                {
                    "sensor": sensor, "frame.interface_name": name, "shoal.day": "2026-11-21",
                    "shoal.time": f"2026-11-21 10:00:{second:02}", "shoal.state": "running",
                    "shoal.frames.seen": second, "shoal.frames.published": second - second // 5,
                    "shoal.frames.dropped_kernel": second // 5 - second // 10,
                }
                for sensor in ("a", "b") for name in ("eth0", "lo") if second < 10 or sensor == "a"
            ] * 2)
        rows = database.rows(
            "SELECT sensor, frame.interface_name AS name, toSecond(shoal.time) AS at, shoal.frames.missing AS missing,"
            " shoal.clock_offset AS offset FROM fleet ORDER BY sensor, name"
        )
    assert [tuple(row.values()) for row in rows] == [
        ("a", "eth0", 10, 1, None), ("a", "lo", 10, 1, None), ("b", "eth0", 5, 0, None), ("b", "lo", 5, 0, None),
    ]
