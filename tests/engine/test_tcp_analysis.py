"""Single rules of the TCP analysis, each in a small trace: what is marked, and that tshark marks the same."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.engine.conversations import ACK, FIN, MS, PSH, RST, START, SYN, Frame, ethernet, padded, sack
from tests.engine.test_against_tshark import FIELDS, MARKS, differences, ours, tshark, written

Segment = tuple[int, int, int, int, int, int, bytes]
"""Side, flags, sequence number, acknowledgment number, bytes of data, window, options."""


def a(flags: int, seq: int, ack: int = 0, length: int = 0, window: int = 8192, options: bytes = b"") -> Segment:
    """What A sends."""
    return (0, flags, seq, ack, length, window, options)


def b(flags: int, seq: int, ack: int = 0, length: int = 0, window: int = 8192, options: bytes = b"") -> Segment:
    """What B sends."""
    return (1, flags, seq, ack, length, window, options)


HELLO = [a(SYN, 99), b(SYN | ACK, 499, 100), a(ACK, 100, 500)]
DSS, PRIO = b"\x1e\x08\x20\1abcd", b"\x1e\4\x50\1"
COOKIE = b"\x22\6abcd"
# Each trace, and the marks of its segments by their place from the end, -1 being the last.
CASES: dict[str, tuple[list[Segment], dict[int, str]]] = {
    "nothing": ([*HELLO, a(ACK, 100, 500, 10), b(ACK, 500, 110)], {}),
    "a gap": ([*HELLO, a(ACK, 110, 500, 10)], {-1: "lost_segment"}),
    "an acknowledgment beyond": ([*HELLO, a(ACK, 100, 500, 10), b(ACK, 500, 120)], {-1: "ack_lost_segment"}),
    "beyond, twice": (
        [*HELLO, a(ACK, 100, 500, 10), b(ACK, 500, 120), b(ACK, 500, 130)], {-2: "ack_lost_segment"}),
    "beyond, then behind a gap": (
        [*HELLO, a(ACK, 100, 500, 10), b(ACK, 500, 120), a(ACK, 120, 500, 10), b(ACK, 500, 140)],
        {-3: "ack_lost_segment", -2: "lost_segment", -1: "ack_lost_segment"}),
    "beyond, twice behind a gap": (
        [*HELLO, a(ACK, 120, 500, 10), b(ACK, 500, 140), b(ACK, 500, 150), b(ACK, 500, 160)],
        {-4: "lost_segment", -3: "ack_lost_segment", -2: "ack_lost_segment"}),
    "beyond, and sent again": (
        [*HELLO, a(ACK, 100, 500, 10), a(ACK, 110, 500, 10), b(ACK, 500, 130), b(ACK, 500, 110), a(ACK, 110, 500, 10)],
        {-3: "ack_lost_segment", -1: "retransmission"}),
    "sent again": ([*HELLO, a(ACK, 100, 500, 10), a(ACK, 100, 500, 10)], {-1: "retransmission"}),
    "sent again though acknowledged": (
        [*HELLO, a(ACK, 100, 500, 10), b(ACK, 500, 110), a(ACK, 100, 500, 10)],
        {-1: "retransmission spurious_retransmission"}),
    "a duplicate": ([*HELLO, b(ACK, 500, 100), b(ACK, 500, 100)], {-2: "duplicate_ack", -1: "duplicate_ack"}),
    "a duplicate with another kind of multipath option": (
        [*HELLO, b(ACK, 500, 100, options=DSS), b(ACK, 500, 100, options=DSS), a(ACK, 100, 500, options=PRIO),
         b(ACK, 500, 100), b(ACK, 500, 100)],
        {-5: "duplicate_ack", -3: "", -2: "", -1: "duplicate_ack"}),
    "a full window": ([*HELLO, a(ACK, 100, 500, 8192)], {-1: "window_full"}),
    "a probe": (
        [*HELLO, b(ACK, 500, 100, window=0), a(ACK, 100, 500, 1), b(ACK, 500, 100, window=0)],
        {-3: "zero_window", -2: "zero_window_probe", -1: "zero_window zero_window_probe_ack"}),
    "a probe that was taken": (
        [*HELLO, b(ACK, 500, 100, window=0), a(ACK, 100, 500, 1), b(ACK, 500, 101, window=0)],
        {-3: "zero_window", -2: "zero_window_probe", -1: "ack_lost_segment zero_window"}),
    "a keep-alive": (
        [*HELLO, b(ACK, 500, 100), a(ACK, 99, 500), b(ACK, 500, 100)],
        {-3: "duplicate_ack", -2: "keep_alive", -1: "keep_alive_ack"}),
    "ports used again": ([*HELLO, a(FIN | ACK, 100, 500), a(SYN, 7000)], {-1: "reused_ports"}),
    "a SYN sent again behind a RST": ([a(SYN, 99), a(RST, 5000), a(SYN, 99)], {-1: "retransmission"}),
    "an answer with another number": (
        [*HELLO[:2], b(SYN | ACK, 899, 100)], {-1: "lost_segment reused_ports"}),
    "fast open": (
        [a(SYN, 99, length=10, options=COOKIE), b(SYN | ACK, 499, 110)], {-2: "tfo_syn", -1: "tfo_ack"}),
    "fast open without data": ([a(SYN, 99, options=COOKIE), b(SYN | ACK, 499, 100)], {-2: "tfo_syn"}),
    "a SACK option without a block": ([*HELLO, a(ACK, 120, 500, 10, options=b"\5\2")], {-1: ""}),
    "three blocks of four": (
        [*HELLO, *(a(ACK | PSH, 100 + 10 * k, 500, 10) for k in range(9)),
         b(ACK, 500, 100, options=sack([(100 + 20 * k, 110 + 20 * k) for k in range(4)])), a(ACK, 190, 500, 10)],
        {-2: "duplicate_ack"}),
}


def trace(segments: list[Segment], at: int) -> list[Frame]:
    """The segments between two hosts of network `at`, a millisecond apart."""
    frames = []
    for k, (side, flags, seq, ack, length, window, options) in enumerate(segments):
        src, dst = (("1", 4000), ("2", 80)) if side == 0 else (("2", 80), ("1", 4000))
        options = padded(options)
        head = struct.pack(">HHIIBBHHH", src[1], dst[1], seq, ack, (5 + len(options) // 4) << 4, flags, window, 0, 0)
        data = ethernet(f"10.{at}.0.{src[0]}", f"10.{at}.0.{dst[0]}", 6, head + options + b"d" * length)
        frames.append(Frame(START + (100 * at + k) * 30 * MS, data, len(data)))
    return frames


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[list[str]], list[list[str]]]]:
    """What Shoal and tshark print of each trace."""
    frames = [trace(segments, at) for at, (segments, _) in enumerate(CASES.values(), 1)]
    path = written([f for of in frames for f in of], tmp_path_factory.mktemp("traces") / "made.pcap")
    got, want, found = ours(path), tshark(path), {}
    for name, of in zip(CASES, frames, strict=True):
        found[name] = got[: len(of)], want[: len(of)]
        got, want = got[len(of) :], want[len(of) :]
    return found


@pytest.mark.parametrize("name", CASES)
def test_marks_of_a_trace(name: str, cells: dict[str, tuple[list[list[str]], list[list[str]]]]) -> None:
    got, want = cells[name]
    assert differences(got, want) == []
    marks = [" ".join(m for m in MARKS if row[FIELDS.index("tcp.analysis." + m)]) for row in got]
    expected = [""] * len(got)
    for at, told in CASES[name][1].items():
        expected[at] = told
    assert [sorted(m.split()) for m in marks] == [sorted(e.split()) for e in expected]


def test_a_hole_left_open_is_walked_once(tmp_path: Path) -> None:
    segments = [a(ACK, 1, 1, 10), a(ACK, 21, 1, 10)]
    segments += [s for k in range(3, 12_000) for s in (b(ACK, 1, 11), a(ACK, 10 * k + 1, 1, 10))]
    path = written(trace(segments, 1), tmp_path / "made.pcap")
    in_flight = FIELDS.index("tcp.analysis.bytes_in_flight")
    # No more than 10,000 segments are remembered, as in Wireshark: what is sent beyond is not in flight.
    assert ours(path)[-1][in_flight] == str(10 * 10_000)
