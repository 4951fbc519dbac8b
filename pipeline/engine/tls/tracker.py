"""TLS over TCP: a row for each handshake, and fields of the records' frames."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tls.certificates import Certificates
from pipeline.engine.tls.records import OTHERS_PORTS, TPKT_PORTS
from pipeline.engine.tls.session import Session
from pipeline.engine.tls.stream import TlsStream

MOST_OPEN = 16_384
"""Handshakes under way; at the cap the oldest is told as it stands."""

PATIENCE = 60_000_000_000
"""A handshake is told as it stands when it began so long ago (ns)."""


class Tls:
    """Follows the conversations that it is given, and tells a row when a handshake is done and both sides have sent
    data, when the conversation ends, or a minute after the handshake began."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._certificates = Certificates()
        self._open: dict[int, Session] = {}
        self._next = 0
        # No handshake of a lower number is open.
        self._first = 1
        self._forgotten = 0

    def dialogue(self, packet: Packet) -> TlsStream:
        """A conversation that begins to speak TLS."""
        source, target = packet.ports
        first = int(packet.columns.values("tcp.seq")[packet.row]) <= 1
        quiet = source in TPKT_PORTS or target in TPKT_PORTS
        if first:
            quiet = quiet or source in OTHERS_PORTS or target in OTHERS_PORTS
        return TlsStream(Session(self._out, self._certificates, self, quiet=quiet))

    def restored(self, state: Tree) -> TlsStream:
        """The conversation that a state was taken from."""
        session = Session(self._out, self._certificates, self, quiet=bool(state["session"]["quiet"]))
        session.restore(state["session"])
        if session.timeline is not None:
            self._open[session.key] = session
            self._first = min(self._first, session.key)
        stream = TlsStream(session)
        stream.restore(state)
        return stream

    def begun(self, session: Session, packet: Packet) -> int:
        """The session has a row now; the number of its handshake."""
        if len(self._open) >= MOST_OPEN:
            self._forgotten += 1
            self._notes.note("handshakes-forgotten", packet.row, self._forgotten)
            while self._first not in self._open:
                self._first += 1
            self._open[self._first].give_up()
        self._next += 1
        self._open[self._next] = session
        return self._next

    def told(self, session: Session) -> None:
        """The session's row was told."""
        self._open.pop(session.key, None)

    def tick(self, now: int) -> None:
        """Tell what began a minute ago."""
        for session in sorted(self._open.values(), key=_age):
            session.old(now - PATIENCE)

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        for session in sorted(self._open.values(), key=_age):
            session.ended()

    def state(self) -> Tree:
        """All that is known, but for what the conversations know."""
        return {"next": self._next, "forgotten": self._forgotten}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from; the conversations come by `restored`."""
        self._next, self._forgotten = state["next"], state["forgotten"]
        self._first = self._next + 1
        self._open = {}


def _age(session: Session) -> int:
    return session.key
