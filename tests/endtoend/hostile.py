"""Hostile batches among good ones, through the real topic; the same work in process tells which are dead letters."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from collectors.publish.topics import ensure_topics
from pipeline.agents.packets import Packets
from pipeline.schema import topics
from pipeline.schema.message import LAYOUT
from tests.endtoend.captures import Played
from tests.worker.batches import log_of, outcomes
from tests.worker.mutate import mutated
from tests.worker.publish import Sent, messages, publish
from tests.worker.stage import Stage

Place = tuple[int, int]
"""Partition and offset of a message."""


@dataclass
class Mixture:
    """Messages in the order in which they are published, and the reason of each that is none."""

    sent: list[Sent] = field(default_factory=list)
    invalid: dict[Place, str] = field(default_factory=dict)
    taken: int = 0
    """Mutated ones that are valid all the same."""


def mix(played: list[Played], sources: list[Path], count: int, seed: int) -> Mixture:
    """`count` mutated messages of `sources` evenly among the good ones of the captures; a new topic's offsets are
    assumed."""
    good = [one for file in played for one in messages(file.path, batch_rows=512)]
    found = Mixture()
    done = 0
    hostile = mutated(sources, count, seed)
    for number, one in enumerate(good):
        upto = (number + 1) * count // len(good)
        found.sent += [next(hostile) for _ in range(upto - done)]
        done = upto
        found.sent.append(one)
    for partition in range(4):
        work = Packets()
        log = log_of((one for one in found.sent if one.partition == partition), every_ms=1)
        for _, of in outcomes(work, log):
            for outcome in of:
                for letter in outcome.dead:
                    found.invalid[partition, letter.message.offset] = letter.reason
    found.taken = count - len(found.invalid)
    return found


async def _send(stage: Stage, mixture: Mixture) -> None:
    await ensure_topics(stage.broker.address, [topics.packets(stage.prefix, LAYOUT)])
    await publish(stage.broker.address, stage.prefix, mixture.sent)


def send(stage: Stage, mixture: Mixture) -> None:
    """Publishes all of them. No worker may run yet: its own messages would move the offsets."""
    asyncio.run(_send(stage, mixture))


@dataclass(frozen=True)
class Letter:
    """A message of the dead-letter topic."""

    reason: str
    said: str
    value: bytes


async def _letters(stage: Stage) -> dict[Place, Letter]:
    topic = TopicPartition(topics.dead_letters(stage.prefix).name, 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stage.broker.address, max_partition_fetch_bytes=32 << 20, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: dict[Place, Letter] = {}
    try:
        consumer.assign([topic])
        end = (await consumer.end_offsets([topic]))[topic]
        while await consumer.position(topic) < end:
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                for message in batch:
                    told = {name: value.decode() for name, value in message.headers}
                    assert told["topic"] == topics.packets(stage.prefix, LAYOUT).name
                    place = int(told["partition"]), int(told["offset"])
                    found[place] = Letter(told["reason"], told["said"], message.value or b"")
    finally:
        await consumer.stop()
    return found


def letters(stage: Stage) -> dict[Place, Letter]:
    """The dead letters of the packets' topic, by where they stood."""
    return asyncio.run(_letters(stage))


def stored_letters(stage: Stage) -> dict[Place, str]:
    """The reasons that table `dead_letters` has."""
    rows = stage.served.ask(
        "SELECT shoal.partition AS partition, shoal.offset AS offset, shoal.reason AS reason FROM dead_letters FINAL"
    )
    return {(int(str(row["partition"])), int(str(row["offset"]))): str(row["reason"]) for row in rows}


def check(stage: Stage, mixture: Mixture) -> None:
    """AssertionError where an invalid message is not on the dead-letter topic as it came, with its reason, or is not in
    the table, or where a valid one is."""
    found = letters(stage)
    assert {place: letter.reason for place, letter in found.items()} == mixture.invalid
    assert stored_letters(stage) == mixture.invalid
    sent: dict[int, list[Sent]] = {}
    for one in mixture.sent:
        sent.setdefault(one.partition, []).append(one)
    for (partition, offset), letter in found.items():
        assert letter.value == sent[partition][offset].value
        assert letter.said
