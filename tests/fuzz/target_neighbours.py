"""Messages of ARP, of neighbour discovery and of ICMP."""

from __future__ import annotations

from pipeline.engine.arp.tracker import Arp
from pipeline.engine.icmp.tracker import Icmp
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import pack
from tests.exchanges.hear import BEGIN, SECOND
from tests.exchanges.hosts import ALL, ONE, TWO, address, arp, icmp, icmp6, ip, standing

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
    trackers: list[Arp | Icmp] = []
    for at, (one, other) in enumerate((("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1"), ("10.0.0.1", "10.0.0.2"))):
        frame = ALL + ONE + b"\x08\x06" + body
        if kind == 1:
            frame = ip(1, body, one, other)
        elif kind == 2:
            frame = ip(58, body, f"fe80::{one[-1]}", f"fe80::{other[-1]}", ttl=255)
        packet, columns = standing((BEGIN + at * 40 * SECOND, frame))
        if not trackers:
            trackers = [Arp(Notes(), packet.out), Icmp(Notes(), packet.out)]
        seen = {name: int(columns.values(name)[0]) for name in ("arp.opcode", "icmp.type", "icmpv6.type")
                if columns.present(name).any()}  # type: ignore[union-attr]
        for tracker in trackers if seen else ():
            neighbours = "arp.opcode" in seen or 133 <= seen.get("icmpv6.type", 0) <= 137
            if neighbours == isinstance(tracker, Arp):
                tracker.frame(packet)
            pack(tracker.state())
    for tracker in trackers:
        tracker.tick(BEGIN + 1000 * SECOND)
