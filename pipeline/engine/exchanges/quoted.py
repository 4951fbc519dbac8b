"""Datagrams that ICMP errors quote, for the fields of what is said in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.schema.columns import Columns

_UDP = 17
_UDP_HEADER = 8
_IPV6_HEADER = 40


@dataclass(frozen=True, slots=True)
class Quote:
    """A datagram that is quoted: its route, its payload as far as it is there, its source and destination port."""

    route: int
    data: bytes
    ports: tuple[int, int]


def quoted_datagrams(columns: Columns, ports: NDArray[np.uint8]) -> dict[int, Quote]:
    """By row, what ICMP errors quote of datagrams at ports with a route in `ports`; one with IPv6 extension headers is
    passed over."""
    found: dict[int, Quote] = {}
    there = columns.present("shoal.quoted.proto")
    if there is None or not there.any():
        return found
    rows = np.flatnonzero(there & (columns.values("shoal.quoted.proto") == _UDP))
    sources, targets = columns.values("shoal.quoted.srcport"), columns.values("shoal.quoted.dstport")
    offsets = columns.values("shoal.quoted.frag_offset")
    for row in rows.tolist():
        pair = int(sources[row]), int(targets[row])
        route = int(ports[pair[1]] or ports[pair[0]])
        if not route or offsets[row]:
            continue
        start = int(columns.raw_offset[row]) + int(columns.values("shoal.payload.offset")[row])
        size = int(columns.values("shoal.payload.len")[row])
        quoted = columns.datagrams.get(row) or bytes(columns.raw_buffer[start : start + size])
        payload = _payload(quoted)
        if payload:
            found[row] = Quote(route, payload, pair)
    return found


def _payload(packet: bytes) -> bytes:
    """Behind the UDP header of an IP packet; empty where there is none."""
    if len(packet) < 20:
        return b""
    if packet[0] >> 4 == 6:
        at = _IPV6_HEADER if packet[6] == _UDP else 0
    else:
        at = 4 * (packet[0] & 15)
    if not at or len(packet) < at + _UDP_HEADER:
        return b""
    length = int.from_bytes(packet[at + 4 : at + 6], "big")
    return packet[at + _UDP_HEADER : at + length] if length else packet[at + _UDP_HEADER :]
