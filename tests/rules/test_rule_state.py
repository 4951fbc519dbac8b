"""Alerts are a function of the ticks: cut anywhere, with a snapshot between, the rows are the same; caps are told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pipeline.detect.alerts import Alerts, alerts
from pipeline.detect.rules import load_rules, memory
from pipeline.engine.snapshot import pack, unpack
from tests.rules.by_hand import BEGIN, SECOND, Talk, Told, rows

MORE = """
[rule.twice]
kind = "change"
meaning = "Twice the segments"
value = "shoal.segments"
above = 2
against = 3
minimum = { "shoal.segments" = 200 }
[rule.unusual]
kind = "baseline"
meaning = "Unusually many segments"
value = "shoal.segments"
above = 100
sigmas = 0.5
learn = 10
open_after = 2
group = false
[rule.gone]
kind = "absence"
meaning = "Nothing is heard of it"
entities = ["host"]
seconds = 60
"""


def trouble(seed: int, windows: int = 40) -> Told:
    """Conversations of four clients with three servers, of which now this and now that one loses."""
    chance, talks, bad = random.Random(seed), [], ""
    for w in range(windows):
        if chance.random() < 0.15:
            bad = chance.choice(["client", "server", "service", "sensor", ""])
        for c in range(4):
            for s in range(3):
                n = chance.choice([0, 30, 300, 900]) if c != 3 or w < windows // 2 else 0
                lossy = {"client": c == 1, "server": s == 1, "service": s == 2, "sensor": True, "": False}[bad]
                resent = sum(chance.random() < (0.06 if lossy else 0.003) for _ in range(n))
                if n:
                    odd = ((BEGIN + 10 * w * SECOND + c, 1),) if resent else ()
                    talks.append(Talk(w, f"10.0.0.{c}", f"192.0.2.{s}", 443 + c % 2, n, resent, odd=odd,
                                      late=chance.choice([0, 0, 0, 1, 3])))
    return Told(talks, windows + 4, {w: (500, chance.choice([0, 2])) for w in range(windows) if chance.random() < 0.04})


@pytest.mark.parametrize("seed", range(3))
def test_however_the_ticks_come_the_rows_are_the_same(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "more.toml"
    path.write_text(MORE)
    rules, told, chance = load_rules(path), trouble(seed), random.Random(seed)
    whole = rows(Alerts(rules, "s", "c").take(told.closed(ends=True)))
    assert {row["rule"] for row in whole} >= {"retransmission-spike", "twice", "unusual", "gone"}
    pieces, at = [], 1
    one = Alerts(rules, "s", "c")
    while at <= told.ticks:
        last = min(told.ticks, at + chance.choice([0, 0, 1, 5, 15]))
        pieces += rows(one.take(told.closed(at, last, ends=last == told.ticks)))
        at, state = last + 1, unpack(pack(one.state()))
        one = Alerts(rules, "s", "c")
        one.restore(state)
    assert pieces == whole
    assert one.open == 0


def test_what_is_open_at_the_end_is_closed() -> None:
    one = Alerts(load_rules(), "s", "c")
    told = Told([Talk(0, "10.0.0.1", "192.0.2.1", segments=300, resent=30)], 1)
    assert [row["state"] for row in rows(one.take(told.closed()))] == ["open"]
    assert [row["state"] for row in rows(one.finish())] == ["closed"]
    assert one.finish() is None


def test_too_many_open_alerts_close_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "MOST_OPEN", 2)
    talks = [Talk(0 if s == 1 else 1, f"10.0.0.{s}", f"192.0.2.{s}", segments=300, resent=30) for s in range(4)]
    one = Alerts(load_rules(), "s", "c")
    talks += [Talk(w, "10.9.9.9", f"192.0.3.{s}", segments=900) for w in range(2) for s in range(9)]
    found = rows(one.take(Told(talks, 2).closed()))
    assert next(row["entity"] for row in found if row["state"] == "closed") == "192.0.2.1:443"
    assert one.open == 2
    (name, frame, time, count), *rest = one.events()
    assert (name, frame, count, rest) == ("alerts-forgotten", 200, 2, [])
    assert time == BEGIN + 21 * SECOND
    assert one.events() == []


def test_too_much_learnt_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_ENTITIES", 40)
    talks = [Talk(w, f"10.0.{w}.1", f"192.0.{w}.2", segments=60) for w in range(12)]
    one = Alerts(load_rules(), "s", "c")
    one.take(Told(talks, 12).closed())
    assert next(name for name, *_ in one.events()) == "baselines-forgotten"
