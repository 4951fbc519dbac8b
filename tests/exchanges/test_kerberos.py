"""Kerberos: requests for tickets with their replies."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine.kerberos.message import read_message
from tests.exchanges.against import both
from tests.exchanges.hear import SECOND, Talk, answer, ask, heard, same_in_any_batches
from tests.exchanges.test_snmp import number, tlv


def tag(k: int, *content: bytes) -> bytes:
    """Content under [k]."""
    return tlv(0xA0 + k, *content)


def text(value: str) -> bytes:
    """A GeneralString."""
    return tlv(0x1B, value.encode())


def name(kind: int, *parts: str) -> bytes:
    """A PrincipalName."""
    return tlv(48, tag(0, number(kind)), tag(1, tlv(48, *map(text, parts))))


def cipher(kind: int) -> bytes:
    """EncryptedData."""
    return tlv(48, tag(0, number(kind)), tag(2, tlv(4, b"\x99" * 16)))


def ticket(*service: str, kind: int = 18) -> bytes:
    """A Ticket."""
    return tlv(0x61, tlv(48, tag(0, number(5)), tag(1, text("X.ORG")), tag(2, name(2, *service)), tag(3, cipher(kind))))


def kdc_request(kind: int, padata: bytes, nonce: int = 7, cname: bytes = b"") -> bytes:
    """An AS-REQ (10) or TGS-REQ (12)."""
    who = cname + tag(2, text("X.ORG")) + tag(3, name(2, "http", "www")) + tag(5, tlv(0x18, b"20370913024805Z"))
    body = tlv(48, tag(0, tlv(3, bytes(5))), who, tag(7, number(nonce)), tag(8, tlv(48, number(18), number(23))))
    return tlv(0x60 + kind, tlv(48, tag(1, number(5)), tag(2, number(kind)), padata, tag(4, body)))


def padata(kind: int, value: bytes) -> bytes:
    """What goes before the body."""
    return tag(3, tlv(48, tlv(48, tag(1, number(kind)), tag(2, tlv(4, value)))))


ME, ME_TOO = tag(1, name(1, "me")), tag(4, name(1, "me"))
AS_REQ = kdc_request(10, b"", cname=ME)
PROVED = kdc_request(10, padata(2, cipher(18)), nonce=8, cname=ME)
AUTHORITY = tlv(0x6E, tlv(48, tag(0, number(5)), tag(1, number(14)), tag(2, tlv(3, bytes(5))),
                          tag(3, ticket("krbtgt", "X.ORG")), tag(4, cipher(18))))  # fmt: skip
TGS_REQ = kdc_request(12, padata(1, AUTHORITY))


def kdc_reply(kind: int, etype: int = 18, of: int = 23) -> bytes:
    """An AS-REP (11) or TGS-REP (13)."""
    head = tag(0, number(5)) + tag(1, number(kind)) + tag(3, text("X.ORG")) + ME_TOO
    return tlv(0x60 + kind, tlv(48, head, tag(5, ticket("http", "www", kind=of)), tag(6, cipher(etype))))


def error(code: int) -> bytes:
    """A KRB-ERROR."""
    head = tag(0, number(5)) + tag(1, number(30)) + tag(4, tlv(0x18, b"20240101000000Z")) + tag(5, number(1))
    return tlv(0x7E, tlv(48, head, tag(6, number(code)), tag(9, text("X.ORG")), tag(10, name(2, "http", "www"))))


def framed(data: bytes) -> bytes:
    """As TCP carries it."""
    return len(data).to_bytes(4, "big") + data


def test_a_ticket_is_refused_then_granted() -> None:
    frames = [ask(AS_REQ, dstport=88), answer(error(25), 0.1, dstport=88), ask(PROVED, 0.2, dstport=88),
              answer(kdc_reply(11), 0.7, dstport=88)]  # fmt: skip
    found = same_in_any_batches(frames)
    refused, granted = found.rows["kerberos"]
    assert refused["shoal.kerberos.request"] == "AS-REQ"
    assert refused["shoal.kerberos.error"] == "KDC_ERR_PREAUTH_REQUIRED"
    assert (refused["shoal.kerberos.cname"], refused["shoal.kerberos.realm"]) == ("me", "X.ORG")
    assert (refused["shoal.kerberos.preauth"], granted["shoal.kerberos.preauth"]) == (0, 1)
    assert (granted["shoal.kerberos.response"], granted["shoal.kerberos.sname"]) == ("AS-REP", "http/www")
    assert (granted["shoal.kerberos.etype"], granted["shoal.kerberos.ticket_etype"]) == (18, 23)
    assert granted["shoal.kerberos.offered"] == "18,23"
    assert granted["shoal.response_time"] == SECOND // 2
    assert set(found.names.values()) == {"KRB5"}


def test_over_tcp_in_several_segments() -> None:
    talk = Talk(88, mss=50).open().client(framed(TGS_REQ)).server(framed(kdc_reply(13))).close()
    found = same_in_any_batches(talk.frames)
    (row,) = found.rows["kerberos"]
    assert (row["shoal.kerberos.request"], row["shoal.kerberos.response"]) == ("TGS-REQ", "TGS-REP")
    assert (row["shoal.kerberos.cname"], row["shoal.kerberos.sname"]) == ("me", "http/www")
    assert list(found.names.values()).count("KRB5") == 2


def test_halves_and_what_is_sent_again() -> None:
    frames = [ask(AS_REQ, dstport=88), ask(AS_REQ, 2, dstport=88), answer(kdc_reply(13), 3, dstport=88),
              ask(TGS_REQ, 200, dstport=88)]  # fmt: skip
    alone, twice, late = same_in_any_batches(frames).rows["kerberos"]
    assert "shoal.request_frame" not in alone
    assert (twice["shoal.kerberos.repeats"], "shoal.response_frame" in twice) == (1, False)
    assert late["shoal.first_frame"] == 4


def test_what_is_shown_is_what_tshark_shows(tmp_path: Path) -> None:
    data = (AS_REQ, PROVED, TGS_REQ, kdc_reply(11), kdc_reply(13), error(6), AUTHORITY, b"\x30\x03\x02\1\5")
    frames = [ask(d, n, srcport=41_000 + n, dstport=88) for n, d in enumerate(data)]
    fields = ["kerberos.pvno", "kerberos.msg_type", "kerberos.realm", "kerberos.crealm", "kerberos.CNameString",
              "kerberos.SNameString", "kerberos.error_code", "kerberos.nonce", "_ws.col.Protocol"]  # fmt: skip
    ours, theirs = both(frames, tmp_path, fields)
    assert ours == theirs


def test_any_cut_is_read_and_hostile_lengths_end_a_conversation() -> None:
    for data in (AS_REQ, TGS_REQ, kdc_reply(11), error(6)):
        whole = read_message(data)
        assert whole is not None
        for size in range(len(data)):
            found = read_message(data[:size])
            assert found is None or (found.kind == whole.kind and len(found.shown) <= len(whole.shown))
    for junk in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\4\x6a\x84\xff\xff", framed(b"\x6a" * 99)):
        talk = Talk(88).open().client(junk + framed(AS_REQ)).server(framed(kdc_reply(11)))
        assert len(heard(talk.frames).rows.get("kerberos", [])) <= 2


def test_at_the_cap_the_oldest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.kerberos.tracker.MOST_WAITING", 3)
    found = heard([ask(AS_REQ, n / 10, srcport=41_000 + n, dstport=88) for n in range(5)])
    assert ("kerberos-forgotten", 1) in found.events
    assert [r["shoal.first_frame"] for r in found.rows["kerberos"]] == [1, 2, 3, 4, 5]
