"""Mutated batches through the real topic: the worker lives, and each that is none is a dead letter."""

from __future__ import annotations

from collections import Counter

from tests.endtoend.captures import SOURCES, Played, Wanted
from tests.endtoend.fleet import Fleet
from tests.endtoend.hostile import check, mix, send
from tests.worker.stage import wait_until


def test_hostile_batches_among_good_ones(calm: Fleet, played: list[Played], wanted: Wanted) -> None:
    mixture = mix(played[:1], list(SOURCES[1:9]), 500, seed=5)
    reasons = Counter(mixture.invalid.values())
    assert {"invalid", "schema-mismatch", "foreign-layout"} <= set(reasons)
    assert "engine-fault" not in reasons
    stage = calm.stage
    send(stage, mixture)
    worker = stage.worker("--checkpoint", "0.5")
    good = wanted.of(played[:1])
    wait_until(lambda: not calm.differing(good), "the rows of the good ones")
    assert worker.end() == 0
    check(stage, mixture)
