"""Conversations that begin with a proxy's header (HAProxy's PROXY protocol, versions 1 and 2)."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.tracker import Silent
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree

_PROXY_LINE = 107
_PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n"


class ProxiedStream:
    """Passes over the header; what follows is looked at as if the conversation began there."""

    __slots__ = ("need",)

    def __init__(self) -> None:
        self.need = [0, 0]

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """See `Dialogue.take`."""
        size = proxy_header(data)
        if size < 0:
            packet.leave()
            return len(data)
        if not size or size > len(data):
            self.need[side] = size or len(data) + 1
            return 0
        packet.become("")
        return size

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """See `Dialogue.lost`."""
        return True

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """See `Dialogue.closed`."""

    def state(self) -> Tree:
        """There is nothing to know."""
        return {}


def proxy_header(data: bytes) -> int:
    """Bytes of a proxy's header: 0 where it is not whole, -1 where there is none."""
    if data.startswith(_PROXY_2):
        return 16 + int.from_bytes(data[14:16], "big") if len(data) >= 16 else 0
    end = data.find(b"\r\n", 0, _PROXY_LINE)
    return end + 2 if end >= 0 else 0 if len(data) < _PROXY_LINE else -1


class Proxied(Silent):
    """Follows conversations that begin with a proxy's header."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        pass

    def dialogue(self, packet: Packet) -> ProxiedStream:
        """A conversation that begins with a header."""
        return ProxiedStream()

    def restored(self, state: Tree) -> ProxiedStream:
        """The conversation that a state was taken from."""
        return ProxiedStream()
