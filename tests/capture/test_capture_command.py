"""`shoal capture`: formats, several interfaces, rotation, ends, and what it may no longer do."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.sources import open_capture
from tests.capture.frames import BROADCAST, captured, ethernet
from tests.capture.programs import SHOAL, Program, shoal, wait_until
from tests.capture.wire import NAME, Space, space, wire


@pytest.fixture(scope="module")
def ends() -> Iterator[tuple[Space, Space]]:
    with wire() as both:
        yield both


def send(where: Space, *frames: bytes) -> None:
    with where.sender() as sender:
        for frame in frames:
            sender.send(frame)


def numbered(count: int, size: int = 100, first: int = 0) -> list[bytes]:
    return [ethernet(i.to_bytes(4, "big") + bytes(size)) for i in range(first, first + count)]


def tshark(path: Path, *fields: str) -> list[str]:
    wanted = [word for field in fields for word in ("-e", field)]
    command = ("tshark", "-r", str(path), "-T", "fields", *wanted)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_formats(ends: tuple[Space, Space], tmp_path: Path, form: str) -> None:
    sent = [*numbered(50), *[ethernet(b"x" * n) for n in range(9)]]
    path = tmp_path / "found"
    program = shoal(ends[1], path, NAME, "-F", form, "-s", "61")
    program.listens()
    before = time.time_ns()
    send(ends[0], *sent)
    assert program.end(signal.SIGTERM) == 0
    assert program.counters() == (len(sent), len(sent), 0)
    assert captured(path) == [(len(frame), frame[:61]) for frame in sent]
    with open_capture(path) as reader:
        times = [stamp for batch in reader for stamp in batch.time.tolist()]
        assert reader.warning is None
    assert before - 10**9 < times[0] <= times[-1] < time.time_ns()
    assert path.read_bytes()[:4] == {"pcap": b"\x4d\x3c\xb2\xa1", "pcapng": b"\x0a\x0d\x0d\x0a"}[form]
    assert path.stat().st_mode & 0o777 == 0o600


def test_pcapng_tells_interfaces_directions_and_counts(ends: tuple[Space, Space], tmp_path: Path) -> None:
    path = tmp_path / "found"
    program = Program(ends[1], *SHOAL, "capture", "-i", "lo", "-i", NAME, "-w", str(path), "ether proto 0x88b5")
    program.listens()
    wait_until(lambda: path.exists() and path.stat().st_size > 0, "the file")
    send(ends[0], ethernet(b"a" * 60), ethernet(b"b" * 60, destination=BROADCAST))
    send(ends[1], ethernet(b"c" * 60))
    assert program.end() == 0
    flags = ("frame.packet_flags_direction", "frame.packet_flags_reception_type")
    assert tshark(path, "frame.interface_name", *flags) == [
        f"{NAME}\t0x00000001\t4", f"{NAME}\t0x00000001\t3", f"{NAME}\t0x00000002\t0",
    ]  # fmt: skip
    told = subprocess.run(("capinfos", str(path)), capture_output=True, text=True, check=True).stdout
    assert told.count("Number of stat entries = 1") == 2
    assert told.count("Filter string = ether proto 0x88b5") == 2
    assert "Capture application: shoal" in told


def test_standard_output(ends: tuple[Space, Space], tmp_path: Path) -> None:
    program = Program(ends[1], *SHOAL, "capture", "-i", NAME, "-w", "-", "-c", "7")
    program.listens()
    send(ends[0], *numbered(20))
    assert program.end(None) == 0
    path = tmp_path / "found"
    path.write_bytes(program.out)
    assert [frame for _, frame in captured(path)] == numbered(7)
    assert program.counters()[0] == 7


def test_a_ring_of_files_by_size(ends: tuple[Space, Space], tmp_path: Path) -> None:
    """-C and -W: each file ends with the frame that brings it over the size; the oldest is written over."""
    path = tmp_path / "ring"
    program = shoal(ends[1], path, NAME, "-C", "1", "-W", "3", "-F", "pcap")
    program.listens()
    sent = numbered(5000, 1000)
    for at in range(0, len(sent), 100):
        send(ends[0], *sent[at : at + 100])
    assert program.end() == 0
    assert program.counters() == (5000, 5000, 0)
    record = 16 + len(sent[0])
    each = (1_000_000 - 24) // record + 1
    files = {name.name: [frame for _, frame in captured(name)] for name in tmp_path.iterdir()}
    assert sorted(files) == ["ring0", "ring1", "ring2"]
    last = 5000 // each
    for number in range(last - 2, last + 1):
        assert files[f"ring{number % 3}"] == sent[number * each : (number + 1) * each]


def test_files_by_size_are_numbered(ends: tuple[Space, Space], tmp_path: Path) -> None:
    path = tmp_path / "many.pcapng"
    program = shoal(ends[1], path, NAME, "-C", "1")
    program.listens()
    sent = numbered(2500, 1000)
    for at in range(0, len(sent), 100):
        send(ends[0], *sent[at : at + 100])
    wait_until(lambda: (tmp_path / "many.pcapng2.part").exists(), "the third file")
    assert (tmp_path / "many.pcapng").exists()
    assert program.end() == 0
    names = ["many.pcapng", "many.pcapng1", "many.pcapng2"]
    assert sorted(each.name for each in tmp_path.iterdir()) == names
    assert [frame for name in names for _, frame in captured(tmp_path / name)] == sent


def test_files_by_time(ends: tuple[Space, Space], tmp_path: Path) -> None:
    """-G with -W: it ends by itself after so many files; each has the frames of its seconds."""
    program = shoal(ends[1], tmp_path / "at-%s.pcapng", NAME, "-G", "1", "-W", "3")
    program.listens()
    with ends[0].sender() as sender:
        wait_until(lambda: (sender.send(ethernet(b"tick" * 20)), time.sleep(0.05), program.ended())[-1], "its end")
    assert program.end(None) == 0
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    for path in files:
        began = int(path.stem.removeprefix("at-"))
        with open_capture(path) as reader:
            times = [stamp for batch in reader for stamp in batch.time.tolist()]
            assert reader.warning is None
        assert all(began * 10**9 <= stamp < (began + 1) * 10**9 for stamp in times)
    assert sum(len(captured(path)) for path in files) == program.counters()[0]


def test_privileges_are_gone(ends: tuple[Space, Space], tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.stat().st_mode & 0o5 != 0o5:
            folder.chmod(0o755)
    for options, uid in (((), "0"), (("--user", "nobody"), "65534")):
        path = tmp_path / f"of-{uid}"
        program = shoal(ends[1], path, NAME, *options)
        program.listens()
        for task in Path(f"/proc/{program.pid}/task").iterdir():
            status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
            assert status["NoNewPrivs"] == "1"
            assert status["Uid"].split() == [uid] * 4
        send(ends[0], *numbered(5))
        assert program.end() == 0
        assert path.stat().st_uid == int(uid)
        assert len(captured(path)) == 5


def test_a_directory_of_another(ends: tuple[Space, Space], tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    program = shoal(ends[1], tmp_path / "found", NAME, "--user", "nobody")
    assert program.end(None) == 1
    said = f"shoal: {tmp_path}/found: Permission denied; it is written with the rights of nobody alone\n"
    assert program.said == said


def test_the_disk_is_full(ends: tuple[Space, Space], tmp_path: Path) -> None:
    """One line says so, the counters follow, and all whole frames that are there can be read."""
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)), check=True)
    try:
        path = tmp_path / "found"
        program = shoal(ends[1], path, NAME)
        program.listens()
        sent = numbered(2000, 1000)
        for at in range(0, len(sent), 100):
            send(ends[0], *sent[at : at + 100])
        assert program.end(None) == 1
        lines = program.said.splitlines()
        assert lines[-1] == f"shoal: {path}: No space left on device; the capture ends here, what was written stays"
        told = [line.split(" ", 2)[2] for line in lines[-4:-1]]
        assert told == ["captured", "received by filter", "dropped by kernel"]
        found = captured(path)
        with open_capture(path) as reader:
            assert sum(map(len, reader)) == len(found)
            assert reader.warning is None
        assert [frame for _, frame in found] == sent[: len(found)]
        assert int(lines[-4].split()[0]) <= len(found)
        assert len(found) > 900
    finally:
        subprocess.run(("umount", str(tmp_path)), check=True)


def test_the_reader_is_gone(ends: tuple[Space, Space]) -> None:
    program = Program(ends[1], "sh", "-c", " ".join(SHOAL) + f" capture -i {NAME} -w - | head -c 1 > /dev/null")
    program.listens()
    with ends[0].sender() as sender:
        wait_until(lambda: (sender.send(ethernet(b"more" * 20)), time.sleep(0.01), program.ended())[-1], "its end")
    assert program.end(None) == 0
    assert program.counters()[2] == 0


def test_a_second_signal_ends_at_once(ends: tuple[Space, Space], tmp_path: Path) -> None:
    """The first is at work writing to a pipe that nobody empties."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        program = shoal(ends[1], fifo, NAME)
        program.listens()
        for _ in range(5):
            send(ends[0], *numbered(100, 1000))
        wait_until(lambda: "pipe_write" in Path(f"/proc/{program.pid}/stack").read_text(), "the pipe to be full")
        os.kill(program.pid, signal.SIGINT)
        wait_until(lambda: not _handled(program, signal.SIGINT), "the first signal")
        assert program.end(signal.SIGINT) == -signal.SIGINT
    finally:
        os.close(reader)


def _handled(program: Program, number: int) -> bool:
    """Whether the process has a handler for a signal."""
    lines = Path(f"/proc/{program.pid}/status").read_text().splitlines()
    mask = int(next(line for line in lines if line.startswith("SigCgt")).split()[1], 16)
    return bool(mask >> (number - 1) & 1)


def test_one_interface_of_two_goes_away(tmp_path: Path) -> None:
    with wire() as (a, b):
        path = tmp_path / "found"
        b.ip("link", "add", "other", "type", "veth", "peer", "name", "others")
        for name in ("other", "others"):
            b.ip("link", "set", name, "up")
        program = Program(b, *SHOAL, "capture", "-i", "other", "-i", NAME, "-w", str(path), "ether proto 0x88b5")
        program.listens()
        wait_until(lambda: path.exists() and path.stat().st_size > 0, "the file")
        b.ip("link", "del", "other")
        send(a, *numbered(10))
        wait_until(lambda: len(captured(path)) == 10, "the frames")
        b.ip("link", "del", NAME)
        assert program.end(None) == 1
        assert "shoal: other: the interface was removed while it was captured\n" in program.said
        assert program.said.endswith(f"shoal: {NAME}: the interface was removed while it was captured\n")
        assert len(captured(path)) == 10


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("-i", "nosuch", "-w", "x"), 2, "nosuch: no such interface; there are lo, and any"),
        (("-i", "lo", "-w", "x", "no", "filter"), 2, "capture filter 'no filter': "),
        (("-i", "lo", "-i", "any", "-w", "x", "-F", "pcap"), 2, "a pcap file has one link type"),
        (("-i", "lo", "-w", "-", "-C", "1"), 2, "-C and -G need a file"),
        (("-i", "lo", "-w", "x", "-W", "1"), 2, "-W needs -C or -G"),
        (("-i", "lo", "-w", "/nosuch/x"), 1, "/nosuch/x: No such file or directory"),
        (("-i", "lo", "-w", "x", "--user", "no-one-here"), 1, "no user no-one-here on this machine"),
        (("-i", "lo", "-w", "x", "-s", "999999"), 2, "Invalid value for '-s'"),
    ],
)
def test_what_is_refused(tmp_path: Path, options: tuple[str, ...], code: int, said: str) -> None:
    with space() as one:
        done = subprocess.run(one.command(*SHOAL, "capture", *options), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(f"shoal: {said}")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_the_privilege(tmp_path: Path) -> None:
    command = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", *SHOAL, "capture", "-i", "lo", "-w", "x")
    with space() as one:
        done = subprocess.run(one.command(*command), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "shoal: lo: capturing needs the capability CAP_NET_RAW; run it as root\n"
