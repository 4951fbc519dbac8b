"""What a partition asks of Kafka."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust import App
from faust.types import TP

from pipeline.agents.groups import CLOSE, KIND
from pipeline.agents.transport import CALL_SECONDS, Consumer


class Feed:
    """Kafka as one partition sees it. Calls raise KafkaError, and TimeoutError where no broker answers."""

    def __init__(self, app: App, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self._app = app
        self._tp = TP(topic, partition)

    @property
    def _consumer(self) -> Consumer:
        consumer = self._app.consumer
        assert isinstance(consumer, Consumer)
        return consumer

    def pause(self) -> None:
        """Let no more messages come than those on their way."""
        self._consumer.pause_partitions({self._tp})

    def resume(self) -> None:
        """Let messages come again."""
        # A rebalance may have taken the partition meanwhile.
        if self._tp in self._consumer.assignment():
            self._consumer.resume_partitions({self._tp})

    async def go_to(self, offset: int) -> None:
        """Let the message at `offset` come next, behind those on their way."""
        await self._consumer.go_to(self._tp, offset)

    async def commit(self, offset: int) -> bool:
        """Tell the group that all before `offset` is stored."""
        return await self._consumer.commit_offset(self._tp, offset)

    async def begin(self) -> int:
        """The offset of the first message that is still there."""
        return await self._consumer.begin(self._tp)

    async def end(self) -> int:
        """The offset behind the last message."""
        return await self._consumer.end(self._tp)

    async def first_at(self, timestamp: int) -> tuple[int, int] | None:
        """Offset and append time of the first message at or after `timestamp` (ms)."""
        return await self._consumer.first_at(self._tp, timestamp)

    async def first_from(self, offset: int) -> int:
        """The offset of the first message at or behind `offset`, of which there must be one."""
        brokers = ",".join(f"{url.host}:{url.port}" for url in self._app.conf.broker)
        # A client of its own, in which nothing is under way that could stand before the answer.
        client = AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest", max_poll_records=1)
        partition = TopicPartition(self.topic, self.partition)
        await asyncio.wait_for(client.start(), CALL_SECONDS)
        try:
            client.assign([partition])
            client.seek(partition, offset)
            return int((await asyncio.wait_for(client.getone(partition), CALL_SECONDS)).offset)
        finally:
            await client.stop()

    async def close_group(self) -> None:
        """Send the message that ends a group behind which nothing comes."""
        await self._app.producer.send_and_wait(
            self.topic, key=None, value=b"", partition=self.partition, timestamp=None, headers=[(KIND, CLOSE)]
        )
