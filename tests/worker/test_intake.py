"""The messages of a partition: each offset once and in order, however they come."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from pipeline.agents import intake as module
from pipeline.agents.feed import Feed
from pipeline.agents.groups import Message
from pipeline.agents.intake import Intake


class Log:
    """A partition in the place of Kafka's: what was asked of it."""

    topic, partition = "t", 0

    def __init__(self, first: int = 0) -> None:
        self.first = first
        self.hole = 0
        self.sought: list[int] = []
        self.paused = 0

    def pause(self) -> None:
        self.paused += 1

    def resume(self) -> None:
        self.paused = 0

    async def begin(self) -> int:
        return self.first

    async def first_from(self, offset: int) -> int:
        return max(offset, self.hole)

    async def go_to(self, offset: int) -> None:
        self.sought.append(offset)


def message(offset: int, value: bytes = b"") -> Message:
    return Message("t", 0, offset, 0, (), value)


def intake(log: Log, lost: list[tuple[int, int]] | None = None) -> Intake:
    return Intake(cast(Feed, log), lambda first, behind: (lost if lost is not None else []).append((first, behind)))


async def taken(of: Intake) -> list[int]:
    found = []
    while (one := await of.get(0.01)) is not None:
        found.append(one.offset)
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "SEEK_SECONDS", 0.05)
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.1)


async def test_each_offset_comes_once_and_in_order() -> None:
    log = Log()
    of = intake(log)
    of.put(message(0))
    assert await taken(of) == []
    await of.start(5)
    for offset in (3, 5, 5, 4, 6, 8, 7, 9, 7, 8):
        of.put(message(offset))
    assert await taken(of) == [5, 6, 7, 8]
    assert log.sought == [5]


async def test_a_missing_message_is_read_again() -> None:
    log = Log()
    of = intake(log)
    await of.start(0)
    watch = asyncio.create_task(of.watch())
    for offset in (0, 2, 3):
        of.put(message(offset))
    while log.sought != [0, 1]:
        await asyncio.sleep(0.01)
    for offset in (1, 2, 3):
        of.put(message(offset))
    assert await taken(of) == [0, 1, 2, 3]
    watch.cancel()


async def test_what_the_log_lost_is_told_and_passed_over() -> None:
    log, lost = Log(), []
    of = intake(log, lost)
    await of.start(0)
    watch = asyncio.create_task(of.watch())
    of.put(message(0))
    log.first = 10
    of.end = 12
    while 10 not in log.sought:
        await asyncio.sleep(0.01)
    of.put(message(10))
    assert await taken(of) == [0, 10]
    assert lost == [(1, 10)]
    watch.cancel()


async def test_a_hole_in_the_log_is_passed_over_when_it_stays() -> None:
    log, lost = Log(), []
    of = intake(log, lost)
    log.hole = 1
    await of.start(0)
    watch = asyncio.create_task(of.watch())
    # Offset 0 is the marker of a transaction: Kafka's client never hands it out.
    while of.next_offset == 0:
        of.put(message(1))
        await asyncio.sleep(0.02)
    of.put(message(1))
    assert await taken(of) == [1]
    assert lost == [(0, 1)]
    assert log.sought.count(0) >= 2
    watch.cancel()


async def test_a_message_that_is_late_is_not_passed_over() -> None:
    log, lost = Log(), []
    of = intake(log, lost)
    await of.start(0)
    watch = asyncio.create_task(of.watch())
    # What a slow client had in its hands still comes, long after the log was to be read again.
    while log.sought.count(0) < 6:
        of.put(message(1))
        await asyncio.sleep(0.02)
    for offset in (0, 1):
        of.put(message(offset))
    assert await taken(of) == [0, 1]
    assert not lost
    watch.cancel()


async def test_what_waits_is_bounded() -> None:
    log = Log()
    of = intake(log)
    await of.start(0)
    big = b"\0" * (module.MOST_BYTES // 4)
    for offset in range(4):
        of.put(message(offset, big))
    assert log.paused
    assert await taken(of) == [0, 1, 2, 3]
    assert not log.paused
    for offset in range(4, 4 + module.MOST_MESSAGES):
        of.put(message(offset))
    assert log.paused
