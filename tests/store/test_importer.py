"""Importing: every frame once, whatever happens on the way."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from captures import FILE_HEADER, FRAME, write_pcap

from collectors.sources.identity import content_hash
from pipeline import __version__
from pipeline.run import importer
from pipeline.run.importer import import_capture
from pipeline.store.database import Database, Insert
from pipeline.store.errors import StoreError
from pipeline.store.migrate import migrate
from pipeline.store.writer import Piece, Writer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture
def tables(database: Database) -> Database:
    """The database with its tables."""
    migrate(database)
    return database


def _numbers(database: Database) -> list[int]:
    return [row["n"] for row in database.rows("SELECT frame.number AS n FROM packets ORDER BY n")]


def test_a_file_becomes_rows_and_a_capture(tables: Database, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", 2000)
    done = import_capture(tables, str(path), sensor="s1")
    assert (done.frames, done.stored, done.warning, done.was_complete) == (2000, 2000, "", False)
    assert _numbers(tables) == list(range(1, 2001))
    (row,) = tables.rows(
        "SELECT sensor, capture, shoal.day, toString(frame.time) AS time, frame.time_epoch AS epoch, eth.src, eth.type,"
        " ip.src, ip.flags.df, udp.dstport, tcp.srcport, vlan.id, frame.protocols, hex(frame.raw) AS raw, shoal.src,"
        " shoal.dstport FROM packets WHERE frame.number = 1001"
    )
    raw = row.pop("raw")
    assert raw.endswith("000003E9")
    assert len(raw) == 2 * (FRAME - 16)
    assert row == {
        "sensor": "s1", "capture": content_hash(str(path)), "shoal.day": "2023-11-14",
        "time": "2023-11-14 22:13:21.001000000", "epoch": 1700000001.001, "eth.src": "02:00:00:00:00:02",
        "eth.type": 2048, "ip.src": "10.0.0.1", "ip.flags.df": 0, "udp.dstport": 53, "tcp.srcport": None, "vlan.id": [],
        "frame.protocols": row["frame.protocols"], "shoal.src": "10.0.0.1", "shoal.dstport": 53,
    }
    assert row["frame.protocols"].startswith("eth:ethertype:ip:udp")
    (capture,) = tables.rows("SELECT * EXCEPT (`shoal.imported`) FROM captures")
    assert capture == {
        "sensor": "s1", "capture": done.capture, "shoal.state": "complete", "shoal.file.name": str(path),
        "shoal.file.size": FILE_HEADER + 2000 * FRAME, "shoal.first_time": "2023-11-14 22:13:20.001000000",
        "shoal.last_time": "2023-11-14 22:13:22.000000000", "shoal.frames": 2000, "shoal.warning": "",
        "shoal.version": __version__, "shoal.file.linktypes": [1],
    }


def test_the_same_content_adds_nothing(tables: Database, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", 300)
    first = import_capture(tables, str(path), sensor="s1")
    shutil.copy(path, tmp_path / "b.pcap")
    again = import_capture(tables, str(tmp_path / "b.pcap"), sensor="s2")
    assert again.was_complete
    assert (again.path, again.capture, again.sensor, again.frames) == (str(path), first.capture, "s1", 300)
    assert _numbers(tables) == list(range(1, 301))
    other = import_capture(tables, str(write_pcap(tmp_path / "c.pcap", 200)))
    assert not other.was_complete
    assert len(_numbers(tables)) == 500


def test_a_cut_file_gives_its_whole_frames_and_a_warning(tables: Database, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", 10)
    path.write_bytes(path.read_bytes()[: FILE_HEADER + 7 * FRAME + 20])
    done = import_capture(tables, str(path))
    assert done.frames == 7
    assert done.warning
    assert _numbers(tables) == list(range(1, 8))
    assert tables.rows("SELECT shoal.warning AS w, shoal.state AS s FROM captures") == [
        {"w": done.warning, "s": "complete"}
    ]


def test_an_empty_capture_is_complete(tables: Database, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", 0)
    assert import_capture(tables, str(path)).frames == 0
    assert import_capture(tables, str(path)).was_complete


def test_what_is_no_capture_leaves_no_trace(tables: Database, tmp_path: Path) -> None:
    from collectors.sources.frames import CaptureError

    path = tmp_path / "a.txt"
    path.write_text("no capture at all, but long enough to have a header of one")
    with pytest.raises(CaptureError):
        import_capture(tables, str(path))
    assert tables.rows("SELECT * FROM captures") == []


def test_a_part_lies_in_the_week_of_its_insert(
    tables: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", 50)
    monkeypatch.setattr(importer, "INSERT_ROWS", 100)
    # Ten seconds before Monday, 2026-11-23: the first insert ends on Sunday, the third begins on Monday.
    path = write_pcap(tmp_path / "a.pcap", 25_000, seconds=1_795_391_990)
    import_capture(tables, str(path))
    rows = tables.rows(
        "SELECT shoal.day AS day, count() AS n, min(frame.number) AS first FROM packets GROUP BY 1 ORDER BY 1"
    )
    assert [row["day"] for row in rows] == ["2026-11-22", "2026-11-23"]
    assert sum(row["n"] for row in rows) == 25_000
    assert rows[1]["first"] == 10_001


POINTS = [
    ("batch", 1), ("batch", 7), ("append", 1), ("append", 5), ("before", 1), ("before", 3), ("after", 1), ("after", 4),
    ("state", 1),
]


def _child(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(HERE / "interrupted.py"), *map(str, args)],
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )


def _everything(path: Path) -> list[dict[str, Any]]:
    with Database(path).open() as database:
        return database.rows("SELECT * REPLACE hex(frame.raw) AS `frame.raw` FROM packets ORDER BY frame.number")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A capture, and the rows that an undisturbed import of it gives."""
    directory = tmp_path_factory.mktemp("whole")
    capture = write_pcap(directory / "a.pcap", 777)
    assert _child(directory / "db", capture, "never", 0).stdout.split() == ["777", "777", "False"]
    return capture, _everything(directory / "db")


@pytest.mark.parametrize(("point", "count"), POINTS)
def test_killed_anywhere_and_started_again_it_is_complete(
    whole: tuple[Path, list[dict[str, Any]]], tmp_path: Path, point: str, count: int
) -> None:
    capture, rows = whole
    db = tmp_path / "db"
    assert _child(db, capture, point, count).returncode == -signal.SIGKILL
    again = _child(db, capture, "never", 0)
    assert again.returncode == 0, again.stderr
    frames, stored, was_complete = again.stdout.split()
    assert (frames, was_complete) == ("777", "False")
    # Whole inserts of 150 rows were stored before, so only those frames were left out.
    assert (777 - int(stored)) % 150 == 0
    assert _everything(db) == rows


def test_killed_twice(tmp_path: Path) -> None:
    capture = write_pcap(tmp_path / "a.pcap", 777)
    db = tmp_path / "db"
    for count in (2, 2):
        assert _child(db, capture, "after", count).returncode == -signal.SIGKILL
    assert _child(db, capture, "never", 0).stdout.split() == ["777", str(777 - 600), "False"]
    assert _child(db, capture, "never", 0).stdout.split() == ["777", "0", "True"]
    with Database(db).open() as database:
        assert _numbers(database) == list(range(1, 778))


def test_an_import_goes_on_in_the_middle_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = write_pcap(tmp_path / "a.pcap", 500)
    assert _child(tmp_path / "db", capture, "after", 2).returncode == -signal.SIGKILL
    # 300 frames are stored; the fifth batch of now begins with frame 257.
    monkeypatch.setattr(importer, "BATCH_ROWS", 64)
    with Database(tmp_path / "db").open() as database:
        assert import_capture(database, str(capture)).stored == 200
        assert _numbers(database) == list(range(1, 501))


def test_what_fails_while_inserting_is_told(tables: Database) -> None:
    writer = Writer(tables, "no_such_table", ["sensor"])
    writer.start()
    writer.put(Piece(b"", "token", True))
    with pytest.raises(StoreError, match="no_such_table"):
        writer.close()


def test_after_an_insert_that_failed_none_is_stored(
    tables: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", 10)
    monkeypatch.setattr(importer, "INSERT_ROWS", 10)
    finish, calls = Insert.finish, 0

    def failing(insert: Insert) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            insert.cancel()
            raise StoreError("disk full")
        return finish(insert)

    monkeypatch.setattr(Insert, "finish", failing)
    path = write_pcap(tmp_path / "a.pcap", 300)
    with pytest.raises(StoreError, match="disk full"):
        import_capture(tables, str(path))
    assert _numbers(tables) == list(range(1, 21))
    assert calls == 3
    monkeypatch.setattr(Insert, "finish", finish)
    assert import_capture(tables, str(path)).stored == 280
    assert _numbers(tables) == list(range(1, 301))


def test_an_aborted_insert_stores_nothing(tables: Database) -> None:
    writer = Writer(tables, "packets", ["sensor"])
    writer.start()
    writer.put(Piece(b"", "token", False))
    writer.abort()
    assert _numbers(tables) == []
