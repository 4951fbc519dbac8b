"""One TCP conversation that speaks HTTP/2 in clear (RFC 9113): its streams are exchanges."""

from __future__ import annotations

from typing import Any

from pipeline.engine.dns.carried import tell_carried
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.http.hpacked import Fields, Headers
from pipeline.engine.http.message import DNS_MESSAGE, MOST_DNS, number, text
from pipeline.engine.http.rows import MOST_TEXT, Teller
from pipeline.engine.snapshot import Tree

MOST_STREAMS = 256
"""Streams of a conversation that are open at a time; more, and the first is told as it stands."""
MOST_FRAME = 1 << 17
"""Bytes of a frame with a header; a longer one is none that can be followed."""
MOST_BLOCK = 1 << 17
"""Bytes of a header over several frames."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _PUSH, _CONTINUATION = 0, 1, 3, 5, 9
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY = 1, 4, 8, 32
_STREAM = 0x7FFFFFFF
_SEEN = {
    b":method": "http2.headers.method", b":path": "http2.headers.path", b":authority": "http2.headers.authority",
}  # fmt: skip
_ASKED = {
    b":method": "http.request.method", b":path": "http.request.uri", b":authority": "http.host", b"host": "http.host",
    b"user-agent": "http.user_agent", b"referer": "http.referer", b"x-forwarded-for": "http.x_forwarded_for",
    b"content-type": "shoal.http.request.content_type",
}  # fmt: skip
_ANSWERED = {b"content-type": "http.content_type", b"server": "http.server", b"location": "http.location"}


class _Half:
    """`awaited` is (type, flags, stream) of a frame whose last byte is awaited, `block` a header that is not whole.
    `carried` has the messages of DNS under way, by stream."""

    __slots__ = ("awaited", "block", "block_flags", "block_stream", "carried", "headers")

    def __init__(self) -> None:
        self.headers = Headers()
        self.awaited: tuple[int, int, int] | None = None
        self.block = b""
        self.block_stream = self.block_flags = 0
        self.carried: dict[int, bytes] = {}


class Http2Dialogue:
    """Both sides. A stream's row is kept until both have ended it."""

    def __init__(self, teller: Teller) -> None:
        self.need = [0, 0]
        self._teller = teller
        self._halves = (_Half(), _Half())
        self._streams: dict[int, dict[str, Any]] = {}

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """See `Dialogue.take`."""
        half = self._halves[side]
        if half.awaited is not None:
            (kind, flags, stream), half.awaited = half.awaited, None
            self._frame(packet, side, kind, flags, stream, b"")
            return 1
        self.need[side] = 0
        if data.startswith(PREFACE[: len(data)]):
            if len(data) < len(PREFACE):
                return 0
            packet.name("HTTP2")
            return len(PREFACE)
        if len(data) < 9:
            return 0
        size, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
        stream = int.from_bytes(data[5:9], "big") & _STREAM
        if kind in (_HEADERS, _CONTINUATION, _PUSH):
            if size > MOST_FRAME:
                packet.leave()
                return 0
            if len(data) < 9 + size:
                self.need[side] = 9 + size
                return 0
            self._frame(packet, side, kind, flags, stream, data[9 : 9 + size])
            return 9 + size
        carries = kind == _DATA and size <= MOST_DNS and stream in half.carried
        if carries and len(data) < 9 + size:
            self.need[side] = 9 + size
            return 0
        if kind == _DATA and stream in self._streams:
            column = "shoal.http.request.body" if self._streams[stream]["side"] == side else "shoal.http.response.body"
            row = self._streams[stream]["row"]
            row[column] = row.get(column, 0) + size
        if len(data) >= 9 + size:
            self._frame(packet, side, kind, flags, stream, data[9 : 9 + size] if carries else b"")
            return 9 + size
        half.awaited = (kind, flags, stream)
        return 9 + size - 1

    def _frame(self, packet: Packet, side: int, kind: int, flags: int, stream: int, data: bytes) -> None:
        """A frame has come to its end."""
        packet.name("HTTP2")
        if self._teller.tells:
            packet.detail("http2.streamid", stream)
        half = self._halves[side]
        if kind in (_HEADERS, _PUSH):
            half.block, half.block_stream, half.block_flags = _block(kind, flags, data), stream, flags
            if kind == _PUSH:
                half.block_stream = -1
        elif kind == _CONTINUATION and stream == half.block_stream:
            half.block += data
            if len(half.block) > MOST_BLOCK:
                half.block, half.block_stream, half.headers.lost = b"", 0, True
                return
        elif kind == _RESET:
            self._tell(stream)
            return
        if kind in (_HEADERS, _CONTINUATION, _PUSH) and flags & _END_HEADERS:
            fields = half.headers.read(half.block)
            target, flags = half.block_stream, half.block_flags
            half.block, half.block_stream = b"", 0
            if target > 0:
                self._headers(packet, side, target, fields)
        elif kind != _DATA:
            return
        elif data:
            _gather(half.carried, stream, data[1 : max(1, len(data) - data[0])] if flags & _PADDED else data)
        if flags & _END_STREAM:
            if (message := half.carried.pop(stream, None)):
                packet.name("DoH")
                if self._teller.tells:
                    tell_carried(packet, message)
            self._ended(packet, side, stream)

    def _headers(self, packet: Packet, side: int, stream: int, fields: Fields) -> None:
        status = 0
        method = False
        for name, value in fields:
            seen = _SEEN.get(name)
            if seen is not None and self._teller.tells:
                packet.detail(seen, text(value))
            if name == b":status":
                status = number(value)
                if self._teller.tells:
                    packet.detail("http2.headers.status", status)
            method |= name == b":method"
        known = self._streams.get(stream)
        if known is None:
            if not method and not status:
                return
            known = self._begin(packet, side if method else 1 - side, stream)
        row = known["row"]
        request = known["side"] == side
        if not request and 100 <= status < 200:
            row["shoal.http.interim"] = row.get("shoal.http.interim", 0) + 1
            return
        if not request and "http.response.code" not in row:
            row["http.response.code"] = status
            row["http.response.version"] = "HTTP/2"
            row["shoal.http.response.first_frame"] = packet.frame
            known["begun"] = packet.time
            if "asked" in known:
                row["shoal.http.ttfb"] = max(0, packet.time - known["asked"])
        kept = _ASKED if request else _ANSWERED
        for name, value in fields:
            if name == b"content-type" and value == DNS_MESSAGE:
                self._halves[side].carried[stream] = b""
            column = kept.get(name)
            if column is not None and column not in row:
                row[column] = value[:MOST_TEXT].decode("utf-8", "replace")
            elif name == b"content-length":
                row["shoal.http.request.content_length" if request else "http.content_length"] = number(value)

    def _begin(self, packet: Packet, client: int, stream: int) -> dict[str, Any]:
        if len(self._streams) >= MOST_STREAMS:
            self._teller.forgotten(packet)
            self._tell(next(iter(self._streams)))
        asks = packet.side == client
        row = packet.exchange(self._teller.record, reverse=not asks) if self._teller.stores else {}
        row["http2.streamid"] = stream
        if asks:
            row["http.request.version"] = "HTTP/2"
            row["shoal.request_frame"] = row["shoal.http.request.first_frame"] = packet.frame
            row["shoal.http.pipelined"] = len(self._streams)
            row["shoal.http.request.whole"] = 0
        known: dict[str, Any] = {"row": row, "side": client}
        if asks:
            known["asked"] = packet.time
        self._streams[stream] = known
        return known

    def _ended(self, packet: Packet, side: int, stream: int) -> None:
        """The side says no more on the stream."""
        known = self._streams.get(stream)
        if known is None:
            return
        row = known["row"]
        if known["side"] == side:
            if "asked" in known:
                row["shoal.http.request.duration"] = packet.time - known["asked"]
                row["shoal.request_frame"], known["asked"] = packet.frame, packet.time
                row["shoal.http.request.whole"] = 1
            return
        row["shoal.response_frame"] = packet.frame
        row["shoal.http.response.whole"] = 1
        if "begun" in known:
            row["shoal.http.response.duration"] = packet.time - known["begun"]
        if "asked" in known:
            row["shoal.response_time"] = row["http.time"] = max(0, packet.time - known["asked"])
        self._tell(stream)

    def _tell(self, stream: int) -> None:
        known = self._streams.pop(stream, None)
        if known is not None:
            for half in self._halves:
                half.carried.pop(stream, None)
            self._teller.row(known["row"])

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """See `Dialogue.lost`: where the next frame begins is not known, nor what the tables hold."""
        return False

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """See `Dialogue.closed`."""

    def missed(self, packet: Packet, side: int, count: int) -> None:
        """See `Mindful.missed`: of data only."""

    def ended(self) -> None:
        """See `Mindful.ended`."""
        for stream in list(self._streams):
            self._tell(stream)
        self._teller.dialogues -= 1

    def state(self) -> Tree:
        """All that is known."""
        return {
            "streams": [[stream, known] for stream, known in self._streams.items()],
            "halves": [
                [h.headers.state(), list(h.awaited) if h.awaited else [], h.block, h.block_stream, h.block_flags,
                 [[stream, message] for stream, message in h.carried.items()]]
                for h in self._halves
            ],
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._streams = dict(state["streams"])
        for half, (headers, awaited, block, stream, flags, carried) in zip(self._halves, state["halves"], strict=True):
            half.headers.restore(headers)
            half.awaited = (awaited[0], awaited[1], awaited[2]) if awaited else None
            half.block, half.block_stream, half.block_flags = block, stream, flags
            half.carried = dict(carried)


def _gather(carried: dict[int, bytes], stream: int, data: bytes) -> None:
    """A part of a message of DNS; all that are under way together are as long as one may be."""
    if stream in carried and sum(map(len, carried.values())) + len(data) <= MOST_DNS:
        carried[stream] += data


def _block(kind: int, flags: int, data: bytes) -> bytes:
    """The packed header in a frame of type HEADERS or PUSH_PROMISE (sections 6.2 and 6.6)."""
    begin, end = 0, len(data)
    if flags & _PADDED and data:
        begin, end = 1, end - data[0]
    if kind == _PUSH:
        begin += 4
    elif flags & _PRIORITY:
        begin += 5
    return data[begin : max(begin, end)]
