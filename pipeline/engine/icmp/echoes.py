"""Which echo request a reply is the answer to, as Wireshark tells it (`icmp.resp_to`, `icmpv6.resp_to`).

Wireshark compares checksums besides identifier and sequence number: a request's data come back as they are, so that
the checksums differ by the types alone.
"""

from __future__ import annotations

from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree

MOST_ECHOES = 262_144
"""Requests remembered for replies; the oldest is forgotten for one more."""

FORGET_NS = 86_400_000_000_000
"""Event time after which a request is forgotten."""

_WORD = 0xFFFF


class Echoes:
    """Requests by flow, identifier and sequence number, and checksum: of ICMP the reply's, of ICMPv6 the request's."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._asked: dict[tuple[int, int, int], tuple[int, int, int]] = {}
        self._forgotten = 0

    def request(self, packet: Packet, ident: int, seq: int, checksum: int, *, v6: bool) -> None:
        """Remember a request; a later one of the same key takes its place."""
        key = packet.flow, ident << 16 | seq, checksum if v6 else _more(checksum, 0x0800)
        self._asked.pop(key, None)
        if len(self._asked) >= MOST_ECHOES:
            del self._asked[next(iter(self._asked))]
            self._forgotten += 1
            self._notes.note("echoes-forgotten", packet.row, self._forgotten)
        self._asked[key] = packet.frame, packet.time, 0

    def reply(self, packet: Packet, ident: int, seq: int, checksum: int, *, v6: bool) -> tuple[int, int] | None:
        """Frame and time (ns) of the request that has no reply yet and to which this is one."""
        if v6:
            checksum = _more(checksum, 0x0100) or _WORD
        elif checksum == _WORD:
            checksum = 0
        key = packet.flow, ident << 16 | seq, checksum
        found = self._asked.get(key)
        if found is None or found[2]:
            return None
        self._asked[key] = found[0], found[1], 1
        return found[0], found[1]

    def tick(self, now: int) -> None:
        """Forget what is too old."""
        for key in [k for k, v in self._asked.items() if v[1] < now - FORGET_NS]:
            del self._asked[key]

    def state(self) -> Tree:
        """All that is known."""
        return {"asked": [[*key, *value] for key, value in self._asked.items()], "forgotten": self._forgotten}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked = {(a, b, c): (frame, time, done) for a, b, c, frame, time, done in state["asked"]}
        self._forgotten = state["forgotten"]


def _more(checksum: int, by: int) -> int:
    """The checksum of a message whose type field is less by `by`: the sum is one's complement (RFC 1071)."""
    total = (~checksum & _WORD) + (~by & _WORD)
    return ~(total + (total >> 16)) & _WORD
