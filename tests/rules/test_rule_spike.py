"""`retransmission-spike`: what raises it, what does not, whom it names."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pipeline.detect.alerts import Alerts
from pipeline.detect.rules import load_rules
from tests.rules.by_hand import BEGIN, SECOND, Talk, Told, rows

SPIKE, LOSING = "retransmission-spike", "sensor-losing-packets"


def raised(told: Told, rule: str = SPIKE) -> list[dict[str, Any]]:
    """The rows of the rule's alerts."""
    found = rows(Alerts(load_rules(), "s1", "c1").take(told.closed(ends=True)))
    return [row for row in found if row["rule"] == rule]


def steady(windows: int, resent: int = 0, segments: int = 300, **of: Any) -> list[Talk]:
    """A conversation that goes on."""
    return [Talk(w, "10.0.0.9", "192.0.2.9", segments=segments, resent=resent, **of) for w in range(windows)]


def test_one_lossy_transfer_opens_at_its_service_and_closes_after_it() -> None:
    talks = [*steady(8), Talk(2, "10.0.0.1", "192.0.2.1", segments=290, resent=14)]
    first, last = raised(Told(talks, 8))
    assert (first["state"], last["state"]) == ("open", "closed")
    assert first["entity"] == last["entity"] == "192.0.2.1:443"
    assert first["id"] == last["id"]
    assert (first["version"], last["version"]) == (1, 2)
    assert (first["begins"], first["ends"]) == (BEGIN + 20 * SECOND, BEGIN + 30 * SECOND)
    assert first["opened"] == BEGIN + 30 * SECOND
    assert last["closed"] == BEGIN + 60 * SECOND
    assert (first["worst.flow"], first["worst.resent"]) == (["10.0.0.1:40000 192.0.2.1:443"], [14])
    assert "14 of 290 (4.8 %)" in first["said"]
    assert json.loads(first["counts"])["during"]["shoal.segments"] == 290


def test_one_that_is_cut_by_the_window_is_judged_with_the_one_before() -> None:
    talks = [Talk(2, "10.0.0.1", "192.0.2.1", segments=140, resent=6),
             Talk(3, "10.0.0.1", "192.0.2.1", segments=150, resent=6)]
    first, _ = raised(Told(talks, 8))
    assert (first["begins"], first["ends"]) == (BEGIN + 20 * SECOND, BEGIN + 40 * SECOND)
    assert first["worst.resent"] == [12]


@pytest.mark.parametrize(("segments", "resent"), [(280, 0), (280, 2), (280, 5), (2000, 20), (20, 7), (5000, 60)])
def test_little_raises_nothing(segments: int, resent: int) -> None:
    assert not raised(Told([Talk(0, "10.0.0.1", "192.0.2.1", segments=segments, resent=resent)], 5))


def test_where_the_sensor_lost_packets_it_alone_is_blamed() -> None:
    talks = [*steady(9), *(Talk(w, "10.0.0.1", "192.0.2.1", segments=290, resent=30) for w in (2, 6))]
    assert {row["begins"] for row in raised(Told(talks, 9))} == {BEGIN + 20 * SECOND, BEGIN + 60 * SECOND}
    dropped = Told(talks, 9, drops={2: (50, 0)})
    assert {row["begins"] for row in raised(dropped)} == {BEGIN + 60 * SECOND}
    assert [row["kind"] for row in raised(dropped, LOSING)] == ["sensor", "sensor"]


def test_an_alert_is_taken_back_when_the_drops_are_known_later() -> None:
    talks = [*steady(9), Talk(2, "10.0.0.1", "192.0.2.1", segments=290, resent=30)]
    first, last = raised(Told(talks, 9, drops={2: (50, 1)}))
    assert (first["state"], last["state"]) == ("open", "closed")
    assert "taken back: the sensor lost packets" in last["said"]


def test_a_capture_with_gaps_blames_no_network() -> None:
    gaps = (("tcp.analysis.ack_lost_segment", 40),)
    assert not raised(Told([Talk(0, "10.0.0.1", "192.0.2.1", segments=290, resent=30, counts=gaps)], 5))


def test_what_is_usual_is_learnt_and_raises_nothing_any_more() -> None:
    """A service that always resends 1.3 % is below the limit; from there 2.5 % are no spike if it varies so much."""
    chance = random.Random(7)
    wild = [chance.choice((1, 9)) for _ in range(60)]
    noisy = [Talk(w, "10.0.0.1", "192.0.2.1", segments=600, resent=resent) for w, resent in enumerate(wild)]
    burst = Talk(60, "10.0.0.1", "192.0.2.1", segments=600, resent=18)
    assert raised(Told([burst], 64))
    assert not raised(Told([*noisy, burst], 64))
    more = Talk(60, "10.0.0.1", "192.0.2.1", segments=600, resent=60)
    first, *_ = raised(Told([*noisy, more], 64))
    assert json.loads(first["counts"])["before"]["windows"] == 60
    assert "was usual" in first["said"]


def test_it_gets_graver_and_is_told_again_at_most_once_a_minute() -> None:
    talks = [Talk(w, "10.0.0.1", "192.0.2.1", segments=500, resent=25 if w < 7 else 80) for w in range(20)]
    found = raised(Told(talks, 26))
    assert [row["severity"] for row in found] == ["warning", "warning", "critical", "critical", "critical", "critical"]
    assert [row["version"] for row in found] == list(range(1, 7))
    ends = [(row["ends"] - BEGIN) // SECOND for row in found]
    assert ends == [10, 70, 80, 140, 200, 200]


def test_transfers_with_loss_are_told_from_those_without() -> None:
    """The losses of 280 segments by chance, at rates: how many of 400 transfers raise it."""
    chance = random.Random(1)

    def share(loss: float) -> float:
        talks = []
        for number in range(400):
            resent = 0
            for _ in range(280):
                while chance.random() < loss:
                    resent += 1
            talks.append(Talk(number, "10.0.0.1", f"192.0.{number // 250}.{number % 250}", segments=280 + resent,
                              resent=resent))
        return len({row["entity"] for row in raised(Told(talks, 405)) if row["kind"] == "service"}) / 400

    assert share(0.05) > 0.95
    assert share(0.01) < 0.02
    assert share(0.002) == 0
