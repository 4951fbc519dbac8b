"""Segments that do not fit their connection: each anomaly with a capture that has it, and the traps beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.anomalies.make import wire_tcp as make
from tests.anomalies.make.wire_frames import Timed
from tests.anomalies.wire_run import seen_in

Made = Callable[[], list[Timed]]


@pytest.mark.parametrize(("made", "name", "frame", "entity"), [
    (make.hijacked, "ttl-jump", 34, "10.2.0.2 > 10.1.0.1"),
    (partial(make.hijacked, six=True), "ttl-jump", 34, "2001:db8:1::2 > 2001:db8::1"),
    (make.raced, "ttl-jump", 5, "10.2.0.2 > 10.1.0.1"),
    (make.injected, "rst-injection", 34, "10.2.0.2 > 10.1.0.1"),
    (partial(make.injected, ttl=113, ahead=0), "rst-injection", 34, "10.2.0.2 > 10.1.0.1"),
    (partial(make.injected, ahead=0), "rst-injection", 34, "10.2.0.2 > 10.1.0.1"),
    (partial(make.injected, ttl=113, by_client=True), "rst-injection", 34, "10.1.0.1 > 10.2.0.2"),
    (make.guessed, "rst-injection", 34, "10.2.0.2 > 10.1.0.1"),
    (make.vanishing, "mtu-black-hole", 10, "10.1.0.1 > 10.2.0.2"),
    (make.vanishing_in_silence, "mtu-black-hole", 15, "10.2.0.2 > 10.1.0.1"),
    (make.made_smaller, "mtu-black-hole", 7, "10.1.0.1 > 10.2.0.2"),
])  # fmt: skip
def test_is_seen(tmp_path: Path, made: Made, name: str, frame: int, entity: str) -> None:
    seen = seen_in(made(), tmp_path).of(name)
    assert [(sighting.frame, sighting.entity, sighting.filter) for sighting in seen] == [
        (frame, entity, "tcp.stream == 0")
    ]
    assert entity.split(" > ")[0] in seen[0].said


@pytest.mark.parametrize("made", [
    make.rerouted, make.rerouted_and_back, make.answered_by_another, make.acknowledged_by_another, make.balanced,
    make.aborted, make.aborted_with_much_under_way, make.overtaken, make.reset_by_a_firewall,
    make.reset_and_opened_again, make.told_by_icmp, make.host_gone, make.host_gone_early, make.lost_by_chance,
    make.window_closed, make.closed,
])  # fmt: skip
def test_is_none(tmp_path: Path, made: Made) -> None:
    told = {"ttl-jump", "rst-injection", "mtu-black-hole"}
    assert told.isdisjoint(seen_in(made(), tmp_path).names)
