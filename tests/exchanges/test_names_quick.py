"""What compiled code tells of frequent payloads is what the checks tell that it saves."""

from __future__ import annotations

import random

import numpy as np
import pytest

from pipeline.engine.names import talks
from tests.exchanges.hear import Frame, Talk, ask, heard, same_in_any_batches

COOKIE = b"\x21\x12\xa4\x42"
DATAGRAMS: dict[int, tuple[bytes, ...]] = {
    3478: (b"\0\1\0\0" + COOKIE + bytes(12), b"\x40\0\0\4abcd", b"\x40\0\0\x99abcd", b"\x09\0\0\0" + COOKIE),
    17500: (b'{"version": 1}', b"abcdef", b"{}"),
    1812: (bytes([1, 1, 0, 20]) + bytes(16), bytes([255, 1, 0, 20]) + bytes(16), bytes([2, 1, 0, 4]) + bytes(16)),
    1044: (b"\x40abcd", b"\x41abcd", b"\x50"),
    9999: (b"\xd0\xf2\x81\xf8", b"\xd6\xf0\xd2\x81"),
    9600: (b"\x80\0\2" + bytes(9), b"\xc1\0" + bytes(9), b"\x80\1" + bytes(10)),
    88: (b"\x6a\x81\x01\x30", b"\x7e\x30ab", b"\4\1ab", b"\1\1ab"),
    67: (bytes(236) + b"\x63\x82\x53\x63" + b"\x35\1\1\xff", bytes(240), bytes(100)),
    161: (b"\x30\x26\2\1\0\4", b"\x30\x81\x26\2\1\0", b"\x30\x26\4\1\0\4"),
}
_FIX = b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x01" + b"8=FIX.4.2\x019=30\x01" + b"5" * 30 + b"10=161\x01"
_SMB2 = b"\xfeSMB\x40\0" + bytes(58) + b"\x31\0" + bytes(40)
_WRITE = b"\x31\0\x70\0\x18\0\0\0" + bytes(40) + b"\5\0\x0b\3" + bytes(20)
_PIPE = b"\xfeSMB\x40\0" + bytes(6) + b"\x09\0" + bytes(50) + _WRITE
SEGMENTS: dict[int, tuple[bytes, ...]] = {
    4000: (_FIX, _FIX[:-9], b"8=FIX.4.4\x019=12345678\x01" + bytes(30), _FIX + b"8=FI"),
    502: (b"\0\1\0\0\0\6\1\3\0\0\0\1", b"\0\1\0\0\0\1\1\3", b"\0\1\0\1\0\6\1\3\0\0\0\1", b"\0\1\0\0\0\x20\1\3\0\0\0\1"),
    389: (b"\x30\x0c\2\1\1" + bytes(9), b"\x30\x82\1\0\2\1\1" + bytes(253), b"\x30\x85abcdef", b"\0\0\0\x0cabcdefgh"),
    161: (b"\x30\x0c\2\1\1" + bytes(9), b"\x31\x0c\2\1\1" + bytes(9), b"\x30\x40\2\1\1" + bytes(9)),
    20000: (b"\5\x64\5\xc0\1\0\0\4ab", b"\5\x64\x15\xc0\1\0\0\4ab" + bytes(18), b"\5\x64\4\xc0\1\0\0\4ab"),
    3306: (b"\5\0\0\0abcde", b"\xff\xff\0\0abcde", b"\1\0\0\1a\2\0\0\2bc"),
    445: (
        b"\0\0\0" + bytes([len(_SMB2)]) + _SMB2, b"\0\0\0" + bytes([len(_PIPE)]) + _PIPE, b"\x85\0\0\0",
        b"\0\0\0\x60\xffSMB\x73" + bytes(91), b"\0\0\0\x60\xffSMB\x25" + bytes(91), b"\0\0\0\x20\xfeSMB" + bytes(28),
    ),
    6379: (b"+OK\r\n", b"$4\r\nab", b"abcd"),
    9092: (b"\0\0\0\x08abcdefgh", b"\0\0\1\0abcd"),
}  # fmt: skip


def _broken(data: bytes, chance: random.Random) -> bytes:
    """The payload, or one cut, continued or changed."""
    kind = chance.randrange(6)
    if kind == 0:
        return data[: chance.randrange(1, len(data) + 1)]
    if kind == 1:
        return data + chance.randbytes(chance.randrange(1, 12))
    if kind == 2:
        at = chance.randrange(len(data))
        return data[:at] + chance.randbytes(1) + data[at + 1 :]
    return data + data if kind == 3 else data


def _traffic(seed: int) -> list[Frame]:
    chance = random.Random(seed)
    frames: list[Frame] = []
    for port, payloads in DATAGRAMS.items():
        for client in range(6):
            for k in range(24):
                data = _broken(chance.choice(payloads), chance)
                frames.append(ask(data, k / 100, srcport=40_000 + client, dstport=port))
    for port, payloads in SEGMENTS.items():
        for client in range(6):
            talk = Talk(port, srcport=41_000 + client, mss=chance.choice((9, 60, 1460)))
            talk.open()
            for _ in range(24):
                data = _broken(chance.choice(payloads), chance)
                (talk.client if chance.randrange(2) else talk.server)(data)
            frames.extend(talk.frames)
    return sorted(frames)


def _slowly(frames: list[Frame], patch: pytest.MonkeyPatch) -> dict[int, str]:
    """The names where no rule is known, so that the checks are asked."""
    with patch.context() as without:
        without.setattr(talks, "UDP_RULE", np.zeros_like(talks.UDP_RULE))
        without.setattr(talks, "TCP_RULE", np.zeros_like(talks.TCP_RULE))
        return heard(frames).names


@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_quickly_is_what_the_checks_tell(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over whole, cut and broken messages, at every boundary of segments."""
    frames = _traffic(seed)
    names = heard(frames).names
    assert names == _slowly(frames, monkeypatch)
    told = {"STUN", "DB-LSP-DISC", "RADIUS", "KRB5", "FIX", "Modbus/TCP", "LDAP", "DNP 3.0", "SMB2", "RESP", "Kafka"}
    assert told <= {*names.values()}


def test_snapshots_keep_what_is_told_quickly() -> None:
    """Whatever the batches are."""
    same_in_any_batches(_traffic(9)[::7])
