"""HTTP/2 in clear: streams as rows."""

from __future__ import annotations

import pytest
from hpack import Encoder

from pipeline.engine.http.http2 import PREFACE
from tests.exchanges.dns_bytes import ASKED as ASKED_NAME
from tests.exchanges.dns_bytes import record, response
from tests.exchanges.hear import SECOND, Talk, heard, same_in_any_batches

ASKED = [
    (":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "example.org"), ("user-agent", "t/1"),
]  # fmt: skip


def frame(kind: int, stream: int, data: bytes = b"", flags: int = 0) -> bytes:
    return len(data).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data


def request(packer: Encoder, stream: int, flags: int = 5, fields: list[tuple[str, str]] | None = None) -> bytes:
    return frame(1, stream, packer.encode(fields or ASKED), flags)


def test_streams_are_rows() -> None:
    asks, answers = Encoder(), Encoder()
    talk = Talk(9000, mss=120).open().client(PREFACE + frame(4, 0)).server(frame(4, 0))
    talk.client(request(asks, 1) + request(asks, 3, 4, [(":method", "POST"), *ASKED[1:]]))
    talk.client(frame(0, 3, b"q" * 300, 1)).wait(0.1)
    talk.server(frame(1, 3, answers.encode([(":status", "201"), ("content-type", "a/b")]), 4) + frame(0, 3, b"r" * 500))
    talk.server(frame(0, 3, b"end", 1) + frame(1, 1, answers.encode([(":status", "404"), ("server", "s")]), 5))
    found = same_in_any_batches(talk.close().frames)
    rows = {row["http2.streamid"]: row for row in found.rows["http"]}
    assert (rows[1]["http.request.method"], rows[1]["http.request.uri"], rows[1]["http.host"]) == (
        "GET", "/x", "example.org",
    )  # fmt: skip
    assert (rows[1]["http.response.code"], rows[1]["http.server"], rows[1]["http.user_agent"]) == (404, "s", "t/1")
    assert rows[1]["http.request.version"] == rows[1]["http.response.version"] == "HTTP/2"
    assert (rows[3]["http.request.method"], rows[3]["http.response.code"]) == ("POST", 201)
    assert (rows[3]["shoal.http.request.body"], rows[3]["shoal.http.response.body"]) == (300, 503)
    assert rows[3]["shoal.http.ttfb"] == SECOND // 10 + SECOND // 1000
    assert rows[3]["http.content_type"] == "a/b"
    assert found.names[4] == "HTTP2"
    assert found.details[6]["http2.headers.path"] == ["/x", "/x"]
    # The body's frame is over three segments, and shown in the last one.
    assert [found.names[k] for k in (7, 8, 9)] == ["TCP", "TCP", "HTTP2"]


def test_an_upgrade_and_a_preface_behind_the_servers_first_words() -> None:
    talk = Talk(80).open().client(b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n")
    talk.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + frame(4, 0)).client(PREFACE + frame(4, 0))
    talk.server(frame(1, 1, Encoder().encode([(":status", "200")]), 5))
    rows = same_in_any_batches(talk.close().frames).rows["http"]
    assert [(row["http.response.code"], row.get("http2.streamid")) for row in rows] == [(101, None), (200, 1)]
    assert rows[0]["shoal.http.tunnel"] == "h2c"
    talk = Talk(80).open().server(frame(4, 0)).client(PREFACE + request(Encoder(), 1)).close()
    assert same_in_any_batches(talk.frames).rows["http"][0]["http.request.uri"] == "/x"


def test_halves_and_headers_over_frames() -> None:
    block = Encoder().encode(ASKED)
    talk = Talk(9000).open().client(PREFACE + frame(1, 1, block[:9], 1) + frame(9, 1, block[9:], 4)).close()
    (row,) = same_in_any_batches(talk.frames).rows["http"]
    assert (row["http.host"], row["shoal.http.request.whole"]) == ("example.org", 1)
    assert "http.response.code" not in row
    padded = frame(1, 5, b"\2" + bytes(5) + block + b"\0\0", 0x2D)
    talk = Talk(9000).open().client(PREFACE + padded + frame(3, 5, bytes(4)))
    assert same_in_any_batches(talk.frames).rows["http"][0]["http.request.uri"] == "/x"


HOSTILE = [
    frame(1, 1, b"\xff" * 50, 5), frame(1, 1, b"\x3f\xff\xff\xff\xff\x7f", 5), frame(1, 1, b"", 0x2D),
    frame(9, 7, b"x"),
    frame(1, 1, b"\x40\x7f\xff\xff\xff\xff\xff\xff", 5), b"\xff\xff\xff\1\0\0\0\0\1", frame(1, 0, b"\x82", 5),
    frame(5, 1, b"", 4), frame(1, 1, b"\xbe" * 3, 4), b"\0\0", frame(1, 1, b"\x82" * 9000, 5),
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_bytes(data: bytes) -> None:
    talk = Talk(9000).open().client(PREFACE + data + request(Encoder(), 9)).server(data).close()
    assert heard(talk.frames, batch_rows=3, restore=True).rows == heard(talk.frames).rows


def test_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.http.http2.MOST_STREAMS", 4)
    packer = Encoder()
    talk = Talk(9000).open().client(PREFACE + b"".join(request(packer, 2 * k + 1) for k in range(12)))
    found = same_in_any_batches(talk.frames)
    assert len(found.rows["http"]) == 12
    assert ("http-requests-forgotten", 1) in found.events
    monkeypatch.setattr("pipeline.engine.http.tracker2.MOST_DIALOGUES", 1)
    said = PREFACE + request(Encoder(), 1)
    two = [one for k in (1, 2) for one in Talk(9000, srcport=k).open().client(said).frames]
    found = same_in_any_batches(two)
    assert len(found.rows["http"]) == 1
    assert ("http2-conversations-passed-over", 1) in found.events


def test_a_message_of_dns_is_told_where_its_stream_ends() -> None:
    asks, answers = Encoder(), Encoder()
    message = response("example.org", record(ASKED_NAME, 1, bytes((192, 0, 2, 1))), ident=0)
    talk = Talk(80, mss=60).open().client(PREFACE + request(asks, 1))
    head = answers.encode([(":status", "200"), ("content-type", "application/dns-message")])
    talk.server(frame(1, 1, head, 4) + frame(0, 1, b"\2" + message[:9] + b"\0\0", 8))
    talk.server(frame(0, 1, message[9:], 1))
    last = len(talk.frames)
    found = same_in_any_batches(talk.close().frames)
    assert found.names[last] == "DoH"
    assert found.details[last]["dns.qry.name"] == ["example.org"]
    assert found.details[last]["dns.unsolicited"] == [1]
    (row,) = found.rows["http"]
    assert (row["http.content_type"], row["shoal.http.response.body"]) == ("application/dns-message", len(message) + 3)
