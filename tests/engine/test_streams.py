"""The numbers of conversations that other parts of the engine keep their state by."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine, conversations
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.engine.wire import A, B, C, tcp, udp
from tests.sources.makecap import pcap

SIDE, BEGINS, DATAGRAM = 1, 2, 8
Numbered = list[tuple[int, int]]


def numbered(frames: list[bytes], folder: Path, engine: Engine, batch_rows: int) -> Numbered:
    """Each frame's `Streams.conversation` and `Streams.turn`."""
    path = folder / "made.pcap"
    path.write_bytes(pcap((i, frame) for i, frame in enumerate(frames)))
    columns, found = Columns(PACKETS, batch_rows), []
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            n = columns.rows
            found += list(zip(engine.streams.conversation[:n].tolist(), engine.streams.turn[:n].tolist(), strict=True))
    return found


@pytest.mark.parametrize("batch_rows", [1, 3, 64])
def test_udp_and_tcp_conversations_are_numbered_apart(tmp_path: Path, batch_rows: int) -> None:
    frames = [
        udp(A, 1000, B, 2000), udp(B, 2000, A, 1000), tcp(A, 1, B, 2, b"x"), udp(A, 1000, C, 2000),
        b"\2" * 12 + b"\x88\xb5" + b"\0" * 46, tcp(B, 2, A, 1, b"y"), udp(A, 1000, B, 2000), udp(C, 7, B, 8),
    ]  # fmt: skip
    engine = Engine()
    assert numbered(frames, tmp_path, engine, batch_rows) == [
        (1, DATAGRAM | BEGINS), (1, DATAGRAM | SIDE), (1, BEGINS), (2, DATAGRAM | BEGINS),
        (0, 0), (1, SIDE), (1, DATAGRAM), (3, DATAGRAM | BEGINS | SIDE),
    ]  # fmt: skip
    assert engine.streams.conversations == 1
    assert engine.streams.datagram_conversations == 3


def test_at_the_cap_all_are_forgotten_and_numbers_begin_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "_FIRST_SIZE", 8)
    monkeypatch.setattr(conversations, "MOST_CONVERSATIONS", 4)
    engine = Engine()
    found = numbered([udp(A, 1, B, 10 + k) for k in range(6)] + [udp(A, 1, B, 10)], tmp_path, engine, 64)
    assert [number for number, _ in found] == [1, 2, 3, 4, 1, 2, 3]
    assert all(turn & BEGINS for _, turn in found)
    assert engine.streams.evicted == 4
    assert engine.streams.datagram_conversations == 3
    assert engine.streams.udp_streams == 7
