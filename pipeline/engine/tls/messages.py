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
    """Messages of both sides. `_waiting` is, of each side, what came of one that is not whole; None where none is."""

    __slots__ = ("_session", "_waiting")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: list[bytes | None] = [None, None]

    def record(self, packet: Packet, side: int, data: bytes, at: int, end: int) -> None:
        """A record of content type handshake is `data[at:end]`."""
        self._session.handshake_record(packet, side)
        waiting = self._waiting[side]
        first = True
        if waiting is not None:
            whole = waiting + data[at:end]
            if len(whole) >= 4 and len(whole) >= (size := 4 + int.from_bytes(whole[1:4], "big")):
                self._waiting[side] = None
                if whole[0] in MESSAGES:
                    self._session.message(packet, side, whole[0], whole, 4, size, first=True)
                at += size - len(waiting)
                first = False
            else:
                self._waiting[side] = whole if len(whole) <= MOST_WAITING else None
                return
        elif self._is_encrypted(packet, side, data, at, end):
            self._session.encrypted(packet, side, "EncryptedHandshake")
            return
        while at < end:
            size = 4 + int.from_bytes(data[at + 1 : at + 4], "big") if end - at >= 4 else _LONG
            if at + size > end:
                self._waiting[side] = data[at:end]
                return
            if data[at] in MESSAGES:
                self._session.message(packet, side, data[at], data, at + 4, at + size, first=first)
            at += size
            first = False

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
        self._waiting[side] = None

    def state(self) -> Tree:
        """All that is known."""
        return {"waiting": list(self._waiting)}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._waiting = list(state["waiting"])
