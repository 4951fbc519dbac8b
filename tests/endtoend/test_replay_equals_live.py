"""Frames through collectors, Kafka, workers and the served database: the rows of `shoal import`, whatever is killed."""

from __future__ import annotations

import time

from tests.endtoend.captures import Played, Wanted
from tests.endtoend.chaos import Chaos
from tests.endtoend.fleet import Fleet
from tests.worker.stage import wait_until

QUICK = ("--checkpoint", "0.5")
KILLS = 20


def test_two_collectors_and_two_workers(calm: Fleet, played: list[Played], wanted: Wanted) -> None:
    assert wanted.rows == 300_000
    assert min(of["flow_states"][0] for of in wanted.digests.values()) > 100
    for _ in range(2):
        calm.stage.worker()
    calm.feed(played)
    calm.allow_all()
    calm.wait_for(wanted)
    assert [worker.end() for worker in calm.stage.workers] == [0, 0]
    calm.check(wanted)


def test_twenty_kills(shaky: Fleet, played: list[Played], wanted: Wanted) -> None:
    shaky.feed(played)
    chaos = Chaos(shaky, seed=7, kills=KILLS, pause=1.5)
    try:
        chaos.run()
        shaky.wait_for(wanted)
    finally:
        chaos.close()
        print(chaos.figures())
    assert len(chaos.kills) == KILLS
    assert {kill.kind for kill in chaos.kills} >= {"collector", "worker", "broker", "database"}
    assert sum(kill.flowing for kill in chaos.kills) > KILLS // 2
    # Whoever was killed last still comes back, and none ended by itself.
    living = [worker for worker in shaky.stage.workers if worker.process.poll() is None]
    wait_until(lambda: all(worker.said("partitions assigned") for worker in living), "all workers to be there again")
    time.sleep(1)
    shaky.check(wanted)
    assert [worker.end() for worker in living] == [0, 0]
    shaky.check(wanted)


def test_a_rolling_restart_one_worker_more_and_one_less(calm: Fleet, played: list[Played], wanted: Wanted) -> None:
    files = played[:6]
    calm.feed(files)
    stage = calm.stage
    old = [stage.worker(*QUICK) for _ in range(2)]
    calm.allow(2)
    for worker in old:
        assert worker.end() == 0
        stage.worker(*QUICK)
    calm.allow(4)
    third = stage.worker(*QUICK)
    wait_until(lambda: calm.packets() > 25_000, "rows")
    calm.allow(5)
    assert third.end() == 0
    calm.allow_all()
    calm.wait_for(wanted.of(files))
    assert [worker.end() for worker in stage.workers[2:4]] == [0, 0]
    calm.check(wanted.of(files))
