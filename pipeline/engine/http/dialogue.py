"""One TCP conversation that speaks HTTP/1.x (RFC 9112): messages of both sides, and their exchanges."""

from __future__ import annotations

import cython

from pipeline.engine.dns.carried import tell_carried
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.http.half import CHUNK, FRAMES, HEAD, LAST, TRAILER, UNTIL_CLOSED, Half
from pipeline.engine.http.http2 import PREFACE
from pipeline.engine.http.message import (
    MOST_HEAD,
    NOTIFICATIONS,
    REQUEST,
    RESPONSE,
    Message,
    end_of_head,
    kind_of,
    parse,
)  # fmt: skip
from pipeline.engine.http.rows import Exchange, Teller
from pipeline.engine.http.websocket import frame_size
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp.layout import OUT_OF_ORDER

MOST_PENDING = 256
"""Requests of a conversation that wait for their response; more, and the first is told as unanswered."""
MOST_JUNK = 256
"""Segments in a row that are no HTTP, before nobody listens any longer."""
_MOST_LINE = 2048
_ENDLESS = 1 << 61
_FIN = 1
_LATE = cython.declare(cython.uint, OUT_OF_ORDER)


@cython.cclass
class HttpDialogue:
    """Both sides. `need` is never used: heads end where they end."""

    def __init__(self, teller: Teller, known: bool) -> None:
        self.need = [0, 0]
        self._teller = teller
        self._one = Half()
        self._other = Half()
        self._pending: list[Exchange] = []
        # As Wireshark pairs: the latest request shown, until a response was shown behind it.
        self._asked_frame = self._asked_time = 0
        self._known = known

    def _half(self, side: cython.int) -> Half:
        return self._other if side else self._one

    def _left_out(self, packet: Packet, half: Half) -> cython.bint:
        """Whether Wireshark leaves the frame's bytes out of the message that it puts together: what was sent again, and
        what came late but for a body whose length is known."""
        return packet.muted and not (half.mode == LAST and packet.marks & _LATE)

    def take(self, packet: Packet, side: cython.int, data: bytes) -> cython.longlong:
        """See `Dialogue.take`."""
        half: Half = self._half(side)
        mode: cython.int = half.mode
        half.broken |= self._left_out(packet, half)
        if mode == HEAD:
            return self._head(packet, side, half, data)
        if mode == LAST:
            half.body += 1
            self._complete(packet, side, half)
            return 1
        if mode == CHUNK:
            return self._chunk(packet, side, half, data)
        if mode == TRAILER:
            return self._trailer(packet, side, half, data)
        if mode == FRAMES:
            return self._websocket(packet, half, data)
        return len(data)

    def _websocket(self, packet: Packet, half: Half, data: bytes) -> cython.longlong:
        size = 1 if half.lined else frame_size(data)
        half.lined = size > len(data)
        if half.lined:
            # All but its last byte are passed over.
            return size - 1
        if size:
            packet.name("WebSocket")
        return size

    def _head(self, packet: Packet, side: cython.int, half: Half, data: bytes) -> cython.longlong:
        if data[0] in b"\r\n":
            # Empty lines before a message are to be passed over (RFC 9112 section 2.2); Wireshark does it with one.
            half.blanks = half.blanks + 1 if half.blank_frame == packet.frame else 1
            half.blank_frame = packet.frame
            return 2 if data.startswith(b"\r\n") else 1
        if not half.first_frame:
            half.first_frame, half.first_time = packet.frame, packet.time
            half.broken |= half.blanks > 1 and half.blank_frame == packet.frame
            half.lined = b"\n" in data
        if kind_of(data) < 0:
            if data.startswith(PREFACE):
                packet.become("http2")
                return 0
            if b"\n" not in data and len(data) < _MOST_LINE:
                return 0
            return self._junk(packet, half, data)
        end: cython.Py_ssize_t = end_of_head(data)
        if end < 0 or end > MOST_HEAD:
            if len(data) > MOST_HEAD:
                return self._junk(packet, half, data)
            half.partial, half.partial_frame = data, packet.frame
            return 0
        message: Message | None = parse(data, end)
        if message is None:
            return self._junk(packet, half, data)
        half.partial, half.junk = b"", 0
        if message.carries_dns() and not (message.kind == RESPONSE and self._bodiless(message.code, side)):
            return self._carried(packet, side, half, message, data)
        return self._begin(packet, side, half, message)

    def _junk(self, packet: Packet, half: Half, data: bytes) -> cython.longlong:
        packet.name("HTTP")
        half.reset()
        half.junk += 1
        if half.junk > MOST_JUNK:
            packet.leave()
        return len(data)

    def _begin(self, packet: Packet, side: cython.int, half: Half, message: Message) -> cython.longlong:
        """The head is whole; how many bytes to pass over: the head, and of the body all but its last byte."""
        half.message, half.head_frame = message, packet.frame
        end: cython.longlong = message.head
        length: cython.longlong = message.length if message.counted else -1
        if message.kind == RESPONSE and self._bodiless(message.code, side):
            length = 0
        elif message.chunked:
            half.mode = CHUNK
            self._waits(packet, half, message)
            return end
        elif message.kind == RESPONSE and length < 0:
            half.mode = UNTIL_CLOSED
            self._waits(packet, half, message)
            return end + _ENDLESS
        if length <= 0:
            self._complete(packet, side, half)
            return end
        half.mode, half.body = LAST, length - 1
        self._waits(packet, half, message)
        return end + length - 1

    def _carried(self, packet: Packet, side: cython.int, half: Half, message: Message, data: bytes) -> cython.longlong:
        """The body, a message of DNS, is wanted whole."""
        end = message.head + message.length
        if len(data) < end:
            half.partial, half.partial_frame = data, packet.frame
            return 0
        half.message, half.head_frame, half.body = message, packet.frame, message.length
        self._tell(packet, half, message)
        if half.told and self._teller.tells:
            tell_carried(packet, data[message.head : end])
        self._complete(packet, side, half)
        return end

    def _waits(self, packet: Packet, half: Half, message: Message) -> None:
        if self._teller.stores:
            half.base = packet.exchange(self._teller.record, reverse=message.kind == RESPONSE)

    def _bodiless(self, code: cython.int, side: cython.int) -> cython.bint:
        """Whether a response has no body whatever it says (RFC 9112 section 6.3)."""
        if code // 100 == 1 or code in (204, 304):
            return True
        method: bytes = self._method(side)
        return method == b"HEAD" or (method == b"CONNECT" and code // 100 == 2)

    def _method(self, side: cython.int) -> bytes:
        if self._pending:
            return self._pending[0].method
        asked = self._half(1 - side).message
        return asked.line[0] if asked is not None and asked.kind == REQUEST else b""

    def _chunk(self, packet: Packet, side: cython.int, half: Half, data: bytes) -> cython.longlong:
        """A chunk's size stands at the front of `data` (RFC 9112 section 7.1)."""
        end = data.find(b"\n", 0, _MOST_LINE)
        if end < 0:
            if len(data) < _MOST_LINE:
                return 0
            return self._unchunked(packet, side, half)
        digits = data[:end].partition(b";")[0].strip()
        if not digits or len(digits) > 15 or digits.strip(b"0123456789abcdefABCDEF"):
            return self._unchunked(packet, side, half)
        size = int(digits, 16)
        if size:
            half.body += size
            return end + 1 + size + 2
        half.mode = TRAILER
        return end + 1

    def _unchunked(self, packet: Packet, side: cython.int, half: Half) -> cython.longlong:
        half.whole = False
        self._complete(packet, side, half)
        return 0

    def _trailer(self, packet: Packet, side: cython.int, half: Half, data: bytes) -> cython.longlong:
        if len(data) < 2:
            return 0
        assert half.message is not None
        self._tell(packet, half, half.message)
        end = data.find(b"\n", 0, _MOST_LINE)
        if end < 0 and len(data) < _MOST_LINE:
            return 0
        if end > 1 or (end == 1 and data[0] != 13):
            return end + 1
        self._complete(packet, side, half)
        return max(0, end + 1)

    def lost(self, packet: Packet, side: cython.int, count: cython.longlong) -> bool:
        """See `Dialogue.lost`: what follows may begin a message."""
        half: Half = self._half(side)
        if half.message is None and half.partial:
            message = parse(half.partial, len(half.partial))
            if message is not None:
                half.message, half.head_frame = message, half.partial_frame
        if half.message is not None:
            # The last byte of a body is in the hole, or the end is not known.
            half.whole = half.mode == LAST
            half.missing += count if half.mode != LAST else 1
            self._broken(packet, half)
            self._complete(packet, side, half)
        half.reset()
        return True

    def missed(self, packet: Packet, side: cython.int, count: cython.longlong) -> None:
        """See `Mindful.missed`: of a body."""
        half: Half = self._half(side)
        half.missing += count
        if count:
            self._broken(packet, half)
        else:
            half.broken |= self._left_out(packet, half)

    def _broken(self, packet: Packet, half: Half) -> None:
        """Wireshark does not put together what was not all captured: it shows the message that begins in a frame that
        was cut, and none that has a hole."""
        if half.message is not None and half.head_frame == packet.frame:
            self._tell(packet, half, half.message)
        half.broken = True

    def closed(self, packet: Packet, side: cython.int, data: bytes) -> None:
        """See `Dialogue.closed`."""
        half: Half = self._half(side)
        if half.message is None:
            message = parse(half.partial, len(half.partial)) if half.partial else None
            if message is None:
                return
            half.message, half.head_frame, half.whole, half.broken = message, half.partial_frame, False, True
        elif half.mode == UNTIL_CLOSED:
            half.body = _ENDLESS - packet.left
            half.whole = packet.flags & _FIN != 0
            half.broken |= not half.whole
        else:
            half.body = max(0, half.body - packet.left)
            half.whole = False
            self._broken(packet, half)
        self._complete(packet, side, half)

    def ended(self) -> None:
        """See `Mindful.ended`."""
        for half in (self._one, self._other):
            message = half.message
            if message is not None and half.base is not None and not half.early:
                half.whole = False
                if message.kind == REQUEST:
                    self._pending.append(self._teller.asked(half.base, half, message, len(self._pending)))
                else:
                    exchange = self._pending.pop(0) if self._pending else None
                    self._teller.unfinished(half.base, exchange, half, message)
            half.reset()
        while self._pending:
            self._teller.unanswered(self._pending.pop(0))

    # Messages that came to their end.

    def _tell(self, packet: Packet, half: Half, message: Message) -> None:
        """Show the message in the frame, where Wireshark does."""
        if half.told or half.broken or self._left_out(packet, half):
            return
        if not self._known:
            # At a port of no protocol, Wireshark wants a whole first line in one segment to begin with.
            if not half.lined or b"HTTP/1." not in b"".join(message.line):
                return
            self._known = True
        half.told = True
        self._teller.show(packet, message, half.body, self._asked_frame, self._asked_time)
        if message.kind != REQUEST:
            self._asked_frame = self._asked_time = 0
        elif message.line[0] not in NOTIFICATIONS:
            self._asked_frame, self._asked_time = packet.frame, packet.time

    def _complete(self, packet: Packet, side: cython.int, half: Half) -> None:
        message: Message | None = half.message
        assert message is not None
        self._tell(packet, half, message)
        if message.kind == REQUEST:
            if not half.early:
                self._requested(packet, half, message)
        else:
            self._responded(packet, side, half, message)
        half.reset()

    def _requested(self, packet: Packet, half: Half, message: Message) -> None:
        row = packet.exchange(self._teller.record) if self._teller.stores else {}
        self._pending.append(self._teller.asked(row, half, message, len(self._pending)))
        if len(self._pending) > MOST_PENDING:
            self._teller.forgotten(packet)
            self._teller.unanswered(self._pending.pop(0))

    def _responded(self, packet: Packet, side: cython.int, half: Half, message: Message) -> None:
        code: cython.int = message.code
        other: Half = self._half(1 - side)
        if code // 100 == 1 and code != 101:
            if self._pending:
                self._pending[0].interim += 1
            else:
                other.interim += 1
            return
        exchange: Exchange | None = None
        if self._pending:
            exchange = self._pending.pop(0)
        elif other.message is not None and other.message.kind == REQUEST and not other.early:
            # The answer came before the end of what was asked.
            other.early, other.whole = True, False
            exchange = self._teller.asked(dict(other.base or {}), other, other.message, 0)
        tunnel = 0
        if code == 101:
            tunnel = self._upgrade(packet, message)
        elif exchange is not None and exchange.method == b"CONNECT" and code // 100 == 2:
            tunnel = 1
            packet.become("")
        row = None
        if exchange is None and self._teller.stores:
            row = packet.exchange(self._teller.record, reverse=True)
        self._teller.answered(packet, exchange, row, half, message, tunnel)

    def _upgrade(self, packet: Packet, message: Message) -> cython.int:
        """The conversation changes its protocol (RFC 9110 section 15.2.2); which of TUNNELS it is."""
        if message.has("http.upgrade", b"websocket"):
            for half in (self._one, self._other):
                half.mode, half.lined = FRAMES, False
            return 2
        if message.has("http.upgrade", b"h2c"):
            packet.become("http2")
            return 3
        packet.become("")
        return 4

    def state(self) -> Tree:
        """All that is known."""
        return {
            "halves": [self._one.state(), self._other.state()], "asked": [self._asked_frame, self._asked_time],
            
            "known": self._known, "pending": [exchange.state() for exchange in self._pending],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        for half, known in zip((self._one, self._other), state["halves"], strict=True):
            half.restore(known)
        self._asked_frame, self._asked_time = state["asked"]
        self._known = state["known"]
        self._pending = [Exchange.restored(known) for known in state["pending"]]
