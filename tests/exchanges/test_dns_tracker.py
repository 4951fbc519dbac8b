"""Queries with and without their responses, as rows and as fields of frames."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from pipeline.engine.dns import tracker
from tests.exchanges.dns_bytes import ASKED, framed, name, opt, query, record, response
from tests.exchanges.hear import SECOND, Frame, Heard, Talk, answer, ask, heard, same_in_any_batches

A = record(ASKED, 1, bytes((192, 0, 2, 1)))


def rows(found: Heard) -> list[dict[str, Any]]:
    """The rows, None where one has no value."""
    return [defaultdict(lambda: None, row) for row in found.rows["dns"]]


def test_a_pair_is_one_row() -> None:
    alias = record(ASKED, 5, name("b.example"))
    end = record(name("b.example"), 1, bytes((192, 0, 2, 7)), ttl=60)
    soa = record(name("example"), 6, name("ns.example") + name("hm.example") + bytes(19) + b"\5")
    found = same_in_any_batches([
        ask(query("a.example", additional=(opt(1232, do=True),))),
        answer(response("a.example", alias, end, authority=(soa,), additional=(opt(4096),)), 0.25),
    ])
    (row,) = rows(found)
    assert (row["shoal.request_frame"], row["shoal.response_frame"], row["shoal.response_time"]) == (1, 2, SECOND // 4)
    assert (row["dns.qry.name"], row["dns.qry.type"], row["shoal.dns.qry_type"]) == ("a.example", 1, "A")
    assert (row["dns.flags"], row["shoal.dns.query_flags"], row["shoal.dns.rcode"]) == (0x8180, 0x0100, "NOERROR")
    assert row["dns_record.section"] == ["answer", "answer", "authority"]
    assert row["dns_record.name"] == ["a.example", "b.example", "example"]
    assert row["dns_record.type_name"] == ["CNAME", "A", "SOA"]
    assert row["dns_record.ttl"] == [300, 60, 300]
    assert row["dns_record.data"] == ["b.example", "192.0.2.7", "ns.example hm.example 0 0 0 0 5"]
    assert (row["dns_chain.name"], row["dns_answer.data"]) == (["b.example"], ["192.0.2.7"])
    assert (row["dns.rr.udp_payload_size"], row["dns.resp.z.do"]) == (1232, 1)
    assert row["shoal.dns.response_payload_size"] == 4096
    assert row["shoal.dns.protocol"] == "DNS"
    assert found.details[2]["dns.response_to"] == [1]
    assert found.details[2]["dns.time"] == [SECOND // 4]
    assert found.details[2]["dns.resp.type"] == [5, 1, 6, 41]


def test_the_chain_is_followed_in_any_order_and_case() -> None:
    chain = [record(name("C.example"), 28, bytes(15) + b"\1"), record(name("B.Example"), 5, name("c.example")),
             record(ASKED, 5, name("b.example")), record(name("c.example"), 1, bytes(4))]  # fmt: skip
    found = heard([ask(query("a.example", 28)), answer(response("a.example", *chain, kind=28))])
    (row,) = rows(found)
    assert (row["dns_chain.name"], row["dns_answer.data"]) == (["b.example", "c.example"], ["::1"])


def test_a_chain_that_bites_its_tail_ends() -> None:
    loop = [record(ASKED, 5, name("b.example")), record(name("b.example"), 5, name("a.example"))]
    (row,) = rows(heard([ask(query("a.example")), answer(response("a.example", *loop))]))
    assert (row["dns_chain.name"], row["dns_answer.data"]) == (["b.example", "a.example"], None)


def test_halves() -> None:
    late = answer(query("later.example", ident=9), 70)
    found = same_in_any_batches([
        ask(query("silent.example", ident=1)), answer(response("never.asked", A, ident=2), 1), late,
        answer(response("silent.example", ident=1), 80),
    ])  # fmt: skip
    by_name = {str(row["dns.qry.name"]): row for row in rows(found) if row["shoal.response_frame"] is None}
    assert by_name.keys() == {"silent.example", "later.example"}
    assert by_name["silent.example"]["shoal.response_time"] is None
    unasked, tardy = (row for row in rows(found) if row["shoal.response_frame"] is not None)
    assert (unasked["shoal.request_frame"], unasked["shoal.first_frame"]) == (None, 2)
    assert (unasked["ip.src"], unasked["udp.dstport"]) == ("10.0.0.1", 53)
    # Told as unanswered at the minute's end; what came after says of which query it is.
    assert (tardy["shoal.request_frame"], tardy["shoal.response_frame"]) == (1, 4)
    assert tardy["shoal.response_time"] == 80 * SECOND
    assert found.details[4]["dns.response_to"] == [1]
    assert "dns.unsolicited" in found.details[2]


def test_patience_ends_after_ten_seconds_at_a_minutes_end() -> None:
    # The capture begins 20 s into a minute, so that minutes end at 40 s and 100 s.
    asked = [ask(query("a.example", ident=1), 29), ask(query("b.example", ident=2), 35)]
    ends = ask(query("c.example", ident=3), 41)
    both = [answer(response("a.example", ident=1), 42), answer(response("b.example", ident=2), 42)]
    found = same_in_any_batches([*asked, ends, *both])
    waited = [row["dns.qry.name"] for row in rows(found) if row["shoal.response_time"] is None]
    assert waited == ["a.example", "c.example"]


def test_a_query_sent_again_is_one_row() -> None:
    sent = query("a.example")
    found = same_in_any_batches([ask(sent), ask(sent, 1), ask(sent, 4.999), answer(response("a.example", A), 5)])
    (row,) = rows(found)
    assert (row["shoal.dns.retransmissions"], row["dns_retransmission.frame"]) == (2, [2, 3])
    assert row["shoal.response_time"] == 5 * SECOND
    assert found.details[3]["dns.retransmission"] == [1]
    assert found.details[3]["dns.retransmit_request_in"] == found.details[3]["dns.retransmit_request"] == [1]
    assert found.details[4]["dns.response_to"] == [1]


def test_after_five_seconds_it_is_another_query() -> None:
    sent = query("a.example")
    found = same_in_any_batches([ask(sent), ask(sent, 5), answer(response("a.example", A), 5.5)])
    first, second = rows(found)
    assert first["shoal.response_frame"] is None
    assert (second["dns.retransmit_request_in"], second["shoal.response_time"]) == (1, SECOND // 2)
    assert "dns.retransmission" not in found.details[2]


def test_another_question_under_the_number_is_a_row() -> None:
    found = same_in_any_batches([
        ask(query("a.example")), ask(query("b.example"), 1), answer(response("a.example", A), 2),
    ])  # fmt: skip
    by_name = {row["dns.qry.name"]: row["shoal.response_frame"] for row in rows(found)}
    assert by_name == {"a.example": 3, "b.example": None}
    # Wireshark looks at the number alone.
    assert found.details[2]["dns.retransmission"] == [1]


@pytest.mark.parametrize(("last", "differs"), [(1, 0), (66, 1)])
def test_a_second_response(last: int, differs: int) -> None:
    other = record(ASKED, 1, bytes((192, 0, 2, last)))
    found = same_in_any_batches([
        ask(query("a.example")), answer(response("a.example", A), 0.1), answer(response("a.example", other), 0.2),
    ])  # fmt: skip
    first, second = rows(found)
    assert (first["shoal.response_frame"], first["dns.retransmission"]) == (2, None)
    assert (second["shoal.request_frame"], second["shoal.response_frame"], second["dns.retransmission"]) == (1, 3, 1)
    assert (second["dns.retransmit_response_in"], second["shoal.dns.differs"]) == (2, differs)
    assert found.details[3]["dns.retransmit_response_in"] == [2]
    assert "dns.response_to" not in found.details[3]


def test_a_response_to_another_question_is_not_taken() -> None:
    forged = response("evil.example", A)
    found = heard([ask(query("a.example")), answer(forged, 0.1), answer(response("A.Example", A), 0.2)])
    forged_row, true_row = rows(found)
    assert (forged_row["dns.qry.name"], forged_row["shoal.request_frame"]) == ("evil.example", None)
    assert (true_row["dns.qry.name"], true_row["shoal.response_frame"]) == ("a.example", 3)


def test_no_query_is_lost_whatever_has_its_number() -> None:
    """A host's own announcement, a forged response, half a message: none ends the wait, and the next query tells it."""
    ends = {"dst": "224.0.0.251", "srcport": 5353, "dstport": 5353}
    announced = bytes.fromhex("000084000000000100000000") + record(name("box.local"), 1, bytes(4))
    frames = [
        ask(query("box.local", ident=0), 0, **ends), ask(announced, 1, **ends),  # type: ignore[arg-type]
        ask(query("two.local", ident=0), 2, **ends),  # type: ignore[arg-type]
        ask(query("a.example"), 3), answer(response("evil.example", A), 4), ask(query("b.example"), 5),
        ask(query("c.example"), 6, dstport=5300), ask(query("d.example")[:-1], 12, dstport=5300),
    ]  # fmt: skip
    found = same_in_any_batches(frames)
    names = [row["dns.qry.name"] for row in rows(found) if row["shoal.response_frame"] is None]
    assert sorted(names) == ["a.example", "b.example", "box.local", "c.example", "two.local"]


def test_extended_codes_and_client_subnets() -> None:
    subnet = b"\0\x08\0\x07\0\1\x18\x10\xc0\0\2"
    error = b"\0\x0f\0\x05\0\x12why"
    found = heard([
        ask(query("a.example", additional=(opt(options=subnet),))),
        answer(response("a.example", flags=0x8180, additional=(opt(rcode=1, options=error),))),
    ])  # fmt: skip
    (row,) = rows(found)
    assert (row["shoal.dns.rcode"], row["dns.flags.rcode"]) == ("BADVERS", 0)
    assert row["shoal.dns.client_subnet"] == "192.0.2.0/24/16"
    assert (row["dns.opt.ext_error.info_code"], row["dns.opt.ext_error.extra_text"]) == (18, "why")
    assert found.details[1]["dns.opt.client.addr4"] == [0xC0000200]


def test_announcements_of_mdns_are_rows_of_their_own() -> None:
    told = record(name("box.local"), 1, bytes((10, 0, 0, 9)), klass=0x8001, ttl=120)
    announcement = bytes.fromhex("000084000000000100000000") + told
    ends = {"dst": "224.0.0.251", "srcport": 5353, "dstport": 5353}
    asked = query("box.local", ident=0, flags=0, klass=0x8001)
    found = same_in_any_batches([ask(asked, **ends), ask(announcement, 1, **ends)])  # type: ignore[arg-type]
    announced, question = rows(found)
    assert (announced["shoal.dns.protocol"], announced["shoal.request_frame"]) == ("MDNS", None)
    assert (announced["dns_answer.data"], announced["dns_record.class"]) == (["10.0.0.9"], [1])
    assert (question["dns.qry.class"], question["shoal.response_frame"]) == (1, None)
    assert found.names == {1: "MDNS", 2: "MDNS"}
    assert found.details[1]["dns.qry.qu"] == [1]
    # For Wireshark a conversation's response is to its last query.
    assert found.details[2]["dns.response_to"] == [1]


def test_llmnr() -> None:
    found = heard([ask(query("box", flags=0), dst="224.0.0.252", dstport=5355)])
    assert found.names == {1: "LLMNR"}
    assert found.details[1]["dns.flags.tentative"] == [0]
    assert "dns.flags.recdesired" not in found.details[1]


def test_over_tcp_a_message_may_be_in_many_segments_and_many_in_one() -> None:
    asked = framed(query("a.example", ident=1), query("b.example", ident=2))
    told = framed(response("b.example", A, ident=2), response("a.example", A, ident=1))
    for mss in (1460, 7, 1):
        frames = Talk(53, mss=mss).open().client(asked).server(told).close().frames
        found = same_in_any_batches(frames) if mss > 1 else heard(frames)
        assert [row["dns.qry.name"] for row in rows(found)] == ["b.example", "a.example"]
        assert [row["dns_answer.data"] for row in rows(found)] == [["192.0.2.1"]] * 2
    whole = heard(Talk(53).open().client(asked).server(told).frames)
    assert whole.names[4] == "DNS"
    assert whole.details[4]["dns.length"] == [len(query("a.example"))] * 2
    assert [row["shoal.exchange"] for row in rows(whole)] == [1, 0]


def test_a_zone_transfer_has_many_responses() -> None:
    parts = [response("example", record(ASKED, 1, bytes((10, 0, 0, i))), kind=252) for i in range(3)]
    found = same_in_any_batches(Talk(53).open().client(framed(query("example", 252))).server(framed(*parts)).frames)
    assert [row["shoal.request_frame"] for row in rows(found)] == [4, 4, 4]
    assert found.details[5]["dns.response_to"] == [4, 4, 4]
    assert "dns.retransmission" not in found.details[5]


def test_after_a_gap_only_whole_messages_are_rows() -> None:
    frames = Talk(53, mss=40).open().client(framed(query("a" * 40 + ".example"), query("b.example"))).frames
    without = [frame for number, frame in enumerate(frames) if number != 3]
    assert "dns" not in heard(without).rows


def test_other_ports_by_the_look_of_the_header() -> None:
    found = same_in_any_batches([
        ask(query("a.example"), dstport=5300), answer(response("a.example", A), 0.1, dstport=5300),
        ask(query("a.example"), dstport=9996), ask(b"\0" * 40, dstport=5300), ask(b"\0" * 12, dstport=5300),
        ask(response("a.example", A)[:-1], dstport=5300),
    ])  # fmt: skip
    assert found.names == {1: "DNS", 2: "DNS", 3: "UDP", 4: "UDP", 5: "UDP", 6: "DNS"}
    assert len(rows(found)) == 1


def test_what_an_error_quotes_has_fields_and_no_row() -> None:
    time, quoted = ask(query("a.example"))
    error = bytes.fromhex("0303000000000000") + quoted[14:]
    header = bytearray(quoted[14:34])
    header[2:4] = (20 + len(error)).to_bytes(2, "big")
    header[9] = 1
    found = heard([(time, quoted[:14] + bytes(header) + error)])
    assert found.details[1]["dns.qry.name"] == ["a.example"]
    assert "dns" not in found.rows


def test_the_oldest_are_told_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MOST_QUERIES", 10)
    frames: list[Frame] = [ask(query(f"n{i}.example", ident=i), i / 100) for i in range(30)]
    found = same_in_any_batches([*frames, answer(response("n0.example", ident=0), 1)])
    assert len(rows(found)) == 31
    assert [row["dns.qry.name"] for row in rows(found)[:2]] == ["n0.example", "n1.example"]
    assert [event for event in found.events if event[0] == "queries-forgotten"][-1][1] >= 10
    (answered,) = (row for row in rows(found) if row["shoal.response_frame"])
    assert answered["shoal.request_frame"] is None


def test_at_the_cap_answered_queries_go_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MOST_QUERIES", 4)
    frames = [
        frame for i in range(20)
        for frame in (ask(query("a.example", ident=i), i), answer(response("a.example", ident=i), i + 0.1))
    ]  # fmt: skip
    found = same_in_any_batches(frames)
    assert len(rows(found)) == 20
    assert found.events == []
