"""HTTP/1.x: messages, and requests with their responses."""

from __future__ import annotations

import pytest

from tests.exchanges.dns_bytes import query
from tests.exchanges.hear import SECOND, Frame, Heard, Talk, answer, ask, heard, same_in_any_batches

GET = b"GET /a?b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test/1\r\nReferer: http://r/\r\n\r\n"


def reply(body: bytes, extra: bytes = b"", code: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (code, len(body), extra, body)


def only(found: Heard) -> dict[str, object]:
    (row,) = found.rows["http"]
    return row


def test_a_request_and_its_response_over_segments() -> None:
    talk = Talk(80, mss=100).open().client(GET).wait(0.2)
    talk.server(reply(b"x" * 250, b"Content-Type: text/css\r\nServer: s\r\n")).close()
    found = same_in_any_batches(talk.frames)
    row = only(found)
    assert row["http.request.method"] == "GET"
    assert row["http.request.uri"] == "/a?b"
    assert row["http.request.version"] == row["http.response.version"] == "HTTP/1.1"
    assert (row["http.host"], row["http.user_agent"], row["http.referer"]) == ("example.org", "test/1", "http://r/")
    assert (row["http.response.code"], row["http.response.phrase"]) == (200, "OK")
    assert (row["http.content_type"], row["http.server"], row["http.content_length"]) == ("text/css", "s", 250)
    assert (row["shoal.http.request.first_frame"], row["shoal.request_frame"]) == (4, 4)
    assert (row["shoal.http.response.first_frame"], row["shoal.response_frame"]) == (5, 8)
    assert row["shoal.http.response.body"] == 250
    assert row["shoal.http.response.whole"] == 1
    assert row["shoal.http.ttfb"] == SECOND // 5 + SECOND // 1000
    assert row["http.time"] == row["shoal.response_time"] == SECOND // 5 + 4 * SECOND // 1000
    # Fields stand in the frame that completes the message.
    assert found.details[4]["http.request.uri"] == ["/a?b"]
    assert found.details[4]["http.request.full_uri"] == ["http://example.org/a?b"]
    assert found.details[8]["http.request_in"] == [4]
    assert found.details[8]["http.content_length"] == [250]
    assert 5 not in found.details
    assert [found.names[k] for k in (4, 5, 7, 8)] == ["HTTP", "TCP", "TCP", "HTTP"]


def test_pipelined_requests_are_answered_in_their_order() -> None:
    requests = b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % k for k in range(3))
    replies = b"".join(reply(b"r" * k, b"Location: /%d\r\n" % k) for k in range(3))
    found = same_in_any_batches(Talk(8080).open().client(requests).server(replies).close().frames)
    rows = found.rows["http"]
    assert [row["http.request.uri"] for row in rows] == ["/0", "/1", "/2"]
    assert [row["http.location"] for row in rows] == ["/0", "/1", "/2"]
    assert [row["shoal.http.pipelined"] for row in rows] == [0, 1, 2]
    assert [row["shoal.exchange"] for row in rows] == [0, 1, 2]
    assert found.details[4]["http.request.uri"] == ["/0", "/1", "/2"]


def test_chunks_and_their_trailer() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
    talk = Talk(80, mss=60).open().client(GET)
    talk.server(head + b"5;x=y\r\nabcde\r\n40\r\n" + b"z" * 64 + b"\r\n0\r\nA: b\r\n\r\n" + reply(b"2"))
    rows = same_in_any_batches(talk.close().frames).rows["http"]
    assert (rows[0]["shoal.http.response.body"], rows[0]["shoal.http.response.chunked"]) == (69, 1)
    assert rows[0]["shoal.http.response.whole"] == 1
    # The second response was not asked for.
    assert (rows[1]["http.response.code"], rows[1].get("http.request.method")) == (200, None)
    assert rows[1]["ip.src"] == rows[0]["ip.src"]


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    talk = Talk(80).open().client(GET).server(b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n<a/>").server(b"more")
    talk._flags(1, 0x11)
    found = same_in_any_batches(talk.frames)
    assert (only(found)["shoal.http.response.body"], only(found)["shoal.response_frame"]) == (8, 7)
    assert found.details[7]["http.response.code"] == [200]
    assert found.names[7] == "HTTP/XML"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"HEAD / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
def test_responses_without_a_body(asked: bytes, answered: bytes) -> None:
    found = same_in_any_batches(Talk(80).open().client(asked).server(answered).client(asked).server(answered).frames)
    assert [row["shoal.response_frame"] for row in found.rows["http"]] == [5, 7]


def test_an_interim_response_is_none() -> None:
    post = b"POST /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\nContent-Type: a/b\r\n\r\n"
    talk = Talk(80).open().client(post).server(b"HTTP/1.1 100 Continue\r\n\r\n").client(b"data").server(reply(b""))
    row = only(same_in_any_batches(talk.close().frames))
    assert (row["http.response.code"], row["shoal.http.interim"], row["shoal.http.request.body"]) == (200, 1, 4)
    assert (row["shoal.http.request.first_frame"], row["shoal.request_frame"]) == (4, 6)
    assert row["shoal.http.request.content_type"] == "a/b"


def test_halves() -> None:
    found = same_in_any_batches(Talk(80).open().client(GET).close().frames)
    assert (only(found)["http.request.uri"], only(found).get("http.response.code")) == ("/a?b", None)
    found = same_in_any_batches(Talk(80).open().server(reply(b"abc")).close().frames)
    assert (only(found)["http.response.code"], only(found).get("shoal.request_frame")) == (200, None)
    assert only(found)["ip.src"] == "10.0.0.1"
    # Nobody closes it: it is told when it was silent for long, or at the end.
    frames = Talk(80).open().client(GET).frames + Talk(9, srcport=7, at=400).open().frames
    assert only(same_in_any_batches(frames))["http.request.uri"] == "/a?b"
    # A body that never ends.
    found = same_in_any_batches(Talk(80).open().client(GET).server(reply(b"x" * 50)[:-20]).close().frames)
    assert (only(found)["shoal.http.response.whole"], only(found)["shoal.http.response.body"]) == (0, 30)
    assert 5 not in found.details


def test_an_answer_before_the_end_of_the_request() -> None:
    post = b"POST /up HTTP/1.1\r\nContent-Length: 400\r\n\r\n"
    talk = Talk(80).open().client(post + b"x" * 100).server(reply(b"", code=b"413 Too Large")).client(b"x" * 300)
    row = only(same_in_any_batches(talk.close().frames))
    assert (row["http.request.uri"], row["http.response.code"]) == ("/up", 413)
    assert row["shoal.http.request.whole"] == 0


def test_a_tunnel_and_an_upgrade() -> None:
    talk = Talk(8080).open().client(b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n")
    talk.server(b"HTTP/1.1 200 Connection established\r\n\r\n").client(GET).server(reply(b"in"))
    rows = same_in_any_batches(talk.close().frames).rows["http"]
    assert [r["shoal.http.tunnel"] for r in rows] == ["connect", "none"]
    assert [r["http.request.method"] for r in rows] == ["CONNECT", "GET"]
    talk = Talk(80).open().client(GET).server(b"HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\n\r\n")
    talk.client(b"\x81\x85mask" + b"hello").server(b"\x82\x7e\x00\x80" + b"z" * 100).server(b"z" * 28)
    found = same_in_any_batches(talk.frames)
    assert only(found)["shoal.http.tunnel"] == "websocket"
    assert [found.names[k] for k in (6, 7, 8)] == ["WebSocket", "TCP", "WebSocket"]


def test_what_the_snap_length_cut_is_told_as_far_as_it_goes() -> None:
    frames = Talk(80).open().client(GET).server(reply(b"x" * 500)).close().frames
    found = heard(frames, cut=54 + 50)
    row = only(found)
    assert (row["http.request.uri"], row["http.host"], row["http.user_agent"]) == ("/a?b", "example.org", "")
    assert (row["http.response.code"], row["shoal.http.missing"]) == (200, len(GET) - 50 + len(reply(b"x" * 500)) - 50)
    assert found.details[4]["http.host"] == ["example.org"]
    assert found.details[5]["http.content_length"] == [500]


def test_a_hole_in_a_body_is_counted_and_not_shown() -> None:
    talk = Talk(80, mss=100).open().client(GET).server(reply(b"x" * 400)).client(GET).server(reply(b"y")).close()
    frames = [frame for k, frame in enumerate(talk.frames) if k != 6]
    found = same_in_any_batches(frames)
    rows = found.rows["http"]
    assert [row["shoal.http.missing"] for row in rows] == [100, 0]
    assert [row["http.content_length"] for row in rows] == [400, 1]
    shown = [k for k, fields in found.details.items() if "http.response.code" in fields]
    assert len(shown) == 1


def test_words_of_the_first_line_as_wireshark_takes_them() -> None:
    def fields(line: bytes) -> dict[str, list[object]]:
        return same_in_any_batches(Talk(80).open().client(line + b"\r\nHost: h\r\n\r\n").frames).details[4]

    assert fields(b"GET /a b HTTP/1.1")["http.request.version"] == ["b HTTP/1.1"]
    assert "http.request.uri" not in fields(b"GET  HTTP/1.1")
    assert fields(b"OPTIONS")["http.request.method"] == ["OPTIONS"]
    assert fields(b"GET /\xff\0z HTTP/1.1")["http.request.uri"] == ["/�"]
    found = same_in_any_batches(Talk(80).open().server(reply(b"", code=b"0204 OK")).frames).details[4]
    assert found["http.response.code"] == [20]


def test_requests_that_wait_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.http.dialogue.MOST_PENDING", 5)
    found = same_in_any_batches(Talk(80).open().client(b"GET / HTTP/1.1\r\n\r\n" * 20).close().frames)
    assert len(found.rows["http"]) == 20
    assert ("http-requests-forgotten", 1) in found.events


HOSTILE = [
    b"GET", b"GET " + b"a" * 70_000, b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, b"\r\n" * 3000 + GET,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"F" * 30 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9" + b"9" * 90,
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc", b"\0" * 5000, b"GET / HTTP/1.1\r\n:\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_bytes(data: bytes) -> None:
    def talk(side: str) -> list[Frame]:
        made = Talk(80).open()
        getattr(made, side)(data)
        return made.client(GET).server(reply(b"ok")).close().frames

    for side in ("client", "server"):
        heard(talk(side), batch_rows=7, restore=True)
    assert len(heard(talk("client")).rows.get("http", [])) <= 3


def test_ssdp() -> None:
    search = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n\r\n'
    found = same_in_any_batches([
        ask(search, dstport=1900, dst="239.255.255.250"), answer(b"HTTP/1.1 200 OK\r\nST: x\r\n\r\n", dstport=1900),
    ])  # fmt: skip
    assert found.names == {1: "SSDP", 2: "SSDP"}
    assert found.details[1]["http.request.method"] == ["M-SEARCH"]
    assert [row.get("http.response.code") for row in found.rows["http"]] == [None, 200]
    assert found.rows["http"][1]["udp.dstport"] == 1900


def test_a_message_of_dns_as_a_body_is_told() -> None:
    message = query("example.org", ident=0)
    head = b"POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: application/dns-message\r\nContent-Length: %d\r\n\r\n"
    talk = Talk(80, mss=40).open().client(head % len(message) + message)
    last = len(talk.frames)
    talk.server(b"HTTP/1.1 204 No Content\r\n\r\n")
    found = same_in_any_batches(talk.close().frames)
    told = [number for number, details in found.details.items() if "dns.id" in details]
    assert (told[0], found.names[told[0]]) == (last, "DoH")
    assert found.details[last]["dns.qry.name"] == ["example.org"]
    (row,) = found.rows["http"]
    assert (row["shoal.http.request.body"], row["shoal.http.request.whole"]) == (len(message), 1)
