"""The rule of the groups: the log alone cuts them, and from the end of any the same follow."""

from __future__ import annotations

import random

from pipeline.agents.groups import CLOSE, GROUP_BYTES, GROUP_ROWS, KIND, SPAN_MS, Group, Grouping, Message

HALF = b"\0" * (GROUP_BYTES // 2)


def message(offset: int, timestamp: int, rows: int = 1, value: bytes = b"x", **headers: bytes) -> Message:
    told = {"rows": str(rows).encode()} | headers
    return Message("t", 0, offset, timestamp, tuple(told.items()), value)


def groups(log: list[Message]) -> list[Group]:
    grouping = Grouping()
    return [group for entry in log for group in grouping.add(entry)]


def spans(log: list[Message]) -> list[tuple[int, int]]:
    return [(group.first.offset, group.last.offset) for group in groups(log)]


def random_log(seed: int) -> list[Message]:
    """Messages of all sizes, some a step back in time, some that close, with holes in the offsets."""
    chance = random.Random(seed)
    log: list[Message] = []
    offset, now = chance.randrange(100), 1_700_000_000_000
    for _ in range(400):
        offset += chance.choice((1, 1, 1, 1, 5))
        now += chance.choice((0, 1, 40, 700, 3000, -400))
        rows, value = chance.choice(((1, b"x"), (20_000, b"x"), (65_536, b"x"), (500, HALF)))
        closing = {KIND: CLOSE} if chance.random() < 0.05 else {}
        log.append(message(offset, now, rows, value, **closing))
    return log


def test_from_the_end_of_any_group_the_same_groups_follow() -> None:
    for seed in range(20):
        log = random_log(seed)
        all_of_it = spans(log)
        assert len(all_of_it) > 50
        for k, group in enumerate(groups(log)):
            rest = [entry for entry in log if entry.offset >= group.next_offset]
            assert spans(rest) == all_of_it[k + 1 :]


def test_each_message_is_in_one_group() -> None:
    log = random_log(7)
    found = groups(log)
    offsets = [entry.offset for group in found for entry in group.messages]
    assert offsets == [entry.offset for entry in log][: len(offsets)]
    for group in found:
        assert len({entry.timestamp // SPAN_MS for entry in group.messages}) == 1
        assert sum(int(entry.header("rows") or 0) for entry in group.messages[:-1]) < GROUP_ROWS


def test_another_second_ends_a_group() -> None:
    log = [message(0, 1000), message(1, 1999), message(2, 2000), message(3, 2001), message(4, 5000)]
    assert spans(log) == [(0, 1), (2, 3)]


def test_a_large_group_ends_with_the_message_that_made_it_so() -> None:
    assert spans([message(0, 0, GROUP_ROWS - 1), message(1, 0), message(2, 0)]) == [(0, 1)]
    assert spans([message(0, 0, 1, HALF), message(1, 0, 1, HALF), message(2, 0)]) == [(0, 1)]


def test_what_closes_is_a_group_of_its_own() -> None:
    closing = message(1, 0, **{KIND: CLOSE})
    assert spans([message(0, 0), closing, message(2, 0)]) == [(0, 0), (1, 1)]
    assert spans([closing]) == [(1, 1)]


def test_headers_that_lie_do_not_stop_the_count() -> None:
    liars = [message(k, 0, rows=told) for k, told in enumerate((b"-5", b"9" * 5000, b"", b"\xff", b"1e9"))]
    assert spans(liars) == []
    assert spans([Message("t", 0, 0, 0, (), b"")]) == []
