"""Duplicate addresses (`arp.duplicate-address-detected`), by Wireshark's rule: the first hardware address that was seen
with a protocol address holds it; another one's claim is marked.
"""

from __future__ import annotations

import numpy as np

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

MOST_ADDRESSES = 1_000_000
"""Protocol addresses remembered; the oldest is forgotten for one more."""

_s = Slots(PACKETS)
_DUPLICATE = _s.u8("arp.duplicate-address-detected")
_LANE = _s.lane("arp.duplicate")
_GROUP_BIT = 1 << 40


class DuplicateAddresses:
    """Which hardware address holds which protocol address."""

    def __init__(self, notes: Notes | None = None) -> None:
        self.evicted = 0
        self._notes = notes or Notes()
        self._holder: dict[int, int] = {}

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        addresses = np.fromiter(self._holder, np.uint32, len(self._holder))
        return {"evicted": self.evicted, "addresses": addresses,
                "holders": np.fromiter(self._holder.values(), np.uint64, len(self._holder))}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.evicted = state["evicted"]
        self._holder = dict(zip(state["addresses"].tolist(), state["holders"].tolist(), strict=True))

    def process(self, columns: Columns) -> None:
        """Mark the rows whose sender (or, in a reply, target) has an address that another one holds."""
        there = columns.present("arp.src.proto_ipv4")
        hw = columns.counts("arp.src.hw_mac")
        assert there is not None
        assert hw is not None
        rows = np.flatnonzero(there)
        rows = rows[hw[rows] != 0]
        if not len(rows):
            return
        opcode = columns.values("arp.opcode")[rows].tolist()
        src_hw = columns.values("arp.src.hw_mac")[rows].tolist()
        src_ip = columns.values("arp.src.proto_ipv4")[rows].tolist()
        dst_hw = columns.values("arp.dst.hw_mac")[rows].tolist()
        dst_ip = columns.values("arp.dst.proto_ipv4")[rows].tolist()
        for k, row in enumerate(rows.tolist()):
            if opcode[k] not in (1, 2):
                continue
            taken = self._claim(row, src_ip[k], src_hw[k])
            if opcode[k] == 2 and src_ip[k] != dst_ip[k]:
                taken |= self._claim(row, dst_ip[k], dst_hw[k])
            if taken:
                columns.u8[_DUPLICATE, row] = 1
                columns.lane[_LANE, row] = 1

    def _claim(self, row: int, address: int, hardware: int) -> bool:
        """Whether another one holds the address; takes it where nobody does."""
        if address == 0 or hardware == 0 or hardware & _GROUP_BIT:
            return False
        holder = self._holder.get(address)
        if holder is None:
            if len(self._holder) >= MOST_ADDRESSES:
                del self._holder[next(iter(self._holder))]
                self.evicted += 1
                self._notes.note("addresses-forgotten", row, self.evicted)
            self._holder[address] = hardware
            return False
        return holder != hardware
