"""Queries and responses, paired."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.tracker import Dialogue
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.dns import DNS


class Dns:
    """Takes messages; tells a row of each query with its response."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._asked: dict[tuple[int, int], Row] = {}

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message."""
        if len(data) < 12:
            return False
        packet.name("DNS")
        ident, flags = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        if self._out.tells:
            packet.detail("dns.id", ident)
        key = (packet.flow, ident)
        if flags & 0x8000 == 0:
            row = packet.exchange(DNS)
            row["dns.id"], row["shoal.request_frame"] = ident, packet.frame
            self._asked[key] = row
            return True
        asked = self._asked.pop(key, None)
        if asked is None:
            asked = packet.exchange(DNS, reverse=True)
            asked["dns.id"] = ident
        else:
            asked["shoal.response_time"] = packet.time - asked["shoal.first_time"]
            if self._out.tells:
                packet.detail("dns.response_to", asked["shoal.request_frame"])
                packet.detail("dns.time", asked["shoal.response_time"])
        asked["shoal.response_frame"] = packet.frame
        if self._out.tells:
            packet.detail("dns.flags.rcode", flags & 15)
        asked["dns.flags.rcode"] = flags & 15
        self._out.row(DNS, asked)
        return True

    def dialogue(self, packet: Packet) -> Dialogue:
        """Messages over TCP."""
        raise NotImplementedError

    def restored(self, state: Tree) -> Dialogue:
        """Messages over TCP."""
        raise NotImplementedError

    def tick(self, now: int) -> None:
        """Tell what was asked in vain."""
        for key in [k for k, row in self._asked.items() if row["shoal.first_time"] < now - 60_000_000_000]:
            self._out.row(DNS, self._asked.pop(key))

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        for row in self._asked.values():
            self._out.row(DNS, row)
        self._asked.clear()

    def state(self) -> Tree:
        """All that is known."""
        return {"asked": [[*key, row] for key, row in self._asked.items()]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked = {(flow, ident): row for flow, ident, row in state["asked"]}
