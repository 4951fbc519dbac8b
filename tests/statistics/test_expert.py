"""The expert summary: the TCP lines are tshark's, in its order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.engine.wire import tcp
from tests.sources.makecap import pcap
from tests.statistics.frames import capture
from tests.statistics.tables import expert, ours, tshark_expert

DEMO = Path(__file__).resolve().parents[2] / "samples" / "demo.pcapng"
A, B = "10.0.0.1", "10.0.0.2"


def said(path: Path, batch_rows: int = 4096) -> str:
    (text,) = ours(path, ("expert",), batch_rows)
    return text


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "made.pcap"
    path.write_bytes(capture())
    return path


def test_sample(made: Path) -> None:
    for path in (DEMO, made):
        mine, theirs = expert(said(path)), expert(tshark_expert(path))
        assert {s: [line for line in theirs[s] if line in set(lines)] for s, lines in mine.items()} == mine
        assert sum(map(len, mine.values())) >= sum(map(len, theirs.values())) * 0.8


def test_sample_has_what_is_in_it() -> None:
    text = said(DEMO)
    assert [line.partition(" ")[0] for line in text.splitlines() if line.endswith(")") and line[0] in "EWNC"] == [
        "Warns", "Notes", "Chats"]
    for summary in ("Connection reset (RST)", "TCP Zero Window segment", "This frame is a (suspected) retransmission",
                    "Duplicate ACK (#1)", "server port 80"):
        assert summary in text


def test_batches_do_not_matter(made: Path) -> None:
    for path in (DEMO, made):
        assert said(path, 1) == said(path, 7) == said(path)


def test_only_kept_frames_count(tmp_path: Path) -> None:
    """What they follow from counts still: the second to close is the second, whoever was not kept."""
    path = tmp_path / "two.pcap"
    frames = [tcp(A, 5000, B, 80, b"x", 1), tcp(B, 80, A, 5000, b"y", 1)]
    fin = [frame[:47] + b"\x11" + frame[48:] for frame in frames]
    path.write_bytes(pcap(enumerate(fin)))
    (text,) = ours(path, ("expert",), keep=np.array([False, True]))
    assert "           1   Sequence                TCP  Connection finish (FIN)\n" in text
    assert "This frame undergoes the connection closing\n" in text
    assert "initiates" not in text


def test_nothing_to_tell_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "quiet.pcap").write_bytes(pcap([(0, tcp(A, 5000, B, 80, b"x", 1))]))
    assert said(tmp_path / "quiet.pcap") == ""
