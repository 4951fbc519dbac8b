"""Hellos, what is chosen in them, and their fingerprints."""

from __future__ import annotations

import pytest

from pipeline.engine.tls import fingerprint, names
from pipeline.engine.tls.hello import client_hello, server_hello, ssl2_client_hello
from pipeline.engine.tls.suites import suite, suite_name
from tests.exchanges import tlsmake as make

HELLO = make.client_hello(
    make.server_name(b"example.com"), make.alpn(b"h2", b"http/1.1"), make.versions(0x2A2A, 0x0304, 0x0303),
    make.groups(0x1A1A, 29, 23), make.extension(11, b"\1\0"),
    make.extension(13, make.sized(make.words(0x0403, 0x0804))),
    make.extension(35, b"ticket"), make.extension(42, b""), make.extension(41, b"psk"),
    make.extension(51, make.sized(make.words(0x1A1A) + b"\0\1x" + make.words(29) + b"\0\2yz")),
    ciphers=(0x0A0A, 0x1301, 0xC02F), session=b"s" * 32,
)  # fmt: skip


def test_a_client_hello_tells_what_it_offers() -> None:
    hello = client_hello(HELLO, 4, len(HELLO))
    assert (hello.version, hello.random, hello.session) == (0x0303, make.RANDOM, b"s" * 32)
    assert (hello.ciphers, hello.names) == ([0x0A0A, 0x1301, 0xC02F], [b"example.com"])
    assert hello.alpn == [b"h2", b"http/1.1"]
    assert (hello.versions, hello.highest, hello.groups) == ([0x2A2A, 0x0304, 0x0303], 0x0304, [0x1A1A, 29, 23])
    assert (hello.formats, hello.signatures, hello.key_shares) == ([0], [0x0403, 0x0804], [0x1A1A, 29])
    assert (hello.ticket, hello.early_data, hello.psk) == (6, True, True)
    assert hello.extensions == [0, 16, 43, 10, 11, 13, 35, 42, 41, 51]


@pytest.mark.parametrize("size", range(4, len(HELLO)))
def test_a_cut_hello_has_what_stands_before_the_cut(size: int) -> None:
    hello = client_hello(HELLO, 4, size)
    whole = client_hello(HELLO, 4, len(HELLO))
    assert hello.extensions == whole.extensions[: len(hello.extensions)]
    assert hello.ciphers == whole.ciphers[: len(hello.ciphers)]
    server_hello(HELLO, 4, size)
    ssl2_client_hello(HELLO, 4, size)


def test_lengths_that_lie_are_cut_at_the_end_of_what_holds_them() -> None:
    lying = make.extension(0, b"\xff\xff\0\xff\xffabc") + make.extension(16, b"\xff\xff\xffh2")
    hello = client_hello(body := make.client_hello(lying), 4, len(body))
    assert (hello.names, hello.alpn) == ([b"abc"], [b"h2"])


def test_a_server_hello_tells_what_it_chooses() -> None:
    body = make.server_hello(make.TLS13, make.KEY_SHARE, cipher=0x1301)
    hello = server_hello(body, 4, len(body))
    assert (hello.ciphers, hello.versions, hello.key_shares, hello.retry) == ([0x1301], [0x0304], [29], False)
    retry = make.server_hello(make.TLS13, random=make.HRR)
    assert server_hello(retry, 4, len(retry)).retry
    # Drafts up to 21 have neither session id nor compression.
    old = make.message(2, make.words(0x7F12) + make.RANDOM + make.words(0x1302) + make.sized(make.KEY_SHARE))
    assert server_hello(old, 4, len(old)).ciphers == [0x1302]


def test_ja3_is_what_its_authors_publish() -> None:
    # The examples of salesforce/ja3.
    ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4]
    text = fingerprint.ja3_text(769, ciphers, [0, 10, 11], [23, 24, 25], [0])
    assert text == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    assert fingerprint.hashed(text) == "ada70206e40642a3e4461f35503241d5"
    bare = fingerprint.ja3_text(769, [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], [], [], [])
    assert fingerprint.hashed(bare) == "de350869b8c85de67a350c8d186f11e6"


def test_ja4_is_what_its_authors_publish() -> None:
    # The example of FoxIO's technical details, shuffled and with GREASE.
    ciphers = [0x0A0A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C,
               0x009D, 0x002F, 0x0035]
    extensions = [0x1A1A, 0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023, 0x0012,
                  0x002B, 0xFF01, 0x000B, 0x000A, 0x0015]
    signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
    told = fingerprint.ja4("t", 0x0304, ciphers, extensions, signatures, [b"h2", b"http/1.1"])
    assert told == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert fingerprint.ja4("q", 0x0303, [], [], [], [b"\xab\xcd"]) == "q12i0000ad_000000000000_000000000000"


@pytest.mark.parametrize(("value", "parts"), [
    (0xC02F, ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE", "RSA", "AES_128_GCM", "AEAD")),
    (0x002F, ("TLS_RSA_WITH_AES_128_CBC_SHA", "RSA", "RSA", "AES_128_CBC", "SHA")),
    (0x0003, ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", "RSA_EXPORT", "RSA", "RC4_40", "MD5")),
    (0x0018, ("TLS_DH_anon_WITH_RC4_128_MD5", "DH", "anon", "RC4_128", "MD5")),
    (0xC0A8, ("TLS_PSK_WITH_AES_128_CCM_8", "PSK", "PSK", "AES_128_CCM_8", "AEAD")),
    (0x1303, ("TLS_CHACHA20_POLY1305_SHA256", "", "", "CHACHA20_POLY1305", "AEAD")),
    (0x00FF, ("TLS_EMPTY_RENEGOTIATION_INFO_SCSV", "", "", "", "")),
])  # fmt: skip
def test_a_suite_is_told_by_its_parts(value: int, parts: tuple[str, ...]) -> None:
    assert tuple(suite(value)) == parts


def test_numbers_without_a_name_are_told_as_such() -> None:
    assert (suite_name(0x5A5A), suite_name(0xABCD)) == ("GREASE", "0xabcd")
    assert (names.group_name(29), names.group_name(0x4588)) == ("x25519", "0x4588")
    assert (names.draft(0x7F12), names.draft(0xFB1A), names.draft(0x0304)) == (18, 26, 0)
