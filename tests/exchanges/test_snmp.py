"""SNMP: requests with their responses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.engine import ber
from tests.exchanges.against import both
from tests.exchanges.hear import SECOND, Frame, answer, ask, heard, same_in_any_batches


def tlv(tag: int, *content: bytes) -> bytes:
    """An element."""
    body = b"".join(content)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def number(value: int) -> bytes:
    """An INTEGER."""
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


NAME = tlv(6, bytes.fromhex("2b06010201010500"))
UPTIME = tlv(6, bytes.fromhex("2b06010201010300"))


def pdu(kind: int, ident: int = 77, status: int = 0, index: int = 0, *bindings: tuple[bytes, bytes]) -> bytes:
    """A PDU with its variables."""
    variables = tlv(48, *(tlv(48, n, v) for n, v in bindings))
    return tlv(0xA0 + kind, number(ident), number(status), number(index), variables)


def v2(of: bytes, version: int = 1) -> bytes:
    """A message with a community."""
    return tlv(48, number(version), tlv(4, b"public"), of)


def v3(data: bytes, flags: int, ident: int = 9) -> bytes:
    """A message of version 3."""
    head = tlv(48, number(ident), number(1500), tlv(4, bytes([flags])), number(3))
    security = tlv(4, tlv(48, tlv(4, b"\x80\0\x1f\x88"), number(1), number(2), tlv(4, b"admin"), tlv(4), tlv(4)))
    return tlv(48, number(3), head, security, data)


def to(data: bytes, at: float = 0.0, port: int = 161, **ends: Any) -> Frame:
    """To the agent."""
    return ask(data, at, dstport=port, **ends)


def back(data: bytes, at: float = 0.0) -> Frame:
    """From the agent."""
    return answer(data, at, dstport=161)


GET = v2(pdu(0, 77, 0, 0, (NAME, tlv(5)), (UPTIME, tlv(5))))
GOT = v2(pdu(2, 77, 0, 0, (NAME, tlv(4, b"router")), (UPTIME, tlv(0x43, b"\x01\0"))))


def test_a_request_and_its_response() -> None:
    found = same_in_any_batches([to(GET), back(GOT, 0.5)])
    (row,) = found.rows["snmp"]
    assert (row["snmp.version"], row["snmp.community"], row["shoal.snmp.id"]) == (1, "public", 77)
    assert (row["shoal.snmp.request"], row["shoal.snmp.response"]) == ("get-request", "get-response")
    assert row["shoal.response_time"] == SECOND // 2
    assert row["snmp_binding.name"] == ["1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.3.0"]
    assert row["snmp_binding.value"] == ["router", "256"]
    assert found.names == {1: "SNMP", 2: "SNMP"}


def test_an_error_a_trap_and_halves() -> None:
    frames = [to(v2(pdu(3, -5), 0)), back(v2(pdu(2, -5, 2, 1), 0), 0.1), to(v2(pdu(7)), 1, 162)]
    frames += [back(GOT, 2), to(GET, 100)]
    error, trap, alone, unanswered = same_in_any_batches(frames).rows["snmp"]
    assert (error["snmp.error_status"], error["snmp.error_index"], error["shoal.snmp.id"]) == (2, 1, 2**32 - 5)
    assert (trap["shoal.snmp.request"], "shoal.response_frame" in trap) == ("snmpV2-trap", False)
    assert "shoal.request_frame" not in alone
    assert "shoal.response_frame" not in unanswered


def test_version_3() -> None:
    clear = v3(tlv(48, tlv(4, b"e"), tlv(4), pdu(1, 5, 0, 0, (NAME, tlv(5)))), 4)
    report = v3(tlv(48, tlv(4, b"e"), tlv(4), pdu(8, 5, 0, 0, (NAME, number(1)))), 0)
    frames = [to(clear), back(report, 0.1)]
    frames += [to(v3(tlv(4, b"\x99" * 9), 7, 10), 1), back(v3(tlv(4, b"\x88" * 9), 3, 10), 1.5)]
    one, other = same_in_any_batches(frames).rows["snmp"]
    assert (one["shoal.snmp.response"], one["snmp.msgUserName"]) == ("report", "admin")
    assert one["shoal.snmp.engine"] == "80001f88"
    assert (other["shoal.snmp.encrypted"], other["shoal.response_time"]) == (1, SECOND // 2)


def test_what_is_shown_is_what_tshark_shows(tmp_path: Path) -> None:
    bulk = v2(pdu(5, 9, 0, 10, (NAME, tlv(5))))
    data = (GET, GOT, bulk, v2(pdu(3, -5), 0), v2(pdu(2, 1, 2, 1)), v3(tlv(4, b"\x99" * 9), 7), b"\0" * 9,
            v3(tlv(48, tlv(4, b"e"), tlv(4), pdu(1, 5, 0, 0, (NAME, tlv(5)))), 4))  # fmt: skip
    frames = [to(d, n, srcport=41_000 + n) for n, d in enumerate(data)]
    fields = ["snmp.version", "snmp.msgVersion", "snmp.community", "snmp.msgID", "snmp.msgUserName", "snmp.data",
              "snmp.request_id", "snmp.error_status", "snmp.error_index", "snmp.non_repeaters", "snmp.max_repetitions",
              "snmp.name", "_ws.col.Protocol"]  # fmt: skip
    ours, theirs = both(frames, tmp_path, fields)
    assert ours == theirs


def test_any_cut_of_a_message_is_read_up_to_where_it_ends() -> None:
    for size in range(len(GET)):
        names = heard([to(GET[:size])]).names
        assert names[1] == ("SNMP" if size >= 5 else "UDP")


def test_elements_of_hostile_bytes() -> None:
    cut = ber.element(b"\x30\x84\xff\xff\xff\xff\x01", 0, 7)
    assert (cut.tag, cut.at, cut.end) == (48, 6, 7)
    assert ber.element(b"\x30\x80\0\0", 0, 4) is ber.NOTHING
    assert ber.element(b"\x1f\x81\x01\0", 0, 4) is ber.NOTHING
    assert ber.element(b"\x30\x89" + b"\xff" * 12, 0, 14) is ber.NOTHING
    assert ber.element(b"\x30\x88" + b"\xff" * 12, 0, 14).end == 14
    found = ber.elements(b"\5\0" * 100, 0, 200, 8)
    assert [(one.tag, one.at, one.end) for one in found] == [(5, 2 + 2 * n, 2 + 2 * n) for n in range(8)]
    assert ber.integer(bytes(20), ber.Element(2, 0, 20)) == 0
    assert ber.integer(b"\x80" + bytes(7), ber.Element(2, 0, 8)) == -(1 << 63)
    assert ber.identifier(b"\x2b" + b"\xff" * 600, ber.Element(6, 0, 601)) == "1.3"
    assert len(ber.identifier(b"\1" * 999, ber.Element(6, 0, 999)).split(".")) == ber.MOST_ARCS


def test_at_the_cap_the_oldest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.snmp.tracker.MOST_WAITING", 3)
    found = heard([to(v2(pdu(0, n)), n / 10) for n in range(5)])
    assert ("snmp-forgotten", 1) in found.events
    assert [r["shoal.snmp.id"] for r in found.rows["snmp"]] == [0, 1, 2, 3, 4]
