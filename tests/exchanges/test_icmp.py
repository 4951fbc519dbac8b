"""ICMP: pairs, halves, errors with what they quote."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pipeline.engine.icmp import tracker
from tests.engine.wire import udp
from tests.exchanges.against import both
from tests.exchanges.hear import Frame, heard, same_in_any_batches
from tests.exchanges.hosts import icmp, icmp6


def ping(seq: int, at: float, data: bytes = b"data") -> Frame:
    return icmp(8, rest=struct.pack(">HH", 7, seq), data=data, at=at)


def pong(seq: int, at: float, data: bytes = b"data") -> Frame:
    return icmp(0, rest=struct.pack(">HH", 7, seq), data=data, at=at, src="10.0.0.2", dst="10.0.0.1", ttl=55)


def test_a_ping_with_a_loss() -> None:
    found = same_in_any_batches([ping(1, 0), pong(1, 0.01), ping(2, 1), ping(3, 2), pong(3, 2.02), pong(3, 2.03)])
    rows = {r["shoal.first_frame"]: r for r in found.rows["icmp"]}
    assert [rows[n]["shoal.icmp.outcome"] for n in (1, 3, 4, 6)] == ["answered", "unanswered", "answered", "repeated"]
    assert rows[1]["shoal.response_frame"] == 2
    assert rows[1]["shoal.response_time"] == 10_000_000
    assert (rows[1]["shoal.ttl"], rows[1]["icmp.ident"], rows[4]["icmp.seq"]) == (55, 7, 3)
    assert "shoal.response_time" not in rows[3]
    assert (rows[6]["ip.src"], rows[6]["shoal.request_frame"]) == ("10.0.0.1", 4)
    assert found.details[2]["icmp.resp_to"] == [1]
    assert found.details[2]["icmp.resptime"] == ["10"]
    assert 6 not in found.details
    assert set(found.names.values()) == {"ICMP"}


def test_a_reply_to_nothing() -> None:
    (row,) = heard([pong(1, 0)]).rows["icmp"]
    assert row["shoal.icmp.outcome"] == "unasked"
    assert (row["ip.src"], row["ip.dst"], row["shoal.response_frame"]) == ("10.0.0.1", "10.0.0.2", 1)


def test_who_waits_in_vain_is_told_before_the_capture_ends() -> None:
    found = heard([ping(1, 0), ping(2, 200), pong(1, 201)])
    assert [r["shoal.icmp.outcome"] for r in found.rows["icmp"]] == ["unanswered", "unasked", "unanswered"]
    assert [r["shoal.first_frame"] for r in found.rows["icmp"]] == [1, 3, 2]


def test_an_echo_of_icmpv6() -> None:
    asked = icmp6(128, b"\0\1\0\2data", 0)
    replied = icmp6(129, b"\0\1\0\2data", 0.5, src="fe80::2", dst="fe80::1")
    found = same_in_any_batches([asked, replied])
    (row,) = found.rows["icmp"]
    assert (row["ipv6.src"], row["shoal.icmp.type"], row["icmp.seq"]) == ("fe80::1", "Echo Request", 2)
    assert found.details[2] == {"icmpv6.resp_to": [1], "icmpv6.resptime": ["500"]}


def test_an_error_has_the_flow_that_it_quotes() -> None:
    sent = udp("10.0.0.1", 4000, "10.0.0.2", 53, b"x" * 20)
    error = icmp(3, 3, bytes(4), sent[14:], 1, src="10.0.0.2", dst="10.0.0.1")
    expired = icmp(11, 0, bytes(4), sent[14:42], 2, src="10.9.9.9", dst="10.0.0.1")
    found = same_in_any_batches([(0, sent), error, expired])
    one, other = found.rows["icmp"]
    assert (one["shoal.icmp.type"], one["shoal.icmp.code"]) == ("Destination Unreachable", "Port Unreachable")
    assert (other["shoal.icmp.code"], other["ip.src"]) == ("TTL Exceeded in Transit", "10.9.9.9")
    assert one["shoal.quoted.dstport"] == other["shoal.quoted.dstport"] == 53
    assert one["shoal.quoted.src"] == "::ffff:a00:1"
    assert one["shoal.flow_id"] == other["shoal.flow_id"] == found.rows["dns"][0]["shoal.flow_id"]


def test_timestamps_and_masks() -> None:
    stamps = struct.pack(">III", 1, 2, 3)
    back = {"src": "10.0.0.2", "dst": "10.0.0.1"}
    found = heard([icmp(13, data=stamps), icmp(14, data=stamps, at=0.1, **back), icmp(17, data=bytes(4), at=1),
                   icmp(18, data=b"\xff\xff\0\0", at=1.5, **back)])
    assert [r["shoal.icmp.kind"] for r in found.rows["icmp"]] == ["timestamp", "mask"]
    assert found.rows["icmp"][1]["icmp.address_mask"] == "255.255.0.0"
    assert found.details[2]["icmp.transmit_timestamp"] == [3]


def test_the_oldest_is_told_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MOST_ASKED", 2)
    found = heard([ping(k, k / 100) for k in range(4)])
    assert [r["icmp.seq"] for r in found.rows["icmp"]] == [0, 1, 2, 3]
    assert found.events == [("echoes-forgotten", 1), ("echoes-forgotten", 2)]


def test_as_tshark_pairs_them(tmp_path: Path) -> None:
    frames = [
        ping(1, 0), pong(1, 0.0123456), pong(1, 0.02), ping(2, 1), pong(2, 1.1, b"other"), ping(2, 2, b"more"),
        pong(2, 3, b"more"), pong(9, 4), icmp6(128, b"\0\1\0\2data", 5),
        icmp6(129, b"\0\1\0\2data", 5.25, src="fe80::2", dst="fe80::1"), icmp(13, data=bytes(range(12)), at=6),
        icmp(18, data=b"\1\2\3\4", at=7), icmp(8, data=b"", at=8)[:1] + (icmp(8, at=8)[1][:40],),
    ]  # fmt: skip
    fields = ["icmp.resp_to", "icmp.resptime", "icmpv6.resp_to", "icmpv6.resptime", "icmp.address_mask",
              "icmp.originate_timestamp", "icmp.receive_timestamp", "icmp.transmit_timestamp", "_ws.col.Protocol"]
    ours, theirs = both(frames, tmp_path, fields)
    assert ours == theirs
    assert theirs[2][:2] == ["1", "12.346"] or theirs[2][:2] == ["1", "12.3456"]
