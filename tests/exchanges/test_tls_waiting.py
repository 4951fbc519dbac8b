"""TLS that begins in the middle: behind STARTTLS, and behind a proxy's header."""

from __future__ import annotations

import pytest

from pipeline.engine.tls.waiting import MOST_PLAIN, proxy_header
from tests.exchanges.hear import Talk, heard, same_in_any_batches
from tests.exchanges.test_tls_stream import ANSWER, HELLO


@pytest.mark.parametrize(("port", "greeting", "ask", "consent"), [
    (143, b"* OK IMAP4rev1 ready\r\n", b"a STARTTLS\r\n", b"a OK go\r\n"),
    (110, b"+OK POP3 ready\r\n", b"STLS\r\n", b"+OK go\r\n"),
    (21, b"220 ready\r\n", b"AUTH TLS\r\n", b"234 go\r\n"),
    (5222, b"<stream:stream>", b"<starttls/>", b"<proceed/>"),
])
def test_tls_is_heard_behind_a_long_talk_in_clear(port: int, greeting: bytes, ask: bytes, consent: bytes) -> None:
    talk = Talk(port).open().server(greeting)
    for _ in range(20):
        talk.client(b"NOOP\r\n").server(b"OK\r\n")
    talk.client(ask).server(consent)
    first = len(talk.frames) + 1
    (row,) = same_in_any_batches(talk.client(HELLO).server(ANSWER).frames).rows["tls"]
    assert (row["shoal.request_frame"], row["shoal.response_frame"]) == (first, first + 1)


def test_what_never_turns_to_tls_is_left() -> None:
    talk = Talk(143, mss=1400).open().server(b"* OK IMAP4rev1 ready\r\n").server(bytes(MOST_PLAIN))
    assert "tls" not in heard(talk.client(HELLO).frames).rows


@pytest.mark.parametrize("header", [
    b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
])
def test_what_stands_behind_a_proxys_header_is_found_out_anew(header: bytes) -> None:
    (row,) = same_in_any_batches(Talk(7777, mss=20).open().client(header + HELLO).server(ANSWER).frames).rows["tls"]
    assert row["tls.handshake.extensions_server_name"] == "example.com"


def test_a_proxys_header_has_a_size_or_none() -> None:
    assert proxy_header(b"PROXY TCP4 1") == 0
    assert proxy_header(b"PROXY TCP4 " + bytes(200)) == -1
    assert proxy_header(b"PROXY UNKNOWN\r\nrest") == 15
