"""A capture for the conversation tables: each frame is there for a rule of its own."""

from __future__ import annotations

import struct

from scapy.all import (  # type: ignore[attr-defined]
    GRE,
    HAO,
    ICMP,
    IP,
    TCP,
    UDP,
    VXLAN,
    Ether,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    Packet,
    PadN,
    Raw,
    fragment,
    fragment6,
)

from tests.sources.makecap import pcap_header, pcap_record

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"
A6, B6 = "2001:db8::1", "2001:db8:1111:2222:3333:4444:5555:6666"
_MS = 1_000_000


def _ether(payload: Packet, back: bool = False) -> Packet:
    ends = ("02:00:00:00:00:02", "02:00:00:00:00:01")
    return Ether(src=ends[not back], dst=ends[back]) / payload


def _tcp() -> list[Packet]:
    return [
        # A is the source of the first frame, whichever port or address is lower.
        _ether(IP(src=B, dst=A) / TCP(sport=80, dport=5000, flags="SA", seq=9, ack=2) / Raw(b"x" * 100)),
        _ether(IP(src=A, dst=B) / TCP(sport=5000, dport=80, flags="A", seq=2, ack=10), back=True),
        # Both ports the same, and both ends.
        _ether(IP(src=A, dst=B) / TCP(sport=179, dport=179, flags="S", seq=1)),
        _ether(IP(src=B, dst=A) / TCP(sport=179, dport=179, flags="SA", seq=1, ack=2)),
        _ether(IPv6(src=B6, dst=A6) / TCP(sport=179, dport=179, flags="S", seq=1)),
        _ether(IPv6(src=A6, dst=B6) / TCP(sport=179, dport=179, flags="SA", seq=1, ack=2)),
        _ether(IP(src=A, dst=A) / TCP(sport=7, dport=7, flags="S", seq=1)),
        # Ports used again: another stream, another line.
        _ether(IP(src=A, dst=B) / TCP(sport=5001, dport=80, flags="S", seq=1000)),
        _ether(IP(src=A, dst=B) / TCP(sport=5001, dport=80, flags="R", seq=1001)),
        _ether(IP(src=A, dst=B) / TCP(sport=5001, dport=80, flags="S", seq=900_000)),
        # A header that is not all there does not count: options cut, and a length that cannot be.
        _ether(IP(src=A, dst=C) / TCP(sport=1, dport=2, dataofs=15)),
        _ether(IP(src=A, dst=C) / TCP(sport=3, dport=4, dataofs=2)),
    ]


def _tunnels() -> list[Packet]:
    inner = IP(src=C, dst=B) / UDP(sport=53, dport=4000) / Raw(b"y" * 60)
    quoted = IP(src=A, dst=C) / UDP(sport=1, dport=9) / Raw(b"quoted")
    return [
        _ether(IP(src=A, dst=B) / UDP(sport=1234, dport=4789) / VXLAN(vni=7)
               / Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") / inner),
        _ether(IP(src=A, dst=B) / GRE() / inner),
        _ether(IP(src=A, dst=B) / IPv6(src=A6, dst=B6) / UDP(sport=5, dport=6) / Raw(b"z")),
        # What an ICMP error quotes is no conversation.
        _ether(IP(src=C, dst=A) / ICMP(type=3, code=3) / quoted),
    ]


def _six() -> list[Packet]:
    udp = UDP(sport=1000, dport=2000) / Raw(b"u" * 8)
    padding = [PadN(optdata=b"\0" * 4)]
    return [
        _ether(IPv6(src=A6, dst=B6) / IPv6ExtHdrHopByHop(options=padding) / udp),
        _ether(IPv6(src=B6, dst=A6) / IPv6ExtHdrDestOpt(options=padding, nh=59)),
        # The ends that the checksum covers: the last hop of a route, the home address of a mobile node.
        _ether(IPv6(src=A6, dst=B6) / IPv6ExtHdrRouting(addresses=["2001:db8::7", "2001:db8::8"], segleft=2) / udp),
        _ether(IPv6(src=A6, dst=B6) / IPv6ExtHdrRouting(addresses=["2001:db8::7"], segleft=0) / udp),
        _ether(IPv6(src=A6, dst=B6) / IPv6ExtHdrRouting(type=2, addresses=["2001:db8::9"], segleft=1) / TCP(sport=6)),
        _ether(IPv6(src=A6, dst=B6) / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0"), HAO(hoa="2001:db8::a")]) / udp),
        _ether(IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment(id=1, m=0, offset=0) / udp),
        _ether(IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment(id=2, m=1, offset=0) / Raw(b"f" * 64)),
        _ether(IPv6(src=A6, dst=B6, nh=135) / Raw(bytes([59, 0, 5, 0, 0, 0, 0, 0]))),
        _ether(IPv6(src=A6, dst="ff02::1") / ICMPv6EchoRequest(data=b"ping")),
        *map(_ether, fragment6(IPv6(src=B6, dst=A6) / IPv6ExtHdrFragment(id=3) / UDP(sport=8, dport=9)
                               / Raw(b"g" * 3000), 1280)),
        *map(_ether, fragment(IP(src=C, dst=A, id=77) / UDP(sport=8, dport=9) / Raw(b"h" * 3000), 1400)),
    ]


def _sizes() -> list[tuple[bytes, int]]:
    """Frames whose length on the wire is at and below the next unit, and one that a damaged file has."""
    lengths = (0, 9_999, 10_000, 9_999_999, 10_000_000, 2_000_000_000, 0x80000000 + 5)
    return [(bytes(Ether(src=f"02:00:00:00:01:{i:02x}", dst="02:00:00:00:00:01", type=0x88B5) / Raw(b"w" * 40)), length)
            for i, length in enumerate(lengths)]


def capture() -> bytes:
    """All of it, as a pcap file; times go up and down, and there is a pause of a year."""
    frames = [(bytes(p), len(p)) for p in (*_tcp(), *_tunnels(), *_six())]
    begin = 1_700_000_000 * 1000 * _MS
    records = []
    for i, (data, length) in enumerate(frames + _sizes()):
        time = begin + i * 50_000 + (i % 7 - 3) * 3_333_000 + (365 * 86_400_000 * _MS if i > len(frames) // 2 else 0)
        records.append(pcap_record(data, time, length=length))
    cut = bytes(_tcp()[-2])
    records.append(pcap_record(cut[:60], begin, length=len(cut)))
    assert struct.unpack("<I", records[0][8:12])[0] == len(frames[0][0])
    return pcap_header() + b"".join(records)
