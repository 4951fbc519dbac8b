"""One frame of each kind that Shoal decodes, in Ethernet: what the text of fields is tried on."""

from __future__ import annotations

from pathlib import Path

from scapy.all import (  # type: ignore[attr-defined]
    ARP,
    DNS,
    DNSQR,
    GRE,
    ICMP,
    IP,
    LLC,
    PPP,
    SCTP,
    SNAP,
    STP,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Dot3,
    Ether,
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrFragment,
    Packet,
    PPPoE,
    SCTPChunkInit,
    wrpcap,
)
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header
from scapy.contrib.mpls import MPLS

START = 1_700_000_000
"""Time of the first frame; each of the others comes half a second after the one before."""

_ETH = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
_INNER_ETH = Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04")
_IP = IP(src="10.0.0.1", dst="10.0.0.2", id=0x1234, tos=0xB9, flags="DF")
_OUTER = IP(src="192.168.1.1", dst="192.168.1.2", ttl=7)
_IPV6 = IPv6(src="2001:db8::1", dst="fe80::1:0:0:1", tc=0x12, fl=0x12345)
_SYN = TCP(sport=1234, dport=80, flags="S",
           options=[("MSS", 1460), ("SAckOK", b""), ("Timestamp", (5, 6)), ("WScale", 7)])


def frames() -> list[Packet]:
    """The frames in order, without times."""
    plain = TCP(sport=5, dport=6)
    return [
        _ETH / _IP / _SYN,
        _ETH / _IPV6 / _SYN,
        _ETH / _OUTER / _IP / UDP(sport=5, dport=6) / b"xy",
        _ETH / _OUTER / GRE(key_present=1, key=0x77, proto=0x800) / _IP / _SYN,
        _ETH / _OUTER / UDP(sport=1111, dport=4789) / VXLAN(vni=77, flags=8) / _INNER_ETH / _IP / _SYN,
        _ETH / _OUTER / UDP(sport=1112, dport=6081) / GENEVE(vni=78) / _INNER_ETH / _IPV6 / _SYN,
        _ETH / _OUTER / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=9) / _IP / UDP(sport=1, dport=2) / b"abc",
        _ETH / _OUTER / ICMP(type=3, code=1) / _IP / UDP(sport=3, dport=4) / b"zz",
        _ETH / _OUTER / ICMP(type=3, code=4, nexthopmtu=1400) / bytes(_IP / _SYN)[:28],
        _ETH / _OUTER / ICMP(type=5, code=1, gw="9.9.9.9") / _IP / UDP(sport=3, dport=4) / b"zz",
        _ETH / _IPV6 / ICMPv6DestUnreach() / _IPV6 / UDP(sport=3, dport=4) / b"zz",
        _ETH / _IPV6 / ICMPv6EchoRequest(id=3, seq=4),
        _ETH / _IP / ICMP(id=5, seq=6),
        _ETH / _IPV6 / ICMPv6ND_NS(tgt="fe80::5"),
        _ETH / _IPV6 / ICMPv6ND_NA(tgt="fe80::5"),
        _ETH / ARP(psrc="1.2.3.4", pdst="1.2.3.9", hwsrc="02:00:00:00:00:01", hwdst="00:00:00:00:00:00"),
        _ETH / ARP(op=2, psrc="1.2.3.9", pdst="1.2.3.4", hwsrc="02:00:00:00:00:0a", hwdst="02:00:00:00:00:01"),
        _ETH / ARP(op=2, psrc="1.2.3.8", pdst="1.2.3.8", hwsrc="02:00:00:00:00:0b", hwdst="02:00:00:00:00:0b"),
        _ETH / Dot1Q(vlan=5, prio=3) / Dot1Q(vlan=6) / _IP / _SYN,
        _ETH / MPLS(label=16, s=0, ttl=3) / MPLS(label=17, s=1, ttl=4) / _IP / _SYN,
        _ETH / PPPoE(sessionid=0x2175) / PPP(proto=0x21) / _IP / _SYN,
        Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / LLC() / SNAP(code=0x800) / _IP / _SYN,
        Dot3(src="02:00:00:00:00:01", dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP(),
        _ETH / _IP / SCTP(sport=7, dport=8, tag=9) / SCTPChunkInit(),
        _ETH / _OUTER / IP(src="10.9.9.9", dst="224.0.0.5", proto=2) / b"\x16\0\x09\xfa\xe0\0\0\x05",
        _ETH / _IPV6 / IPv6ExtHdrFragment(offset=3, m=1, id=99, nh=17) / b"12345678",
        _ETH / _IP / TCP(sport=5, dport=6, flags=0x1FF, options=[(34, b"\x01\x02\x03\x04")]),
        _ETH / _IP / TCP(sport=5, dport=6, flags="S", options=[(34, b"")]),
        _ETH / _IP / plain,
        _ETH / _IP / UDP(sport=53, dport=99) / DNS(qr=0, qd=DNSQR(qname="a.example")),
        _ETH / IPv6(src="::", dst="::ffff:1.2.3.4", nh=59),
        _ETH / IPv6(src="::1.2.3.4", dst="1:0:0:2::3", nh=59),
        _ETH / IP(src="10.0.0.3", dst="10.0.0.2", flags="MF", frag=7, proto=17) / b"12345678",
    ]


def write(path: Path) -> Path:
    """The frames as a pcap file with times in microseconds."""
    packets = frames()
    for i, packet in enumerate(packets):
        packet.time = START + i / 2
    wrpcap(str(path), packets)
    return path
