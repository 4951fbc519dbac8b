"""Reassembly of IPv4 (RFC 791) and IPv6 (RFC 8200, section 4.5) fragments.

As in Wireshark, a datagram's transport fields stand in the row of the frame that completes it, and its other frames
have none. Fragments that are not captured whole take no part.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

from collectors.decode import decode
from collectors.sources.frames import NO_INTERFACE, Frames
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

MOST_BYTES = 64 << 20
"""Fragment bytes held; past it the oldest datagrams are given up (counted in `evicted`)."""
MOST_FRAGMENTS = 8192
"""Fragments of one datagram; one with more is given up."""

_s = Slots(PACKETS)
_TCP, _UDP = _s.lane("tcp"), _s.lane("udp")
_OUTER = next(g.columns[0] for g in PACKETS.groups if g.name == "outer")
_O_LEN = _s.item("outer", "u16", "shoal.outer.len")
_O_HDR_LEN = _s.item("outer", "u8", "shoal.outer.hdr_len")
_O_CHECKSUM = _s.item("outer", "u16", "shoal.outer.checksum")
_O_FLOW = _s.item("outer", "u32", "shoal.outer.flow")
_O_FLAGS = _s.item("outer", "u8", "shoal.outer.flags")
_O_FRAG = _s.item("outer", "u16", "shoal.outer.frag_offset")
_OWN_PLACE = ("eth", "inner.eth", "llc", "snap", "sll", "ppp", "arp", "tcp.stream", "udp.stream")
# What a whole datagram can tell of a row: lane, and slab and slot of each of its columns. The rest the fragment told.
_TOLD = [
    (name, _s.lane(name), [(c.of.slab, getattr(_s, c.of.slab)(c.name)) for c in cells])
    for name, cells in PACKETS.lanes.items()
    if not name.startswith(_OWN_PLACE)
]
_NETWORK = ("ip", "ipv6", "ip.version", "ipv6.fraghdr")
_FLOW_ID = _s.u64("shoal.flow_id")
_CELLS4 = ("ip.src", "ip.dst", "ip.proto", "ip.id", "ip.frag_offset", "ip.flags", "ip.len", "ip.hdr_len", "ip.dsfield",
           "ip.ttl", "shoal.payload.offset", "shoal.payload.len")
_CELLS6 = ("ipv6.fraghdr.nxt", "ipv6.fraghdr.offset", "ipv6.fraghdr.more", "ipv6.fraghdr.ident", "ipv6.hlim",
           "frame.cap_len", "frame.len", "shoal.payload.offset", "shoal.payload.len")

Key = tuple[bytes, int, int]


@dataclass(slots=True)
class _Datagram:
    """The fragments of one datagram so far: (offset, bytes) as they came; `total` once the last is there."""

    parts: list[tuple[int, bytes]] = field(default_factory=list)
    size: int = 0
    total: int = -1

    def whole(self) -> bytes | None:
        """The payload, first come first kept where fragments overlap; None while bytes are missing."""
        if self.total < 0 or self.size < self.total:
            return None
        data = bytearray(self.total)
        have = 0
        for offset, part in sorted(self.parts, key=lambda p: p[0]):
            if offset > have:
                return None
            have = max(have, offset + len(part))
        if have < self.total:
            return None
        for offset, part in reversed(self.parts):
            part = part[: max(0, self.total - offset)]
            data[offset : offset + len(part)] = part
        return bytes(data)


class Reassembly:
    """Datagrams of which fragments have been seen."""

    def __init__(self) -> None:
        self.evicted = 0
        self.completed = 0
        self._open: dict[Key, _Datagram] = {}
        self._bytes = 0
        self._one = Columns(PACKETS, 1)

    def process(self, columns: Columns) -> None:
        """Take up the fragments among the rows; complete datagrams are decoded into the row that completes them."""
        ip = columns.counts("ip.dst")
        more6 = columns.counts("ipv6.fraghdr.ident")
        assert ip is not None
        assert more6 is not None
        fragment = (columns.values("ip.flags") & 1) | (columns.values("ip.frag_offset") != 0)  # type: ignore[operator]
        rows4 = np.flatnonzero((fragment != 0) & (ip == _s.upto("ip.dst")))
        rows6 = np.flatnonzero(more6)
        work: list[tuple[int, list[int]]] = []
        for rows, names in ((rows4, _CELLS4), (rows6, _CELLS6)):
            cells = zip(*(columns.values(name)[rows].tolist() for name in names), strict=True)
            work += [(row, list(values)) for row, values in zip(rows.tolist(), cells, strict=True)]
        for row, values in sorted(work):
            if len(values) == len(_CELLS4):
                self._fragment4(columns, row, *values)
            else:
                self._fragment6(columns, row, *values)

    def _payload(self, columns: Columns, row: int, offset: int, size: int) -> bytes:
        start = int(columns.raw_offset[row]) + offset
        return bytes(memoryview(columns.raw_buffer)[start : start + size])

    def _fragment4(self, columns: Columns, row: int, src: int, dst: int, proto: int, ident: int, at: int, flags: int,
                   length: int, header: int, dsfield: int, ttl: int, offset: int, size: int) -> None:
        if columns.lane[_TCP, row] or columns.lane[_UDP, row] or not size or size != length - header:
            return
        ends = src.to_bytes(4, "big") + dst.to_bytes(4, "big")
        data = self._add((ends, proto, ident), at * 8, self._payload(columns, row, offset, size), flags & 1)
        if data is not None and len(data) + 20 <= 0xFFFF:
            head = struct.pack(">BBHHHBBH8s", 0x45, dsfield, 20 + len(data), ident, 0, ttl, proto, 0, ends)
            self._complete(columns, row, head + data, 228)

    def _fragment6(self, columns: Columns, row: int, nxt: int, at: int, more: int, ident: int, hlim: int, cap_len: int,
                   length: int, offset: int, size: int) -> None:
        if cap_len < length or not size or not (at or more):
            return
        ends = columns.values("ipv6.src")[row].tobytes() + columns.values("ipv6.dst")[row].tobytes()
        data = self._add((ends, -1, ident), at * 8, self._payload(columns, row, offset, size), more)
        if data is not None and len(data) <= 0xFFFF:
            head = struct.pack(">IHBB32s", 6 << 28, len(data), nxt, hlim, ends)
            self._complete(columns, row, head + data, 229)

    def _add(self, key: Key, offset: int, payload: bytes, more: int) -> bytes | None:
        """Take one fragment; the datagram's payload where it is now complete."""
        datagram = self._open.setdefault(key, _Datagram())
        datagram.parts.append((offset, payload))
        datagram.size += len(payload)
        self._bytes += len(payload)
        if not more and datagram.total < 0:
            datagram.total = offset + len(payload)
        data = datagram.whole()
        if data is not None:
            self.completed += 1
        elif len(datagram.parts) > MOST_FRAGMENTS:
            self.evicted += 1
        else:
            while self._bytes > MOST_BYTES:
                oldest = next(iter(self._open))
                self._bytes -= self._open.pop(oldest).size
                self.evicted += 1
            return None
        self._bytes -= self._open.pop(key).size
        return data

    def _complete(self, columns: Columns, row: int, packet: bytes, linktype: int) -> None:
        """Decode the whole datagram, and copy to the row what the fragment alone could not tell."""
        one = self._one
        size = np.array([len(packet)], np.uint32)
        decode(
            Frames(packet, np.zeros(1, np.int64), size, size, np.zeros(1, np.int64),
                   np.full(1, NO_INTERFACE, np.uint16), np.array([linktype], np.uint16), 1),
            one,
        )
        tunnelled = len(one.lists["outer"].values(_OUTER, 1)) > 0
        if tunnelled:  # the header outside is the fragment's own, not the one made for the whole datagram
            six = linktype == 229
            outer = one.lists["outer"]
            outer.u16[_O_LEN, 0] = columns.values("ipv6.plen" if six else "ip.len")[row]
            if six:
                outer.u32[_O_FLOW, 0] = columns.values("ipv6.flow")[row]
            else:
                outer.u8[_O_HDR_LEN, 0] = columns.values("ip.hdr_len")[row]
                outer.u16[_O_CHECKSUM, 0] = columns.values("ip.checksum")[row]
                outer.u8[_O_FLAGS, 0] = columns.values("ip.flags")[row]
                outer.u16[_O_FRAG, 0] = columns.values("ip.frag_offset")[row]
        for name, lane, cells in _TOLD:
            if one.lane[lane, 0] == 0 or (name in _NETWORK and not tunnelled):
                continue
            columns.lane[lane, row] = one.lane[lane, 0]
            for slab, slot in cells:
                getattr(columns, slab)[slot, row] = getattr(one, slab)[slot, 0]
        columns.u64[_FLOW_ID, row] = one.u64[_FLOW_ID, 0]
        for name, lists in one.lists.items():
            if lists.offsets[1]:
                columns.lists[name].splice(row, columns.rows, lists)
