"""OICQ: messages and their answers."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.exchanges.against import both
from tests.exchanges.hear import SECOND, Frame, answer, ask, heard, same_in_any_batches


def message(command: int = 2, seq: int = 5, user: int = 1_444_875_387, first: int = 2) -> bytes:
    """A message with some encrypted bytes."""
    return struct.pack(">BHHHI", first, 0x3B0B, command, seq, user) + b"\x99" * 12 + b"\3"


def sent(data: bytes, at: float = 0.0, **ends: Any) -> Frame:
    """From the client."""
    return ask(data, at, dstport=8000, **ends)


def back(data: bytes, at: float = 0.0) -> Frame:
    """From the server."""
    return answer(data, at, dstport=8000)


def test_a_message_and_its_answer() -> None:
    found = same_in_any_batches([sent(message()), back(message(), 0.25)])
    (row,) = found.rows["oicq"]
    assert (row["shoal.request_frame"], row["shoal.response_frame"]) == (1, 2)
    assert row["shoal.response_time"] == SECOND // 4
    assert (row["oicq.version"], row["oicq.seq"], row["oicq.qqid"]) == (0x3B0B, 5, 1_444_875_387)
    assert (row["oicq.command"], row["shoal.oicq.command"]) == (2, "Heart Message")
    assert row["udp.dstport"] == 8000
    assert found.names == {1: "OICQ", 2: "OICQ"}


def test_sent_again_and_never_answered() -> None:
    rows = same_in_any_batches([sent(message()), sent(message(), 3), sent(message(seq=6), 200)]).rows["oicq"]
    assert [(r["oicq.seq"], r["shoal.oicq.repeats"]) for r in rows] == [(5, 1), (6, 0)]
    assert all("shoal.response_frame" not in r for r in rows)


def test_an_answer_alone_and_what_the_server_begins() -> None:
    rows = heard([back(message()), back(message(23, 9), 1), sent(message(23, 9), 1.5)]).rows["oicq"]
    alone, pushed = rows
    assert "shoal.request_frame" not in alone
    assert alone["shoal.response_frame"] == 1
    assert alone["udp.dstport"] == 8000
    assert (pushed["shoal.request_frame"], pushed["shoal.response_time"]) == (2, SECOND // 2)


def test_what_wireshark_takes_for_oicq(tmp_path: Path) -> None:
    data = (message(), message()[:9], message()[:5], message()[:4], message()[:1], message(first=3), message(0x1262),
            message(1015), message()[:12], b"\2" * 40)  # fmt: skip
    frames = [sent(d, n, srcport=41_000 + n) for n, d in enumerate(data)]
    fields = ["oicq.flag", "oicq.version", "oicq.command", "oicq.seq", "oicq.qqid", "_ws.col.Protocol"]
    ours, theirs = both(frames, tmp_path, fields)
    assert ours == theirs
    assert [ours[n][-1] for n in (1, 2, 4, 6, 7)] == ["OICQ", "OICQ", "UDP", "UDP", "UDP"]
    assert [r["shoal.first_frame"] for r in heard(frames).rows["oicq"]] == [1, 8, 9]


def test_at_the_cap_the_oldest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.oicq.MOST_WAITING", 3)
    found = heard([sent(message(seq=n), n / 10) for n in range(5)])
    assert ("oicq-forgotten", 1) in found.events
    assert [r["oicq.seq"] for r in found.rows["oicq"]] == [0, 1, 2, 3, 4]
