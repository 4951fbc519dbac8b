"""Captures as a collector would publish them: through `Front`, shared out, and encoded."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from aiokafka import AIOKafkaProducer

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine.front import Front, shard_of
from pipeline.engine.notes import events_of
from pipeline.run.importer import content_hash
from pipeline.schema import PACKETS, topics
from pipeline.schema.columns import Columns
from pipeline.schema.message import LAYOUT, MOST_BYTES, Head, encode, head_headers

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Sent:
    """A message on its way: its partition is the shard."""

    partition: int
    headers: Headers
    value: bytes


def messages(
    path: Path, shards: int = 4, batch_rows: int = 4096, sensor: str = "s", capture: str = ""
) -> Iterator[Sent]:
    """The messages of a capture file; they bear its content's hash, as `shoal import` does, unless told otherwise."""
    capture = capture or content_hash(str(path))
    front, columns = Front(shards=shards), Columns(PACKETS, batch_rows)
    columns.labels.update({"sensor": sensor, "capture": capture, "shoal.day": datetime.date(2026, 11, 21)})
    sequence = last = 0
    head = Head(sensor, capture, 0, shards, 0, 1, 0, 0, 0)
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for frames in reader:
            if not len(frames):
                continue
            decode(frames, columns)
            ticks = tuple(front.process(columns))
            events = tuple(events_of(columns, front.notes.take()))
            last = frames.first + len(frames) - 1
            shard = shard_of(columns, shards)
            head = replace(head, sequence=sequence, first=frames.first, last=last, now=front.minutes.now, ticks=ticks,
                           windows=tuple(front.window_ticks))
            for k in range(shards):
                rows = np.flatnonzero(shard == k)
                told = replace(head, shard=k, rows=len(rows), events=() if k else events)
                value = encode(columns, rows, front.streams.conversation, front.streams.turn)
                assert len(value) < MOST_BYTES
                yield Sent(k, head_headers(told), value)
            sequence += 1
    for k in range(shards):
        told = Head(sensor, capture, k, shards, sequence, last + 1, last, 0, front.minutes.now, ends=1)
        yield Sent(k, head_headers(told), b"")


def taking_turns(paths: list[Path], batch_rows: int = 128) -> list[Sent]:
    """The messages of all captures, taking turns as those of several collectors do."""
    turns = itertools.zip_longest(*(messages(path, batch_rows=batch_rows) for path in paths))
    return [sent for turn in turns for sent in turn if sent is not None]


async def publish(address: str, prefix: str, sent: Iterable[Sent], shards: int = 4) -> int:
    """Publishes messages in their order; how many."""
    topic = topics.packets(prefix, LAYOUT, shards).name
    producer = AIOKafkaProducer(
        bootstrap_servers=address, acks="all", enable_idempotence=True, max_request_size=2 * MOST_BYTES
    )
    await producer.start()
    try:
        waiting = [
            await producer.send(topic, message.value, partition=message.partition, headers=message.headers)
            for message in sent
        ]
        await producer.flush()
        for future in waiting:
            await future
    finally:
        await producer.stop()
    return len(waiting)
