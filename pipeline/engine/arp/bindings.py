"""Which hardware address has which address, over time."""

from __future__ import annotations

from ipaddress import ip_address

import cython

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots
from pipeline.schema.exchanges.arp import BINDINGS, LEARNT

MOST_BINDINGS = 65_536
"""Addresses remembered by each way of learning; the one learnt first is told and forgotten for one more."""

_VLAN = Slots(PACKETS).item("vlan", "u16", "vlan.id")


def vlan_of(columns: Columns, row: int) -> int:
    """The innermost VLAN identifier of a row, -1 without a tag."""
    lists = columns.lists["vlan"]
    end = lists.offsets.item(row + 1)
    return lists.u16.item(_VLAN, end - 1) if end > lists.offsets.item(row) else -1


class Bindings:
    """The bindings learnt one way (one of LEARNT). A row is told anew with each minute in which its frames came."""

    def __init__(self, notes: Notes, out: Outlet, learnt: str) -> None:
        self._notes = notes
        self._out = out
        self._learnt = LEARNT.index(learnt)
        self._held: dict[tuple[int, bytes], Row] = {}
        self._changed: dict[tuple[int, bytes], bool] = {}
        self._forgotten = 0

    def learn(self, packet: Packet, vlan: cython.int, address: bytes, hardware: cython.ulonglong,
              lease: cython.longlong = -1) -> None:
        """The frame says that `address`, 4 or 16 bytes, is that of `hardware`, in VLAN `vlan` (-1: no tag)."""
        if not self._out.stores or not hardware or hardware >> 40 & 1 or not address.strip(b"\0"):
            return
        key = (vlan, address)
        row = self._held.get(key)
        if row is None or row["shoal.hw"] != hardware:
            before = row
            if before is not None:
                self._tell(before)
                del self._held[key]
            elif len(self._held) >= MOST_BINDINGS:
                oldest = next(iter(self._held))
                self._tell(self._held.pop(oldest))
                self._changed.pop(oldest, None)
                self._forgotten += 1
                self._notes.note("bindings-forgotten", packet.row, self._forgotten)
            row = self._held[key] = packet.exchange(BINDINGS)
            row["shoal.address"] = str(ip_address(address))
            row["shoal.hw"], row["shoal.learnt"], row["shoal.binding.frames"] = hardware, self._learnt, 0
            if vlan >= 0:
                row["shoal.vlan"] = vlan
            if before is not None:
                row["shoal.previous_hw"] = before["shoal.hw"]
        row["shoal.binding.frames"] += 1
        row["shoal.last_frame"], row["shoal.last_time"] = packet.frame, packet.time
        if lease >= 0:
            row["shoal.binding.lease"] = lease
        self._changed[key] = True

    def tick(self) -> None:
        """A minute ends: tell those that were learnt or seen again in it."""
        for key in self._changed:
            self._tell(self._held[key])
        self._changed.clear()

    def _tell(self, row: Row) -> None:
        self._out.row(BINDINGS, dict(row))

    def state(self) -> Tree:
        """All that is known."""
        return {
            "held": [[*key, dict(row)] for key, row in self._held.items()],
            "changed": [list(key) for key in self._changed], "forgotten": self._forgotten,
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._held = {(vlan, address): row for vlan, address, row in state["held"]}
        self._changed = dict.fromkeys(((vlan, address) for vlan, address in state["changed"]), True)
        self._forgotten = state["forgotten"]
