"""What rows of ARP and of neighbour discovery say of an address: who claims it, how, and who asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from pipeline.engine.arp.bindings import vlan_of
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

ASKS, PROBES, ANSWERS, ANNOUNCES, PUSHES = range(5)
"""It asks for another one's address, with its own; asks whether one is free (RFC 5227, RFC 4862); answers;
tells all of its own; tells one neighbour, which may have asked."""

_s = Slots(PACKETS)
_ETH_SRC, _L_ETH, _UPTO_SRC = _s.u64("eth.src"), _s.lane("eth"), _s.upto("eth.src")
_TIME = _s.u64("frame.time")
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


def claims_of(columns: Columns) -> list[Claim]:
    """What the rows of a batch say, in their order."""
    found = _arp(columns)
    there = columns.present("icmpv6.type")
    assert there is not None
    discovery = np.flatnonzero(there & np.isin(columns.values("icmpv6.type"), _DISCOVERY))
    if len(discovery):
        found += [claim for row in discovery.tolist() if (claim := _discovery(columns, row)) is not None]
        found.sort(key=attrgetter("row"))
    return [claim for claim in found if claim.hardware and not claim.hardware & _GROUP_BIT]


def _arp(columns: Columns) -> list[Claim]:
    there, hardware = columns.present("arp.dst.proto_ipv4"), columns.present("arp.src.hw_mac")
    assert there is not None
    assert hardware is not None
    rows = np.flatnonzero(there & hardware)
    opcodes = columns.values("arp.opcode")[rows]
    rows = rows[(opcodes == _REQUEST) | (opcodes == _REPLY)]
    if not len(rows):
        return []
    cells = [columns.values(name)[rows].tolist() for name in (
        "frame.time", "arp.opcode", "arp.src.hw_mac", "arp.src.proto_ipv4", "arp.dst.proto_ipv4",
    )]  # fmt: skip
    found: list[Claim] = []
    for row, time, opcode, sender, source, target in zip(rows.tolist(), *cells, strict=True):
        if source == 0:
            if opcode == _REPLY or target == 0:
                continue
            kind = PROBES
        elif source == target or (opcode == _REPLY and target in (0, 0xFFFFFFFF)):
            kind = ANNOUNCES
        else:
            kind = ASKS if opcode == _REQUEST else PUSHES
        vlan = vlan_of(columns, row)
        found.append(Claim(row, time, vlan, kind, sender, source.to_bytes(4, "big"), target.to_bytes(4, "big")))
    return found


def _discovery(columns: Columns, row: int) -> Claim | None:
    if columns.lane[_L_ETH, row] < _UPTO_SRC:
        return None
    hardware = int(columns.u64[_ETH_SRC, row])
    time, vlan = int(columns.u64[_TIME, row]), vlan_of(columns, row)
    source, target = columns.b16[_SOURCE, row].tobytes(), columns.b16[_DESTINATION, row].tobytes()
    if columns.lane[_L_NS, row]:
        asked = columns.b16[_NS, row].tobytes()
        return Claim(row, time, vlan, ASKS if any(source) else PROBES, hardware, source, asked)
    if columns.lane[_L_NA, row]:
        kind = ANNOUNCES if target[0] == 0xFF else PUSHES
        return Claim(row, time, vlan, kind, hardware, columns.b16[_NA, row].tobytes(), target)
    return None
