"""No check that is made at any port is left out where it would tell a name."""

from __future__ import annotations

import random

from pipeline.engine.names.datagrams import DATAGRAMS
from pipeline.engine.names.hints import DATAGRAM_BITS, SEGMENT_BITS, datagram_hints, segment_hints
from pipeline.engine.names.look import Look
from pipeline.engine.names.segments import SEGMENTS
from tests.exchanges.test_names_quick import _broken

COOKIE = b"\x21\x12\xa4\x42"
_MAGIC = b"\0\xff\xff\0\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"
OVER_UDP = (
    b"\0\1\0\0" + COOKIE + bytes(12), b"\1\x12\0\4" + bytes(20), b"\x16\xfe\xfd" + bytes(9) + b"\1x",
    b"\xc0\0\0\0\1\x08" + bytes(20), b"\xc3Q046" + bytes(20), b"\x0d12345678Q043" + bytes(20), b"\x04" + bytes(40),
    b"\1\0\0\0" + bytes(144), b"INVITE sip:a@b SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"\xf8abc",
    b"abcd" + bytes(7) + b"\2\0\1\x86\xa3" + bytes(40), b"\4\0\x28\0\x10" + bytes(90), b"\x80\xc8\0\1" + bytes(4),
    b"d1:ad2:id20:" + bytes(20), b"\1" + _MAGIC, b"\x05" + bytes(8) + _MAGIC, b"\x05" + bytes(16) + _MAGIC,
    b"RTPS\2\1", b"RTPX\2\1", b"\x80\1\0\1\0\0\0\4ping" + bytes(4), b"\x47" + bytes(187), b"ISO11898\0", b"MIOP\x10",
)  # fmt: skip
OVER_TCP = (
    b"\0\1\0\0" + COOKIE + bytes(12), b"\0\x14\0\1\0\0" + COOKIE + bytes(12), b"8=FIX.4.2\x019=5\x01", b"RFB 003.008\n",
    b"INVITE sip:a@b SIP/2.0\r\n\r\n", b"\xf8abc", b"\5\0\x0b\3\x10\0\0\0\x20\0\0\0" + bytes(20),
    b"\x80\0\0\x28abcd" + bytes(7) + b"\2\0\1\x86\xa3" + bytes(24), b"\x13BitTorrent protocol" + bytes(48),
    b"\x80\1\0\1\0\0\0\4ping" + bytes(4), b"\0\0\0\x10\x80\1\0\1\0\0\0\4ping", b"\0\x0a\xd0\1\0\0\0\4ab",
    b"\x12\1\0\x08\0\0\0\0", b"GIOP\1\2" + bytes(6), b"ZIOP\1\2" + bytes(6), b"ceph v027", b"ceph v2\n",
    b"\0\0\0\x20\1ActiveMQ" + bytes(20), b"YMSG" + bytes(16), b"\0\0\0\x10\0\0\0\x15" + bytes(8),
    b"\4\0\0\x08\0\0\0\1", b"FINS\0\0\0\x0c",
)  # fmt: skip


def _variants(payloads: tuple[bytes, ...]) -> list[bytes]:
    chance = random.Random(6)
    found = [*payloads, b""]
    for payload in payloads:
        found += [payload[:size] for size in range(len(payload))]
        for _ in range(300):
            payload = _broken(payload, chance)[:400] or payload
            found.append(payload)
    return found


def _look(size: int) -> Look:
    look = Look()
    look.srcport, look.dstport, look.size = 5060, 40_000, size
    return look


def test_datagrams() -> None:
    """Every check of the table has a bit, and tells something here."""
    told = set()
    for data in _variants(OVER_UDP):
        for size in (len(data), 376):
            hints = datagram_hints(data, size)
            for check, bit in DATAGRAM_BITS.items():
                if check(data, _look(size)):
                    told.add(check)
                    assert hints >> bit & 1, (check, data)
    assert told == {*DATAGRAM_BITS} == {over.heard for over in DATAGRAMS if over.heard is not None}


def test_segments() -> None:
    """Likewise."""
    told = set()
    for data in _variants(OVER_TCP):
        for size in (len(data), len(data) + 9):
            hints = segment_hints(data, size)
            for check, bit in SEGMENT_BITS.items():
                if check(data, _look(size)):
                    told.add(check)
                    assert hints >> bit & 1, (check, data)
    assert told == {*SEGMENT_BITS} == {spoken.heard for spoken in SEGMENTS if spoken.heard is not None}


def test_most_payloads_are_for_no_check() -> None:
    """Random bytes, and what is enciphered."""
    chance = random.Random(1)
    asked = [bin(segment_hints(chance.randbytes(100), 100)).count("1") - 1 for _ in range(1000)]
    assert sum(asked) < 500
