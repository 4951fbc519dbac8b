"""The budget of table packets: one worker of a fleet keeps it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from faust.types import TP

from pipeline.agents.app import Settings
from pipeline.agents.counters import Counters
from pipeline.agents.fleet import Fleet
from pipeline.agents.upkeep import Upkeep
from tests.broker.broker import Broker
from tests.worker.stage import ROOT, SHOAL, stage, wait_until

WEEKS = ["2026-09-07", "2026-10-05", "2026-11-16"]


def test_a_worker_drops_the_oldest_weeks(broker: Broker, tmp_path: Path) -> None:
    with stage(broker, tmp_path) as played:
        for week in WEEKS:
            played.served.ask(
                "INSERT INTO packets (sensor, capture, `shoal.day`, `frame.number`, `frame.raw`)"
                f" SELECT 'a', 'b', '{week}', number, randomString(1000) FROM numbers(500)"
            )
        worker = played.worker("--budget", "1k")
        asked = "SELECT DISTINCT toString(toMonday(shoal.day)) AS week FROM packets ORDER BY week"
        wait_until(lambda: played.served.ask(asked) == [{"week": WEEKS[-1]}], "the newest week alone")
        wait_until(lambda: worker.said("this week alone is over the budget of 1,000 bytes"), "the warning")
        assert worker.said(f"weeks of {WEEKS[0]}, {WEEKS[1]} dropped")
        assert worker.end() == 0


def test_whose_turn_it_is() -> None:
    settings = Settings("127.0.0.1:9", "http://127.0.0.1:9", "p", 4, "", 10.0)
    fleet = Fleet(settings, Counters(), lambda error: None)
    upkeep = Upkeep(fleet)
    assert not upkeep.mine
    sensors, packets = settings.sensors.name, settings.packets.name
    for topic, number, turn in ((sensors, 0, False), (packets, 1, False), (packets, 0, True)):
        fleet.partitions[TP(topic, number)] = object()  # type: ignore[assignment]
        assert upkeep.mine == turn


@pytest.mark.parametrize("size", ["much", "-1"])
def test_a_budget_that_is_none(size: str) -> None:
    done = subprocess.run((*SHOAL, "worker", "--kafka", "127.0.0.1:9", "--clickhouse", "http://127.0.0.1:9", "--budget",
                           size), cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "is no size" in done.stderr
    assert done.stderr.count("\n") == 1
