"""What windows count of exchanges: rows of DNS and DHCP, as trackers tell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.schema.exchanges.dhcp import DHCP, DHCP_OUTCOMES
from pipeline.schema.exchanges.dns import DNS

_MAPPED = 0xFFFF << 32
_FAILED = {DHCP_OUTCOMES.index(name) for name in ("unanswered", "nakked", "declined")}
_NXDOMAIN = 3

RECORDS = (DNS.name, DHCP.name)
"""Of which records there are rows that count."""


@dataclass(slots=True)
class Said:
    """An exchange: its time (ns since 1970), the ends as two halves of an address each, protocol and port of the
    server; then what it counts for. `took` is the response time of DNS in ns, 0 for none."""

    time: int
    client: tuple[int, int]
    server: tuple[int, int]
    proto: int
    port: int
    dhcp: bool = False
    failed: bool = False
    nxdomain: bool = False
    took: int = 0


def said(name: str, row: dict[str, Any]) -> Said | None:
    """What a row of the record `name` counts for, None for nothing.

    Of DNS, queries that go to a server: of mDNS and LLMNR, which ask all hosts, nobody need answer.
    """
    if name == DNS.name:
        return _query(row)
    if name == DHCP.name and row.get("shoal.dhcp.outcome") in _FAILED:
        return Said(*_ends(row), dhcp=True)
    return None


def _query(row: dict[str, Any]) -> Said | None:
    asked = "shoal.request_frame" in row and not row.get("dns.retransmission")
    if not asked or row.get("shoal.dns.protocol") != "DNS":
        return None
    ends = _ends(row)
    if "shoal.response_frame" not in row:
        return Said(*ends, failed=True)
    rcode = row.get("dns.flags.rcode", 0)
    nxdomain = rcode == _NXDOMAIN
    return Said(*ends, failed=rcode != 0 and not nxdomain, nxdomain=nxdomain, took=row.get("shoal.response_time", 0))


def _ends(row: dict[str, Any]) -> tuple[int, tuple[int, int], tuple[int, int], int, int]:
    udp = "udp.dstport" in row
    port = row.get("udp.dstport" if udp else "tcp.dstport", 0)
    return row["shoal.first_time"], _address(row, "src"), _address(row, "dst"), 17 if udp else 6, port


def _address(row: dict[str, Any], end: str) -> tuple[int, int]:
    if f"ip.{end}" in row:
        return 0, _MAPPED | row[f"ip.{end}"]
    data = row.get(f"ipv6.{end}", bytes(16))
    return int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big")
