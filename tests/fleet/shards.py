"""A capture shared out over shards, and what an engine of its own makes of each."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from collectors.decode import decode as decode_frames
from collectors.sources import open_capture
from pipeline.engine.front import Front, shard_of
from pipeline.engine.notes import events_of
from pipeline.engine.shard import Shard
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.flows import FLOW_STATES
from pipeline.schema.message import Head, decode, encode
from tests.engine.flow_rows import Row, rows_of, whole_rows_of


def messages(path: Path, shards: int, batch_rows: int) -> Iterator[tuple[Head, bytes]]:
    """The messages of a capture, as a collector makes them."""
    front, columns = Front(shards=shards), Columns(PACKETS, batch_rows)
    columns.labels.update({"sensor": "s", "capture": "c", "shoal.day": datetime.date(2026, 11, 21)})
    sequence, last = 0, 0
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for frames in reader:
            decode_frames(frames, columns)
            ticks = tuple(front.process(columns))
            windows = tuple(front.window_ticks)
            events = tuple(events_of(columns, front.notes.take()))
            last = frames.first + len(frames) - 1
            shard = shard_of(columns, shards)
            for k in range(shards):
                rows = np.flatnonzero(shard == k)
                yield Head(
                    "s", "c", k, shards, sequence, frames.first, last, len(rows), front.minutes.now, 0, ticks,
                    () if k else events, windows,
                ), encode(columns, rows, front.streams.conversation, front.streams.turn)  # fmt: skip
            sequence += 1
    for k in range(shards):
        yield Head("s", "c", k, shards, sequence, last + 1, last, 0, front.minutes.now, ends=1), b""


@dataclass
class Rows:
    """What was told of a capture."""

    packets: dict[int, Row] = field(default_factory=dict)
    flows: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    exchanges: dict[str, list[Row]] = field(default_factory=dict)

    def shard(self) -> Shard:
        """An engine whose rows come here."""
        return Shard(lambda rows: self.flows.extend(rows_of(rows, FLOW_STATES)),
                     lambda rows: self.events.extend(rows_of(rows, EVENT_STATES)), self.take_exchanges)

    def take_exchanges(self, rows: Columns) -> None:
        """Rows of exchanges come here."""
        self.exchanges.setdefault(rows.record.name, []).extend(whole_rows_of(rows))

    def sorted(self) -> tuple[dict[int, Row], list[Row], list[Row], dict[str, list[Row]]]:
        """All of it, in an order that does not depend on the shards."""
        return (
            dict(sorted(self.packets.items())),
            sorted(self.flows, key=lambda row: (row["shoal.first_frame"], row["shoal.last_frame"])),
            sorted(self.events, key=lambda row: (row["shoal.event.frame"], row["shoal.event.name"])),
            {
                name: sorted(rows, key=lambda row: (row["shoal.first_frame"], row["shoal.exchange"], str(row)))
                for name, rows in sorted(self.exchanges.items())
            },
        )


def through(
    path: Path, shards: int, batch_rows: int, between: Callable[[Shard, Rows], Shard] = lambda shard, _: shard
) -> Rows:
    """The capture through `shards` engines; `between` may replace one after a message."""
    found = Rows()
    engines = [found.shard() for _ in range(shards)]
    columns = Columns(PACKETS, batch_rows)
    for head, value in messages(path, shards, batch_rows):
        shard = engines[head.shard]
        if value:
            numbers, turns = decode(value, columns, shard.upto)
            shard.take(head, columns, numbers, turns)
            found.packets.update((row["frame.number"], row) for row in rows_of(columns, PACKETS))
            engines[head.shard] = between(shard, found)
        if head.ends:
            shard.finish()
    return found
