"""A TCP conversation that speaks TLS: its records, in the frames that complete them."""

from __future__ import annotations

import cython

from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.snapshot import Tree
from pipeline.engine.tls import records
from pipeline.engine.tls.messages import Messages
from pipeline.engine.tls.names import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    HANDSHAKE,
    MESSAGES,
    SSL2,
    TLS10,
    TLS12,
    TLS13,
    VERSIONS,
    plain_version,
)
from pipeline.engine.tls.session import Session


class TlsStream:
    """Takes the bytes of both sides. Records whose content is encrypted are passed over but for their last byte: so
    the frame that completes one is known, and nothing is gathered."""

    __slots__ = ("_begun", "_messages", "_rest", "_session", "_shown", "need")

    def __init__(self, session: Session) -> None:
        self.need = [0, 0]
        self._session = session
        self._messages = Messages(session)
        # Of each side: content type, version and length of a record of which only the last byte is awaited, or None.
        self._rest: list[list[int] | None] = [None, None]
        # Whether it is known where a side's first record begins.
        self._begun = [False, False]
        # Whether the frame under way was named.
        self._shown = False

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """See `Dialogue.take`."""
        at, end = 0, len(data)
        session = self._session
        self._shown = False
        rest = self._rest[side]
        if rest is not None:
            self._rest[side] = None
            self._opaque(packet, side, *rest)
            at = 1
        elif not self._begun[side] and end >= records.HEADER:
            self._begun[side] = True
            at = records.first_record(data)
        while end - at >= records.HEADER:
            version = session.version
            if (data[at] == APPLICATION_DATA and version > SSL2 and session.timeline is None and not session.tells
                    and (version != TLS13 or (data[at + 1] == 3 and data[at + 2] < 4))):
                # The bulk of what is sent: nothing is to be known of such a record but where it ends.
                size = data[at + 3] << 8 | data[at + 4]
                if at + records.HEADER + size > end:
                    self._rest[side] = [APPLICATION_DATA, data[at + 1] << 8 | data[at + 2], size]
                    at += records.HEADER + size - 1
                    break
                if not self._shown:
                    self._show(packet, version)
                at += records.HEADER + size
                continue
            if version == SSL2 or (records.is_ssl2_client_hello(data, at) if SSL2 < version < TLS13
                                   else records.looks_like_ssl2(data, at)):
                done = self._ssl2(packet, side, data, at)
            elif version in (0, TLS13) and not records.looks_like_record(data, at):
                done = self._strange(packet, data, at)
            else:
                done = self._record(packet, side, data, at)
            if done == at:
                return at
            at = done
            if at > end:
                break
        if at >= end:
            self.need[side] = 0
        if session.told and session.quiet:
            packet.leave()
        return at

    def _show(self, packet: Packet, version: cython.int) -> None:
        """A record of the frame is whole: the frame is named by the version known before it, or by the record's."""
        known = self._session.version
        if self._session.quiet:
            return
        if not known:
            packet.name(VERSIONS.get(version, "SSL"))
        elif not self._shown:
            packet.name(VERSIONS.get(known, "SSL"))
        self._shown = True

    def _strange(self, packet: Packet, data: bytes, at: int) -> int:
        """What is no record takes the rest of the segment."""
        if at or not records.is_text(data):
            self._show(packet, 0)
        return len(data)

    def _record(self, packet: Packet, side: int, data: bytes, at: int) -> int:
        """Where the record that begins at `at` ends; `at` while it is not whole."""
        kind, version, size = data[at], data[at + 1] << 8 | data[at + 2], data[at + 3] << 8 | data[at + 4]
        end = len(data)
        if not records.is_content_type(kind):
            self._strange(packet, data, at)
            return end if TLS10 <= self._session.version <= TLS12 else at + records.HEADER + size
        begin = at + records.HEADER
        if begin + size > end:
            if kind == APPLICATION_DATA or size > records.MOST_RECORD:
                self._rest[side] = [kind, version, size]
                self.need[side] = 0
                return begin + size - 1
            self.need[side] = begin + size - at
            return at
        self.need[side] = 0
        if kind in (HANDSHAKE, ALERT, CHANGE_CIPHER_SPEC):
            self._clear(packet, side, kind, version, data, begin, begin + size)
        else:
            self._opaque(packet, side, kind, version, size)
        return begin + size

    def _clear(self, packet: Packet, side: int, kind: int, version: int, data: bytes, at: int, end: int) -> None:
        session = self._session
        if session.tells:
            self._tell(packet, kind, version, end - at)
        self._show(packet, version)
        self._settle(kind, version, data[at] if at < end else 0)
        if kind == HANDSHAKE:
            self._messages.record(packet, side, data, at, end)
        elif kind == CHANGE_CIPHER_SPEC:
            session.change_cipher_spec(packet, side)
        elif end - at == 2:
            session.alert(packet, side, data[at], data[at + 1])
        else:
            session.encrypted(packet, side, "Alert")

    def _opaque(self, packet: Packet, side: int, kind: int, version: int, size: int) -> None:
        """A record whose content says nothing."""
        session = self._session
        if session.tells:
            self._tell(packet, kind, version, size)
        self._show(packet, version)
        self._settle(kind, version, 0)
        if kind == APPLICATION_DATA:
            session.data(packet, side)

    def _settle(self, kind: int, version: int, first: int) -> None:
        """The first record that is no ClientHello tells the conversation's version."""
        session = self._session
        if not session.version and (kind != HANDSHAKE or (first in MESSAGES and first != CLIENT_HELLO)):
            session.version = plain_version(version)

    def _tell(self, packet: Packet, kind: int, version: int, size: int) -> None:
        hidden = kind == APPLICATION_DATA and self._session.version == TLS13
        packet.detail("tls.record.opaque_type" if hidden else "tls.record.content_type", kind)
        packet.detail("tls.record.version", version)
        packet.detail("tls.record.length", size)

    def _ssl2(self, packet: Packet, side: int, data: bytes, at: int) -> int:
        """Where SSL 2's record that begins at `at` ends; `at` while it is not whole."""
        first = data[at]
        head = 2 if first & 0x80 else 3
        size = (first & (0x7F if head == 2 else 0x3F)) << 8 | data[at + 1]
        begin, end = at + head, at + head + size
        if end > len(data):
            self.need[side] = end - at
            return at
        self.need[side] = 0
        session = self._session
        if not session.version and begin < end and 2 <= data[begin] <= 8:
            session.version = SSL2
        if session.tells:
            packet.detail("tls.record.version", SSL2)
        if not session.quiet:
            packet.name("SSLv2")
            self._shown = True
        if records.is_ssl2_message(data, begin, end):
            self._messages.ssl2(packet, side, data, begin, end)
        return max(end, at + head)

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """See `Dialogue.lost`: what follows may begin with a record."""
        self._rest[side] = None
        self.need[side] = 0
        self._messages.lost(side)
        self._session.lost()
        return True

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """See `Dialogue.closed`."""
        self._session.closed()

    def missed(self, packet: Packet, side: int, count: int) -> None:
        """See `Mindful.missed`: bytes that are encrypted are not missed."""

    def ended(self) -> None:
        """See `Mindful.ended`."""
        self._session.ended()

    def state(self) -> Tree:
        """See `Dialogue.state`."""
        return {"need": list(self.need), "rest": list(self._rest),
                "begun": [int(b) for b in self._begun], "messages": self._messages.state(),
                "session": self._session.state()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from, but for the session, which is restored apart."""
        self.need = list(state["need"])
        self._rest = [None if rest is None else list(rest) for rest in state["rest"]]
        self._begun = [bool(b) for b in state["begun"]]
        self._messages.restore(state["messages"])
