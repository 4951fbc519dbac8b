"""TLS over TCP: the bytes are said in turns by both sides, cut where the first of them say."""

from __future__ import annotations

from tests.exchanges import tlsmake as make
from tests.exchanges.hear import Talk, heard

_HELLO = make.handshake(make.client_hello(make.server_name(b"a.b"), make.alpn(b"h2"), make.versions(0x0304, 0x0303)))
_CHAIN = make.certificates(make.certificate())
_ANSWER = make.handshake(make.server_hello(make.alpn(b"h2")), _CHAIN, make.message(14, b""))
_OLD = bytes.fromhex("802e0103010003000000200000 2f") + bytes(32)


def seeds() -> list[bytes]:
    """A size of segments, and turns behind their lengths."""
    first = b"\x40" + make.sized(_HELLO) + make.sized(_ANSWER)
    return [
        first + make.sized(make.CCS + make.FINISHED) + make.sized(make.CCS + make.FINISHED) + make.sized(make.DATA),
        b"\xff" + make.sized(_HELLO) + make.sized(make.handshake(make.server_hello(make.TLS13)) + make.CCS + make.DATA),
        b"\x40" + make.sized(_OLD) + make.sized(b"\x15\3\1\0\2\2\x28"),
        b"\x20" + make.sized(make.handshake(make.message(22, b"\1\0\0\4\x30\2\5\0"))) + make.sized(_HELLO),
    ]


def run(data: bytes) -> None:
    """One conversation."""
    talk = Talk(443, mss=max(16, data[0] * 4) if data else 16).open()
    at = 1
    for turn in range(16):
        if at + 2 > len(data):
            break
        size = int.from_bytes(data[at : at + 2], "big")
        (talk.server if turn % 2 else talk.client)(data[at + 2 : at + 2 + size])
        at += 2 + size
    heard(talk.close().frames)
