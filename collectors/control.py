"""What is wanted of a running collector, over Kafka: settings come on the control topic, answers go to the acks' topic,
heartbeats to the sensors' topic. All of it is JSON, keyed by sensor.

The control topic is compacted, so a command holds all settings that are wanted of its sensor, not only those that it
changes: a collector that starts finds the last command, and follows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from collectors.publish.link import quiet
from collectors.publish.topics import TopicMismatch, ensure_topics
from pipeline.schema import topics

MOST_SNAPLEN = 262_144
"""Bytes; what tcpdump takes as most."""
MOST_FILTER = 16_384
"""Bytes of a capture filter."""
_LONGEST = 64 << 10
_TYPES: dict[str, type] = {"filter": str, "snaplen": int, "paused": bool}


class BadCommand(Exception):
    """A message on the control topic that is no command; `id` is its id where it has one."""

    def __init__(self, message: str, id_: str = "") -> None:
        super().__init__(message)
        self.id = id_


@dataclass(frozen=True, slots=True)
class Change:
    """Settings of a collector; None leaves one as the collector was started. `filter` is a capture filter (pcap-filter,
    empty for all frames), `snaplen` the most bytes taken of a frame, `paused` whether no frames are taken."""

    filter: str | None = None
    snaplen: int | None = None
    paused: bool | None = None

    def over(self, older: Change) -> Change:
        """These settings, and for those that are None the older ones."""
        return replace(older, **{name: value for name, value in asdict(self).items() if value is not None})


@dataclass(frozen=True, slots=True)
class Command:
    """A message of the control topic: the settings wanted of a sensor. `time` is ns since 1970, of who sent it."""

    id: str
    sensor: str
    settings: Change
    time: int

    @classmethod
    def new(cls, sensor: str, settings: Change) -> Command:
        """A command of now, with an id of its own."""
        return cls(uuid.uuid4().hex, sensor, settings, time.time_ns())

    def encode(self) -> bytes:
        """The message's value."""
        settings = {name: value for name, value in asdict(self.settings).items() if value is not None}
        return json.dumps({"id": self.id, "sensor": self.sensor, "time": self.time, "settings": settings}).encode()

    @classmethod
    def decode(cls, value: bytes) -> Command:
        """Reads a message's value, which anyone may have written; BadCommand says what is wrong with it."""
        if len(value) > _LONGEST:
            raise BadCommand(f"a command of {len(value)} bytes; {_LONGEST} are the most")
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            raise BadCommand("not JSON") from None
        if not isinstance(read, dict):
            raise BadCommand("not a JSON object")
        id_ = read.get("id")
        if not isinstance(id_, str) or not 0 < len(id_) <= 100:
            raise BadCommand("no id")
        sensor, settings, sent = read.get("sensor"), read.get("settings"), read.get("time", 0)
        if not isinstance(sensor, str) or not isinstance(settings, dict) or type(sent) is not int:
            raise BadCommand("sensor, settings or time is missing or of another type", id_)
        for name, setting in settings.items():
            if name not in _TYPES:
                raise BadCommand(f"setting {str(name)[:50]!r} is not known to this version", id_)
            if type(setting) is not _TYPES[name]:
                raise BadCommand(f"setting {name} is of another type", id_)
        if not 0 <= settings.get("snaplen", 0) <= MOST_SNAPLEN:
            raise BadCommand(f"snaplen {settings['snaplen']} is not within 0 and {MOST_SNAPLEN}", id_)
        size = len(settings.get("filter", "").encode(errors="replace"))
        if size > MOST_FILTER:
            raise BadCommand(f"a capture filter of {size:,} bytes; {MOST_FILTER:,} are the most", id_)
        return cls(id_, sensor, Change(**settings), sent)


@contextlib.asynccontextmanager
async def tail(brokers: str, topic: str) -> AsyncIterator[tuple[AIOKafkaConsumer, TopicPartition]]:
    """A consumer without a group on the one partition of a topic, which stands at its beginning. KafkaError when Kafka
    is away, UnknownTopicOrPartitionError when there is no such topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest", request_timeout_ms=10_000,
                                retry_backoff_ms=200, fetch_max_wait_ms=500)
    try:
        await consumer.start()
        if topic not in await consumer.topics():
            raise UnknownTopicOrPartitionError(topic)
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        yield consumer, partition
    finally:
        await consumer.stop()


async def read_on(consumer: AIOKafkaConsumer, partition: TopicPartition) -> list[ConsumerRecord]:
    """All messages from where the consumer stands to the topic's end of now. KafkaError when they don't come."""
    end = (await consumer.end_offsets([partition]))[partition]
    messages: list[ConsumerRecord] = []
    deadline = time.monotonic() + 30
    while await consumer.position(partition) < end:
        if time.monotonic() > deadline:
            raise KafkaError(f"{partition.topic} could not be read to its end")
        messages += (await consumer.getmany(partition, timeout_ms=500)).get(partition, [])
    return messages


class Control:
    """The collector's side. `apply` is called with what is wanted, from the event loop; it returns what is wrong with
    it, or None when it holds from now on. `run` is for the loop of a publisher (`Publisher.run`)."""

    def __init__(
        self, brokers: str, prefix: str, sensor: str, apply: Callable[[Change], str | None],
        log: Callable[[str], None] = print,
    ) -> None:
        self.applied = 0
        self.refused = 0
        self.malformed = 0
        self.caught_up = threading.Event()
        """Set once the last command that was there at the start has been followed."""
        self._brokers = brokers
        self._prefix = prefix
        self._sensor = sensor
        self._apply = apply
        self._log = log
        self._next = 0
        self._producer: AIOKafkaProducer | None = None

    async def run(self) -> None:
        """Follows the control topic until it is cancelled, whatever Kafka does."""
        quiet()
        while True:
            try:
                await self._follow()
            except (KafkaError, TopicMismatch, OSError, TimeoutError):
                # The publisher, which has the same trouble, says so.
                await asyncio.sleep(1)

    async def heartbeat(self, row: dict[str, Any]) -> bool:
        """Sends what the sensor says of itself, keys as the columns of the record `sensors`. False when Kafka is away:
        a heartbeat is not kept for later."""
        return await self._send(topics.sensors(self._prefix).name, row)

    async def _follow(self) -> None:
        ours = [topics.control(self._prefix), topics.acks(self._prefix), topics.sensors(self._prefix)]
        await ensure_topics(self._brokers, ours)
        producer = AIOKafkaProducer(bootstrap_servers=self._brokers, acks="all", request_timeout_ms=5_000)
        try:
            await producer.start()
            self._producer = producer
            async with tail(self._brokers, ours[0].name) as (consumer, partition):
                if self.caught_up.is_set():
                    consumer.seek(partition, self._next)
                else:
                    await self._catch_up(await read_on(consumer, partition))
                while True:
                    # read_on asks for the end each time: a consumer that is stuck, or on its own, ends here.
                    for message in await read_on(consumer, partition):
                        await self._take(message)
                    self._next = await consumer.position(partition)
                    for message in (await consumer.getmany(partition, timeout_ms=2_000)).get(partition, []):
                        await self._take(message)
        finally:
            self._producer = None
            await producer.stop()

    async def _catch_up(self, messages: list[ConsumerRecord]) -> None:
        """Follows the last of the commands for this sensor; the others are history."""
        mine = [message for message in messages if self._is_mine(message)]
        if mine:
            await self._take(mine[-1])
        self.caught_up.set()

    def _is_mine(self, message: ConsumerRecord) -> bool:
        return bool(message.key == self._sensor.encode())

    async def _take(self, message: ConsumerRecord) -> None:
        self._next = message.offset + 1
        if not self._is_mine(message) or message.value is None:
            return
        try:
            command = Command.decode(message.value)
        except BadCommand as error:
            self.malformed += 1
            await self._answer(error.id, f"no command: {error}")
            return
        try:
            wrong = self._apply(command.settings)
        except Exception as error:  # whatever it is, the collector goes on, and says so
            wrong = f"{type(error).__name__}: {error}"
        if wrong is None:
            self.applied += 1
            self._log(f"settings by command: {_described(command.settings)}")
        else:
            self.refused += 1
            self._log(f"settings refused: {wrong}")
        await self._answer(command.id, wrong)

    async def _answer(self, id_: str, wrong: str | None) -> None:
        answer = {"id": id_, "sensor": self._sensor, "time": time.time_ns(), "error": wrong}
        await self._send(topics.acks(self._prefix).name, answer)

    async def _send(self, topic: str, value: dict[str, Any]) -> bool:
        if self._producer is None:
            return False
        try:
            async with asyncio.timeout(5):
                await self._producer.send_and_wait(topic, json.dumps(value).encode(), key=self._sensor.encode())
        except (KafkaError, TimeoutError):
            return False
        return True


def _described(settings: Change) -> str:
    words = [f"{each.name} {getattr(settings, each.name)!r}" for each in fields(settings)
             if getattr(settings, each.name) is not None]
    return ", ".join(words) or "as started"
