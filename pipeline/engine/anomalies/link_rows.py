"""What rows of ARP and of neighbour discovery say of an address: who claims it, how, and who asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.engine.arp.bindings import vlan_of
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

ASKS, PROBES, ANSWERS, ANNOUNCES, PUSHES = range(5)
"""It asks for another one's address, with its own; asks whether one is free (RFC 5227, RFC 4862); answers;
tells all of its own; tells one neighbour, which may have asked."""

_s = Slots(PACKETS)
_ETH_SRC, _L_ETH, _UPTO_SRC = _s.u64("eth.src"), _s.lane("eth"), _s.upto("eth.src")
_PAYLOAD = _s.u16("shoal.payload.offset")
_SOURCE, _DESTINATION = _s.b16("ipv6.src"), _s.b16("ipv6.dst")
_NS, _NA = _s.b16("icmpv6.nd.ns.target_address"), _s.b16("icmpv6.nd.na.target_address")
_L_NS, _L_NA = _s.lane("icmpv6.nd.ns"), _s.lane("icmpv6.nd.na")
_GROUP_BIT = 1 << 40
_REQUEST, _REPLY = 1, 2
_DISCOVERY = (135, 136)


@dataclass(slots=True)
class Claim:
    """At a row, in a VLAN (-1: no tag), `hardware` claims `address` at `time` (ns), towards `target`."""

    row: int
    time: int
    vlan: int
    kind: int
    hardware: int
    address: bytes
    target: bytes


def claims_of(columns: Columns) -> Iterator[Claim]:
    """What the rows of a batch say, in their order."""
    arp, hardware = columns.present("arp.dst.proto_ipv4"), columns.present("arp.src.hw_mac")
    there = columns.present("icmpv6.type")
    assert arp is not None
    assert hardware is not None
    assert there is not None
    arp = arp & hardware
    discovery = there & np.isin(columns.values("icmpv6.type"), _DISCOVERY)
    times = columns.values("frame.time").view("i8")
    for row in np.flatnonzero(arp | discovery).tolist():
        found = _arp(columns, row, int(times[row])) if arp[row] else _discovery(columns, row, int(times[row]))
        if found is not None and found.hardware and not found.hardware & _GROUP_BIT:
            yield found


def _arp(columns: Columns, row: int, time: int) -> Claim | None:
    opcode = int(columns.values("arp.opcode")[row])
    if opcode not in (_REQUEST, _REPLY):
        return None
    hardware = int(columns.values("arp.src.hw_mac")[row])
    source, target = int(columns.values("arp.src.proto_ipv4")[row]), int(columns.values("arp.dst.proto_ipv4")[row])
    if source == 0:
        kind = PROBES
    elif source == target or (opcode == _REPLY and target in (0, 0xFFFFFFFF)):
        kind = ANNOUNCES
    else:
        kind = ASKS if opcode == _REQUEST else PUSHES
    if kind == PROBES and (opcode == _REPLY or target == 0):
        return None
    return Claim(row, time, vlan_of(columns, row), kind, hardware, source.to_bytes(4, "big"), target.to_bytes(4, "big"))


def _discovery(columns: Columns, row: int, time: int) -> Claim | None:
    if columns.lane[_L_ETH, row] < _UPTO_SRC:
        return None
    hardware = int(columns.u64[_ETH_SRC, row])
    source, target = columns.b16[_SOURCE, row].tobytes(), columns.b16[_DESTINATION, row].tobytes()
    if columns.lane[_L_NS, row]:
        asked = columns.b16[_NS, row].tobytes()
        return Claim(row, time, vlan_of(columns, row), ASKS if any(source) else PROBES, hardware, source, asked)
    if columns.lane[_L_NA, row]:
        kind = ANNOUNCES if target[0] == 0xFF else PUSHES
        return Claim(row, time, vlan_of(columns, row), kind, hardware, columns.b16[_NA, row].tobytes(), target)
    return None
