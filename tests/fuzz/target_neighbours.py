"""Messages of ARP, of neighbour discovery and of ICMP."""

from __future__ import annotations

from tests.exchanges.hear import BEGIN, SECOND, heard
from tests.exchanges.hosts import ALL, ONE, TWO, address, arp, icmp, icmp6, ip

_TARGET = address("fe80::2")


def seeds() -> list[bytes]:
    """What follows the Ethernet header of ARP, or the IP header of the others, with a byte before it that tells."""
    found = [bytes((0,)) + arp(kind, ONE, "10.0.0.1", bytes(6), "10.0.0.2")[1][14:] for kind in (1, 2, 3)]
    found += [bytes((1,)) + icmp(kind, data=bytes(28))[1][34:] for kind in (0, 3, 5, 8, 11, 13, 18)]
    options = b"\1\1" + ONE + b"\2\1" + TWO + b"\5\1\0\0\0\0\5\0" + b"\3\4" + bytes(30) + b"\x19\3" + bytes(22)
    for kind, fixed in ((133, 4), (134, 12), (135, 20), (136, 20), (137, 36)):
        found.append(bytes((2,)) + icmp6(kind, (bytes(4) + _TARGET + bytes(16))[:fixed] + options)[1][54:])
    return [*found, bytes((2,)) + icmp6(128, b"\0\1\0\1data")[1][54:]]


def run(data: bytes) -> None:
    """The bytes as a message, there and back, and late."""
    kind, body = (data[0] % 3, data[1:]) if data else (0, b"")
    frames = []
    for at, (one, other) in enumerate((("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1"), ("10.0.0.1", "10.0.0.2"))):
        frame = ALL + ONE + b"\x08\x06" + body
        if kind == 1:
            frame = ip(1, body, one, other)
        elif kind == 2:
            frame = ip(58, body, f"fe80::{one[-1]}", f"fe80::{other[-1]}", ttl=255)
        frames.append((BEGIN + at * 40 * SECOND, frame))
    heard(frames)
