"""TLS over TCP: fields and names of frames, whatever way the records are cut."""

from __future__ import annotations

import itertools

import pytest

from pipeline.engine.tls import tracker as tls_tracker
from tests.exchanges import tlsmake as make
from tests.exchanges.hear import Talk, heard, same_in_any_batches

HELLO = make.handshake(make.client_hello(make.server_name(b"example.com")), version=0x0301)
ANSWER = make.handshake(make.server_hello())


def test_a_hello_in_pieces_is_told_with_the_frame_that_completes_it() -> None:
    talk = Talk(443, mss=40).open().client(HELLO)
    told = same_in_any_batches(talk.frames)
    last = len(talk.frames)
    assert list(told.details) == [last]
    assert told.details[last]["tls.record.content_type"] == [22]
    assert told.details[last]["tls.record.version"] == [0x0301]
    assert told.details[last]["tls.handshake.ciphersuite"] == [0xC02F, 0x002F]
    assert told.details[last]["tls.handshake.extensions_server_name"] == ["example.com"]
    assert [told.names[n] for n in (4, last)] == ["TCP", "TLSv1"]


def test_many_records_of_a_segment_are_told_in_their_order() -> None:
    talk = Talk(443).open().client(HELLO).server(ANSWER + make.record(21, b"\2\x28") + make.CCS)
    told = heard(talk.frames).details[5]
    assert told["tls.record.content_type"] == [22, 21, 20]
    assert told["tls.handshake.type"] == [2]
    assert (told["tls.alert_message.level"], told["tls.alert_message.desc"]) == ([2], [40])


def test_messages_that_span_records_and_records_with_many_messages() -> None:
    chain = make.certificates(make.certificate())
    said = chain + make.message(14, b"")
    records = b"".join([make.handshake(said[at : at + 100]) for at in range(0, len(said), 100)])
    told = heard(Talk(443).open().client(HELLO).server(ANSWER).server(records).frames)
    assert told.details[6]["tls.handshake.type"] == [11, 14]
    assert told.details[6]["x509sat.uTF8String"] == ["Ä & Co", "example.com"] * 2


def test_application_data_is_told_when_its_last_byte_came_and_its_bytes_are_not_kept() -> None:
    long = make.record(23, bytes(16_000))
    talk = Talk(443).open().client(HELLO).server(ANSWER).server(long + make.record(23, b"short"))
    told = same_in_any_batches(talk.frames)
    last = len(talk.frames)
    assert told.details[last]["tls.record.content_type"] == [23, 23]
    assert told.details[last]["tls.record.length"] == [16_000, 5]
    assert {told.names[n] for n in range(6, last)} == {"TCP"}
    assert told.names[last] == "TLSv1.2"


def test_encrypted_records_of_tls_13_have_an_opaque_type() -> None:
    answer = make.handshake(make.server_hello(make.TLS13, make.KEY_SHARE, cipher=0x1301))
    talk = Talk(443).open().client(HELLO).server(answer + make.CCS + make.DATA).client(make.CCS + make.DATA)
    told = heard(talk.frames)
    assert told.names[5] == told.names[6] == "TLSv1.3"
    assert told.details[5]["tls.record.content_type"] == [22, 20]
    assert told.details[6]["tls.record.opaque_type"] == [23]


def test_a_hello_behind_the_change_of_a_retry_is_in_clear() -> None:
    retry = make.handshake(make.server_hello(make.TLS13, cipher=0x1301, random=make.HRR))
    answer = make.handshake(make.server_hello(make.TLS13, make.KEY_SHARE, cipher=0x1301))
    talk = Talk(443).open().client(HELLO).server(retry + make.CCS).client(make.CCS).client(HELLO).server(answer)
    told = heard(talk.frames)
    assert [told.details[n].get("tls.handshake.type") for n in (5, 6, 7, 8)] == [[2], None, [1], [2]]


def test_an_encrypted_finished_is_no_message() -> None:
    sealed = make.handshake(make.message(20, bytes(36)))
    told = heard(Talk(443).open().client(HELLO).server(ANSWER).client(make.CCS).client(sealed).frames)
    assert "tls.handshake.type" not in told.details[7]
    assert told.details[7]["tls.record.content_type"] == [22]


def test_ssl_2_and_its_hello_that_offers_more() -> None:
    specs = bytes.fromhex("00002f 010080 000004")
    body = b"\1" + make.words(0x0301, len(specs), 0, 32) + specs + bytes(32)
    told = heard(Talk(443).open().client(make.words(0x8000 | len(body)) + body).server(ANSWER).frames)
    assert (told.names[4], told.names[5]) == ("SSLv2", "TLSv1.2")
    assert told.details[4]["tls.record.version"] == [2]
    assert told.details[4]["tls.handshake.version"] == [0x0301]
    (row,) = told.rows["tls"]
    assert (row["tls_cipher.id"], row["shoal.tls.client_version"]) == ([0x2F, 4], "TLSv1")


def test_a_side_may_say_a_few_bytes_before_its_first_record() -> None:
    talk = Talk(5432).open().client(bytes.fromhex("0000000804d2162f")).server(b"S").client(HELLO).server(ANSWER)
    (row,) = heard(talk.frames).rows["tls"]
    assert (row["shoal.request_frame"], row["shoal.response_frame"]) == (6, 7)


def test_at_a_port_where_wireshark_sees_none_a_row_is_told_and_nothing_else() -> None:
    told = heard(Talk(8080).open().client(HELLO).server(ANSWER).frames)
    assert len(told.rows["tls"]) == 1
    assert (told.details, told.names[4]) == ({}, "TCP")


def test_what_follows_a_gap_is_told_from_the_next_segment_on() -> None:
    talk = Talk(443).open().client(HELLO).server(ANSWER).server(make.DATA).server(make.DATA).client(make.DATA)
    told = same_in_any_batches(talk.server(make.DATA).frames[:5] + talk.frames[6:])
    # The one behind the hole is told as soon as it is known that the hole stays.
    assert sum(len(told.details.get(n, {}).get("tls.record.content_type", [])) for n in (6, 7, 8)) == 3


@pytest.mark.parametrize("junk", [
    bytes(64), b"\x16\x03\x01\xff\xff" + bytes(2000), b"\x16\x03\x01\0\0" * 40, b"\x16\x03\x01\0\4\1\xff\xff\xff" * 30,
    b"\x80\x02\1\3\1" * 50, b"\x17\x03\x03\0\0" * 50, make.handshake(b"\x0b\0\0\6\0\0\3\xff\xff\xff"),
    make.handshake(b"\x0b\0\x10\0"), b"\x15\3\3\0\2" * 30,
    make.handshake(make.message(22, b"\1\0\0\5\x30\x84\xff\xff\xff")),
    make.handshake(make.message(13, b"\xff\xff\xff\xff")), make.handshake(make.message(12, b"\3")),
])  # fmt: skip
def test_hostile_bytes_are_survived_in_any_order(junk: bytes) -> None:
    pieces = (HELLO, ANSWER, junk)
    for order in itertools.permutations(pieces):
        talk = Talk(443, mss=33).open()
        for at, piece in enumerate(order):
            (talk.client if at % 2 == 0 else talk.server)(piece)
        told = heard(talk.close().frames)
        assert order[0] != HELLO or len(told.rows["tls"]) >= 1


def test_no_more_handshakes_are_kept_than_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_tracker, "MOST_OPEN", 3)
    frames = [f for port in range(5) for f in Talk(443, srcport=40_000 + port, at=port).client(HELLO).frames]
    told = heard(frames)
    assert ("handshakes-forgotten", 1) in told.events
    assert [row["shoal.first_frame"] for row in told.rows["tls"]] == [1, 2, 3, 4, 5]


def test_a_conversation_of_which_nothing_else_is_told_is_left_when_its_handshake_is() -> None:
    answer = make.handshake(make.server_hello(make.TLS13, make.KEY_SHARE, cipher=0x1301))
    for port, rows in ((443, 2), (8080, 1)):
        talk = Talk(port).open().client(HELLO).server(answer + make.DATA).client(make.DATA).client(make.DATA)
        talk.server(make.DATA).client(HELLO)
        assert len(heard(talk.frames).rows["tls"]) == rows
