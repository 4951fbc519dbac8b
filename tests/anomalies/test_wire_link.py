"""Addresses that several hosts claim, and floods of announcements: each with a capture that has it, and the traps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.engine.anomalies import claims
from pipeline.engine.anomalies.tracker import Anomalies
from pipeline.engine.notes import Notes
from tests.anomalies.make import wire_link as make
from tests.anomalies.make.wire_frames import Timed
from tests.anomalies.wire_run import seen_in

Made = Callable[[], list[Timed]]


@pytest.mark.parametrize(("made", "name", "frame", "entity", "said"), [
    (make.poisoned, "arp-spoofing", 7, make.GATEWAY, f"{make.ATTACKER} claims it, and {make.ROUTER} does too"),
    (make.poisoned_by_turns, "arp-spoofing", 6, make.GATEWAY, f"{make.ATTACKER} claims it"),
    (make.poisoned_by_requests, "arp-spoofing", 6, make.GATEWAY, f"{make.ATTACKER} claims it"),
    (make.poisoned_neighbours, "arp-spoofing", 5, "fe80::1", f"{make.ATTACKER} claims it"),
    (make.taken_twice, "duplicate-address", 4, make.HOST, f"{make.VICTIM} and {make.SPARE} both claim it"),
    (make.answered_twice, "duplicate-address", 6, make.HOST, f"{make.VICTIM} and {make.SPARE} both claim it"),
    (make.probed_and_refused, "duplicate-address", 3, make.HOST, f"{make.SPARE} asked for it"),
    (make.probed_and_refused_6, "duplicate-address", 2, "fe80::a", f"{make.SPARE} asked for it"),
])  # fmt: skip
def test_is_seen(tmp_path: Path, made: Made, name: str, frame: int, entity: str, said: str) -> None:
    seen = seen_in(made(), tmp_path)
    assert seen.names == [name]
    assert [(sighting.frame, sighting.entity) for sighting in seen.sightings] == [(frame, entity)]
    assert f"{entity}: {said}" in seen.sightings[0].said
    assert f"== {entity}" in seen.sightings[0].filter


@pytest.mark.parametrize("made", [
    make.new_card, make.reassigned, make.standing_in, make.proxied, make.two_vlans, make.damaged,
    partial(make.announced, claims.FLOOD),
])  # fmt: skip
def test_is_none(tmp_path: Path, made: Made) -> None:
    assert seen_in(made(), tmp_path).sightings == []


def test_a_flood_of_announcements_is_seen(tmp_path: Path) -> None:
    (seen,) = seen_in(make.announced(claims.FLOOD + 50), tmp_path).sightings
    assert (seen.name, seen.entity, seen.frame) == ("arp-flood", make.ATTACKER, claims.FLOOD + 1)
    assert seen.count == claims.FLOOD + 1


def test_an_address_is_told_again_but_seldom(tmp_path: Path) -> None:
    """While it goes on, about once in ten seconds of event time."""
    frames = [frame for _ in range(20) for _, frame in make.poisoned_by_turns()]
    seen = seen_in([(make.EPOCH + i * 100 * make.MS, frame) for i, frame in enumerate(frames)], tmp_path)
    gaps = [later.time - earlier.time for earlier, later in zip(seen.sightings, seen.sightings[1:], strict=False)]
    assert len(gaps) == 3
    assert all(claims.AGAIN_NS <= gap < 2 * claims.AGAIN_NS for gap in gaps)


def test_what_is_remembered_is_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten, and an event tells it."""
    monkeypatch.setattr(claims, "MOST_ADDRESSES", 4)
    seen = seen_in(make.announced(9), tmp_path)
    assert [name for name, _, _ in seen.events] == ["claims-forgotten"] * 3
    assert [count for _, _, count in seen.events] == [1, 2, 4]
    assert len(Anomalies(Notes()).state()["claims"]["held"]) == 0
