"""Each kind of rule: one window that it raises, one beside it that it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.detect.alerts import Alerts
from pipeline.detect.rules import load_rules
from pipeline.schema.anomalies import ANOMALIES
from tests.rules.by_hand import BEGIN, SECOND, Talk, Told, rows


def held(text: str, talks: list[Talk], ticks: int, folder: Path) -> list[dict[str, Any]]:
    """The rows of the rule `mine`, which `text` is the keys of."""
    path = folder / "mine.toml"
    path.write_text(f'[rule.mine]\nmeaning = "Something"\n{text}')
    found = rows(Alerts(load_rules(path), "s1", "c1").take(Told(talks, ticks).closed()))
    return [row for row in found if row["rule"] == "mine"]


def talk(window: int, segments: int, resets: int = 0, server: str = "192.0.2.1") -> Talk:
    return Talk(window, "10.0.0.1", server, segments=segments, counts=(("shoal.resets", resets),))


def test_threshold(tmp_path: Path) -> None:
    talks = [talk(0, 10, 4), talk(1, 10, 5), talk(2, 10, 0)]
    (row,) = held('kind = "threshold"\nvalue = "shoal.resets"\nabove = 5', talks, 3, tmp_path)
    assert row["begins"] == BEGIN + 10 * SECOND
    assert row["filter"].endswith("&& (tcp.flags.reset == 1)") or row["filter"].endswith("((tcp.flags.reset == 1))")
    assert "shoal.resets at up to 5" in row["said"]


def test_threshold_below_with_severity_and_windows_in_a_row(tmp_path: Path) -> None:
    text = 'kind = "threshold"\nvalue = "shoal.segments"\nbelow = 20\ncritical = 5\nopen_after = 2'
    talks = [talk(0, 10), talk(1, 30), talk(2, 10), talk(3, 15), talk(4, 4), talk(5, 50)]
    found = held(text, talks, 6, tmp_path)
    assert [(row["severity"], (row["ends"] - BEGIN) // SECOND) for row in found] == [("warning", 40), ("critical", 50)]
    assert found[0]["begins"] == BEGIN + 20 * SECOND


def test_only_those_that_are_named(tmp_path: Path) -> None:
    text = 'kind = "threshold"\nvalue = "shoal.resets"\nabove = 5\nonly = ["192.0.2.128/25", "192.0.2.2:443"]'
    talks = [talk(0, 10, 9, f"192.0.2.{s}") for s in (1, 2, 200)]
    assert {row["entity"] for row in held(text, talks, 1, tmp_path)} == {"192.0.2.2:443", "192.0.2.200:443"}


def test_change(tmp_path: Path) -> None:
    text = 'kind = "change"\nvalue = "shoal.segments"\nabove = 3\nagainst = 2'
    talks = [talk(0, 100), talk(1, 300), talk(2, 599), talk(3, 1400)]
    (row,) = held(text, talks, 4, tmp_path)
    assert row["begins"] == BEGIN + 30 * SECOND


def test_baseline_and_its_hour_of_the_day(tmp_path: Path) -> None:
    """Segments are 100 at all hours but one, where they are 1,000 each day: that is usual there, and not elsewhere."""
    text = 'kind = "baseline"\nvalue = "shoal.segments"\nabove = 200\nsigmas = 3\nlearn = 12\nclose_after = 1'
    hour, day = 360, 8640
    talks = [talk(w, 100 + w % 3) for w in range(40)]
    talks += [talk(d * day + hour + w, 1000 + w % 3) for d in range(3) for w in range(20)]
    talks += [talk(2 * day + 3 * hour + w, 1000) for w in range(2)]
    path = tmp_path / "mine.toml"
    path.write_text(f'[rule.mine]\nmeaning = "Something"\n{text}')
    one, found = Alerts(load_rules(path), "s1", "c1"), []
    told = Told(talks, 2 * day + 4 * hour)
    for window in sorted({t.window for t in talks}):
        found += [row for row in rows(one.take(told.closed(window + 1, window + 1))) if row["version"] == 1]
    assert [(row["begins"] - BEGIN) // SECOND // 10 for row in found] == [hour, day + hour, 2 * day + 3 * hour]


def test_absence(tmp_path: Path) -> None:
    text = 'kind = "absence"\nentities = ["service"]\nseconds = 30'
    talks = [talk(w, 10) for w in (0, 1, 2, 3, 10)] + [talk(0, 10, server="192.0.2.7")]
    talks += [talk(w, 10, server="192.0.2.9") for w in range(12)]
    opened, closed = held(text, talks, 12, tmp_path)
    assert (opened["entity"], opened["state"], closed["state"]) == ("192.0.2.1:443", "open", "closed")
    assert opened["begins"] == BEGIN + 40 * SECOND


class Seen:
    """An anomaly that goes on."""

    def __init__(
        self, tick: int, time: int, count: int = 1, name: str = "syn-flood", severity: str = "critical"
    ) -> None:
        self.tick, self.name, self.entity, self.severity = tick, name, "192.0.2.1:80", severity
        self.first, self.last, self.said, self.filter, self.count = time, time, f"{count} SYNs", "tcp.port == 80", count


def test_an_anomaly_that_alerts_is_open_while_it_is_seen() -> None:
    one = Alerts(load_rules(), "s1", "c1")
    span = ANOMALIES["syn-flood"].suppression
    told = Told([], span // 10 + 20)
    going = [Seen(2, BEGIN + 15 * SECOND), Seen(9, BEGIN + 85 * SECOND, 7), Seen(3, BEGIN, name="port-closed")]
    found = rows(one.take(told.closed(), going))
    assert {row["rule"] for row in found} == {"syn-flood"}
    told_of = [(row["state"], row["said"]) for row in found]
    assert told_of == [("open", "1 SYNs"), ("open", "7 SYNs"), ("closed", "7 SYNs")]
    assert (found[0]["kind"], found[0]["entity"], found[0]["port"]) == ("service", "192.0.2.1:80", 80)
    assert found[-1]["closed"] == BEGIN + (85 + span) * SECOND
    assert "`shoal.event.name` = 'syn-flood'" in found[0]["sql"]


@pytest.mark.parametrize("name", sorted(ANOMALIES))
def test_every_anomaly_alerts_or_does_not_as_its_table_says(name: str) -> None:
    seen = Seen(1, BEGIN, name=name, severity=ANOMALIES[name].severity)
    found = rows(Alerts(load_rules(), "s1", "c1").take(Told([], 1).closed(), [seen]))
    assert bool(found) == (ANOMALIES[name].action == "alert")
