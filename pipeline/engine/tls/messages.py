"""Handshake messages in their records: put together where they stand in several, and told to the session."""

from __future__ import annotations

from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.snapshot import Tree
from pipeline.engine.tls.names import MESSAGES
from pipeline.engine.tls.session import Session

MOST_WAITING = 1 << 17
"""Bytes of a message that is put together of several records."""

_LONG = 0x10000


class Messages:
    """Messages of both sides. `_parts` is, of each side, what came of one that is not whole, record by record; None
    where none waits. `_have` is how many bytes that is, `_size` how many the message has, 0 where that is not known."""

    __slots__ = ("_have", "_parts", "_session", "_size")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parts: list[list[bytes] | None] = [None, None]
        self._have = [0, 0]
        self._size = [0, 0]

    def record(self, packet: Packet, side: int, data: bytes, at: int, end: int) -> None:
        """A record of content type handshake is `data[at:end]`."""
        self._session.handshake_record(packet, side)
        first = True
        if self._parts[side] is not None:
            at = self._continue(packet, side, data, at, end)
            if at < 0:
                return
            first = False
        elif self._is_encrypted(packet, side, data, at, end):
            self._session.encrypted(packet, side, "EncryptedHandshake")
            return
        while at < end:
            size = 4 + int.from_bytes(data[at + 1 : at + 4], "big") if end - at >= 4 else _LONG
            if at + size > end:
                self._wait(side, data[at:end])
                return
            if data[at] in MESSAGES:
                self._session.message(packet, side, data[at], data, at + 4, at + size, first=first)
            at += size
            first = False

    def _wait(self, side: int, part: bytes) -> None:
        """A message begins that the record does not hold to its end."""
        self._parts[side], self._have[side] = [part], len(part)
        self._size[side] = 4 + int.from_bytes(part[1:4], "big") if len(part) >= 4 else 0

    def _continue(self, packet: Packet, side: int, data: bytes, at: int, end: int) -> int:
        """The record goes on with the message that waits; where what is behind it begins, -1 where it is not whole."""
        parts = self._parts[side]
        assert parts is not None
        if not self._size[side]:
            # Not even its length is there: of that few bytes a new beginning.
            self._wait(side, b"".join(parts) + data[at:end])
            before = self._have[side] - (end - at)
        else:
            before = self._have[side]
            parts.append(data[at:end])
            self._have[side] += end - at
        size = self._size[side]
        if not size or self._have[side] < size:
            if self._have[side] > MOST_WAITING:
                self._parts[side] = None
            return -1
        whole = b"".join(self._parts[side] or ())
        self._parts[side] = None
        if whole[0] in MESSAGES:
            self._session.message(packet, side, whole[0], whole, 4, size, first=True)
        return at + size - before

    def _is_encrypted(self, packet: Packet, side: int, data: bytes, at: int, end: int) -> bool:
        """Whether a record is no message in clear, as Wireshark guesses it: by the side's ChangeCipherSpec in an
        earlier frame, a nonce that begins with zeros, or a header that no message has. Records of under 16 bytes are
        too short for a tag."""
        if end - at < 16:
            return False
        if not any(data[at : at + 5]):
            return True
        ccs = self._session.ccs[side]
        if ccs and packet.frame > ccs:
            return True
        return data[at] not in MESSAGES or data[at + 1] != 0

    def ssl2(self, packet: Packet, side: int, data: bytes, at: int, end: int) -> None:
        """A message of SSL 2 in clear."""
        self._session.ssl2_message(packet, side, data[at], data, at + 1, end)

    def lost(self, side: int) -> None:
        """Bytes of a side are missing: what waited is never whole."""
        self._parts[side] = None

    def state(self) -> Tree:
        """All that is known."""
        return {"waiting": [None if parts is None else b"".join(parts) for parts in self._parts]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        for side, waiting in enumerate(state["waiting"]):
            if waiting is not None:
                self._wait(side, waiting)
