"""The ends behind IPv6 extension headers."""

from __future__ import annotations

import struct

from pipeline.statistics.ends import final_ends

SRC, DST, HOP, HOME = (bytes([0x20, 1, 0x0D, 0xB8, *[0] * 11, i]) for i in range(1, 5))


def frame(following: int, *headers: bytes) -> bytes:
    """An Ethernet frame with an IPv6 header from SRC to DST, and what follows it."""
    body = b"".join(headers)
    return b"\2" * 12 + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), following, 64) + SRC + DST + body


def routing(kind: int, left: int, *hops: bytes, following: int = 17) -> bytes:
    """A routing header."""
    return bytes([following, 2 * len(hops), kind, left, 0, 0, 0, 0]) + b"".join(hops)


MOBILE = bytes([17, 2, 1, 2, 0, 0, 201, 16]) + HOME


def test_what_is_named_is_taken() -> None:
    for headers, want in (
        ((43, routing(0, 1, HOME, HOP)), (SRC, HOP)),
        ((43, routing(0, 0, HOP)), (SRC, DST)),
        ((43, routing(2, 1, HOME)), (SRC, HOME)),
        ((43, routing(4, 1, HOP, HOME)), (SRC, HOP)),
        ((43, routing(9, 1, HOP)), (SRC, DST)),
        ((60, MOBILE), (HOME, DST)),
        ((0, bytes([44, 0, 1, 4, 0, 0, 0, 0]), bytes([43, 0, 0, 0, 0, 0, 0, 1]), routing(0, 1, HOP, following=60),
          MOBILE), (HOME, HOP)),
        ((17, b"\0" * 8), (SRC, DST)),
    ):
        assert final_ends(frame(*headers), SRC, DST) == want, headers


def test_a_cut_header_ends_the_walk() -> None:
    whole = frame(43, routing(0, 1, HOP, following=60), MOBILE)
    for size in range(len(whole)):
        src, dst = final_ends(whole[:size], SRC, DST)
        assert dst == (HOP if size >= 54 + 24 else DST)
        assert src == SRC


def test_options_that_do_not_fit() -> None:
    for options in (b"\xc9\x10", b"\xc9\x01\x00\xc9\x10", b"\0\0\0\0\0\xc9", b"\1\xff"):
        padded = options + b"\0" * (-(len(options) + 2) % 8)
        header = bytes([17, (len(padded) + 2) // 8 - 1]) + padded
        assert final_ends(frame(60, header), SRC, DST) == (SRC, DST)
