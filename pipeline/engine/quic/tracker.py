"""QUIC over UDP, on any port: a row for each handshake, and names of all its datagrams."""

from __future__ import annotations

import cython

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.quic.connection import Connection
from pipeline.engine.quic.packets import Header, headers, is_long
from pipeline.engine.quic.versions import INITIAL, is_known
from pipeline.engine.snapshot import Tree

if not cython.compiled:
    from pipeline.engine.quic.packets import number

MOST_CONNECTIONS = 65_536
"""UDP conversations that are known to speak QUIC; at the cap the oldest is told as it stands, and forgotten."""

PATIENCE = 60_000_000_000
"""A handshake is told as it stands when it began so long ago (ns)."""

_SERVER_PORT = 443
_DTLS_PORTS = (853, 2221, 5684, 5868)
_INITIAL = cython.declare(cython.int, INITIAL)


class Quic:
    """Knows of each UDP conversation its latest connection, by the conversation's hash."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._known: dict[int, Connection] = {}
        # Of these those whose row waits, or did lately.
        self._waiting: dict[int, Connection] = {}
        self._settled: set[int] = set()
        self._forgotten = 0

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a datagram; whether its conversation speaks QUIC."""
        side: cython.int
        connection: Connection | None = self._known.get(packet.flow)
        if connection is None:
            if not is_long(data) or not is_known(number(data, 1, 4)):
                return False
            connection = self._begin(packet)
        packet.name("QUIC")
        if not data:
            return True
        if connection.told and data[0] < 0x80:
            self._settled.add(packet.number)
            return True
        side = _side(packet, connection)
        header: Header
        for header in headers(data):
            if self._out.tells and header.version and not connection.hidden:
                packet.detail("quic.version", header.version)
            if header.kind == _INITIAL and not side and not connection.follows(header):
                connection = self._anew(packet, connection)
            connection.packet(packet, data, header, side)
            if connection.timeline is not None:
                self._waiting[packet.flow] = connection
        return True

    def _begin(self, packet: Packet) -> Connection:
        if len(self._known) >= MOST_CONNECTIONS:
            self._known.pop(next(iter(self._known))).tell("unfinished")
            self._forgotten += 1
            self._notes.note("quic-forgotten", packet.row, self._forgotten)
        source, target = zip(packet.addresses, packet.ports, strict=True)
        from_server = source[1] == _SERVER_PORT and target[1] != _SERVER_PORT
        hidden = source[1] in _DTLS_PORTS or target[1] in _DTLS_PORTS
        connection = Connection(self._out, target if from_server else source, hidden=hidden)
        self._known[packet.flow] = connection
        return connection

    def _anew(self, packet: Packet, before: Connection) -> Connection:
        """The client begins another connection on the same ports."""
        before.tell("unfinished")
        connection = Connection(self._out, before.client, hidden=before.hidden)
        self._known.pop(packet.flow)
        self._known[packet.flow] = connection
        return connection

    def settled(self) -> list[tuple[int, str]]:
        """See `Settling.settled`."""
        found = [(number, "QUIC") for number in sorted(self._settled)]
        self._settled.clear()
        return found

    def tick(self, now: int) -> None:
        """Tell what began a minute ago."""
        for flow, connection in list(self._waiting.items()):
            line = connection.timeline
            if line is not None and line.row["shoal.first_time"] < now - PATIENCE:
                connection.tell("unfinished")
            if connection.timeline is None:
                del self._waiting[flow]

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        for connection in self._known.values():
            connection.tell("unfinished")

    def state(self) -> Tree:
        """All that is known."""
        return {
            "known": [[flow, c.state()] for flow, c in self._known.items()], "forgotten": self._forgotten,
            "waiting": [flow for flow, c in self._waiting.items() if c.timeline is not None],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._forgotten = state["forgotten"]
        self._known = {}
        for flow, known in state["known"]:
            connection = self._known[flow] = Connection(self._out, (b"", 0), hidden=bool(known["hidden"]))
            connection.restore(known)
        self._waiting = {flow: self._known[flow] for flow in state["waiting"]}


def _side(packet: Packet, connection: Connection) -> cython.int:
    """Who sent a datagram of the connection's conversation: 0 the client, 1 the server."""
    address, port = connection.client
    source, target = packet.ports
    # Only of equal ports the addresses tell more.
    if source != target:
        return int(source != port)
    return int(source != port or packet.addresses[0] != address)
