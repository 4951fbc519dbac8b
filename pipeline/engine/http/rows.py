"""What is told of messages: fields of the frame, and the row of an exchange."""

from __future__ import annotations

from typing import Any

import cython

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.http.half import Half
from pipeline.engine.http.message import DNS_MESSAGE, REQUEST, Message, number, text
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.http import HTTP

MOST_TEXT = 8192
"""Characters of a text in a row."""

_KEPT = {
    REQUEST: {
        "http.host": "http.host", "http.user_agent": "http.user_agent", "http.referer": "http.referer",
        "http.x_forwarded_for": "http.x_forwarded_for", "http.content_type": "shoal.http.request.content_type",
    },
    1 - REQUEST: {"http.content_type": "http.content_type", "http.server": "http.server",
                  "http.location": "http.location"},
}  # fmt: skip
_LINE = {
    REQUEST: ("http.request.method", "http.request.uri", "http.request.version"),
    1 - REQUEST: ("http.response.version", "", "http.response.phrase"),
}
_MEDIA = {
    b"application/ipp": "IPP", b"application/ocsp-request": "OCSP", b"application/ocsp-response": "OCSP",
    DNS_MESSAGE: "DoH",
}  # fmt: skip


@cython.cclass
class Exchange:
    """A request that waits for its response, with the row as far as it is known. `time` is when it ended (ns)."""

    def __init__(self, row: Row, method: bytes, missing: int, time: int) -> None:
        self.row = row
        self.method = method
        self.missing = missing
        self.time = time
        self.interim = 0

    def state(self) -> Tree:
        """All that is known."""
        return {"row": self.row, "method": self.method, "missing": self.missing, "time": self.time,
                "interim": self.interim}  # fmt: skip

    @staticmethod
    def restored(state: Tree) -> Exchange:
        """What `state` was taken from."""
        found = Exchange(state["row"], state["method"], state["missing"], state["time"])
        found.interim = state["interim"]
        return found


@cython.cclass
class Teller:
    """Tells of messages and exchanges; `stores` is whether anybody wants rows, `tells` whether fields of frames.
    `dialogues` counts conversations."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self.record = HTTP
        self.stores = out.stores
        self.tells = out.tells
        self._out = out
        self._notes = notes
        self.count = 0
        self.dialogues = 0

    def row(self, row: Row) -> None:
        """A row is complete."""
        self._out.row(self.record, row)

    def forgotten(self, packet: Packet) -> None:
        """More requests wait than are kept."""
        self.count += 1
        self._notes.note("http-requests-forgotten", packet.row, self.count)

    # Fields of frames.

    def show(self, packet: Packet, message: Message, body: cython.longlong, frame: cython.ulonglong,
             time: cython.longlong) -> None:  # fmt: skip
        """Put the message's fields into the frame, and its name. `frame` and `time` are those of the latest request
        shown, 0 once a response came."""
        packet.name(_name(message, body))
        if not self.tells:
            return
        show(packet, message)
        if frame and message.kind != REQUEST:
            packet.detail("http.request_in", frame)
            packet.detail("http.time", packet.time - time)

    # Rows.

    def asked(self, row: Row, half: Half, message: Message, before: cython.Py_ssize_t) -> Exchange:
        """The request has come; `row` was begun with the frame that ended it, `before` requests wait already."""
        time: cython.longlong = row.get("shoal.first_time", 0)
        exchange: Exchange = Exchange(row, message.line[0], half.missing, time)
        exchange.interim = half.interim
        if self.stores:
            _fill(row, message)
            row["shoal.request_frame"] = row["shoal.first_frame"]
            row["shoal.http.request.first_frame"] = half.first_frame
            row["shoal.http.request.duration"] = max(0, time - half.first_time)
            row["shoal.http.request.head"], row["shoal.http.request.body"] = message.head, half.body
            row["shoal.http.request.chunked"], row["shoal.http.request.whole"] = int(message.chunked), int(half.whole)
            row["shoal.http.pipelined"] = before
            if message.length >= 0:
                row["shoal.http.request.content_length"] = message.length
        return exchange

    def answered(self, packet: Packet, exchange: Exchange | None, row: Row | None, half: Half, message: Message,
                 tunnel: cython.int) -> None:  # fmt: skip
        """The response has come, with this frame; `row` is begun with it where there was no request."""
        if not self.stores:
            return
        if exchange is not None:
            row = exchange.row
            row["shoal.response_time"] = row["http.time"] = packet.time - exchange.time
            if half.first_time >= exchange.time:
                row["shoal.http.ttfb"] = half.first_time - exchange.time
        assert row is not None
        row["shoal.http.tunnel"] = tunnel
        row["shoal.response_frame"] = packet.frame
        row["shoal.http.response.duration"] = max(0, packet.time - half.first_time)
        self._end(row, exchange, half, message)

    def unfinished(self, row: Row, exchange: Exchange | None, half: Half, message: Message) -> None:
        """The response began, with `row`, and never ended."""
        if exchange is not None:
            row = exchange.row
            if half.first_time >= exchange.time:
                row["shoal.http.ttfb"] = half.first_time - exchange.time
        self._end(row, exchange, half, message)

    def _end(self, row: Row, exchange: Exchange | None, half: Half, message: Message) -> None:
        _fill(row, message)
        row["http.response.code"] = message.code
        row["shoal.http.response.first_frame"] = half.first_frame
        row["shoal.http.response.head"], row["shoal.http.response.body"] = message.head, half.body
        row["shoal.http.response.chunked"], row["shoal.http.response.whole"] = int(message.chunked), int(half.whole)
        row["shoal.http.missing"] = half.missing + (exchange.missing if exchange is not None else 0)
        row["shoal.http.interim"] = exchange.interim if exchange is not None else half.interim
        if message.length >= 0:
            row["http.content_length"] = message.length
        self._out.row(self.record, row)

    def unanswered(self, exchange: Exchange) -> None:
        """No response came."""
        if self.stores:
            exchange.row["shoal.http.missing"], exchange.row["shoal.http.interim"] = exchange.missing, exchange.interim
            self._out.row(self.record, exchange.row)


def show(packet: Packet, message: Message) -> None:
    """Put what the message's head says into the frame."""
    request = message.kind == REQUEST
    packet.detail("http.request" if request else "http.response", 1)
    for name, value in zip(_LINE[message.kind], message.line, strict=True):
        if name and value:
            packet.detail(name, text(value))
    if not request and message.line[1]:
        packet.detail("http.response.code", message.code)
    host = b""
    for name, value in message.fields[: message.shown]:
        if name == "http.content_length":
            packet.detail(name, number(value))
        else:
            if said := text(value):
                packet.detail(name, said)
            if name == "http.host":
                host = value
    if request and message.line[1]:
        uri = message.line[1]
        if host and uri.startswith(b"/"):
            uri = b"http://" + host + uri
        packet.detail("http.request.full_uri", text(uri))


def fill_message(row: Row, message: Message) -> None:
    """The columns of a message that stands alone, as SSDP's do."""
    _fill(row, message)
    if message.kind != REQUEST:
        row["http.response.code"] = message.code


def _fill(row: dict[str, Any], message: Message) -> None:
    names: tuple[str, str, str] = _LINE[message.kind]
    line: tuple[bytes, bytes, bytes] = message.line
    for k in range(3):
        name = names[k]
        if name:
            row[name] = _told(line[k])
    kept: dict[str, str] = _KEPT[message.kind]
    for field, value in message.fields:
        column = kept.get(field)
        if column is not None and column not in row:
            row[column] = _told(value)


def _told(value: bytes) -> str:
    return (value if len(value) <= MOST_TEXT else value[:MOST_TEXT]).decode("utf-8", "replace")


def _name(message: Message, body: cython.longlong) -> str:
    """`_ws.col.Protocol`: what Wireshark takes the body for has a part in it."""
    media = message.get("http.content_type") if body else None
    if media is None:
        return "HTTP"
    kind = media.partition(b";")[0].strip().lower()
    if kind in _MEDIA:
        return _MEDIA[kind]
    if kind.endswith((b"/json", b"+json")):
        return "HTTP/JSON"
    return "HTTP/XML" if kind.endswith((b"/xml", b"+xml")) else "HTTP"
