"""Opening, and what goes wrong with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.store.database import Database
from pipeline.store.errors import StoreError, one_line

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no database in .*x; make one by: shoal import") as caught:
        Database(tmp_path / "x").open()
    assert caught.value.exit_code == 2
    assert not (tmp_path / "x").exists()


def test_other_files_there(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="holds other files"):
        Database(tmp_path).open(create=True)
    assert os.listdir(tmp_path) == ["letter.txt"]


def test_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is not a directory"):
        Database(tmp_path / "file").open(create=True)
    with pytest.raises(StoreError, match="question mark"):
        Database(tmp_path / "a?b").open(create=True)


def test_in_use_by_another_process(database: Database) -> None:
    other = subprocess.run(
        [sys.executable, "-m", "pipeline.cli.main", "sql", "--db", str(database.path), "SELECT 1"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )
    assert other.returncode == 1
    assert other.stderr == (
        f"shoal: {database.path} is in use by another process (PID: {os.getpid()});"
        " an embedded database serves one at a time\n"
    )


def test_it_can_be_opened_again(tmp_path: Path) -> None:
    for number in range(3):
        with Database(tmp_path / "db").open(create=True) as database:
            database.query("CREATE TABLE IF NOT EXISTS t (a UInt64) ENGINE = MergeTree ORDER BY a")
            database.insert_rows("t", [{"a": 2**64 - 1}])
            assert database.rows("SELECT a FROM t") == [{"a": 2**64 - 1}] * (number + 1)
    database.close()


def test_streamed_answers_are_those_of_one_piece(database: Database) -> None:
    sql = "SELECT number AS n, toString(number) AS `a\\nb` FROM numbers(300000)"
    for fmt in ("TSV", "TSVWithNames", "CSV", "JSONEachRow", "CSVWithNames"):
        assert b"".join(database.stream(sql, fmt)) == database.query(sql, fmt), fmt
    assert b"".join(database.stream("SELECT 1 AS a WHERE 0", "TSVWithNames")) == b"a\n"


@pytest.mark.parametrize("fmt", ["TSV", "PrettyCompact"])
def test_an_error_is_one_line(database: Database, fmt: str) -> None:
    with pytest.raises(StoreError, match=r"^Unknown expression identifier `nonsense`.*\(UNKNOWN_IDENTIFIER\)$"):
        list(database.stream("SELECT nonsense", fmt))
    with pytest.raises(StoreError, match=r"\(FUNCTION_THROW_IF_VALUE_IS_NON_ZERO\)$"):
        list(database.stream("SELECT throwIf(number = 250000) FROM numbers(300000)", fmt))


def test_one_line() -> None:
    said = "x: Code: 60. DB::Exception: Table a\nis gone. (UNKNOWN_TABLE)\n"
    assert one_line(said) == "Table a is gone. (UNKNOWN_TABLE)"
    assert one_line("something else") == "something else"
    long = one_line(f"Code: 1. DB::Exception: {'a, ' * 5000} end. (TOO_LONG)")
    assert len(long) < 1100
    assert long.endswith("end. (TOO_LONG)")


def test_an_insert_that_could_not_be_stored_is_no_success(database: Database) -> None:
    database.query(
        "CREATE TABLE t (a UInt8, CONSTRAINT small CHECK a < 10) ENGINE = MergeTree ORDER BY a"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    block = b"\x01\x01\x01a\x05UInt8"
    # chDB itself says of both that a row was written.
    for value, stored in ((b"\x03", 1), (b"\x63", 1), (b"\x03", 1)):
        under_way = database.insert("t", ["a"], f"token {value!r}")
        under_way.append(block + value)
        if value == b"\x63":
            with pytest.raises(StoreError, match=r"insert into t failed: .*VIOLATED_CONSTRAINT"):
                under_way.finish()
        else:
            under_way.finish()
        assert database.rows("SELECT count() AS n FROM t") == [{"n": stored}]
