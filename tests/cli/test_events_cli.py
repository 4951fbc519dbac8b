"""`shoal events`, as one calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import event_rows
from pipeline.cli.event_follow import Printed
from pipeline.cli.event_rows import Wanted
from pipeline.cli.main import run
from pipeline.schema.anomalies import ANOMALIES
from pipeline.schema.events import EVENTS
from pipeline.store.connect import connect
from pipeline.store.database import Database, InUse
from pipeline.store.remote import Remote
from pipeline.store.told import insert_told
from pipeline.top.looks import Looks
from tests.cli.filled import SECOND, event, fill

ROOT = Path(__file__).resolve().parents[2]
NOW = time.time_ns()
HOUR = 3_600 * SECOND
HOSTILE = "x\x1b[2J\x07\u202ey\nz"
ROWS = [
    event("arp-spoofing", NOW - HOUR, severity="critical", entity="192.0.2.7", said="192.0.2.7 was claimed"),
    event("fragments-overlap", NOW - 3 * HOUR, frame=9, count=1234),
    event("fragments-overlap", NOW - 3 * HOUR, frame=9, count=12_345),
    event("port-scan", NOW - 2 * HOUR, severity="warning", entity=HOSTILE, said=HOSTILE, sensor="cellar",
          capture="run-2"),
]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(fill(tmp_path_factory.mktemp("events") / "db", ROWS))


def _shoal(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.cli.main", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_events_oldest_first(db: str) -> None:
    done = _shoal("events", "--db", db)
    assert (done.returncode, done.stderr) == (0, "")
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["TIME", "(UTC)", "SEVERITY", "NAME", "COUNT", "ENTITY", "SENSOR", "SAID"]
    assert [line.split()[3] for line in lines] == ["fragments-overlap", "port-scan", "arp-spoofing"]
    # Of two versions the newest; without words of its own it has those of the name.
    assert lines[0].split()[4] == "12,345"
    assert lines[0].endswith(EVENTS["fragments-overlap"])
    assert lines[1].endswith("x?[2J??y?z")
    assert lines[2].endswith("192.0.2.7 was claimed")
    assert all(c.isprintable() or c == "\n" for c in done.stdout)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], "f p a"), (["--name", "*-s*"], "p a"), (["--name", "port-scan"], "p"), (["--severity", "warning+"], "p a"),
        (["--severity", "info"], "f"), (["--sensor", "cell*"], "p"), (["--capture", "run-?"], "f p a"),
        (["--capture", "run-2"], "p"), (["--since", "90m"], "a"), (["--since", "1d"], "f p a"),
        (["--limit", "2"], "p a"),
    ],
)
def test_which_events(db: str, options: list[str], found: str, capfd: pytest.CaptureFixture[str]) -> None:
    for fmt in "json", "tsv":
        assert run(["events", "--db", db, "--format", fmt, *options]) == 0
        out = capfd.readouterr().out
        assert all(c.isprintable() or c in "\t\n" for c in out)
        lines = out.splitlines()
        if fmt == "json":
            names = [json.loads(line)["shoal.event.name"] for line in lines]
        else:
            at = lines[0].split("\t").index("shoal.event.name")
            names = [line.split("\t")[at] for line in lines[1:]]
        assert " ".join(name[0] for name in names) == found


def test_none_are_there(db: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "--db", db, "--name", "dns-race"]) == 0
    assert capfd.readouterr().out == "no events\n"
    assert run(["events", "--db", db, "--name", "dns-rice"]) == 0
    assert capfd.readouterr().out == (
        "no events; no name that is known matches 'dns-rice' (shoal events --names lists them)\n"
    )


def test_many_events_come_in_batches(
    db: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["events", "--db", db]) == 0
    whole = capfd.readouterr().out
    monkeypatch.setattr(event_rows, "BATCH", 1)
    with connect(db, readonly=True) as database:
        assert [len(rows) for rows in event_rows.batches(database, Wanted().sql())] == [1, 1, 1]
    assert run(["events", "--db", db]) == 0
    parts = capfd.readouterr().out
    # One heading, and the same cells.
    assert [line.split() for line in parts.splitlines()] == [line.split() for line in whole.splitlines()]


def test_names_are_listed_without_a_database(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "--names"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 1 + len(EVENTS)
    by_name = {line.split()[0]: line for line in lines}
    for name, meaning in EVENTS.items():
        assert by_name[name].endswith(meaning)
    assert by_name["arp-spoofing"].split()[1:5] == ["alert", "critical", "10", "m"]
    assert by_name["sequence-gap"].split()[1:4] == ["log", "info", "-"]
    assert run(["events", "--names", "--format", "json"]) == 0
    rows = {row["name"]: row for row in map(json.loads, capfd.readouterr().out.splitlines())}
    assert rows.keys() == EVENTS.keys()
    assert all(rows[name]["suppression"] == of.suppression for name, of in ANOMALIES.items())


def test_what_is_wrong_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["events"]) == 2
    assert capfd.readouterr() == ("", "shoal: Missing option '--db'. (see: shoal events --help)\n")
    for more in [], ["--follow"]:
        assert run(["events", "--db", f"{tmp_path}/x", *more]) == 2
        assert capfd.readouterr().err.startswith(f"shoal: no database in {tmp_path}/x; make one by:")


def test_follow_prints_what_comes_and_leaves_the_directory_to_others(tmp_path: Path) -> None:
    path = fill(tmp_path / "db", ROWS)
    command = [sys.executable, "-m", "pipeline.cli.main", "events", "--db", str(path), "-f", "--format", "json",
               "--name", "*-s*"]
    follower = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # A follower that stays silent fails the test by ending, not by hanging it.
    guard = threading.Timer(60, follower.kill)
    guard.start()
    try:
        assert follower.stdout is not None
        told = [json.loads(follower.stdout.readline()) for _ in range(2)]
        assert [row["shoal.event.name"] for row in told] == ["port-scan", "arp-spoofing"]
        for name in "host-scan", "arp-spoofing":
            # It has the directory for moments alone.
            _insert(path, [event("dns-race", NOW), event(name, NOW - SECOND, frame=99), ROWS[0]])
            told.append(json.loads(follower.stdout.readline()))
        assert [row["shoal.event.name"] for row in told[2:]] == ["host-scan", "arp-spoofing"]
        # While another process has it to itself, that is said once.
        with _held(path) as database:
            assert follower.stderr is not None
            said = follower.stderr.readline()
            assert said.startswith(f"shoal: warning: {path} is in use by another process")
            assert said.endswith("; it is tried again\n")
            record, row = event("port-scan", NOW, frame=100)
            insert_told(database, record, row, "shoal.event.time")
        assert json.loads(follower.stdout.readline())["shoal.event.frame"] == 100
        follower.send_signal(signal.SIGINT)
        rest, err = follower.communicate()
        assert (rest, follower.returncode) == ("", 130)
        # Said once, and not again.
        assert err.split("\n") == ["", "shoal: interrupted", ""]
    finally:
        guard.cancel()
        follower.kill()
        follower.wait()


def _held(path: Path) -> Database | Remote:
    """The database, as soon as nobody has it."""
    while True:
        try:
            return connect(str(path))
        except InUse:
            os.sched_yield()


def _insert(path: Path, rows: list[Any]) -> None:
    with _held(path) as database:
        for record, row in rows:
            insert_told(database, record, row, "shoal.event.time")


def test_what_was_printed_is_forgotten_with_the_hour_and_at_the_cap(tmp_path: Path) -> None:
    path = fill(tmp_path / "db", ROWS)
    told: list[str] = []

    def tell(rows: list[dict[str, Any]]) -> None:
        told.extend(f"{row['shoal.event.name']} {row['shoal.event.frame']}" for row in rows)

    with connect(str(path)) as database:
        printed, capped = Printed(Wanted(most=1)), Printed(Wanted(since=NOW), most=4)
        printed.look(database, tell)
        assert told == ["arp-spoofing 7"]
        for at in range(8):
            record, row = event("port-scan", NOW + at * SECOND, frame=at)
            insert_told(database, record, row, "shoal.event.time")
        printed.look(database, tell)
        # What the limit left out does not come later.
        assert told[1:] == [f"port-scan {at}" for at in range(8)]
        capped.look(database, tell)
        assert len(told) == 17
        assert len(capped._times) == 2
        capped.look(database, tell)
        assert len(told) == 17
        record, row = event("port-scan", NOW + 3 * HOUR, frame=50)
        insert_told(database, record, row, "shoal.event.time")
        printed.look(database, tell)
        assert told[17:] == ["port-scan 50"]
        assert len(printed._times) == 1


def test_a_directory_is_opened_again_only_after_another_had_it(tmp_path: Path) -> None:
    path = fill(tmp_path / "db", ROWS)
    looks = Looks(str(path))

    def count(database: Any) -> int:
        return int(database.rows("SELECT count() AS n FROM events")[0]["n"])

    assert looks.take(count) == 3
    assert looks.take(count) is None
    _insert(path, [event("host-scan", NOW)])
    assert looks.take(count) == 4
    assert looks.take(count) is None
    looks.close()
