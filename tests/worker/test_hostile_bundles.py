"""What shards tell of windows, with something wrong in it: refused or taken, and never the worker's fault."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipeline.agents.bundles import BundleHead, encode
from pipeline.agents.groups import Message
from pipeline.agents.windows import Windows
from pipeline.engine.windows.bundle import Bundle
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PARTS
from tests.worker.batches import blocks, log_of, outcomes
from tests.worker.mutate import bundles, damaged
from tests.worker.publish import Sent

SECOND = 10**9
BEGIN = 1_700_000_000
ROWS = 40


@pytest.fixture(scope="module")
def good(captures: list[Path]) -> list[Sent]:
    return bundles(captures[:6])


def letters(log: list[Message]) -> Counter[str]:
    """Dead letters by reason; in place of an engine's fault what it says."""
    found: Counter[str] = Counter()
    for _, of in outcomes(Windows(), log):
        for outcome in of:
            found.update(one.said if one.reason == "engine-fault" else one.reason for one in outcome.dead)
            found["rows"] += sum(block.rows for block in outcome.blocks)
    return found


def test_mutated_bundles_are_dead_letters_or_taken_and_never_a_fault(good: list[Sent]) -> None:
    found = letters(log_of(damaged([one for one in good if one.value], 300, seed=1)))
    assert found.keys() <= {"invalid", "foreign-layout", "rows"}, found
    assert found["invalid"] > 100
    assert 300 - found["invalid"] - found["foreign-layout"] > 10


def test_those_between_are_told_as_if_alone(good: list[Sent]) -> None:
    def told(log: list[Message]) -> set[bytes]:
        return {data for of in blocks(outcomes(Windows(), log)).values() for data in of}

    bad = list(damaged([one for one in good if one.value], len(good), seed=2))
    log = log_of([one for both in zip(good, bad, strict=True) for one in both])
    alone = told([message for k, message in enumerate(log) if k % 2 == 0])
    assert len(alone) > 5
    assert alone <= told(log)


def of_any_numbers(seed: int) -> Bundle:
    """A bundle whose parts hold what no shard counts."""
    rng = np.random.default_rng(seed)
    rows = Columns(PARTS, ROWS, {"times": 2 * ROWS, "odd": ROWS})
    rows.rows = ROWS
    slabs = [rows.u8, rows.u16, rows.u32, rows.u64, rows.b16]
    for name, each in ("times", 2), ("odd", 1):
        items = rows.lists[name]
        items.offsets[:] = np.arange(ROWS + 1) * each
        slabs += [items.u8, items.u32, items.u64]
    for cells in slabs:
        raw = cells.view(np.uint8)
        raw[...] = rng.integers(0, 256, raw.shape, dtype=np.uint8)
        if rng.random() < 0.5:
            cells[...] = np.where(rng.random(cells.shape) < 0.7, 0, cells)
    # Of each that is looked at before it is counted, most are in order: what is behind it is to be reached.
    within = {"shoal.part.kind": 3, "shoal.server": 3}
    for name, end in within.items():
        if rng.random() < 0.9:
            rows.values(name)[:] = rng.integers(0, end, ROWS)
    if rng.random() < 0.9:
        rows.values("shoal.window.time")[:] = (BEGIN + 10 * rng.integers(-3, 5, ROWS)) * SECOND
    if rng.random() < 0.9:
        times = rows.lists["times"]
        for column in times.group.columns:
            if column.of.slab == "u8":
                end = 3 if column.name == "shoal.times.of" else 192
                times.values(column, ROWS)[:] = rng.integers(0, end, 2 * ROWS)
    rows.values("shoal.window.tick")[:] = np.sort(rng.integers(1, 6, ROWS))
    return Bundle(tuple((k, 10 * k, (BEGIN + 10 * k) * SECOND, 0) for k in range(1, 7)), rows, (), True)


def test_parts_of_any_numbers_are_refused_or_counted() -> None:
    sent = [
        Sent(0, headers, value) for seed in range(60)
        for headers, value, _ in encode(BundleHead(f"s{seed}", "c", 0, 1, 1), of_any_numbers(seed))
    ]  # fmt: skip
    found = letters(log_of(sent))
    assert found.keys() <= {"invalid", "rows"}, found
    assert found["invalid"] > 5
    assert found["rows"] > 1000
