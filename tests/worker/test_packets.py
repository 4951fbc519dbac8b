"""Batches through the engine, as a function of the log: replays give the same bytes, and nothing hostile stops it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.agents import packets as module
from pipeline.agents.groups import Message
from pipeline.agents.packets import SILENT_MS, Packets
from pipeline.engine.shard import Shard
from pipeline.engine.snapshot import SnapshotError
from pipeline.schema.message import LAYOUT, MOST_BYTES, Head, head_headers
from tests.worker.batches import START, blocks, log_of, outcomes, shard_of_captures
from tests.worker.mutate import mutated
from tests.worker.publish import messages


@pytest.fixture(scope="module")
def log(captures: list[Path]) -> list[Message]:
    return shard_of_captures(captures[:12], every_ms=400)


def counts(work: Packets, log: list[Message]) -> Counter[str]:
    """What was counted, dead letters by reason, rows by table."""
    found: Counter[str] = Counter()
    for _, of in outcomes(work, log):
        for outcome in of:
            found.update(outcome.counts)
            found.update(letter.reason for letter in outcome.dead)
            for block in outcome.blocks:
                found[block.record.name] += block.rows
    return found


def test_from_any_snapshot_the_same_blocks_follow(log: list[Message]) -> None:
    whole = blocks(outcomes(Packets(), log))
    assert len(whole) > 5
    assert sum(map(len, whole.values())) > 10
    work, behind = Packets(), 0
    found: dict[int, list[bytes]] = {}
    for offset in list(whole):
        part = [message for message in log if behind <= message.offset < offset]
        found |= blocks(outcomes(work, part)) if part else {}
        snapshot = work.snapshot()
        work = Packets()
        work.restore(snapshot)
        behind = offset
    assert [block for blocks_ in found.values() for block in blocks_] == [
        block for blocks_ in whole.values() for block in blocks_
    ]


def test_what_repeats_brings_nothing(log: list[Message]) -> None:
    once = counts(Packets(), log)
    again = [replace(m, offset=m.offset + len(log), timestamp=m.timestamp + 100_000) for m in log]
    twice = counts(Packets(), log + again)
    assert twice["repeated"] == len(log)
    assert twice["packets"] == once["packets"] > 0
    assert twice["flow_states"] == once["flow_states"] > 0


def test_a_capture_that_went_silent_is_given_up_and_may_come_back(captures: list[Path]) -> None:
    sent = [one for one in messages(captures[0], batch_rows=32) if one.partition == 0]
    first, second = sent[: len(sent) // 2], sent[len(sent) // 2 :]
    other = [one for one in messages(captures[1], batch_rows=32) if one.partition == 0]
    work = Packets()
    assert counts(work, log_of(first))["capture-abandoned"] == 0
    assert work.captures == 1
    later = counts(work, log_of(other, start=START + SILENT_MS + 1_000_000))
    assert later["capture-abandoned"] == 1
    assert later["event_states"] == 1
    assert later["flow_states"] > 0
    assert work.captures == 0
    # It goes on at its next frame: nothing is missing.
    back = counts(work, log_of(second, start=START + SILENT_MS + 2_000_000))
    assert back["missing"] == 0
    assert back["packets"] > 0


def test_captures_are_capped(captures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CAPTURES", 3)
    monkeypatch.setattr(module, "MOST_KNOWN", 4)
    begun = [next(iter(messages(path, shards=1, capture=f"c{k}"))) for k, path in enumerate(captures[:10])]
    work = Packets()
    assert counts(work, log_of(begun))["captures-forgotten"] == 7
    assert work.captures == 3


def test_a_fault_of_the_engine_costs_the_capture_what_was_known_and_goes_on(
    captures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(messages(captures[0], shards=1, batch_rows=100))
    take, calls = Shard.take, 0

    def faulty(self: Shard, *arguments: object) -> int:
        nonlocal calls
        calls += 1
        new = take(self, *arguments)  # type: ignore[arg-type]
        if calls == 2:
            raise ZeroDivisionError("made for the test")
        return new

    monkeypatch.setattr(Shard, "take", faulty)
    found = outcomes(Packets(), log)
    dead = [letter for _, of in found for outcome in of for letter in outcome.dead]
    assert [(letter.reason, letter.message.offset) for letter in dead] == [("engine-fault", 1)]
    assert "ZeroDivisionError: made for the test" in dead[0].said
    rows = sum(b.rows for _, of in found for outcome in of for b in outcome.blocks if b.record.name == "packets")
    calls = 10
    assert rows == counts(Packets(), log)["packets"] - 100
    assert sum(outcome.counts["engine-fault"] for _, of in found for outcome in of) == 1


def test_out_of_memory_is_no_dead_letter(captures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object) -> int:
        raise MemoryError

    monkeypatch.setattr(Shard, "take", hungry)
    with pytest.raises(MemoryError):
        outcomes(Packets(), log_of(messages(captures[0])))


def test_a_group_of_much_comes_in_pieces(log: list[Message], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = blocks(outcomes(Packets(), log))
    monkeypatch.setattr(module, "PIECE_BYTES", 10_000)
    found = outcomes(Packets(), log)
    assert max(len(of) for _, of in found) > 1
    assert blocks(found) == whole


def test_reasons_of_dead_letters(captures: list[Path]) -> None:
    good = next(iter(messages(captures[0], shards=1)))
    head = Head("s", "c", 0, 1, 0, 1, 5, 0, 0)
    foreign = [(k, b"000000000000v1" if k == "layout" else v) for k, v in good.headers]
    short = [(k, b"1" if k == "rows" else v) for k, v in good.headers]
    letters = {
        "foreign-layout": Message("t", 0, 0, START, tuple(foreign), good.value),
        "oversized": Message("t", 0, 1, START, tuple(good.headers), bytes(MOST_BYTES + 1)),
        "invalid": Message("t", 0, 2, START, (), b"hello"),
        "invalid rows": Message("t", 0, 3, START, tuple(short), good.value),
        "invalid value": Message("t", 0, 4, START, tuple(head_headers(replace(head, rows=3))), b"ARROW1"),
    }
    found = [letter for _, of in outcomes(Packets(), list(letters.values())) for o in of for letter in o.dead]
    assert [letter.reason for letter in found] == [name.partition(" ")[0] for name in letters]
    assert all(letter.said for letter in found)
    assert found[0].said.endswith(LAYOUT)


def test_mutated_messages_are_dead_letters_or_taken_and_never_a_fault(captures: list[Path]) -> None:
    found = counts(Packets(), log_of(mutated(captures[:8], 300, seed=1)))
    assert found["engine-fault"] == 0
    assert found["invalid"] + found["schema-mismatch"] > 100


def test_a_snapshot_of_something_else_is_refused_and_a_damaged_engine_begins_anew(log: list[Message]) -> None:
    with pytest.raises(SnapshotError):
        Packets().restore(b"something")
    work = Packets()
    outcomes(work, log[: len(log) // 2], close=False)
    assert work.captures
    snapshot = work.snapshot()
    monkey = np.frombuffer(snapshot, np.uint8).copy()
    monkey[len(monkey) // 2] ^= 1
    with pytest.raises(SnapshotError):
        Packets().restore(monkey.tobytes())
