"""The name of each frame's top protocol (`_ws.col.Protocol`), as Wireshark's column has it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.names.listed import NAMES
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

_s = Slots(PACKETS)
_NAME = _s.code("_ws.col.Protocol")
_LANE = _s.lane("_ws.col.Protocol")
_GTP = _s.lane("gtp")

PROTOCOLS: tuple[str, ...] = (
    "", "Ethernet", "ARP", "IPv4", "IPv6", "ICMP", "ICMPv6", "UDP", "TCP", "DNS", "MDNS", "LLMNR", "DHCP", "DHCPv6",
    "HTTP", "HTTP/XML", "HTTP/JSON", "SSDP", "HTTP2", "SSL", "SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3",
    "QUIC", "SMTP", "SMTP/IMF", "SSH", "SSHv1", "SSHv2", "OICQ", "NTP", "SNMP", "KRB5", "BOOTP",
    "WebSocket", "IPP", "OCSP", "RARP", "DRARP", "Inverse ARP", "DoH",
)  # fmt: skip
"""The names that trackers give."""
PROTOCOLS = tuple(dict.fromkeys((*PROTOCOLS, *NAMES)))
"""Every name that Shoal gives; `PROTOCOL_ID` is its place here."""
PROTOCOL_ID = {name: i for i, name in enumerate(PROTOCOLS)}

_OF_GTP = frozenset(("GTP", "GTPv2"))


def name_rows(columns: Columns, named: NDArray[np.uint16], numbers: Mapping[int, str] | None = None) -> None:
    """Write the names of the rows, `named` being places among PROTOCOLS; `numbers` has those of rows that are none.

    What is inside GTP's tunnels is told so, as Wireshark does.
    """
    n = columns.rows
    texts = [*columns.texts]
    place = np.zeros(len(PROTOCOLS), np.uint32)
    for one in np.flatnonzero(np.bincount(named, minlength=len(PROTOCOLS))).tolist():
        place[one] = len(texts)
        texts.append(PROTOCOLS[one])
    codes = place[named]
    own = dict(numbers or {})
    if (tunnels := columns.lane[_GTP, :n]).any():
        for row in np.flatnonzero(tunnels).tolist():
            name = own.get(row) or PROTOCOLS[int(named[row])]
            if name not in _OF_GTP:
                own[row] = f"GTP <{name}>"
    places: dict[str, int] = {}
    for row, name in own.items():
        if name not in places:
            places[name] = len(texts)
            texts.append(name)
        codes[row] = places[name]
    columns.texts = texts
    columns.code[_NAME, :n] = codes
    columns.lane[_LANE, :n] = named != 0
