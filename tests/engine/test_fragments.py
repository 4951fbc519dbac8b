"""Reassembly: what a datagram tells stands in the row that completes it, in whatever order its fragments come."""

from __future__ import annotations

import ipaddress
import random
import struct
from pathlib import Path

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine, fragment_pool
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.events import EVENT_STATES
from tests.engine.flow_rows import rows_of
from tests.engine.wire import A, B
from tests.sources.makecap import pcap

Piece = tuple[int, bytes, bool]
SHOWN = ("udp.srcport", "udp.dstport", "udp.length", "tcp.dstport", "shoal.payload.len")


def four(ident: int, offset: int, data: bytes, more: bool, proto: int = 17) -> bytes:
    """An Ethernet frame with a fragment of IPv4; `offset` in bytes."""
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), ident, more << 13 | offset >> 3, 64, proto, 0)
    ends = ipaddress.ip_address(A).packed + ipaddress.ip_address(B).packed
    return b"\2" * 12 + b"\x08\0" + head + ends + data


def six(ident: int, offset: int, data: bytes, more: bool, proto: int = 17) -> bytes:
    """An Ethernet frame with a fragment of IPv6."""
    ends = ipaddress.ip_address("fd00::1").packed + ipaddress.ip_address("fd00::2").packed
    head = struct.pack(">IHBB", 6 << 28, 8 + len(data), 44, 64) + ends
    return b"\2" * 12 + b"\x86\xdd" + head + struct.pack(">BBHI", proto, 0, offset | more, ident) + data


def datagram(port: int, size: int = 200) -> bytes:
    """A UDP header and `size` bytes behind it."""
    return struct.pack(">HHHH", port, 9, 8 + size, 0xABCD) + bytes(k & 255 for k in range(size))


def cut(data: bytes, step: int = 40) -> list[Piece]:
    """`data` in pieces of `step` bytes: offset, bytes, whether more follow."""
    return [(at, data[at : at + step], at + step < len(data)) for at in range(0, len(data), step)]


def rows(frames: list[bytes], folder: Path, engine: Engine | None = None, batch_rows: int = 4096
         ) -> list[dict[str, int | None]]:
    """The cells of SHOWN of each frame, None where there is none, and the layers' list sizes."""
    path = folder / "made.pcap"
    path.write_bytes(pcap((i, frame) for i, frame in enumerate(frames)))
    columns, engine, found = Columns(PACKETS, batch_rows), engine or Engine(), []
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            for i in range(columns.rows):
                row: dict[str, int | None] = {}
                for name in SHOWN:
                    there = columns.present(name)
                    row[name] = int(columns.values(name)[i]) if there is None or there[i] else None
                for name, lists in columns.lists.items():
                    row[name] = int(lists.offsets[i + 1] - lists.offsets[i])
                found.append(row)
    return found


@pytest.mark.parametrize("make", [four, six])
@pytest.mark.parametrize("seed", range(6))
def test_the_last_fragment_to_come_bears_the_datagram(make: type[four], seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    pieces = [(ident, piece) for ident in range(20) for piece in cut(datagram(1000 + ident, rng.randrange(100, 2000)))]
    if seed:
        rng.shuffle(pieces)
    last = {ident: k for k, (ident, _) in enumerate(pieces)}
    frames = [make(ident, *piece) for ident, piece in pieces]
    for batch_rows in (1, 7, 4096):
        engine = Engine()
        found = rows(frames, tmp_path, engine, batch_rows)
        whole = {k: row["udp.srcport"] for k, row in enumerate(found) if row["udp.srcport"] is not None}
        assert whole == {k: 1000 + ident for ident, k in last.items()}
        assert engine.reassembly.completed == 20
        assert engine.reassembly.evicted == 0


def test_an_overlap_keeps_what_came_first(tmp_path: Path) -> None:
    right, wrong = datagram(53, 24), datagram(99, 24)
    frames = [four(1, 8, right[8:], False), four(1, 0, right[:16], True)]
    assert rows([four(1, 0, right[:8], True), four(1, 0, wrong[:16], True), four(1, 16, right[16:], False)],
                tmp_path)[2]["udp.srcport"] == 53
    assert rows(frames, tmp_path)[1]["udp.srcport"] == 53


def test_what_lies_beyond_the_end_does_not_fill_a_gap(tmp_path: Path) -> None:
    data = datagram(53, 24)
    frames = [four(1, 64, b"x" * 64, True), four(1, 16, data[16:], False), four(1, 0, data[:8], True)]
    assert [r["udp.srcport"] for r in rows(frames, tmp_path)] == [None] * 3
    assert rows([*frames, four(1, 8, data[8:16], True)], tmp_path)[3]["udp.srcport"] == 53


def test_lists_of_whole_datagrams_go_to_their_rows(tmp_path: Path) -> None:
    inner = struct.pack(">BBHHHBBH", 0x45, 0, 40, 7, 0, 64, 6, 0) + bytes(8)
    inner += struct.pack(">HHIIHHHH", 80, 4000, 1, 1, 0x8010, 8192, 0, 0)[:20]
    sack = struct.pack(">BBBBIIII", 1, 1, 5, 18, 1, 2, 3, 4)
    segment = struct.pack(">HHIIBBHHH", 80, 4000, 1, 1, 40 // 4 << 4, 16, 8192, 0, 0) + sack + b"d" * 40
    plain = b"\2" * 12 + b"\x81\0\0\5\x08\0" + four(0, 0, datagram(7), False)[14:]
    frames: list[bytes] = []
    for ident in range(3):
        frames += [plain, *(four(10 + ident, *p, proto=6) for p in cut(segment)), plain]
        frames += [*(four(20 + ident, *p, proto=4) for p in cut(inner, 16)), plain]
    for batch_rows in (2, 4096):
        found = rows(frames, tmp_path, batch_rows=batch_rows)
        assert [r["sack"] for r in found] == [0, 0, 2, 0, 0, 0, 0, 0] * 3
        assert [r["outer"] for r in found] == [0, 0, 0, 0, 0, 0, 1, 0] * 3
        assert [r["vlan"] for r in found] == [1, 0, 0, 1, 0, 0, 0, 1] * 3
        assert [r["tcp.dstport"] for r in found] == [None, None, 4000, None, None, None, 4000, None] * 3


def test_at_the_cap_the_oldest_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragment_pool, "MOST_BYTES", 512 * 3 * 10)
    data = datagram(53, 32)
    begun = [four(ident, 0, data[:16], True) for ident in range(15)]
    engine = Engine()
    found = rows(begun + [four(ident, 16, data[16:], False) for ident in range(14, -1, -1)], tmp_path, engine, 4)
    assert sum(r["udp.srcport"] == 53 for r in found[:25]) == 10
    assert engine.reassembly.completed == 10
    assert engine.reassembly.evicted >= 5


def test_a_datagram_of_too_many_fragments_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragment_pool, "MOST_FRAGMENTS", 4)
    engine = Engine()
    found = rows([four(1, *p) for p in cut(datagram(5, 400))] + [four(2, *p) for p in cut(datagram(6, 100))],
                 tmp_path, engine)
    assert [r["udp.srcport"] for r in found if r["udp.srcport"]] == [6]
    assert engine.reassembly.evicted > 0


def _events(frames: list[bytes], folder: Path, batch_rows: int = 4096) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []

    def take(rows: Columns) -> None:
        found.extend((row["shoal.event.name"], row["shoal.event.frame"], row["shoal.event.count"])
                     for row in rows_of(rows, EVENT_STATES))

    rows(frames, folder, Engine(events=take), batch_rows)
    return found


def test_overlaps_are_told(tmp_path: Path) -> None:
    """A fragment that comes twice, or reaches into another; a gap filled, or an end amid a unit, is none."""
    whole = [four(1, at, data, more) for at, data, more in cut(datagram(53, 21))]
    assert _events(whole[::-1], tmp_path) == []
    one, *rest = [four(2, at, data, more) for at, data, more in cut(datagram(53))]
    reaching = four(2, 72, bytes(16), True)
    for batch_rows in (1, 4096):
        events = _events([one, one, *rest[:2], reaching, *rest[2:]], tmp_path, batch_rows)
        assert events == [("fragments-overlap", 2, 1), ("fragments-overlap", 5, 2)]


def test_a_flood_of_fragments_is_told(tmp_path: Path) -> None:
    frames = [four(ident, 0, bytes(16), True) for ident in range(2 * fragment_pool.FLOOD + 3)]
    limit = fragment_pool.FLOOD
    assert _events(frames[:limit], tmp_path) == []
    assert _events(frames, tmp_path) == [
        ("fragment-flood", limit + 1, limit + 1), ("fragment-flood", 2 * limit + 2, 2 * limit + 2),
    ]
    # Those that become whole wait no longer.
    done = [frame for ident in range(2 * limit) for frame in (frames[ident], four(ident, 16, bytes(4), False))]
    assert _events(done, tmp_path) == []
