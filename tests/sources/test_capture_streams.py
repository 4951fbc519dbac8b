"""Pipes and gzip: the same frames as from a plain file, in bounded memory, and without waiting for a full batch."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.sources import CaptureError, open_capture, stream
from tests.sources.makecap import Section, pcap, pcap_header, pcap_record, read

ROOT = Path(__file__).resolve().parents[2]
FRAMES = [(i * 10**9, bytes([i % 256]) * (i % 1400)) for i in range(3000)]
S = Section()
NG = S.header() + S.interface() + b"".join(S.packet(d, t // 1000) for t, d in FRAMES)
FILES = {"pcap": pcap(FRAMES), "big-endian": pcap(FRAMES, ">"), "pcapng": NG, "gzip": gzip.compress(NG)}


def through_fifo(path: Path, write: Callable[[int], None]) -> threading.Thread:
    """Start a thread that opens the new FIFO `path`, lets `write` use its descriptor, and closes it."""
    os.mkfifo(path)

    def run() -> None:
        descriptor = os.open(path, os.O_WRONLY)
        write(descriptor)
        os.close(descriptor)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@pytest.mark.parametrize("kind", FILES)
def test_a_fifo_gives_what_the_file_gives(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(FILES[kind])
    thread = through_fifo(tmp_path / "fifo", lambda descriptor: write_all(descriptor, FILES[kind]))
    found, warning = read(tmp_path / "fifo")
    thread.join()
    assert warning is None
    assert len(found) == len(FRAMES)
    assert found == read(file)[0]


@pytest.mark.parametrize("piped", [True, False])
def test_standard_input(tmp_path: Path, piped: bool) -> None:
    code = (
        "from collectors.sources import open_capture\n"
        "r = open_capture('-')\n"
        "print(sum(len(f) for f in r), r.size, r.bytes_read, r.warning)"
    )
    file = tmp_path / "file"
    file.write_bytes(NG[:-5])
    command = [sys.executable, "-c", code]
    with file.open("rb") as given:
        if piped:
            done = subprocess.run(command, cwd=ROOT, input=NG[:-5], capture_output=True, check=True)
        else:
            done = subprocess.run(command, cwd=ROOT, stdin=given, capture_output=True, check=True)
    count, size, taken, warning = done.stdout.decode().strip().split(" ", 3)
    assert (int(count), int(taken)) == (len(FRAMES) - 1, len(NG) - 5)
    assert size == ("None" if piped else str(len(NG) - 5))
    assert warning.startswith(f"-: cut at byte {len(NG) - 5}, inside a block")


def test_frames_of_a_pipe_do_not_wait_for_a_full_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LINGER", 0.01)
    arrived = [threading.Event() for _ in range(3)]

    def write(descriptor: int) -> None:
        write_all(descriptor, pcap_header())
        for i, event in enumerate(arrived):
            record = pcap_record(bytes([i]) * 50)
            write_all(descriptor, record[:20])
            write_all(descriptor, record[20:] + record[:9])
            assert event.wait(20), "the frame is not given while the pipe is open"
            write_all(descriptor, record[9:])

    thread = through_fifo(tmp_path / "fifo", write)
    data = []
    for frames in open_capture(tmp_path / "fifo"):
        data += [bytes(frames.buffer[int(o) : int(o) + 50]) for o in frames.offset]
        arrived[data[-1][0]].set()
    thread.join()
    assert data == [bytes([i]) * 50 for i in range(3) for _ in range(2)]


def test_an_empty_pipe(tmp_path: Path) -> None:
    thread = through_fifo(tmp_path / "fifo", lambda descriptor: None)
    with pytest.raises(CaptureError, match="empty"):
        open_capture(tmp_path / "fifo")
    thread.join()


@pytest.mark.parametrize("tail", [b"", bytes(700)])
def test_gzip_of_several_members(tmp_path: Path, tail: bytes) -> None:
    path, whole = tmp_path / "a.gz", FILES["pcap"]
    parts = [whole[:10], whole[10:50_000], b"", whole[50_000:]]
    path.write_bytes(b"".join(gzip.compress(p) for p in parts) + tail)
    found, warning = read(path)
    assert warning is None
    assert [f.data for f in found] == [d for _, d in FRAMES]


def test_other_data_after_gzip(tmp_path: Path) -> None:
    path, zipped = tmp_path / "a.gz", gzip.compress(FILES["pcap"])
    path.write_bytes(zipped + b"\0\0hello")
    found, warning = read(path)
    assert len(found) == len(FRAMES)
    assert warning is not None
    assert f"other data follows its gzip data, at byte {len(zipped) + 2} of the file" in warning


def test_gzip_of_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"some text that is no capture"))
    with pytest.raises(CaptureError, match="begins with the bytes 73 6f 6d 65"):
        open_capture(path)
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(CaptureError, match="empty"):
        open_capture(path)


MEASURE = """
import resource, sys
from collectors.sources import open_capture
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
reader = open_capture(sys.argv[1])
print(sum(len(f) for f in reader), reader.warning, (peak() - before) // 1024)
"""


@pytest.mark.parametrize("zipped", [False, True])
def test_memory_stays_bounded(tmp_path: Path, zipped: bool) -> None:
    chunk, times = pcap_record(bytes(1000)) * 20_000, 20

    def write(descriptor: int) -> None:
        if zipped:
            write_all(descriptor, gzip.compress(pcap_header(), 1))
            member = gzip.compress(chunk, 1)
            for _ in range(times):
                write_all(descriptor, member)
        else:
            write_all(descriptor, pcap_header())
            for _ in range(times):
                write_all(descriptor, chunk)

    thread = through_fifo(tmp_path / "fifo", write)
    done = subprocess.run([sys.executable, "-c", MEASURE, tmp_path / "fifo"], cwd=ROOT, capture_output=True, check=True)
    thread.join()
    count, warning, grown = done.stdout.decode().split()
    assert (int(count), warning) == (20_000 * times, "None")
    assert int(grown) < 130, "MiB for 400 MB of capture"
