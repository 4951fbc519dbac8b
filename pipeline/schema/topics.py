"""The topics of a fleet in Kafka: names, partitions and settings, declared once for sensors, workers and commands.

Setting names are Kafka's topic configurations.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

PREFIX = "shoal"
"""What the names of all topics of a fleet begin with, unless told otherwise."""

PARTITIONS = 4
"""Partitions (shards) of the packets' topic, unless told otherwise; they can't change while captures are under way."""

MESSAGE_LIMIT = 16 << 20
"""Largest record batch in bytes that topics of packets take; Kafka's default is 1 MiB."""

_MONTH = 30 * 86_400_000
_LEGAL = re.compile(r"[a-zA-Z0-9._-]{1,200}")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it has to be. `settings` are those that matter to us; others stay what the broker has as default."""

    name: str
    partitions: int = 1
    settings: dict[str, str] = field(default_factory=dict)


def check_prefix(prefix: str) -> str:
    """The prefix, where Kafka takes it in names of topics; ValueError where not."""
    if not _LEGAL.fullmatch(prefix) or prefix in (".", ".."):
        raise ValueError(f"{prefix!r} can't begin a topic's name: letters, digits, '.', '_' and '-', at most 200")
    return prefix


def packets(prefix: str, schema_hash: str, partitions: int = PARTITIONS) -> Topic:
    """Record batches of packets, a partition a shard. The schema's hash in the name keeps layouts apart; the time of a
    message is the broker's, because groups of messages are cut by it."""
    return Topic(
        f"{prefix}.packets.{schema_hash}",
        partitions,
        {"max.message.bytes": str(MESSAGE_LIMIT), "message.timestamp.type": "LogAppendTime"},
    )


def windows(prefix: str, layout: str, partitions: int = PARTITIONS) -> Topic:
    """What shards counted by windows, for those who make windows of entities of it; a sensor has one partition."""
    return Topic(
        f"{prefix}.windows.{layout}",
        partitions,
        {"max.message.bytes": str(MESSAGE_LIMIT), "message.timestamp.type": "LogAppendTime"},
    )


def partition_of(topic: Topic, sensor: str) -> int:
    """The partition of `topic` in which all of a sensor is."""
    return zlib.crc32(sensor.encode()) % topic.partitions


def sensors(prefix: str) -> Topic:
    """Heartbeats of sensors, JSON, keyed by sensor; the time of a message is the broker's."""
    return Topic(f"{prefix}.sensors", settings={"message.timestamp.type": "LogAppendTime"})


def control(prefix: str) -> Topic:
    """What is wanted of sensors, JSON, keyed by sensor. Compacted: the last message of each sensor is kept for good."""
    return Topic(f"{prefix}.control", settings={"cleanup.policy": "compact"})


def acks(prefix: str) -> Topic:
    """What sensors answered to `control`, JSON, keyed by sensor."""
    return Topic(f"{prefix}.acks")


def dead_letters(prefix: str) -> Topic:
    """Messages that a worker could not take, as they were, with the reason in headers; kept for a month."""
    return Topic(
        f"{prefix}.dead-letters",
        settings={"max.message.bytes": str(MESSAGE_LIMIT + (1 << 20)), "retention.ms": str(_MONTH)},
    )


def alerts(prefix: str) -> Topic:
    """Notifications of alerts, JSON, keyed by rule and entity."""
    return Topic(f"{prefix}.alerts")


def fleet_topics(prefix: str) -> list[Topic]:
    """All topics of a fleet but those of packets."""
    return [sensors(prefix), control(prefix), acks(prefix), dead_letters(prefix)]
