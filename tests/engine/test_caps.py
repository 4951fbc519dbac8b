"""At a cap something is forgotten: it is counted, an event tells it, and the rest stays right."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine, announced, fragment_pool
from pipeline.engine import conversations as conversations_module
from pipeline.engine.arp import duplicates
from pipeline.engine.flows import histograms
from pipeline.engine.tcp import sent, unacked
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.events import CAP_EVENTS, EVENT_STATES
from pipeline.schema.flows import FLOW_STATES
from tests.engine.conversations import ethernet
from tests.engine.flow_rows import Row, rows_of
from tests.engine.wire import A, B, invite, segment
from tests.sources.makecap import pcap

MS = 1_000_000
START = 1_700_000_000_000 * MS
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass
class Found:
    """Rows of a capture, and the engine after it."""

    engine: Engine
    packets: list[Row] = field(default_factory=list)
    flows: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)


def run(folder: Path, frames: list[bytes], batch_rows: int) -> Found:
    """The frames, a millisecond apart, through an engine."""
    path = folder / "made.pcap"
    path.write_bytes(pcap(((START + k * MS, frame) for k, frame in enumerate(frames)), magic=0xA1B23C4D))
    found = Found(Engine(
        lambda rows: found.flows.extend(rows_of(rows, FLOW_STATES)),
        lambda rows: found.events.extend(rows_of(rows, EVENT_STATES)),
    ))  # fmt: skip
    columns = Columns(PACKETS, batch_rows)
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            found.engine.process(columns)
            found.packets += rows_of(columns, PACKETS, ("tcp.stream", "tcp.nxtseq", "tcp.analysis.acks_frame",
                                                        "shoal.tcp.analysis", "shoal.tcp.cause"))
    found.engine.finish()
    return found


def exchange(port: int, rtt: bool = True) -> list[bytes]:
    """A short conversation of A and B, whole."""
    frames = [
        segment(A, port, B, 80, SYN, 100, 0), segment(B, 80, A, port, SYN | ACK, 500, 101),
        segment(A, port, B, 80, ACK, 101, 501), segment(A, port, B, 80, ACK | PSH, 101, 501, 30),
        segment(B, 80, A, port, ACK, 501, 131), segment(A, port, B, 80, ACK | FIN, 131, 501),
        segment(B, 80, A, port, ACK | FIN, 501, 132), segment(A, port, B, 80, ACK, 132, 502),
    ]  # fmt: skip
    return frames if rtt else frames[:1]


def unacknowledged() -> list[bytes]:
    """Segments without an answer, then one that answers all."""
    return [segment(A, 9, B, 7, ACK, 1 + 10 * k, 1, 10) for k in range(200)] + [segment(B, 7, A, 9, ACK, 1, 2001)]


def conversations() -> list[bytes]:
    """SYNs from many ports."""
    return [segment(A, 10_000 + k, B, 443, SYN, 7, 0) for k in range(5000)]


def gaps() -> list[bytes]:
    """Every second segment is missing."""
    return [segment(A, 9, B, 7, ACK, 1 + 20 * k, 1, 10) for k in range(400)]


def fragments() -> list[bytes]:
    """First fragments of many datagrams."""
    return [ethernet(f"10.{k >> 8}.{k & 255}.1", B, 17, bytes(1400), 0x2000) for k in range(200)]


def announcements() -> list[bytes]:
    """Many media of calls."""
    return [invite(20_000 + 2 * k, cseq=k + 1) for k in range(40)]


def addresses() -> list[bytes]:
    """Many hosts that tell their addresses."""
    return [
        b"\xff" * 6 + b"\2" + struct.pack(">IB", k, 1) + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1)
        + b"\2" + struct.pack(">IB", k, 1) + struct.pack(">I", 0x0A000100 + k) + bytes(10)
        for k in range(40)
    ]  # fmt: skip


def round_trips() -> list[bytes]:
    """Conversations that each measure a time in both directions."""
    return [frame for k in range(20) for frame in exchange(20_000 + k)]


Flood = Callable[[], list[bytes]]
CASES: dict[str, tuple[Flood, list[tuple[object, str, int]]]] = {
    "unacknowledged-forgotten": (unacknowledged, [(unacked, "_FIRST_SIZE", 64), (unacked, "MOST_SEGMENTS", 64)]),
    "segments-forgotten": (unacknowledged, [(sent, "_FIRST_SIZE", 64), (sent, "MOST_SEGMENTS", 64)]),
    "conversations-forgotten": (conversations, [(conversations_module, "MOST_CONVERSATIONS", 1000)]),
    "gaps-forgotten": (gaps, []),
    "fragments-forgotten": (fragments, [(fragment_pool, "MOST_BYTES", 64 << 10)]),
    "announcements-forgotten": (announcements, [(announced, "MOST_ANNOUNCED", 10)]),
    "addresses-forgotten": (addresses, [(duplicates, "MOST_ADDRESSES", 10)]),
    "round-trips-not-kept": (round_trips, [(histograms, "MOST_HISTOGRAMS", 8)]),
}


def test_every_event_of_a_cap_has_its_case() -> None:
    assert CASES.keys() == CAP_EVENTS.keys()


@pytest.mark.parametrize("name", CASES)
def test_the_cap_is_told_and_the_rest_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    flood, caps = CASES[name]
    for module, constant, value in caps:
        monkeypatch.setattr(module, constant, value)
    frames = [*exchange(1), *flood(), *exchange(2), *exchange(3)]
    found = run(tmp_path, frames, 4096)
    told = [event for event in found.events if event["shoal.event.name"] == name]
    assert told
    assert len(found.events) == len(told)
    # At each doubling of the count, at the frame at which it came about.
    counts = [event["shoal.event.count"] for event in told]
    assert all(later >= 2 * before for before, later in itertools.pairwise(counts))
    assert 8 < told[0]["shoal.event.frame"] <= 8 + len(flood()) + 8
    assert all(event["shoal.event.time"] == START + (event["shoal.event.frame"] - 1) * MS for event in told)
    # Other batches give the same.
    again = run(tmp_path, frames, 7)
    assert (again.events, again.flows, again.packets) == (found.events, found.flows, found.packets)
    # What came before and what comes behind is whole.
    ended = {row["tcp.srcport"]: row for row in found.flows if row.get("tcp.srcport") in (1, 2, 3)}
    for port in (1, 2, 3):
        assert ended[port]["shoal.tcp.ending"] == "closed by the client, then by the server"
        assert ended[port]["shoal.client.unique_bytes"] == 30
        assert ended[port]["shoal.client.rtt_samples"] == 3
    assert [p["shoal.tcp.analysis"] & 0x1FFFF for p in found.packets[-16:]] == [0] * 16
    assert [p["shoal.tcp.cause"] for p in found.packets[-16:]] == ["none"] * 16


def test_unacknowledged_segments_after_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for constant in ("_FIRST_SIZE", "MOST_SEGMENTS"):
        monkeypatch.setattr(unacked, constant, 64)
    found = run(tmp_path, unacknowledged(), 4096)
    assert found.engine.tcp.segments_evicted > 0
    assert [p["shoal.tcp.analysis"] for p in found.packets] == [0] * 201
    assert [p["tcp.nxtseq"] for p in found.packets[:200]] == [11 + 10 * k for k in range(200)]
    # The newest segment was remembered.
    assert [p.get("tcp.analysis.acks_frame", 0) for p in found.packets] == [0] * 200 + [200]
