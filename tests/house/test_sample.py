"""The capture that ships with the project is what `make demo` and the docs say of it."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "demo.pcapng"


def packet_blocks(data: bytes) -> list[bytes]:
    """Bodies of the enhanced packet blocks of a little-endian pcapng file."""
    at, found = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            found.append(data[at + 8 : at + length - 4])
        at += length
    return found


def test_it_is_small() -> None:
    assert SAMPLE.stat().st_size < 400_000


def test_each_frame_is_read_as_it_stands() -> None:
    blocks = packet_blocks(SAMPLE.read_bytes())
    reader = open_capture(str(SAMPLE))
    seen = 0
    for frames in reader:
        for i in range(len(frames)):
            _, high, low, kept, length = struct.unpack_from("<IIIII", blocks[seen])
            at = int(frames.offset[i])
            assert bytes(frames.buffer[at : at + int(frames.cap_len[i])]) == blocks[seen][20 : 20 + kept]
            assert (frames.cap_len[i], frames.length[i]) == (kept, length)
            assert int(frames.time[i]) == high << 32 | low
            seen += 1
    assert seen == len(blocks) > 400
    assert reader.warning is None


def test_it_shows_what_the_demo_asks_for() -> None:
    columns = Columns(PACKETS)
    (frames,) = open_capture(str(SAMPLE))
    decode(frames, columns)
    flags, length = columns.values("tcp.flags").astype(int), columns.values("tcp.len").astype(int)
    tcp = columns.present("tcp.flags")
    assert tcp is not None
    data = tcp & (length > 0)
    sent = np.stack([columns.values(name)[data] for name in ("tcp.srcport", "tcp.dstport", "tcp.seq_raw")], axis=1)
    resent = len(sent) - len(np.unique(sent, axis=0))
    assert resent >= 10
    assert np.count_nonzero(tcp & (flags & 0x04 > 0)) >= 3
    assert np.count_nonzero(columns.values("udp.dstport") == 53) >= 8
    assert np.count_nonzero(columns.lists["vlan"].values(PACKETS.by_name["vlan.id"], columns.rows) == 20) >= 20
    assert np.count_nonzero(columns.values("icmp.type") == 3) == 1


def test_the_demo_answers(tmp_path: Path) -> None:
    command = (sys.executable, ROOT / "deploy/dev/demo", tmp_path / "demo.db")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [line.split("│")[1:-1] for line in done.stdout.splitlines() if "│" in line]
    cells = [[cell.strip() for cell in answer] for answer in answers]
    assert ["slow.shoal.example", "NOERROR", "['192.0.2.99']", "993.8"] in cells
    assert ["GET", "www.shoal.example", "/missing.html", "404", "13", "4.1"] in cells
    assert [row[-1] for row in cells if row[1] in ("9999", "8443")] == ["refused"] * 3 + ["no answer"]
    # All eight segments of this connection that the sender sent again; Wireshark calls two of them out of order.
    assert ["192.0.2.11", "192.0.2.80", "80", "8", "0", "closed by the client, then by the server"] in cells
    assert [row[5] for row in cells if len(row) == 6 and row[2] == "9999"] == ["refused: the port is closed"] * 3
    assert len([row for row in cells if len(row) == 8 and row[0] == "192.0.2.80" and int(row[4]) > 0]) == 1
    # And the live part: three conversations, all of whose packets were stored.
    counts = {what: number for number, what in re.findall(r"^(\d+) packets (seen|stored)$", done.stdout, re.MULTILINE)}
    assert counts["seen"] == counts["stored"]
    assert int(counts["seen"]) > 600
    assert len([row for row in cells if row[-1] == "closed by the server, then by the client"]) == 3


def test_the_demo_says_that_it_may_not_capture(tmp_path: Path) -> None:
    command = ("setpriv", "--bounding-set=-net_raw", sys.executable, "-m", "samples.live_demo", str(tmp_path / "db"))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Capturing live is left out: it needs root" in done.stdout
    assert not (tmp_path / "db").exists()


def test_the_demo_says_what_failed(tmp_path: Path) -> None:
    (tmp_path / "demo.db").mkdir()
    (tmp_path / "demo.db" / "mine.txt").write_text("not a database")
    command = (sys.executable, ROOT / "deploy/dev/demo", tmp_path / "demo.db")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "demo.db" in done.stderr
    assert (tmp_path / "demo.db" / "mine.txt").exists()
