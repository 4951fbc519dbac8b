"""Bytes of both sides of a conversation at port 80, HTTP/1 or HTTP/2, and datagrams of SSDP."""

from __future__ import annotations

from hpack import Encoder

from pipeline.engine.http.http2 import PREFACE
from tests.exchanges.hear import Talk, ask, heard
from tests.exchanges.test_http2 import ASKED, frame


def seeds() -> list[bytes]:
    """Requests and responses; the first byte cuts them into segments, the second says where the other side begins."""
    asked = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nUpgrade: websocket\r\n\r\nabc"
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    two = PREFACE + frame(1, 1, Encoder().encode(ASKED), 5)
    answer = frame(1, 1, Encoder().encode([(":status", "200")]), 4) + frame(0, 1, b"body", 1)
    return [
        bytes([40, len(asked)]) + asked + chunks, bytes([90, len(two)]) + two + answer,
        bytes([9, 0]) + b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
        bytes([60, 60]) + b"CONNECT h:1 HTTP/1.1\r\n\r\n",
    ]  # fmt: skip


def run(data: bytes) -> None:
    """The first byte is how long segments are, the second how many bytes the client sends."""
    if len(data) < 3:
        return
    talk = Talk(80, mss=max(1, data[0]) + max(0, len(data) // 64)).open()
    said = data[2:]
    talk.client(said[: data[1]]).server(said[data[1] :]).client(said[data[1] // 2 :]).close()
    whole = heard([*talk.frames, ask(said[:1400], 50, dstport=1900)])
    parts = heard([*talk.frames, ask(said[:1400], 50, dstport=1900)], batch_rows=5, restore=True)
    assert parts.rows == whole.rows
    assert parts.details == whole.details
