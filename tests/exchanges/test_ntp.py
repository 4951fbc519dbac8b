"""NTP: messages with their answers, and their clocks."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.ntp import reference, timestamp
from tests.exchanges.against import both
from tests.exchanges.hear import BEGIN, SECOND, Frame, answer, ask, heard, same_in_any_batches


def stamp(seconds: float) -> bytes:
    """A time after BEGIN, as NTP has it."""
    whole, part = divmod(BEGIN + round(seconds * SECOND), SECOND)
    return struct.pack(">II", (whole + 2_208_988_800) & 0xFFFFFFFF, (part << 32) // SECOND)


def message(mode: int, org: bytes = bytes(8), rec: bytes = bytes(8), xmt: bytes = bytes(8), stratum: int = 2) -> bytes:
    """A message of version 4."""
    head = struct.pack(">BBbbII4s", 4 << 3 | mode, stratum, 6, -20, 0x8000, 0x10000, b"\xc0\0\2\1")
    return head + bytes(8) + org + rec + xmt


def asked(data: bytes, at: float = 0.0, **ends: Any) -> Frame:
    """To the server."""
    return ask(data, at, dstport=123, **ends)


def answered(data: bytes, at: float = 0.0) -> Frame:
    """From the server."""
    return answer(data, at, dstport=123)


def test_client_and_server() -> None:
    """The server is 3 s ahead of who captures, who is 1 s ahead of the client; 10 ms a way, 5 ms of work."""
    sent = stamp(-1)
    frames = [asked(message(3, xmt=sent, stratum=0)), answered(message(4, sent, stamp(3.01), stamp(3.015)), 0.025)]
    (row,) = same_in_any_batches(frames).rows["ntp"]
    assert (row["ntp.flags.mode"], row["ntp.flags.vn"], row["ntp.stratum"]) == (3, 4, 2)
    assert row["shoal.response_time"] == 25_000_000
    assert abs(row["shoal.ntp.offset"] - 3 * SECOND) < 3
    assert abs(row["shoal.ntp.client_offset"] - 4 * SECOND) < 3
    assert abs(row["shoal.ntp.delay"] - 20_000_000) < 3
    assert row["shoal.ntp.reference"] == "192.0.2.1"
    assert (row["shoal.ntp.root_delay"], row["shoal.ntp.root_dispersion"]) == (SECOND // 2, SECOND)
    assert abs(row["ntp.rec"] - BEGIN - 3_010_000_000) < 3


def test_a_client_that_does_not_tell_its_time() -> None:
    sent = bytes.fromhex("0123456789abcdef")
    frames = [asked(message(3, xmt=sent)), answered(message(4, sent, stamp(0.01), stamp(0.01)), 0.02)]
    (row,) = heard(frames).rows["ntp"]
    assert "shoal.ntp.client_offset" not in row
    assert "shoal.ntp.offset" in row


def test_halves() -> None:
    rows = same_in_any_batches([asked(message(3, xmt=stamp(0))), answered(message(4, stamp(9)), 1),
                                asked(message(5), 2), asked(message(3, xmt=stamp(100)), 100)]).rows["ntp"]  # fmt: skip
    assert [(r["shoal.first_frame"], r.get("shoal.request_frame"), r.get("shoal.response_frame")) for r in rows] == [
        (2, None, 2), (3, 3, None), (1, 1, None), (4, 4, None)]  # fmt: skip


def test_peers() -> None:
    first = stamp(0)
    frames = [asked(message(1, xmt=first)), answered(message(2, first, stamp(0.1), stamp(0.1)), 0.2)]
    (row,) = heard(frames).rows["ntp"]
    assert row["shoal.response_frame"] == 2


def test_control_and_private() -> None:
    frames = [
        asked(struct.pack(">BBHHHHH", 0x16, 2, 7, 0, 0, 0, 0)),
        answered(bytes([0x16, 0x82, 0, 7]) + bytes(40), 0.1),
        asked(bytes([0x17, 0, 3, 42]) + bytes(4), 1),
        answered(bytes([0x97, 0, 3, 42]) + bytes(440), 1.5),
    ]
    control, private = same_in_any_batches(frames).rows["ntp"]
    assert (control["ntp.flags.mode"], control["shoal.response_frame"]) == (6, 2)
    assert (private["ntp.priv.reqcode"], private["shoal.ntp.request_bytes"], private["shoal.ntp.response_bytes"]) == (
        42, 8, 444)  # fmt: skip


def test_what_is_shown_is_what_tshark_shows(tmp_path: Path) -> None:
    whole = message(4, stamp(0), stamp(1), stamp(2), stratum=1)
    private = bytes([0x17, 0, 3, 42]) + bytes(36)
    data = (whole, whole[:20], whole[:9], whole[:3], whole[:1], message(5), message(0), private)
    frames = [asked(d, n, srcport=41_000 + n) for n, d in enumerate(data)]
    fields = ["ntp.flags", "ntp.flags.li", "ntp.flags.vn", "ntp.flags.mode", "ntp.stratum", "ntp.ppoll",
              "ntp.precision", "ntp.rootdelay", "ntp.rootdispersion", "ntp.refid", "ntp.priv.impl",
              "ntp.priv.reqcode"]  # fmt: skip
    ours, theirs = both(frames, tmp_path, [*fields, "_ws.col.Protocol"])
    assert ours == theirs


def test_times_and_references() -> None:
    assert timestamp(bytes(8), 0) == 0
    assert timestamp(bytes.fromhex("83aa7e8080000000"), 0) == SECOND // 2
    assert timestamp(bytes.fromhex("0000000100000000"), 0) == (2**32 + 1 - 2_208_988_800) * SECOND
    assert (reference(b"GPS\0", 1), reference(b"\xff\0\0\0", 0)) == ("GPS", "ff000000")
    assert reference(b"\x0a\0\0\1", 3) == "10.0.0.1"


def test_at_the_cap_the_oldest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.ntp.MOST_WAITING", 3)
    found = heard([asked(message(3, xmt=stamp(n)), n / 10) for n in range(5)])
    assert ("ntp-forgotten", 1) in found.events
    assert [r["shoal.first_frame"] for r in found.rows["ntp"]] == [1, 2, 3, 4, 5]
