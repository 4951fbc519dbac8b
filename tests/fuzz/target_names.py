"""Names of frames by their first bytes: datagrams and segments to ports that are drawn from the data."""

from __future__ import annotations

from pipeline.engine.exchanges.names import PROTOCOL_ID
from pipeline.engine.names.datagrams import DATAGRAMS
from pipeline.engine.names.look import Look
from pipeline.engine.names.segments import SEGMENTS
from tests.exchanges.hear import Talk, answer, ask, heard

_UDP = sorted({port for over in DATAGRAMS for port in over.ports} | {9})
_TCP = sorted({port for spoken in SEGMENTS for port in spoken.ports} | {9})


def seeds() -> list[bytes]:
    """A port's place, a size of segments, and what is said there."""
    said = (
        b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0", b"\0\0\0\x40\xfeSMB" + bytes(60), b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x01",
        b"\5\0\x0b\3\x10\0\0\0\x48\0\0\0" + bytes(60), b"\3\0\0\7\2\xf0\x80", b"a FETCH {4}\r\nabcd)\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 2\r\n\r\nhi", bytes.fromhex("000100002112a442") + bytes(12),
        b"\x16\xfe\xff" + bytes(8) + b"\0\1\1", b"\x80\0\0\x18" + b"\0\0\0\1\0\0\0\0\0\0\0\2\0\1\x86\xa3" + bytes(8),
    )  # fmt: skip
    return [bytes([0, k, 9]) + data for k, data in enumerate(said)]


def run(data: bytes) -> None:
    """The rest of the bytes, looked at by every check; of one in 16, also said at the port that the first two bytes
    tell, in segments as large as the third."""
    if len(data) < 4:
        return
    drawn, size, said = int.from_bytes(data[:2], "big"), data[2] + 1, data[3:]
    _look_at(said, drawn)
    if drawn & 15:
        return
    drawn >>= 4
    port = _UDP[drawn % len(_UDP)]
    half = len(said) // 2
    talk = Talk(_TCP[drawn % len(_TCP)], mss=size).open().client(said[:half]).server(said).client(said[half:])
    found = heard([ask(said, dstport=port), answer(said[half:], 0.1, dstport=port), *talk.frames])
    assert all(name in PROTOCOL_ID or name.startswith(("0x", "GTP <")) for name in found.names.values())


def _look_at(said: bytes, drawn: int) -> None:
    look = Look()
    look.size = len(said) + drawn % 3
    for over in DATAGRAMS:
        for check in (over.check, over.heard):
            look.srcport, look.dstport = 40_000, over.ports[drawn % len(over.ports)] if over.ports else 9
            assert check is None or not (name := check(said, look)) or name in PROTOCOL_ID
    for spoken in SEGMENTS:
        look.srcport, look.dstport = spoken.ports[drawn % len(spoken.ports)] if spoken.ports else 9, 40_000
        for check in (spoken.check, spoken.heard):
            assert check is None or not (name := check(said, look)) or name in PROTOCOL_ID
        at = 0
        while spoken.length is not None and at < len(said):
            size = spoken.length(said, at)
            if size <= 0:
                break
            assert spoken.called is None or spoken.called(said, at, look) in PROTOCOL_ID
            at += size
