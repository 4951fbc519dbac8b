"""Rows of view `tls`: a handshake as a timeline."""

from __future__ import annotations

from tests.exchanges import tlsmake as make
from tests.exchanges.hear import Talk, heard, same_in_any_batches
from tests.exchanges.test_tls_stream import ANSWER, HELLO

SECOND = 1_000_000_000


def _full(at: float = 0.0, srcport: int = 40_000) -> Talk:
    """A whole handshake of TLS 1.2 with certificates of both sides, and data."""
    keys = make.message(12, b"\3" + make.words(29) + bytes(40))
    asks = make.message(13, make.sized(b"\1\x40", 1) + make.sized(make.words(0x0403)) + make.sized(b""))
    chain = make.certificates(make.certificate(), make.certificate("Some CA"))
    hello = make.client_hello(make.server_name(b"example.com"), make.alpn(b"h2", b"http/1.1"), make.groups(29, 23))
    talk = Talk(443, at=at, srcport=srcport).open().client(make.handshake(hello, version=0x0301))
    talk.server(make.handshake(make.server_hello(make.alpn(b"h2"), session=b"s" * 32), chain, keys, asks,
                               make.message(14, b"")))  # fmt: skip
    talk.client(make.handshake(make.certificates(make.certificate("client")), make.message(16, bytes(33))))
    talk.client(make.CCS + make.FINISHED)
    talk.server(make.handshake(make.message(4, b"\0\0\x1c\x20" + make.sized(b"ticket"))) + make.CCS + make.FINISHED)
    return talk.client(make.DATA).server(make.DATA)


def test_a_handshake_of_tls_12_is_a_timeline() -> None:
    (row,) = same_in_any_batches(_full().close().frames).rows["tls"]
    assert (row["shoal.tls.outcome"], row["shoal.tls.completed"], row["shoal.tls.transport"]) == ("completed", 1, "tcp")
    assert (row["shoal.tls.client_version"], row["shoal.tls.version"]) == ("TLSv1.2", "TLSv1.2")
    assert row["tls.handshake.extensions_server_name"] == "example.com"
    assert row["shoal.tls.cipher_suite"] == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    parts = [row[f"shoal.tls.{part}"] for part in ("key_exchange", "authentication", "cipher", "mac")]
    assert parts == ["ECDHE", "RSA", "AES_128_GCM", "AEAD"]
    assert (row["shoal.tls.group"], row["tls.handshake.extensions_alpn_str"]) == ("x25519", "h2")
    assert (row["tls_alpn.offered"], row["tls_group.offered"]) == (["h2", "http/1.1"], ["x25519", "secp256r1"])
    assert row["tls_cipher.name"] == ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"]
    steps = {
        name: row[f"shoal.tls.{name}_frame"]
        for name in ("certificate", "server_key_exchange", "server_done", "client_key_exchange", "client_ccs",
                     "client_finished", "server_ccs", "server_finished", "completed", "client_data", "server_data")
    }
    first = row["shoal.request_frame"]
    assert (first, row["shoal.response_frame"]) == (4, 5)
    assert steps == {
        "certificate": 5, "server_key_exchange": 5, "server_done": 5, "client_key_exchange": 6, "client_ccs": 7,
        "client_finished": 7, "server_ccs": 8, "server_finished": 8, "completed": 8, "client_data": 9,
        "server_data": 10,
    }  # fmt: skip
    assert row["shoal.response_time"] == SECOND // 1000
    assert row["shoal.tls.completed_time"] == 4 * SECOND // 1000
    assert (row["shoal.tls.ticket_issued"], row["tls.handshake.session_ticket_lifetime_hint"]) == (1, 7200)
    assert (row["shoal.tls.resumed"], row["shoal.tls.client_certificate_asked"]) == (0, 1)
    assert row["tls_message.name"] == [
        "ClientHello", "ServerHello", "Certificate", "ServerKeyExchange", "CertificateRequest", "ServerHelloDone",
        "Certificate", "ClientKeyExchange", "ChangeCipherSpec", "EncryptedHandshake", "NewSessionTicket",
        "ChangeCipherSpec", "EncryptedHandshake",
    ]  # fmt: skip


def test_certificates_are_told_with_their_parts() -> None:
    (row,) = heard(_full().frames).rows["tls"]
    assert row["tls_certificate.sender"] == ["server", "server", "client"]
    assert row["tls_certificate.subject"] == [
        f"CN={name},O=Ä & Co,C=DE" for name in ("example.com", "Some CA", "client")
    ]
    assert row["tls_certificate.names"][0] == "example.com,www.example.com"
    assert (row["tls_certificate.serial"][0], row["tls_certificate.key_type"][0]) == ("abcdef", "EC secp256r1")
    assert (row["tls_certificate.key_size"][0], row["tls_certificate.signature"][0]) == (256, "ecdsa-with-SHA256")
    assert row["tls_certificate.not_before"][0] == 1_767_225_600 * SECOND
    assert row["tls_certificate.not_after"][0] == (1_767_225_600 + 90 * 86_400) * SECOND
    assert row["tls_certificate.self_signed"] == [1, 1, 1]
    assert all(len(f) == 64 for f in row["tls_certificate.fingerprint"])


def test_a_certificate_of_another_issuer_signs_not_itself() -> None:
    chain = make.certificates(make.certificate("leaf", "Some CA"), make.certificate("fake", "fake"))
    (row,) = heard(Talk(443).open().client(HELLO).server(ANSWER).server(make.handshake(chain)).frames).rows["tls"]
    assert row["tls_certificate.issuer"][0] == "CN=Some CA,O=Ä & Co,C=DE"
    assert row["tls_certificate.self_signed"] == [0, 1]


def test_a_certificate_that_is_none_has_a_fingerprint_alone() -> None:
    bad = make.certificates(b"\x30\x03\2\1\1")
    (row,) = heard(Talk(443).open().client(HELLO).server(ANSWER).server(make.handshake(bad)).frames).rows["tls"]
    assert (row["tls_certificate.subject"], row["tls_certificate.serial"]) == ([""], [""])
    assert len(row["tls_certificate.fingerprint"][0]) == 64


def test_a_handshake_of_tls_13_with_a_retry() -> None:
    offer = make.client_hello(make.versions(0x0304), make.alpn(b"h2"), ciphers=(0x1301,), session=b"x" * 32)
    hello = make.handshake(offer)
    retry = make.handshake(make.server_hello(make.TLS13, make.KEY_SHARE[:6], cipher=0x1301, random=make.HRR))
    answer = make.handshake(make.server_hello(make.TLS13, make.KEY_SHARE, cipher=0x1301, session=b"x" * 32))
    talk = Talk(443).open().client(hello).server(retry + make.CCS).client(make.CCS + hello)
    talk.server(answer + make.DATA + make.DATA).client(make.DATA).client(make.DATA).server(make.DATA)
    (row,) = same_in_any_batches(talk.frames).rows["tls"]
    assert (row["shoal.tls.version"], row["shoal.tls.group"]) == ("TLSv1.3", "x25519")
    assert row["shoal.tls.key_exchange"] == "ECDHE"
    assert (row["shoal.request_frame"], row["shoal.tls.hello_retry_frame"], row["shoal.response_frame"]) == (4, 5, 7)
    assert row["shoal.response_time"] == 3 * SECOND // 1000
    assert (row["shoal.tls.server_encrypted_frame"], row["shoal.tls.client_finished_frame"]) == (7, 8)
    assert (row["shoal.tls.client_data_frame"], row["shoal.tls.server_data_frame"]) == (9, 10)
    assert (row["shoal.tls.outcome"], row["shoal.tls.resumed"]) == ("completed", 0)
    assert row["tls.handshake.ja4"].startswith("t13i0102h2_")


def test_a_session_is_taken_up_by_its_id_or_a_ticket_or_a_psk() -> None:
    again = make.handshake(make.server_hello(session=b"s" * 32)) + make.CCS + make.FINISHED
    by_id = make.handshake(make.client_hello(session=b"s" * 32))
    by_ticket = make.handshake(make.client_hello(make.extension(35, b"ticket")))
    new_id = make.handshake(make.server_hello()) + make.CCS + make.FINISHED
    by_psk = make.handshake(make.client_hello(make.versions(0x0304), make.extension(41, b"psk"), ciphers=(0x1301,)))
    psk = make.handshake(make.server_hello(make.TLS13, make.KEY_SHARE, make.extension(41, b"\0\0"), cipher=0x1301))
    for hello, answer, how in ((by_id, again, "session id"), (by_ticket, new_id, "ticket"), (by_psk, psk, "psk")):
        (row,) = heard(Talk(443).open().client(hello).server(answer).close().frames).rows["tls"]
        assert (row["shoal.tls.resumed"], row["shoal.tls.resumption"]) == (1, how)


def test_halves_are_told_too() -> None:
    (row,) = heard(Talk(443).open().client(HELLO).frames).rows["tls"]
    assert (row["shoal.tls.outcome"], "shoal.response_frame" in row) == ("no answer", False)
    (row,) = heard(Talk(443).server(ANSWER).frames).rows["tls"]
    assert (row["shoal.tls.outcome"], row["shoal.response_frame"]) == ("unfinished", 1)
    assert (row["tcp.srcport"], row["tcp.dstport"]) == (40_000, 443)
    assert "shoal.request_frame" not in row


def test_why_a_handshake_was_not_completed() -> None:
    alert = Talk(443).open().client(HELLO).server(make.record(21, b"\2\x28")).close()
    (row,) = heard(alert.frames).rows["tls"]
    assert row["shoal.tls.outcome"] == "alert"
    assert (row["tls_alert.name"], row["tls_alert.level"], row["tls_alert.sender"]) == (
        ["handshake_failure"], ["fatal"], ["server"])
    assert row["tls_alert.frame"] == [5]
    (row,) = heard(Talk(443).open().client(HELLO).server(ANSWER).close(reset=True).frames).rows["tls"]
    assert row["shoal.tls.outcome"] == "closed"
    lost = Talk(443).open().client(HELLO).server(ANSWER).server(bytes(500)).server(make.CCS).client(make.DATA).close()
    (row,) = heard([f for n, f in enumerate(lost.frames, 1) if n != 6]).rows["tls"]
    assert row["shoal.tls.outcome"] == "lost"


def test_a_handshake_without_an_end_is_told_after_a_minute() -> None:
    late = Talk(443, srcport=40_001, at=200).open().client(HELLO).close()
    rows = same_in_any_batches(Talk(443).open().client(HELLO).frames + late.frames).rows["tls"]
    assert [(r["shoal.first_frame"], r["shoal.tls.outcome"]) for r in rows] == [(4, "no answer"), (8, "no answer")]


def test_each_handshake_of_a_conversation_has_a_row() -> None:
    rows = heard(Talk(443).open().client(HELLO).server(ANSWER).client(HELLO).server(ANSWER).frames).rows["tls"]
    assert [(r["shoal.first_frame"], r["shoal.response_frame"]) for r in rows] == [(4, 5), (6, 7)]
