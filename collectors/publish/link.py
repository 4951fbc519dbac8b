"""One connection to Kafka, from its start to its first trouble: aiokafka's producer, and which errors mean what."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidRequestError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedForMessageFormatError,
)

from collectors.publish.accounts import Reason
from collectors.publish.message import Outgoing
from collectors.publish.topics import ensure_topics
from pipeline.schema.topics import Topic

REQUEST_TIMEOUT = 20.0
"""Seconds that a request waits for its answer."""

BATCH = 1 << 20
"""Bytes of messages that go in one record batch; a larger message goes alone."""

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError)
_FOR_GOOD = (
    TopicAuthorizationFailedError, InvalidTopicError, InvalidTimestampError, UnsupportedForMessageFormatError,
    CorruptRecordException, InvalidRequestError,
)


def verdict(error: BaseException) -> Reason | None:
    """Why Kafka will never take what it answered with `error` to; None when another attempt may succeed."""
    if isinstance(error, _TOO_LARGE):
        return Reason.TOO_LARGE
    return Reason.REFUSED if isinstance(error, _FOR_GOOD) else None


def transient(error: BaseException) -> bool:
    """Whether Kafka says of an error that it passes, so that any number of attempts are due."""
    return isinstance(error, KafkaError) and bool(error.retriable)


def quiet() -> None:
    """Silences aiokafka's own log, which has a line for each attempt; the publisher says once what is the matter."""
    logger = logging.getLogger("aiokafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


class Link:
    """An idempotent producer (acks=all). After any failed batch it must not be used again: the batch's sequence numbers
    are spent, and the broker would take none of that partition's later ones."""

    def __init__(self, brokers: str, topics: Sequence[Topic]) -> None:
        self._brokers = brokers
        self._topics = topics
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> Link:
        """Makes or checks the topics, and connects. KafkaError or TopicMismatch when it can't."""
        if self._topics:
            await ensure_topics(self._brokers, self._topics, REQUEST_TIMEOUT / 2)
        # Arrow's buffers are LZ4 already. On messages of a real mix, lz4 again saves 14% of the bytes for 1.2 ms a
        # megabyte, zstd (1) 21% for 1.8 ms: about what all of publishing costs, and the worker pays once more.
        producer = AIOKafkaProducer(
            bootstrap_servers=self._brokers, acks="all", enable_idempotence=True, compression_type=None, linger_ms=0,
            max_batch_size=BATCH, max_request_size=1 << 30, request_timeout_ms=int(REQUEST_TIMEOUT * 1000),
            retry_backoff_ms=100, metadata_max_age_ms=30_000,
        )
        self._producer = producer
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                await producer.start()
        except TimeoutError as error:
            await self.close()
            raise KafkaError(f"{self._brokers} did not answer within {REQUEST_TIMEOUT:g} s") from error
        except BaseException:
            await self.close()
            raise
        return self

    async def send(self, topic: str, partition: int, messages: Iterable[Outgoing]) -> None:
        """Sends messages as one record batch, and returns when Kafka has acked it. KafkaError when it did not."""
        assert self._producer is not None, "the link is not open"
        if partition not in await self._producer.partitions_for(topic):
            raise InvalidTopicError(f"{topic} has no partition {partition}")
        batch = self._producer.create_batch()
        for message in messages:
            if batch.append(timestamp=None, key=None, value=message.value, headers=message.headers) is None:
                raise MessageSizeTooLargeError(f"{len(message.value)} bytes do not fit into a record batch")
        batch.close()
        await (await self._producer.send_batch(batch, topic, partition=partition))

    async def close(self) -> None:
        """Ends the connection at once; what was sent and not acked may or may not arrive."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # aiokafka's stop() waits for everything to be delivered, which may be never: an idempotent producer retries
        # without end. So its sender is ended first, and what it holds is failed.
        sender = producer._sender.sender_task
        if sender is not None:
            sender.cancel()
        await producer.client.close()
        producer._message_accumulator.fail_all(KafkaError("the link was closed"))
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(5):
                await producer.stop()
