"""`shoal import` and `shoal sql`, as one calls them."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import run
from pipeline.schema.tables import TABLES, VIEWS

ROOT = Path(__file__).resolve().parents[2]


def _pcap(path: Path, frames: int) -> Path:
    """A capture of ARP requests."""
    arp = bytes.fromhex("ffffffffffff020000000001080600010800060400010200000000010a0000010000000000000a000002")
    record = struct.pack("<IIII", 1_700_000_000, 0, len(arp), len(arp)) + arp
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1) + record * frames)
    return path


def _sql(capfdbinary: pytest.CaptureFixture[bytes], db: Path, sql: str, *options: str) -> bytes:
    capfdbinary.readouterr()
    assert run(["sql", "--db", str(db), sql, *options]) == 0
    out, err = capfdbinary.readouterr()
    assert err == b""
    return out


def test_import_and_query(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    a, b, db = _pcap(tmp_path / "a.pcap", 1200), _pcap(tmp_path / "b.pcap", 3), tmp_path / "db"
    assert run(["import", str(a), str(b), "--db", str(db), "--sensor", "desk"]) == 0
    out, err = capfdbinary.readouterr()
    first, second = out.decode().splitlines()
    assert first.startswith(f"{a}: 1,200 frames in ")
    assert first.endswith(" frames/s)")
    assert second.startswith(f"{b}: 3 frames in ")
    assert err == b""

    tables = sorted([*(record.name for record in TABLES), *(view.name for view in VIEWS)])
    assert _sql(capfdbinary, db, "SHOW TABLES").decode().split() == ["name", *tables]
    counted = "SELECT sensor, arp.opcode, arp.src.proto_ipv4 AS ip, count() AS n FROM packets GROUP BY ALL;"
    assert _sql(capfdbinary, db, counted) == b"sensor\tarp.opcode\tip\tn\ndesk\t1\t10.0.0.1\t1203\n"
    assert json.loads(_sql(capfdbinary, db, counted, "--format", "JSONEachRow"))["n"] in (1203, "1203")
    assert json.loads(_sql(capfdbinary, db, counted.rstrip(";") + " FORMAT JSONEachRow"))["sensor"] == "desk"
    frame = _sql(capfdbinary, db, "SELECT frame.raw FROM packets LIMIT 1", "--format", "RawBLOB")
    assert frame == b.read_bytes()[-42:]

    assert run(["import", str(a), "--db", str(db)]) == 0
    assert b"1,200 frames are stored already (capture " in capfdbinary.readouterr().out


def test_sql_from_standard_input(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "db"
    assert run(["import", str(_pcap(tmp_path / "a.pcap", 2)), "--db", str(db)]) == 0
    for given in ([], ["-"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"SELECT count() AS n\nFROM packets;\n")))
        capfdbinary.readouterr()
        assert run(["sql", "--db", str(db), *given]) == 0
        assert capfdbinary.readouterr().out == b"n\n2\n"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nonsense FROM packets", "Unknown expression identifier `nonsense`"),
        ("DROP TABLE packets", "Cannot execute query in readonly mode"),
        ("INSERT INTO packets (`frame.number`) VALUES (1)", "Cannot execute query in readonly mode"),
        ("SET readonly = 0", "readonly"),
        ("SELEC 1", "Syntax error"),
    ],
)
def test_errors_of_clickhouse(tmp_path: Path, capfd: pytest.CaptureFixture[str], sql: str, said: str) -> None:
    db = tmp_path / "db"
    assert run(["import", str(_pcap(tmp_path / "a.pcap", 2)), "--db", str(db)]) == 0
    capfd.readouterr()
    assert run(["sql", "--db", str(db), sql]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("shoal: ")
    assert said in err
    assert err.count("\n") == 1


def test_no_database(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", "--db", str(tmp_path / "x"), "SELECT 1"]) == 2
    assert capfd.readouterr().err == (
        f"shoal: no database in {tmp_path}/x; make one by: shoal import FILE --db {tmp_path}/x\n"
    )
    assert run(["sql", "--db", str(tmp_path / "x"), " ; "]) == 2


def test_files_that_are_no_captures(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    db, text = tmp_path / "db", tmp_path / "letter.txt"
    assert run(["import", str(tmp_path / "gone.pcap"), "--db", str(db)]) == 2
    assert capfd.readouterr().err == f"shoal: {tmp_path}/gone.pcap: no such file\n"
    assert not db.exists()
    text.write_text("Dear sir or madam, this is a letter and no capture.\n")
    good = _pcap(tmp_path / "good.pcap", 5)
    assert run(["import", str(text), str(tmp_path), str(good), "--db", str(db)]) == 2
    out, err = capfd.readouterr()
    # The good one is imported all the same.
    assert out.startswith(f"{good}: 5 frames in ")
    first, second = err.splitlines()
    assert first.startswith("shoal: ")
    assert "letter.txt" in first
    assert second.startswith(f"shoal: {tmp_path}: is a directory")


def test_a_cut_file_is_imported_with_a_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = _pcap(tmp_path / "a.pcap", 5)
    path.write_bytes(path.read_bytes()[:-10])
    assert run(["import", str(path), "--db", str(tmp_path / "db")]) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f"{path}: 4 frames in ")
    assert err.startswith("shoal: warning: ")
    assert err.count("\n") == 1


def test_a_pipe_is_a_capture_of_its_own_each_time(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    data, db = _pcap(tmp_path / "a.pcap", 7).read_bytes(), tmp_path / "db"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli.main", "import", "-", "--db", str(db)],
            cwd=ROOT, input=data, capture_output=True, check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(b"-: 7 frames in ")
    answer = _sql(capfdbinary, db, "SELECT uniq(capture) AS captures, count() AS n FROM packets")
    assert answer == b"captures\tn\n2\t14\n"


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    db = tmp_path / "db"
    assert run(["import", str(_pcap(tmp_path / "a.pcap", 2)), "--db", str(db)]) == 0
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli.main", "sql", "--db", str(db), "SELECT number FROM numbers(3000000)"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"number\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141
