"""Gaps in the capture: what was acknowledged and never passed, counted from the marks of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.detect.anomalies import Anomalies
from pipeline.detect.anomalies.gaps import gaps
from pipeline.engine import Engine
from pipeline.engine.exchanges.rows import fill
from pipeline.engine.windows.bundle import Closed
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PARTS, WINDOWS
from tests.anomalies.make import wire_tcp as make
from tests.anomalies.make.wire_frames import EPOCH, SECOND, Timed
from tests.engine.flow_rows import rows_of
from tests.sources.makecap import pcap

_ACK_LOST = 1 << 5


def _parts(frames: list[Timed], folder: Path) -> Columns:
    """What shards count of the conversations: data and that mark, in one window."""
    path = folder / "made.pcap"
    path.write_bytes(pcap(frames))
    counted: dict[int, dict[str, Any]] = {}
    engine, columns = Engine(), Columns(PACKETS)
    with open_capture(str(path)) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            for flow, length, marks in zip(*(
                columns.values(name).tolist() for name in ("shoal.flow_id", "tcp.len", "shoal.tcp.analysis")
            ), strict=True):
                row = counted.setdefault(flow, {
                    "shoal.window.tick": 1, "shoal.window.time": EPOCH, "shoal.part.kind": 0, "ip.proto": 6,
                    "shoal.flow_id": flow, "shoal.b.segments": 0, "shoal.a.tcp.ack_lost_segment": 0,
                })  # fmt: skip
                row["shoal.b.segments"] += length > 0
                row["shoal.a.tcp.ack_lost_segment"] += marks & _ACK_LOST != 0
    return fill(PARTS, list(counted.values()))


def _events(parts: Columns) -> list[tuple[str, str, int]]:
    """Name, entity and count of the events that all detectors tell of them."""
    anomalies, empty = Anomalies(), Columns(WINDOWS, 0)
    ticks = ((1, 500, EPOCH + 10 * SECOND, 0), (2, 900, EPOCH + 20 * SECOND, 0))
    anomalies.take(Closed(ticks, empty, empty.values("shoal.window.version"), parts, (), True))
    rows = anomalies.rows()
    found = rows_of(rows, rows.record) if rows is not None else []
    return [(row["shoal.event.name"], row["shoal.event.entity"], row["shoal.event.count"]) for row in found]


def test_a_gap_is_told(tmp_path: Path) -> None:
    parts = _parts(make.missed(10, of=6), tmp_path)
    (seen,) = gaps(1, 499, parts, slice(0, parts.rows))
    assert (seen.name, seen.entity, seen.tick, seen.frame, seen.time) == ("capture-gap", "", 0, 499, EPOCH)
    assert "in 6 of 10 TCP conversations" in seen.said
    assert seen.count >= 6 * 9
    assert _events(parts) == [("capture-gap", "", seen.count)]


@pytest.mark.parametrize("frames", [
    make.missed(10, of=0), make.missed(10, of=6, lost=True), make.missed(10, of=2), make.missed(2, of=2),
    make.missed(30, of=5),
], ids=["nothing", "lost in the network", "two", "only two", "few of many"])  # fmt: skip
def test_no_gap_is_told(tmp_path: Path, frames: list[Timed]) -> None:
    assert _events(_parts(frames, tmp_path)) == []
