"""`shoal run`: what was sent is what is stored, and others can ask it meanwhile."""

from __future__ import annotations

import re
import signal
import struct
import subprocess
import urllib.request
from pathlib import Path

import pytest

from collectors.sources import open_capture
from tests.capture.wire import NAME, wire
from tests.run.running import ROOT, Port, Running, asked, number, shoal, wait_for_rows, wait_until

DEMO = ROOT / "samples" / "demo.pcapng"
NUMBERS = "SELECT toUInt32(extract(substring(frame.raw, shoal.payload.offset + 1), '^\\\\d+')) AS n FROM packets"


def test_what_was_sent_is_there_in_sql(tmp_path: Path) -> None:
    with Port() as port, Running(tmp_path / "db", "-i", "lo", "--sensor", "here", port.filter) as it:
        status = Path(f"/proc/{it.process.pid}/status").read_text()
        for thread in Path(f"/proc/{it.process.pid}/task").iterdir():
            status = (thread / "status").read_text()
            for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
                assert re.search(rf"^{name}:\s0{{16}}$", status, re.MULTILINE), status
            assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)
            assert not re.search(r"^Uid:\s0\s", status, re.MULTILINE)
        port.send(1000)
        wait_for_rows(it.db, 1000)
        wait_until(lambda: number(it.db, "SELECT shoal.frames.published FROM fleet") == 1000, "a heartbeat that has it")
        (told,) = asked(it.db, "SELECT sensor, frame.interface_name, shoal.state, shoal.frames.seen, shoal.filter,"
                               " shoal.frames.missing FROM fleet")  # fmt: skip
        assert told == ["here", "lo", "running", "1000", port.filter, "0"]
        # Another command stores into the same database meanwhile.
        done = shoal("import", DEMO, "--db", it.db)
        assert (done.returncode, "548 frames" in done.stdout) == (0, True), done.stderr
        port.send(500)
        # Nothing is waited for here: what has come is stored at the end.
        counts = it.end(signal.SIGTERM)
        assert it.process.returncode == 0, it.said
        assert counts == {"seen": 1500, "stored": 1500, "dropped by kernel": 0, "not stored": 0}
        found = asked(it.db, f"{NUMBERS} WHERE sensor = 'here' ORDER BY frame.number")
        assert found == [[str(n)] for n in range(1500)]
        ended = asked(it.db, "SELECT shoal.state, shoal.frames.published, shoal.frames.waiting FROM fleet")
        assert ended == [["ended", "1500", "0"]]
        capture = asked(it.db, "SELECT shoal.state, shoal.file.name, shoal.frames FROM captures WHERE sensor = 'here'")
        assert capture == [["complete", "lo", "1500"]]
        flows = asked(it.db, "SELECT shoal.dstport, shoal.client.packets FROM flows WHERE sensor = 'here'")
        assert flows == [[str(port.number), "1500"]]


def test_over_http_and_for_prometheus(tmp_path: Path) -> None:
    options = ("--http", "127.0.0.1:0", "--http-user", "me", "--http-password", "secret", "--metrics", "127.0.0.1:0")
    with Port() as port, Running(tmp_path / "db", "-i", "lo", *options, port.filter) as it:
        metrics = re.search(r"metrics at (\S+)", it.said)
        url = re.search(r"listening on (\S+)", it.said)
        assert metrics is not None
        assert url is not None
        user = ("--user", "me", "--password", "secret")
        port.send(20)
        wait_until(lambda: asked(url[1], "SELECT count() FROM packets", *user) == [["20"]], "rows over HTTP")
        refused = shoal("sql", "--db", url[1], "SELECT 1")
        assert (refused.returncode, "Authentication failed" in refused.stderr) == (1, True)
        read_only = shoal("import", DEMO, "--db", url[1], *user)
        assert (read_only.returncode, "readonly" in read_only.stderr) == (1, True)
        page = urllib.request.urlopen(metrics[1], timeout=60).read().decode()
        told = dict(re.findall(r"^shoal_collector_(\w+)\{.*interface=\"lo\".*\} (\S+)$", page, re.MULTILINE))
        assert float(told["frames_seen_total"]) == float(told["frames_published_total"]) == 20
        counts = it.end(signal.SIGINT)
        assert (it.process.returncode, counts["stored"]) == (0, 20), it.said


SAME = """SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'packets'
  AND default_kind = ''
  AND NOT match(name, '^(sensor|capture|shoal.day)$|time|rtt|delta|analysis|cause|interface|packet_flags')
  ORDER BY name"""


def whole(path: Path) -> Path:
    """The sample capture as a wire carries it: each frame as long as what was captured of it."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 18, 1))
        for frames in open_capture(str(DEMO)):
            for at, size, time in zip(*(a.tolist() for a in (frames.offset, frames.cap_len, frames.time)), strict=True):
                out.write(struct.pack("<IIII", *divmod(time, 10**9), size, size) + frames.buffer[at : at + size])
    return path


def test_a_replay_gives_the_rows_of_an_import(tmp_path: Path) -> None:
    """All columns but those that tell of times."""
    file = whole(tmp_path / "whole.pcap")
    done = shoal("import", file, "--db", tmp_path / "imported")
    assert done.returncode == 0, done.stderr
    with wire() as (there, here), Running(tmp_path / "db", "-i", NAME, inside=here.command) as it:
        send = there.command("tcpreplay", "-q", "-i", NAME, "--pps=2000", str(file))
        subprocess.run(send, check=True, capture_output=True)
        counts = it.end()
        assert it.process.returncode == 0, it.said
    assert counts == {"seen": 548, "stored": 548, "dropped by kernel": 0, "not stored": 0}
    names = [f"`{name}`" for (name,) in asked(tmp_path / "imported", SAME)]
    assert len(names) > 100
    rows = f"SELECT {', '.join(names)} FROM packets ORDER BY frame.number"
    ours, theirs = asked(tmp_path / "db", rows), asked(tmp_path / "imported", rows)
    for name, *cells in zip(names, zip(*ours, strict=True), zip(*theirs, strict=True), strict=True):
        assert cells[0] == cells[1], name
    # What the file does not tell: that all came in, to whom.
    directions = "SELECT DISTINCT frame.packet_flags_direction FROM packets"
    assert asked(tmp_path / "db", directions) == [["1"]]
    flows = ("SELECT shoal.src, shoal.srcport, shoal.dst, shoal.dstport, ip.proto, shoal.first_frame,"
             " shoal.client.packets, shoal.client.bytes, shoal.server.packets, shoal.server.bytes, shoal.tcp.ending"
             " FROM flows ORDER BY shoal.first_frame, ip.proto")  # fmt: skip
    assert asked(tmp_path / "db", flows) == asked(tmp_path / "imported", flows)


def test_rings_of_a_fanout_are_captures(tmp_path: Path) -> None:
    options = ("-i", NAME, "--fanout", "2", "--keep", "headers", "--user", "root")
    with wire() as (there, here), Running(tmp_path / "db", *options, inside=here.command) as it:
        send = there.command("tcpreplay", "-q", "-i", NAME, "--pps=20000", "--loop=4", str(DEMO))
        subprocess.run(send, check=True, capture_output=True)
        it.end()
        assert it.process.returncode == 0, it.said
    told = [int(n) for n in re.findall(r"^(\d+) packets? stored$", it.said, re.MULTILINE)]
    rows = asked(it.db, "SELECT capture, count(), uniqExact(frame.number), sum(length(frame.raw)) FROM packets"
                        " GROUP BY capture ORDER BY capture")  # fmt: skip
    assert sum(told) == 4 * 548
    assert [int(row[1]) for row in rows] == [int(row[2]) for row in rows] == told
    assert sum(int(row[3]) for row in rows) < 4 * 250_000


@pytest.mark.parametrize(("arguments", "code", "said"), [
    ((), 2, "Missing option '-i'"), (("-i", "nosuch0"), 2, "nosuch0"), (("-i", "lo", "no such filter"), 2, "syntax"),
    (("-i", "lo", "--read-write"), 2, "--http"), (("-i", "lo", "--http", "x"), 2, "HOST:PORT"),
    (("-i", "lo", "--http", "0.0.0.0:0"), 2, "a password"), (("-i", "lo", "--budget", "much"), 2, "no size"),
    (("-i", "lo", "--user", "nosuch"), 1, "no user nosuch"),
])  # fmt: skip
def test_bad_input_is_one_line(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = shoal("run", "--db", tmp_path / "db", *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert said in done.stderr


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    done = shoal("run", "-i", "lo", "--db", tmp_path)
    assert (done.returncode, "holds other files" in done.stderr) == (2, True)
    assert (tmp_path / "letter.txt").stat().st_uid == 0


def test_a_directory_that_is_taken(tmp_path: Path) -> None:
    with Running(tmp_path / "db", "-i", "lo", "udp port 9") as it:
        other = shoal("run", "-i", "lo", "--db", it.db)
        assert (other.returncode, "in use by another process" in other.stderr) == (1, True)
        assert len(other.stderr.splitlines()) == 1
        it.end()
        assert it.process.returncode == 0, it.said
