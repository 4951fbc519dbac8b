"""QUIC: the bytes are datagrams as they are, or the payload of an Initial that is really sealed."""

from __future__ import annotations

from tests.exchanges import tlsmake as make
from tests.exchanges.hear import answer, ask, heard
from tests.exchanges.test_quic import ANSWER, DCID, FIRST, HELLO, SECOND


def seeds() -> list[bytes]:
    """Each part behind a byte that says whose it is, and its length."""
    hello = make.crypto(0, HELLO)
    return [
        b"\0" + make.sized(FIRST) + b"\1" + make.sized(SECOND) + b"\0" + make.sized(b"\x41" + bytes(40)),
        b"\2" + make.sized(hello) + b"\3" + make.sized(make.crypto(0, ANSWER) + b"\2\0\0\0\0"),
        b"\2" + make.sized(make.crypto(40, HELLO[40:])) + b"\2" + make.sized(make.crypto(0, HELLO[:50])),
        b"\2" + make.sized(hello) + b"\1" + make.sized(b"\xf0\0\0\0\1\0\5retry" + bytes(20)),
        b"\2" + make.sized(hello) + b"\1" + make.sized(b"\x80\0\0\0\0\0\x08" + DCID + b"\0\0\0\1"),
    ]


def run(data: bytes) -> None:
    """One conversation."""
    frames = []
    at = 0
    for number in range(12):
        if at + 3 > len(data):
            break
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
        part = data[at + 3 : at + 3 + size]
        at += 3 + size
        if kind & 2:
            keys = b"" if kind & 1 else DCID
            part = make.initial(part, keys, keys_of=DCID, number=number, from_server=kind & 1 == 1, scid=b"s", size=64)
        frames.append((answer if kind & 1 else ask)(part, number / 10, dstport=4433))
    if frames:
        heard(frames)
