"""At a cap the oldest is forgotten and counted, and the rest stays right."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.engine.tcp import unacked
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.engine.conversations import ACK, MS, START
from tests.engine.wire import A, B, _packet
from tests.sources.makecap import pcap


def segment(back: bool, seq: int, ack: int, length: int = 0) -> bytes:
    """A segment from A, or `back` from B."""
    ends = (80, 4000) if back else (4000, 80)
    head = struct.pack(">HHIIBBHHH", *ends, seq, ack, 0x50, ACK, 8192, 0, 0)
    return _packet(*((B, A) if back else (A, B)), 6, head + b"d" * length)


@pytest.mark.parametrize("batch_rows", [7, 4096])
def test_unacknowledged_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int) -> None:
    monkeypatch.setattr(unacked, "_FIRST_SIZE", 64)
    monkeypatch.setattr(unacked, "MOST_SEGMENTS", 64)
    path = tmp_path / "made.pcap"
    frames = [segment(False, 1 + 10 * k, 1, 10) for k in range(200)] + [segment(True, 1, 2001)]
    path.write_bytes(pcap(((START + k * MS, frame) for k, frame in enumerate(frames)), magic=0xA1B23C4D))
    columns, engine = Columns(PACKETS, batch_rows), Engine()
    marks, following, acked = [], [], []
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            marks += columns.values("shoal.tcp.analysis").tolist()
            following += columns.values("tcp.nxtseq").tolist()
            acked += columns.values("tcp.analysis.acks_frame").tolist()
    assert engine.tcp.segments_evicted > 0
    assert marks == [0] * 201
    assert following[:200] == [11 + 10 * k for k in range(200)]
    assert acked == [0] * 200 + [200]
