"""Datagrams of DHCPv6 clients, servers and relay agents."""

from __future__ import annotations

import struct

from pipeline.engine.dhcpv6.tracker import Dhcpv6
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import pack
from tests.exchanges.hosts import address, dhcp6, option6, standing

_CLIENT, _SERVER = option6(1, b"\0\3\0\1\2\0\0\0\0\2"), option6(2, b"\0\1\0\1\1\2\3\4\2\0\0\0\0\3")
_ADDRESS = option6(5, address("2001:db8::5") + struct.pack(">II", 300, 600) + option6(13, b"\0\0ok"))
_LEASE = option6(3, bytes(12) + _ADDRESS)
_PREFIX = option6(25, bytes(12) + option6(26, struct.pack(">IIB", 60, 90, 56) + address("2001:db8:1::")))
_NAMED = option6(39, b"\0\5alice\7example\0") + option6(24, b"\3foo\3com\0") + option6(16, b"\0\0\1\x37\0\3abc")


def seeds() -> list[bytes]:
    """A message of each type, and relays within each other."""
    plain = [bytes((kind, 0, 0, 1)) + _CLIENT + _SERVER + _LEASE + _PREFIX + _NAMED for kind in range(1, 12)]
    relayed = plain[0]
    for kind in (12, 13, 12):
        relayed = bytes((kind, 0)) + bytes(32) + option6(18, b"eth0") + option6(9, relayed)
    return [*plain, relayed]


_SIDES = [standing(dhcp6(kind, 1, at=at)) for kind, at in ((1, 0), (2, 0.1), (3, 1), (7, 300))]


def run(data: bytes) -> None:
    """The bytes as datagrams to either port, cut too, and again after the exchange is over."""
    notes = Notes()
    tracker = Dhcpv6(notes, _SIDES[0][0].out)
    for k, (packet, columns) in enumerate(_SIDES):
        columns.details.clear()
        packet.out.begin(columns)
        tracker._out = packet.out
        tracker.datagram(packet, data if k != 1 else data[: len(data) * 2 // 3])
        pack(tracker.state())
    tracker.tick(_SIDES[-1][0].time + 10**12)
    packet.out.flush()
