"""Conversations that may turn to TLS: STARTTLS of IMAP, POP, XMPP and FTP, and what stands behind a proxy's header.

The plain part tells nothing: only a segment that begins as TLS does is waited for, as Wireshark's dissectors hand over
to TLS with the segment behind the server's consent.
"""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tls import records

MOST_PLAIN = 1 << 16
"""Bytes of a side in clear, after which TLS is not waited for any more."""

_PROXY_LINE = 107
_PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n"


class WaitingStream:
    """Passes over what is said until a side's bytes begin as TLS."""

    __slots__ = ("_plain", "need")

    def __init__(self) -> None:
        self.need = [0, 0]
        self._plain = [0, 0]

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """See `Dialogue.take`."""
        if records.begins(data):
            packet.become("tls")
            return 0
        self._plain[side] += len(data)
        if self._plain[side] > MOST_PLAIN:
            packet.leave()
        return len(data)

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """See `Dialogue.lost`."""
        return True

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """See `Dialogue.closed`."""

    def state(self) -> Tree:
        """See `Dialogue.state`."""
        return {"plain": list(self._plain)}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._plain = list(state["plain"])


class ProxiedStream(WaitingStream):
    """Passes over the header that a proxy puts before a conversation (HAProxy's PROXY protocol, versions 1 and 2)."""

    __slots__ = ()

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


def proxy_header(data: bytes) -> int:
    """Bytes of a proxy's header: 0 where it is not whole, -1 where there is none."""
    if data.startswith(_PROXY_2):
        return 16 + int.from_bytes(data[14:16], "big") if len(data) >= 16 else 0
    end = data.find(b"\r\n", 0, _PROXY_LINE)
    return end + 2 if end >= 0 else 0 if len(data) < _PROXY_LINE else -1


class Waiting:
    """Follows conversations of a protocol that may turn to TLS."""

    _stream = WaitingStream

    def __init__(self, notes: Notes, out: Outlet) -> None:
        pass

    def dialogue(self, packet: Packet) -> WaitingStream:
        """A conversation that begins in clear."""
        return self._stream()

    def restored(self, state: Tree) -> WaitingStream:
        """The conversation that a state was taken from."""
        stream = self._stream()
        stream.restore(state)
        return stream

    def tick(self, now: int) -> None:
        """There is nothing to tell."""

    def finish(self, now: int) -> None:
        """There is nothing to tell."""

    def state(self) -> Tree:
        """Nothing but what the conversations know."""
        return {}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""


class Proxied(Waiting):
    """Follows conversations that begin with a proxy's header."""

    _stream = ProxiedStream
