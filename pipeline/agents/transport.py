"""Faust's consumer of Kafka, where ours differs: who reads says where it goes on, and when it has enough.

All that reaches into Faust and aiokafka stands here. Faust by itself drops messages that come again after a seek, and
those that were fetched when their partition is paused, reads on where one was paused once its stream's buffer has run
low, lets a call that hangs (a commit, while the group has no coordinator) hold up the others, and ends the application
when a commit fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

log = logging.getLogger(__name__)

CALL_SECONDS = 20.0
"""How long the broker may take for an answer."""

Answer = TypeVar("Answer")


class _Unknown(dict[TP, int | None]):
    """The offsets that were read, of which Faust drops all that come before: none is known ever."""

    def __getitem__(self, partition: TP) -> None:
        return None

    def __setitem__(self, partition: TP, offset: object) -> None:
        pass

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""


class Consumer(driver.Consumer):
    """A consumer whose partitions are read by offsets that the reader knows.

    Its calls raise KafkaError, and TimeoutError where the broker does not answer.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _Unknown()

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        """Fetch no more of these. What was fetched still comes: Faust drops it, but for a partition whose stream's
        buffer is full."""
        paused = set(tps)
        super().pause_partitions(paused)
        self._buffered_partitions.update(paused)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Fetch of these again."""
        resumed = set(tps)
        super().resume_partitions(resumed)
        self._buffered_partitions.difference_update(resumed)

    def on_buffer_drop(self, tp: TP) -> None:
        """A stream's buffer has run low. A partition that was paused stays so."""
        if tp not in self._paused_partitions:
            super().on_buffer_drop(tp)

    async def go_to(self, tp: TP, offset: int) -> None:
        """Let the message at `offset` be the next that is fetched; what is in the buffers still comes."""

        async def seek(client: AIOKafkaConsumer, partition: TopicPartition) -> None:
            client.seek(partition, offset)

        await self._ask(tp, seek)

    async def commit_offset(self, tp: TP, offset: int) -> bool:
        """Tell the group that all before `offset` is done; whether that was taken. A later one makes up for it."""

        async def commit(client: AIOKafkaConsumer, partition: TopicPartition) -> None:
            await client.commit({partition: OffsetAndMetadata(offset, "")})

        try:
            await self._ask(tp, commit)
        except (KafkaError, TimeoutError) as error:
            log.warning("%s/%s: offset %s not committed: %s", tp.topic, tp.partition, offset, error or "no answer")
            return False
        return True

    async def begin(self, tp: TP) -> int:
        """The offset of the first message that the broker still has."""

        async def ask(client: AIOKafkaConsumer, partition: TopicPartition) -> int:
            return int((await client.beginning_offsets([partition]))[partition])

        return await self._ask(tp, ask)

    async def end(self, tp: TP) -> int:
        """The offset behind the last message."""

        async def ask(client: AIOKafkaConsumer, partition: TopicPartition) -> int:
            return int((await client.end_offsets([partition]))[partition])

        return await self._ask(tp, ask)

    async def first_at(self, tp: TP, timestamp: int) -> tuple[int, int] | None:
        """Offset and append time of the first message at or after `timestamp` (ms since 1970); None without one."""

        async def ask(client: AIOKafkaConsumer, partition: TopicPartition) -> tuple[int, int] | None:
            found = (await client.offsets_for_times({partition: timestamp})).get(partition)
            return None if found is None else (int(found.offset), int(found.timestamp))

        return await self._ask(tp, ask)

    async def _ask(
        self, tp: TP, question: Callable[[AIOKafkaConsumer, TopicPartition], Coroutine[Any, Any, Answer]]
    ) -> Answer:
        """Ask in the consumer's own thread, beside Faust's queue of such calls."""
        asked = question(self._thread._ensure_consumer(), TopicPartition(tp.topic, tp.partition))
        future = asyncio.run_coroutine_threadsafe(asked, self._thread.thread_loop)
        return await asyncio.wait_for(asyncio.wrap_future(future), CALL_SECONDS)


class Transport(driver.Transport):
    """Faust's transport with that consumer."""

    Consumer = Consumer
