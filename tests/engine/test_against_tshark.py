"""Every TCP field of conversations made by chance, against tshark."""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.shown import sources
from tests.engine.conversations import Frame, capture
from tests.sources.makecap import pcap_header, pcap_record

MARKS = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment",
         "ack_lost_segment", "duplicate_ack", "window_update", "window_full", "zero_window", "zero_window_probe",
         "zero_window_probe_ack", "keep_alive", "keep_alive_ack", "reused_ports", "tfo_syn", "tfo_ack")  # fmt: skip
NUMBERS = ("duplicate_ack_num", "duplicate_ack_frame", "rto", "rto_frame", "acks_frame", "ack_rtt", "initial_rtt",
           "bytes_in_flight", "push_bytes_sent")  # fmt: skip
FIELDS = ("frame.number", *("tcp." + name for name in (
    "stream", "srcport", "dstport", "seq", "seq_raw", "nxtseq", "ack", "ack_raw", "len", "hdr_len", "flags",
    "window_size_value", "window_size", "window_size_scalefactor", "options.mss_val", "options.wscale.shift",
    "options.sack_perm", "options.sack_le", "options.sack_re", "options.timestamp.tsval", "options.timestamp.tsecr",
    "time_relative", "time_delta", "completeness", "connection.syn", "connection.synack", "connection.fin",
    "connection.rst", *("analysis." + name for name in (*MARKS, *NUMBERS)),
)))  # fmt: skip
BLOCKS = ("tcp.options.sack_le", "tcp.options.sack_re")
HALVES = ("tcp.options.timestamp.tsval", "tcp.options.sack_le")


def written(frames: list[Frame], path: Path) -> Path:
    """The frames as a capture with times in ns."""
    magic = 0xA1B23C4D
    path.write_bytes(pcap_header(magic=magic) + b"".join(
        pcap_record(f.data, f.time, unit=1, length=f.length) for f in frames
    ))
    return path


def ours(path: Path, batch_rows: int = 4096) -> list[list[str]]:
    """The cells of FIELDS that Shoal prints for each frame."""
    shown = [PrintedField(sources(PACKETS, name), "a", ",", "\t" if i else "") for i, name in enumerate(FIELDS)]
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
                          capture_output=True, text=True, check=True)  # fmt: skip
    return [line.split("\t") for line in told.stdout.splitlines()]


def differences(
    got: list[list[str]], want: list[list[str]], cut: Collection[int] = ()
) -> list[tuple[int, str, str, str]]:
    """Frame, field, what tshark says and what Shoal says, where they are not the same.

    Of an option that comes twice Shoal keeps one; of one that is cut, in a frame of `cut`, tshark shows the first half.
    """
    assert len(got) == len(want)
    return [
        (i, name, w, g)
        for i, (a, b) in enumerate(zip(got, want, strict=True), 1)
        for name, g, w in zip(FIELDS, a, b, strict=True)
        if g != w
        and not (i in cut and name in HALVES)
        # A mark that tshark has more than one reason for, it prints more than once.
        and not (g and name not in BLOCKS and set(g.split(",")) <= set(w.split(",")))
    ]


def cut(frames: list[Frame]) -> set[int]:
    """Numbers of the frames that were not captured whole."""
    return {i for i, frame in enumerate(frames, 1) if len(frame.data) < frame.length}


def quoting(frames: list[Frame]) -> set[int]:
    """Numbers of the ICMP errors."""
    return {i for i, frame in enumerate(frames, 1) if frame.data[12] == 8 and frame.data[23] == 1}


@pytest.mark.parametrize("seed", range(12))
def test_every_field_is_that_of_tshark(seed: int, tmp_path: Path) -> None:
    frames = capture(seed)
    path = written(frames, tmp_path / "made.pcap")
    # Of what an ICMP error quotes tshark shows every field, Shoal the ports and the stream.
    found = differences(ours(path), tshark(path), cut(frames))
    assert [d for d in found if d[0] not in quoting(frames)] == []


def test_batches_of_any_size_give_the_same(tmp_path: Path) -> None:
    path = written(capture(1), tmp_path / "made.pcap")
    whole = ours(path)
    assert ours(path, 1) == whole
    assert ours(path, 7) == whole
