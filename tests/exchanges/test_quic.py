"""QUIC: Initial packets are opened, their hellos become rows of view `tls`, and all datagrams bear the name."""

from __future__ import annotations

import pytest

from pipeline.engine.quic import tracker as quic_tracker
from pipeline.engine.quic.crypto import MOST_BYTES, CryptoStream
from pipeline.engine.quic.keys import Keys
from pipeline.engine.quic.packets import crypto, headers
from pipeline.engine.quic.versions import draft, is_known, keying
from tests.exchanges import tlsmake as make
from tests.exchanges.hear import Frame, answer, ask, heard, same_in_any_batches

DCID = bytes.fromhex("8394c8f03e515708")
V2 = 0x6B3343CF
HELLO = make.client_hello(
    make.server_name(b"quic.example"), make.alpn(b"h3"), make.versions(0x0304), make.extension(57, bytes(8)),
    ciphers=(0x1301, 0x1302),
)
ANSWER = make.server_hello(make.TLS13, make.KEY_SHARE, cipher=0x1301)
FIRST = make.initial(make.crypto(0, HELLO), DCID)
SECOND = make.initial(make.crypto(0, ANSWER), b"", keys_of=DCID, scid=b"server", from_server=True)
SHORT = b"\x41" + bytes(60)


def to(payload: bytes, at: float = 0.0) -> Frame:
    """A datagram to the server."""
    return ask(payload, at, dstport=4433)


def back(payload: bytes, at: float = 0.0) -> Frame:
    """One back."""
    return answer(payload, at, dstport=4433)


def test_keys_are_those_of_the_rfcs() -> None:
    # RFC 9001, appendix A.2, and RFC 9369, appendix A.1: the client's Initial is sealed by key, iv and hp given there.
    header = bytes.fromhex("c300000001088394c8f03e5157080000449e00000002")
    protected = bytes.fromhex("c000000001088394c8f03e5157080000449e7b9aec34")
    sample = bytes.fromhex("d1b1c98dd7689fb8ec11d242b123dc9b")
    how = keying(1)
    assert how is not None
    keys = Keys(how, DCID, 0)
    mask = keys.header.update(sample)
    assert mask[:5].hex() == "437b9aec36"
    assert bytes(a ^ b for a, b in zip(header[18:], mask[1:5], strict=True)) == protected[18:]
    assert f"{keys.iv:024x}" == "fa044b2f42a3fd3b46fb255c"
    two = keying(V2)
    assert two is not None
    assert f"{Keys(two, DCID, 0).iv:024x}" == "91f73e2351d8fa91660e909f"


def test_a_handshake_is_a_row() -> None:
    frames = [to(FIRST), back(SECOND, 0.02), back(b"\xe1\0\0\0\1\0\6server\x40\x20" + bytes(32), 0.03),
              to(SHORT, 0.04), back(SHORT, 0.05), to(SHORT, 0.06)]  # fmt: skip
    told = same_in_any_batches(frames)
    assert set(told.names.values()) == {"QUIC"}
    (row,) = told.rows["tls"]
    assert (row["shoal.tls.transport"], row["quic.version"], row["quic.dcid"]) == ("quic", 1, DCID.hex())
    assert (row["tls.handshake.extensions_server_name"], row["tls_alpn.offered"]) == ("quic.example", ["h3"])
    assert (row["shoal.tls.version"], row["shoal.tls.cipher_suite"]) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert (row["shoal.request_frame"], row["shoal.response_frame"], row["shoal.response_time"]) == (1, 2, 20_000_000)
    assert (row["shoal.tls.server_encrypted_frame"], row["shoal.tls.completed_frame"]) == (3, 4)
    assert (row["shoal.tls.outcome"], row["udp.srcport"], row["udp.dstport"]) == ("completed", 40_000, 4433)
    assert row["tls.handshake.ja4"].startswith("q13d0204h3_")
    assert told.details[1]["tls.handshake.type"] == [1]
    assert told.details[2]["tls.handshake.ciphersuite"] == [0x1301]


def test_a_hello_over_two_datagrams_out_of_order_is_put_together() -> None:
    rest = b"\1" + make.crypto(20, HELLO[20:60]) + b"\2\0\0\0\0" + make.crypto(0, HELLO[:30])
    frames = [to(make.initial(make.crypto(60, HELLO[60:]), DCID, number=1)), to(make.initial(rest, DCID))]
    told = same_in_any_batches(frames)
    assert "tls.handshake.type" not in told.details[1]
    assert told.details[2]["tls.handshake.extensions_server_name"] == ["quic.example"]
    assert [r["shoal.tls.outcome"] for r in told.rows["tls"]] == ["no answer"]


def test_version_2_numbers_its_packets_and_derives_its_keys_otherwise() -> None:
    told = heard([to(make.initial(make.crypto(0, HELLO), DCID, version=V2))])
    assert told.rows["tls"][0]["quic.version"] == V2


def test_a_retry_gives_another_id_and_the_row_goes_on() -> None:
    retry = b"\xf0\0\0\0\1\0\5retry" + bytes(40)
    again = make.initial(make.crypto(0, HELLO), b"retry", number=1, token=b"token")
    answered = make.initial(make.crypto(0, ANSWER), b"", keys_of=b"retry", scid=b"server", from_server=True)
    (row,) = same_in_any_batches([to(FIRST), back(retry, 0.1), to(again, 0.2), back(answered, 0.3)]).rows["tls"]
    assert (row["shoal.quic.retry_frame"], row["shoal.response_frame"]) == (2, 4)


def test_a_version_is_negotiated_and_the_row_goes_on() -> None:
    offered = make.initial(make.crypto(0, HELLO), DCID, version=0x1A2A3A4A)
    named = b"\x80\0\0\0\0\0\x08" + DCID + b"\0\0\0\1"
    again = make.initial(make.crypto(0, HELLO), b"another!")
    answered = make.initial(make.crypto(0, ANSWER), b"", keys_of=b"another!", scid=b"server", from_server=True)
    told = same_in_any_batches([to(offered), back(named, 0.1), to(again, 0.2), back(answered, 0.3)])
    assert set(told.names.values()) == {"QUIC"}
    assert told.rows["tls"][-1]["shoal.response_frame"] == 4


def test_another_connection_on_the_same_ports_is_another_row() -> None:
    other = make.initial(make.crypto(0, HELLO), b"other---")
    rows = heard([to(FIRST), back(SECOND, 0.1), to(SHORT, 0.2), back(SHORT, 0.3), to(other, 5)]).rows["tls"]
    assert [(r["shoal.first_frame"], r["shoal.tls.outcome"]) for r in rows] == [(1, "completed"), (5, "no answer")]


def test_a_hello_without_an_answer_is_told_after_a_minute() -> None:
    rows = same_in_any_batches([to(FIRST), ask(FIRST, 200, srcport=1, dstport=4433)]).rows["tls"]
    assert [(r["shoal.first_frame"], r["shoal.tls.outcome"]) for r in rows] == [(1, "no answer"), (2, "no answer")]


def test_what_cannot_be_opened_has_no_row_but_its_name() -> None:
    broken = FIRST[:200] + bytes((FIRST[200] ^ 1,)) + FIRST[201:]
    told = heard([to(broken), back(SHORT, 0.1)])
    assert (told.rows.get("tls"), set(told.names.values())) == (None, {"QUIC"})


@pytest.mark.parametrize("payload", [
    FIRST[:size] for size in range(0, 60, 3)
] + [b"\xc0\0\0\0\1\xff" + bytes(40), b"\xc0\0\0\0\1\0\0\xff\xff\xff\xff\xff\xff\xff\xff" + bytes(40),
     b"\xc0\0\0\0\1\0\0\0\x40\x10" + bytes(16), b"\xf0\0\0\0\1\0\0", b"\xc0\x5a\x5a\x5a\x5a\0\0" * 9])  # fmt: skip
def test_hostile_datagrams_are_survived(payload: bytes) -> None:
    same_in_any_batches([to(payload), back(payload, 0.1), to(FIRST, 0.2), back(payload, 0.3)])


def test_hostile_frames_are_survived() -> None:
    for frames in (b"\6\xff", b"\6" + b"\xff" * 16, b"\2\0\0\xbf\xff\xff\xff\0" * 9, b"\xff" * 64,
                   b"\1" * 1100, make.crypto(0x3FFF, b"far"), make.crypto(0, make.message(1, b"")),
                   make.crypto(0, b"\2\xff\xff\xff")):
        heard([to(make.initial(frames, DCID))])


def test_a_stream_keeps_the_first_bytes_and_no_more_than_its_cap() -> None:
    stream = CryptoStream()
    stream.add(4, b"bcd")
    stream.add(0, b"\1\0\0\3Xyz")
    assert stream.messages() == [b"\1\0\0\3Xyz"]
    stream.add(MOST_BYTES, b"never")
    stream.add(2, b"old")
    assert stream.messages() == []


def test_frames_and_packets_behind_one_another() -> None:
    frames = bytes(3) + b"\1" + make.crypto(1, b"a") + b"\3\0\0\0\0\0\0\0" + make.crypto(2, b"b")
    assert crypto(frames) == [(1, b"a"), (2, b"b")]
    shaken = b"\xe1\0\0\0\1\x08" + DCID + b"\0\x04abcd"
    assert [h.kind for h in headers(FIRST + shaken + b"\x41" + bytes(30))] == [0, 2, 5]


def test_versions_are_those_that_wireshark_knows() -> None:
    known = (1, V2, 0x709A50C4, 0xFF00001D, 0xFF00000B, 0xFACEB002, 0x51303530, 0x1A2A3A4A)
    assert all(is_known(v) for v in known)
    assert not any(is_known(v) for v in (0, 2, 0xFF00000A, 0x51303433, 0xFACEB003))
    assert (draft(0xFF00001D), draft(0xFACEB002), keying(0x51303530), keying(0xFF000010)) == (29, 27, None, None)


def test_no_more_conversations_are_kept_than_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_tracker, "MOST_CONNECTIONS", 2)
    told = heard([ask(FIRST, n, srcport=1000 + n, dstport=4433) for n in range(4)])
    assert ("quic-forgotten", 1) in told.events
    assert len(told.rows["tls"]) == 4
