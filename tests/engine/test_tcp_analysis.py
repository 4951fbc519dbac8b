"""The TCP analysis, segment by segment, against tshark and by batches of any size."""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.shown import sources
from tests.engine.wire import A, B, _packet
from tests.sources.makecap import pcap

MS = 1_000_000
START = 1_700_000_000_000 * MS
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
FIELDS = tuple("tcp." + name for name in (
    "stream", "seq", "nxtseq", "ack", "window_size", "window_size_scalefactor", "time_relative", "time_delta",
    "completeness", "analysis.retransmission", "analysis.fast_retransmission", "analysis.spurious_retransmission",
    "analysis.out_of_order", "analysis.lost_segment", "analysis.duplicate_ack_num", "analysis.duplicate_ack_frame",
    "analysis.window_update", "analysis.window_full", "analysis.zero_window", "analysis.zero_window_probe",
    "analysis.zero_window_probe_ack", "analysis.keep_alive", "analysis.keep_alive_ack", "analysis.reused_ports",
    "analysis.rto", "analysis.rto_frame", "analysis.acks_frame", "analysis.ack_rtt", "analysis.initial_rtt",
    "analysis.bytes_in_flight", "analysis.push_bytes_sent", "connection.syn", "connection.synack", "connection.fin",
    "connection.rst",
))  # fmt: skip
Trace = list[tuple[int, bytes]]


def segment(side: int, flags: int, seq: int, ack: int = 0, length: int = 0, window: int = 8192,
            options: bytes = b"") -> bytes:
    """A segment from A (side 0) or B (side 1)."""
    src, dst = ((A, 4000), (B, 80)) if side == 0 else ((B, 80), (A, 4000))
    offset = 5 + len(options) // 4
    numbers = (seq & 0xFFFFFFFF, ack & 0xFFFFFFFF)
    head = struct.pack(">HHIIBBHHH", src[1], dst[1], *numbers, offset << 4, flags, window, 0, 0)
    return _packet(src[0], dst[0], 6, head + options + b"d" * length)


def written(frames: Trace, folder: Path) -> Path:
    """The frames as a capture with times in ns."""
    path = folder / "made.pcap"
    path.write_bytes(pcap(frames, magic=0xA1B23C4D))
    return path


def ours(path: Path, batch_rows: int = 4096) -> list[list[str]]:
    """The cells of FIELDS that Shoal prints for each frame."""
    shown = [PrintedField(sources(PACKETS, name), "a", "\x1f", "\t" if i else "") for i, name in enumerate(FIELDS)]
    writer, columns, engine = FieldWriter(shown, ""), Columns(PACKETS, batch_rows), Engine()
    rows = []
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            for text in writer.lines(columns, None):
                rows += [line.split("\t") for line in bytes(text).decode().split("\n")[:-1]]
    return rows


def tshark(path: Path) -> list[list[str]]:
    """The cells of FIELDS that tshark prints."""
    told = subprocess.run(["tshark", "-n", "-r", str(path), "-T", "fields", *(a for f in FIELDS for a in ("-e", f))],
                          capture_output=True, text=True, check=True)
    return [line.split("\t") for line in told.stdout.splitlines()]


def differences(got: list[list[str]], want: list[list[str]]) -> list[str]:
    """Frame, field, and both values, where they are not the same."""
    assert len(got) == len(want)
    return [
        f"{i} {name}: tshark {w!r}, shoal {g!r}"
        for i, (a, b) in enumerate(zip(got, want, strict=True), 1)
        for name, g, w in zip(FIELDS, a, b, strict=True)
        if g != w and not (g and set(w.split(",")) == {g})
    ]


def conversation(seed: int) -> Trace:
    """Two sides that send, lose, repeat, reorder, close windows, probe and acknowledge, by chance."""
    r = random.Random(seed)
    now = START
    at = [r.randrange(1 << 32), r.randrange(1 << 32)]
    options = b"\2\4\5\xb4\1\3\3" + bytes([r.randrange(9)])
    trace: Trace = [
        (now, segment(0, SYN, at[0], options=options)),
        (now + 10 * MS, segment(1, SYN | ACK, at[1], at[0] + 1, options=options if r.random() < 0.8 else b"")),
        (now + 20 * MS, segment(0, ACK, at[0] + 1, at[1] + 1)),
    ]
    at = [at[0] + 1, at[1] + 1]
    acked, window, sent = [at[1], at[0]], [8192, 8192], [list[tuple[int, int]](), list[tuple[int, int]]()]
    now += 20 * MS
    for _ in range(120):
        now += r.choice((0, 1000, MS, 5 * MS, 30 * MS, 300 * MS))
        side, kind = r.randrange(2), r.random()
        if r.random() < 0.1:
            window[side] = r.choice((0, 100, 500, 8192))
        length, flags = r.choice((1, 2, 100, 500)), ACK | (PSH if r.random() < 0.3 else 0)
        if kind < 0.4:
            sent[side].append((at[side], length))
            trace.append((now, segment(side, flags, at[side], acked[side], length, window[side])))
            at[side] += length
        elif kind < 0.5 and sent[side]:
            seq, length = r.choice(sent[side][-6:])
            trace.append((now, segment(side, flags, seq, acked[side], length, window[side])))
        elif kind < 0.55:
            trace.append((now, segment(side, ACK, at[side] - 1, acked[side], r.randrange(2), window[side])))
        elif kind < 0.6:
            sent[side].append((at[side], length))
            trace.append((now, segment(side, flags, at[side] + length, acked[side], length, window[side])))
            at[side] += 2 * length
        else:
            if sent[1 - side] and r.random() < 0.7:
                seq, length = r.choice(sent[1 - side][-4:])
                edge = seq + length - r.choice((0, 0, 0, 1))
                acked[side] = max(acked[side], edge)
            trace.append((now, segment(side, ACK, at[side], acked[side], 0, window[side])))
    trace.append((now + MS, segment(0, FIN | ACK, at[0], acked[0])))
    trace.append((now + 2 * MS, segment(1, RST | ACK, at[1], at[0] + 1)))
    trace.append((now + 3 * MS, segment(0, SYN, at[0] + 77_777, options=options)))
    return trace


@pytest.mark.parametrize("seed", range(8))
def test_marks_are_those_of_tshark(seed: int, tmp_path: Path) -> None:
    path = written(conversation(seed), tmp_path)
    assert differences(ours(path), tshark(path)) == []


def test_batches_of_any_size_give_the_same(tmp_path: Path) -> None:
    path = written([f for seed in range(5) for f in conversation(seed)], tmp_path)
    whole = ours(path)
    assert ours(path, 1) == whole
    assert ours(path, 7) == whole


def test_a_hole_left_open_is_walked_once(tmp_path: Path) -> None:
    frames = [segment(0, ACK, 1, 1, 10), segment(0, ACK, 21, 1, 10)]
    frames += [f for k in range(3, 12_000) for f in (segment(1, ACK, 1, 11), segment(0, ACK, 10 * k + 1, 1, 10))]
    path = written([(START + i * 1000, frame) for i, frame in enumerate(frames)], tmp_path)
    in_flight = FIELDS.index("tcp.analysis.bytes_in_flight")
    # No more than 10,000 segments are remembered, as in Wireshark: what is sent beyond is not in flight.
    assert ours(path)[-1][in_flight] == str(10 * 10_000)
