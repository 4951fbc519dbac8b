"""How conversations ended, as anomalies: captures of kernel TCP, and of refused connections made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine.anomalies import endings
from tests.anomalies.make import wire_tcp as make
from tests.anomalies.wire_run import read, seen_in

SCENARIOS = Path(__file__).parents[1] / "scenarios"
CLIENT, SERVER = "192.0.2.1", "192.0.2.2"


@pytest.mark.parametrize(("capture", "told"), [
    ("server-killed-client", [("server-killed", SERVER)]),
    ("server-closed-early-client", [("server-killed", SERVER)]),
    ("server-crashed-client", [("host-silent", SERVER)]),
    ("client-gone-server", [("host-silent", CLIENT)]),
    ("window-closed-and-gone-client", [("host-silent", SERVER)]),
    ("keep-alive-gave-up-client", [("keep-alive-failed", SERVER)]),
    ("server-rebooted-client", [("host-rebooted", SERVER)]),
    ("server-rebooted-keep-alive-client", [("host-rebooted", SERVER)]),
    ("client-rebooted-server", []),
    ("outage-client", [("network-outage", f"{CLIENT} > {SERVER}")]),
    ("mtu-black-hole-client", [
        ("mtu-black-hole", f"{CLIENT} > {SERVER}"), ("network-outage", f"{CLIENT} > {SERVER}"),
    ]),
    ("refused-client", [("port-closed", SERVER)] * 3),
    ("clean-client", []),
    ("loss-heavy-client", []),
    ("aborted-by-server-client", []),
    ("closed-by-both-client", []),
    ("keep-alive-client", []),
    ("stalled-reader-client", []),
    ("unanswered-client", []),
    ("reused-ports-client", []),
])  # fmt: skip
def test_endings(capture: str, told: list[tuple[str, str]]) -> None:
    seen = read(SCENARIOS / f"{capture}.pcap.gz").sightings
    assert [(sighting.name, sighting.entity) for sighting in seen] == told
    assert read(SCENARIOS / f"{capture}.pcap.gz", 7, 0.2).sightings == seen


def test_a_conversation_is_told_once(tmp_path: Path) -> None:
    """Also when its row is told again, minute by minute."""
    frames = make.host_gone()
    last, frame = frames[-1]
    frames += [(last + k * 30_000_000_000, frame) for k in range(1, 8)]
    seen = seen_in(frames, tmp_path)
    assert [(sighting.name, sighting.entity) for sighting in seen.sightings] == [("host-silent", "10.2.0.2")]
    assert "data resent unanswered" in seen.sightings[0].said


def test_what_was_told_is_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more conversations than are remembered each is told; the memory stays."""
    monkeypatch.setattr(endings, "MOST_REMEMBERED", 4)
    seen = seen_in(make.refused(9), tmp_path)
    assert [sighting.name for sighting in seen.sightings] == ["port-closed"] * 9
    kept = endings.Endings()
    for first in range(9):
        kept._remember(first, "port-closed")
    assert [first for first, _ in kept.state()["told"]] == [5, 6, 7, 8]
