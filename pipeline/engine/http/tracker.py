"""HTTP/1.x over TCP, and SSDP, which is HTTP's messages in datagrams (UPnP Device Architecture, part 1)."""

from __future__ import annotations

from pipeline.engine.exchanges.choose import HTTP_PORTS
from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.http.dialogue import HttpDialogue
from pipeline.engine.http.message import REQUEST, end_of_head, parse
from pipeline.engine.http.rows import Teller, fill_message, show
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.http import HTTP


class Http:
    """Tells a row of each request with its response. What waits is known to the conversations."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._out = out
        self._teller = Teller(notes, out)

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message of SSDP: a row of its own, as its answers come from others than were asked."""
        end = end_of_head(data)
        message = parse(data, end if end > 0 else len(data))
        packet.name("SSDP")
        if message is None:
            return False
        if self._out.tells:
            show(packet, message)
        if self._out.stores:
            row = packet.exchange(HTTP, reverse=message.kind != REQUEST)
            fill_message(row, message)
            request = message.kind == REQUEST
            row["shoal.request_frame" if request else "shoal.response_frame"] = packet.frame
            self._out.row(HTTP, row)
        return True

    def dialogue(self, packet: Packet) -> HttpDialogue:
        """A conversation that begins."""
        ports = packet.ports
        return HttpDialogue(self._teller, ports[0] in HTTP_PORTS or ports[1] in HTTP_PORTS)

    def restored(self, state: Tree) -> HttpDialogue:
        """The conversation that `state` was taken from."""
        found = HttpDialogue(self._teller, False)
        found.restore(state)
        return found

    def tick(self, now: int) -> None:
        """Conversations that are silent end by themselves."""

    def finish(self, now: int) -> None:
        """Conversations end by themselves."""

    def state(self) -> Tree:
        """All that is known besides the conversations."""
        return {"forgotten": self._teller.count}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._teller.count = state["forgotten"]
