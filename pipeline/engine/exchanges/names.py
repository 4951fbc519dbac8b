"""The name of each frame's top protocol (`_ws.col.Protocol`), as Wireshark's column has it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

_s = Slots(PACKETS)
_NAME = _s.code("_ws.col.Protocol")
_LANE = _s.lane("_ws.col.Protocol")

PROTOCOLS: tuple[str, ...] = (
    "", "Ethernet", "ARP", "IPv4", "IPv6", "ICMP", "ICMPv6", "UDP", "TCP", "DNS", "MDNS", "LLMNR", "DHCP", "DHCPv6",
    "HTTP", "HTTP/XML", "HTTP/JSON", "SSDP", "HTTP2", "SSL", "SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3",
    "QUIC", "SMTP", "SMTP/IMF", "SSH", "SSHv1", "SSHv2", "OICQ", "NTP", "SNMP", "KRB5", "BOOTP",
)
"""Every name that Shoal gives; `PROTOCOL_ID` is its place here."""
PROTOCOL_ID = {name: i for i, name in enumerate(PROTOCOLS)}


def base_names(columns: Columns) -> NDArray[np.uint16]:
    """Of each row the place of its name among PROTOCOLS, by what its headers alone tell; shape (rows,)."""
    named = np.full(columns.rows, PROTOCOL_ID["Ethernet"], np.uint16)
    for lane, name in (("arp.opcode", "ARP"), ("ip.version", "IPv4"), ("udp.srcport", "UDP"), ("tcp.srcport", "TCP")):
        there = columns.present(name=lane)
        named[there] = PROTOCOL_ID[name]
    return named


def name_rows(columns: Columns, named: NDArray[np.uint16]) -> None:
    """Write the names of the rows."""
    base = len(columns.texts)
    columns.texts = [*columns.texts, *PROTOCOLS]
    n = columns.rows
    columns.code[_NAME, :n] = named.astype(np.uint32) + np.uint32(base)
    columns.lane[_LANE, :n] = named != 0
