"""Messages of captures as a worker reads them, and what its work makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from pipeline.agents.groups import Grouping, Message
from pipeline.agents.work import Outcome, Work
from tests.worker.publish import Sent, messages

START = 1_700_000_000_000


def log_of(sent: Iterable[Sent], every_ms: int = 100, start: int = START) -> list[Message]:
    """The messages with offsets, and an append time `every_ms` after the one before."""
    return [
        Message("t", 0, k, start + k * every_ms, tuple(one.headers), one.value) for k, one in enumerate(sent)
    ]


def shard_of_captures(
    paths: list[Path], partition: int = 0, batch_rows: int = 32, every_ms: int = 100
) -> list[Message]:
    """One partition's messages of several captures, taking turns."""
    turns = itertools.zip_longest(*(messages(path, batch_rows=batch_rows) for path in paths))
    mine = (one for turn in turns for one in turn if one is not None and one.partition == partition)
    return log_of(mine, every_ms)


def outcomes(work: Work, log: list[Message], *, close: bool = True) -> list[tuple[int, list[Outcome]]]:
    """What each group gave, by the offset behind it; at the end all groups are ended."""
    grouping = Grouping()
    last = log[-1]
    end = Message("t", 0, last.offset + 1, last.timestamp + 5000, (("kind", b"close"),), b"")
    return [
        (group.next_offset, list(work.process(group)))
        for message in (*log, *([end] if close else []))
        for group in grouping.add(message)
    ]


def blocks(found: Iterable[tuple[int, list[Outcome]]]) -> dict[int, list[bytes]]:
    """The blocks of each group."""
    return {offset: [block.data for outcome in of for block in outcome.blocks] for offset, of in found}
