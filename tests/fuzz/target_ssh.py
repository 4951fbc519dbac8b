"""SSH connections."""

from __future__ import annotations

from tests.exchanges.test_ssh import NEWKEYS, OURS, REPLY, THEIRS, kexinit, packet
from tests.fuzz.turns import converse, turns


def seeds() -> list[bytes]:
    """Connections of both versions."""
    old = (12).to_bytes(4, "big") + bytes(4) + b"\2" + bytes(11)
    begun = (b"SSH-2.0-a\r\n", b"SSH-2.0-b\r\n", kexinit(OURS), kexinit(THEIRS))
    return [
        turns(*begun, packet(b"\x1e" + bytes(8)), REPLY + NEWKEYS, NEWKEYS + b"\x99" * 40),
        turns(b"hello\r\nSSH-1.99-a\n", b"SSH-1.5-b\n", old, old),
        turns(b"SSH-2.0-a\r\n", b"SSH-2.0-b\r\n", packet(b"\1\0\0\0\2" + bytes(8))),
    ]


def run(data: bytes) -> None:
    """One connection."""
    converse(22, data)
