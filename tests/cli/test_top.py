"""`shoal top`: what it asks of a database, what a frame shows, and how it lives in a terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.main import run
from pipeline.schema.times import utc
from pipeline.store.connect import connect
from pipeline.store.database import InUse
from pipeline.store.told import insert_told
from pipeline.top.rows import SORTS, Asked, View, look
from pipeline.top.screen import _rate, _room
from tests.cli.filled import SECOND, Row, alert, fill, heartbeat, window
from tests.cli.terminal import terminal
from tests.serve.served import serving

ROOT = Path(__file__).resolve().parents[2]
THEN = 1_700_000_000 * SECOND
MINUTE = 60 * SECOND
WEB, NAMES, TINY = "::ffff:192.0.2.1", "2001:db8::53", "::ffff:192.0.2.99"
HOSTILE = "h\x1b[2J\x1b]0;x\x07\u202ei\nj"


def _now() -> int:
    """The begin of the window in which the clock is."""
    return time.time_ns() // (10 * SECOND) * 10 * SECOND


def service(host: str, port: int, proto: int, begins: int, **counts: Any) -> Row:
    return window("service", begins, window__host=host, window__port=port, window__proto=proto, **counts)


def scene(at: int) -> list[Row]:
    """A minute before `at`: sensor roof with heartbeats, cellar that is silent, gate without heartbeats."""
    rows: list[Row] = []
    for back in range(1, 7):
        begins = at - back * 10 * SECOND
        rows += [
            window("sensor", begins, packets=1000, bytes=2_000_000, segments=800, resent=8, dropped=0),
            window("sensor", begins, 60, packets=10**6, bytes=10**9),
            window("sensor", begins, sensor="gate", capture="file", packets=20, bytes=2000, dropped=10),
            service(WEB, 443, 6, begins, packets=900, bytes=90_000, segments=500, resent=25, resets=1, rtt__samples=9,
                    rtt__p50=12_000_000),
            service(NAMES, 53, 17, begins, packets=100, bytes=900_000, segments=0, syns=20, syns_unanswered=5),
            service(TINY, 80, 6, begins, packets=10, bytes=100, segments=8, resent=8),
        ]
    # Of a window the newest version counts.
    rows.append(window("sensor", at - 10 * SECOND, packets=1600, bytes=2_000_000, segments=800, resent=8,
                       window__version=2))
    for back in range(13):
        for interface, rate in ("eth0", 100), ("eth1", 50):
            rows.append(heartbeat(at - back * 5 * SECOND, interface=interface, frames__seen=10**6 - back * 5 * rate,
                                  frames__dropped_kernel=100 - back, frames__dropped_spool=7, ring__fill=rate))
    rows += [
        heartbeat(at - 30 * SECOND, sensor="cellar", capture="run-2", interface=HOSTILE),
        heartbeat(at - 40 * MINUTE, sensor="attic", capture="run-3", state="ended"),
        heartbeat(at - 5 * MINUTE, sensor="yard", capture="run-4", state="ended"),
        heartbeat(at - 2 * 86_400 * SECOND, sensor="barn", capture="run-5"),
        alert("aaaaaaaa00000001", at - MINUTE, severity="warning", said="5.0% were sent again"),
        alert("bbbbbbbb00000002", at - 2 * MINUTE, severity="critical", rule="port-scan", entity=HOSTILE, said=HOSTILE),
        alert("cccccccc00000003", at - 3 * MINUTE, past=True),
        alert("dddddddd00000004", at - 9 * MINUTE, state="closed", closed=at - 4 * MINUTE),
        alert("eeeeeeee00000005", at + MINUTE),
    ]
    return rows


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("top") / "db", scene(THEN))


def _looks(db: Path, *asked: Asked) -> list[View]:
    with connect(str(db), readonly=True) as database:
        return [look(database, each) for each in asked]


def test_sensors_by_their_heartbeats_and_windows(db: Path) -> None:
    view, later = _looks(db, Asked(THEN), Asked(THEN + 20 * MINUTE))
    assert [one.name for one in view.sensors] == ["cellar", "gate", "roof", "yard"]
    cellar, gate, roof, yard = view.sensors
    assert (roof.state, roof.interfaces, roof.heard, roof.window) == ("running", "eth0, eth1", THEN, THEN)
    # Two interfaces of 100 and 50 packets a second, each dropping one in five seconds.
    assert (roof.packets, roof.dropping, roof.dropped, roof.ring) == (150, pytest.approx(0.4), 214, 100)
    assert (roof.bytes, roof.resent) == (200_000, 0.01)
    assert (cellar.state, cellar.packets, cellar.window) == ("silent", None, None)
    # Without heartbeats windows tell what they can.
    assert (gate.state, gate.heard, gate.packets, gate.dropping, gate.dropped) == ("", None, 2, 1, None)
    assert yard.state == "ended"
    assert [one.name for one in later.sensors] == ["cellar", "roof"]


def test_services_of_the_last_minute(db: Path) -> None:
    first, short, *sorted_by = _looks(
        db, Asked(THEN), Asked(THEN, over=20), *(Asked(THEN, sort, least=0) for sort in SORTS)
    )
    web, names = first.services
    assert (web.host, web.port, web.segments, web.resent, web.rtt, web.resets, web.unanswered) == (
        "192.0.2.1", 443, 3000, 0.05, 0.012, 6, None)
    assert (web.packets, web.bytes) == (90, 9000)
    assert (names.host, names.port, names.proto, names.unanswered, names.rtt) == (NAMES, 53, 17, 0.25, None)
    assert {view.sort: [one.port for one in view.services] for view in sorted_by} == {
        "resent": [80, 443, 53], "bytes": [53, 443, 80], "packets": [443, 53, 80], "rtt": [443, 53, 80],
        "unanswered": [53, 443, 80],
    }
    assert [one.segments for one in short.services] == [1000]


def test_alerts_that_were_open_then(db: Path) -> None:
    views = _looks(db, Asked(THEN), Asked(THEN, past=True), Asked(THEN - 5 * MINUTE), Asked(THEN + 2 * MINUTE))
    found = ["".join(one["shoal.alert.id"][0] for one in view.alerts) for view in views]
    assert found == ["ba", "bac", "d", "bea"]


def test_the_newest_windows_end_is_the_latest_time(db: Path, tmp_path: Path) -> None:
    assert _looks(db, Asked(None))[0].at == THEN
    [empty] = _looks(fill(tmp_path / "db", []), Asked(None))
    assert (empty.sensors, empty.services, empty.alerts) == ([], [], [])


def test_once_prints_a_frame(db: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = utc(THEN)
    assert run(["top", "--db", str(db), "--once", "--at", f"{said}Z"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert all(c.isprintable() or c == "\n" for c in out)
    lines = out.splitlines()
    assert lines[0] == f"shoal top  {db}  {said} UTC"
    assert lines[1] == "4 sensors (1 silent)  152 packets/s  200k bytes/s  1.4 dropped/s  alerts: 1 critical, 2 warning"
    by_word = {line.split()[0]: line.split() for line in lines if line}
    assert by_word["roof"][1:] == ["running", "0", "s", "0", "s", "150", "200k", "0.4", "214", "100%", "1.0%", "eth0,",
                                   "eth1"]
    assert by_word["cellar"][1:4] == ["silent", "30", "s"]
    assert by_word["cellar"][-1] == "h?[2J?]0;x??i?j"
    assert by_word["192.0.2.1:443"][1:] == ["5.0%", "3,000", "90", "9.0k", "12", "ms", "6", "-", "roof"]
    assert by_word[f"[{NAMES}]:53"][1] == "udp"
    assert by_word["bbbbbbbb"][1:] == ["2", "m", "00", "s", "critical", "port-scan", "h?[2J?]0;x??i?j", "roof",
                                       "h?[2J?]0;x??i?j"]
    assert "warning, past" in out
    assert run(["top", "--db", str(db), "--once", "--at", "latest"]) == 0
    assert capfd.readouterr().out == out
    # Now all of that is over.
    assert run(["top", "--db", str(db), "--once"]) == 0
    assert "\n0 sensors  - packets/s " in capfd.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "a live view needs a terminal; --once prints one frame (see: shoal top --help)"),
        (["--once", "--at", "noon"], 2, "Invalid value for '--at': 'noon' is no time, as in 2026-03-01T12:00:00Z (ISO"
                                        " 8601; UTC unless it says); or latest (see: shoal top --help)"),
        (["--once", "--interval", "0"], 2, "Invalid value for '--interval': 0.0 is not in the range 0.2<=x<=3600. (see:"
                                           " shoal top --help)"),
    ],
)
def test_bad_usage(db: Path, options: list[str], code: int, said: str) -> None:
    command = [sys.executable, "-m", "pipeline.cli.main", "top", "--db", str(db), *options]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"shoal: {said}\n")


def test_a_user_s_password_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    from pipeline.cli.alert_rows import named

    assert named("http://ann:se@cret@host:8123/db") == "http://host:8123/db"
    assert named("dir@home") == "dir@home"


def test_numbers_and_rows_fit() -> None:
    assert [_rate(n) for n in (None, 0, 0.254, 9.94, 9.96, 999, 999.6, 1234, 99_940, 12_345_678, 3e15)] == [
        "-", "0", "0.25", "9.9", "10", "999", "1.0k", "1.2k", "100k", "12M", "3000T"]
    assert _room((5, 50, 2), 0) == [5, 50, 2]
    assert _room((5, 50, 2), 24) == [5, 8, 2]
    assert _room((50, 50, 50), 24) == [5, 5, 5]
    assert _room((50, 50, 50), 2) == [1, 1, 1]
    assert _room((0, 0, 1), 24) == [0, 0, 1]


def test_live_with_keys_and_sizes(tmp_path: Path) -> None:
    path = fill(tmp_path / "db", scene(_now()))
    with terminal("top", "--db", str(path), "--over", "10m", "--interval", "0.2", columns=150, lines=40) as screen:
        drawn = screen.until("shoal top", "192.0.2.1:443", "aaaaaaaa", "q quit")
        assert "\x1b[?1049h" in drawn
        # Colours and moves of Rich, and nothing of what packets brought.
        assert not re.search(r"\x1b\[2J\x1b\]|\x1b\]|\u202e|\x07", drawn)
        assert "h?[2J?]0;x??i?j" in drawn
        screen.press("p")
        screen.until("paused")
        screen.press("s")
        drawn = screen.until("SERVICE, by bytes", "q quit")
        assert drawn.index("[2001:db8::53]:53", drawn.index("SERVICE, by bytes")) < drawn.index(
            "192.0.2.1:443", drawn.index("SERVICE, by bytes"))
        screen.resize(60, 14)
        drawn = screen.until("SENSOR (of 4)", "q quit").rpartition("shoal top")[2]
        assert drawn.count("\n") < 14
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).replace("\r", "").split("\n")
        assert max(map(len, lines[1:])) <= 60
        # Columns that there is no room for are left away, not all cut to nothing.
        assert "PACKETS/S" in drawn
        assert "INTERFACE" not in drawn
        screen.press("q")
        code, rest = screen.ended()
        assert code == 0
        assert "\x1b[?1049l" in rest
        assert "\x1b[?25h" in rest
        assert termios.tcgetattr(screen.theirs) == screen.before


def test_others_can_open_the_directory_and_are_seen(tmp_path: Path) -> None:
    path = fill(tmp_path / "db", scene(_now()))
    with terminal("top", "--db", str(path), "--interval", "0.2") as screen:
        screen.until("aaaaaaaa")
        _insert(path, alert("99999999aaaa0000", time.time_ns() - SECOND))
        screen.until("99999999")
        with serving(path, "--read-write") as served:
            with connect(served.url) as database:
                insert_told(database, *alert("77777777aaaa0000", time.time_ns() - SECOND), "shoal.alert.opened")
            screen.until("77777777")
            # It dies, and leaves the file behind that says where it serves.
            served.process.kill()
        _insert(path, alert("55555555aaaa0000", time.time_ns() - SECOND))
        screen.until("55555555")
        screen.process.send_signal(signal.SIGTERM)
        code, rest = screen.ended()
        assert code == 0
        assert "\x1b[?1049l" in rest


def test_a_server_that_goes_away_is_told_of(tmp_path: Path) -> None:
    path = fill(tmp_path / "db", scene(_now()))
    with serving(path) as served, terminal("top", "--db", served.url, "--interval", "0.2") as screen:
        screen.until("aaaaaaaa")
        served.process.kill()
        served.process.wait(60)
        # What was known is still shown, and why there is nothing new.
        screen.until("refused", "aaaaaaaa")
        with serving(path, "--http", served.url.removeprefix("http://")):
            _until_well(screen)
        screen.press("\x03")
        assert screen.ended()[0] == 130


def _until_well(screen: Any) -> None:
    """Until a frame has no error any more."""
    while True:
        drawn = screen.until("q quit", "shoal top")
        if "refused" not in drawn.rpartition("shoal top")[2]:
            return


def test_it_can_be_put_in_the_background(db: Path) -> None:
    with terminal("top", "--db", str(db), "--at", "latest", "--interval", "0.2") as screen:
        screen.until("aaaaaaaa")
        screen.press("\x1a")
        assert screen.stopped()
        assert "\x1b[?1049l" in screen.drawn
        assert termios.tcgetattr(screen.theirs) == screen.before
        screen.process.send_signal(signal.SIGCONT)
        assert "\x1b[?1049h" in screen.until("\x1b[?1049h", "aaaaaaaa")
        screen.press("q")
        assert screen.ended()[0] == 0


def _insert(path: Path, row: Row) -> None:
    while True:
        try:
            with connect(str(path)) as database:
                insert_told(database, *row, "shoal.alert.opened")
            return
        except InUse:
            os.sched_yield()
