"""Reassembly of IPv4 (RFC 791) and IPv6 (RFC 8200, section 4.5) fragments.

As in Wireshark, a datagram's transport fields stand in the row of the frame that completes it, and its other frames
have none. Fragments that are not captured whole take no part.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

from collectors.decode import decode
from collectors.sources.frames import Frames
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

MOST_BYTES = 64 << 20
"""Fragment bytes held; past it the oldest datagrams are given up (counted in `evicted`)."""
MOST_FRAGMENTS = 8192
"""Fragments of one datagram; one with more is given up."""

_s = Slots(PACKETS)
_PLACE = frozenset(
    name
    for name in PACKETS.lanes
    if name.startswith(("eth", "inner.eth", "llc", "snap", "sll", "ppp", "arp"))
)
_NOT_COPIED = frozenset({"tcp.stream", "udp.stream"})

Key = tuple[bytes, bytes, int, int]


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
        self._one: Columns | None = None

    def process(self, columns: Columns) -> None:
        """Take up the fragments among the rows; complete datagrams are decoded into the row that completes them."""
        ip = columns.present("ip.dst")
        more6 = columns.present("ipv6.fraghdr.ident")
        assert ip is not None
        assert more6 is not None
        fragment = ip & (
            ((columns.values("ip.flags") & 1) != 0) | (columns.values("ip.frag_offset") != 0)  # type: ignore[operator]
        )
        for row in np.flatnonzero(fragment | more6).tolist():
            if ip[row]:
                self._fragment4(columns, row)
            else:
                self._fragment6(columns, row)

    def _payload(self, columns: Columns, row: int) -> bytes:
        start = int(columns.raw_offset[row]) + int(columns.values("shoal.payload.offset")[row])
        size = int(columns.values("shoal.payload.len")[row])
        return bytes(memoryview(columns.raw_buffer)[start : start + size])

    def _fragment4(self, columns: Columns, row: int) -> None:
        def cell(name: str) -> int:
            return int(columns.values(name)[row])

        payload = self._payload(columns, row)
        if columns.lane[_s.lane("tcp"), row] or columns.lane[_s.lane("udp"), row] or not payload:
            return
        if len(payload) != cell("ip.len") - cell("ip.hdr_len"):
            return
        src, dst = cell("ip.src").to_bytes(4, "big"), cell("ip.dst").to_bytes(4, "big")
        proto = cell("ip.proto")
        data = self._add((src, dst, proto, cell("ip.id")), cell("ip.frag_offset") * 8, payload, cell("ip.flags") & 1)
        if data is not None and len(data) + 20 <= 0xFFFF:
            head = struct.pack(
                ">BBHHHBBH4s4s", 0x45, cell("ip.dsfield"), 20 + len(data), cell("ip.id"), 0, cell("ip.ttl"), proto, 0,
                src, dst,
            )
            self._complete(columns, row, head + data, 228, "ip")

    def _fragment6(self, columns: Columns, row: int) -> None:
        def cell(name: str) -> int:
            return int(columns.values(name)[row])

        if cell("frame.cap_len") < cell("frame.len"):
            return
        offset, more = cell("ipv6.fraghdr.offset") * 8, cell("ipv6.fraghdr.more")
        payload = self._payload(columns, row)
        if (offset == 0 and not more) or not payload:
            return
        src, dst = columns.values("ipv6.src")[row].tobytes(), columns.values("ipv6.dst")[row].tobytes()
        data = self._add((src, dst, -1, cell("ipv6.fraghdr.ident")), offset, payload, more)
        if data is not None:
            plen = len(data) if len(data) <= 0xFFFF else 0
            head = struct.pack(">IHBB16s16s", 6 << 28, plen, cell("ipv6.fraghdr.nxt"), cell("ipv6.hlim"), src, dst)
            self._complete(columns, row, head + data, 229, "ipv6")

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

    def _complete(self, columns: Columns, row: int, packet: bytes, linktype: int, network: str) -> None:
        """Decode the whole datagram, and copy to the row what the fragment alone could not tell."""
        if self._one is None:
            self._one = Columns(PACKETS, 1)
        one = self._one
        size = np.array([len(packet)], np.uint32)
        decode(
            Frames(packet, np.zeros(1, np.int64), size, size, np.zeros(1, np.int64), np.zeros(1, np.uint16),
                   np.array([linktype], np.uint16), 1),
            one,
        )
        tunnelled = len(one.lists["outer"].values(PACKETS.groups[3].columns[0], 1)) > 0
        for lane, cells in PACKETS.lanes.items():
            if lane in _PLACE or lane in _NOT_COPIED or (lane in (network, "ip.version", "ipv6.fraghdr")
                                                         and not tunnelled):
                continue
            index = _s.lane(lane)
            if one.lane[index, 0] == 0:
                continue
            columns.lane[index, row] = one.lane[index, 0]
            for c in cells:
                columns.values(c.name)[row] = one.values(c.name)[0]
        columns.values("shoal.flow_id")[row] = one.values("shoal.flow_id")[0]
        for name, lists in one.lists.items():
            if lists.offsets[1]:
                columns.lists[name].splice(row, columns.rows, lists)


