"""A topic of Kafka: the notification as JSON, keyed by rule and entity.

By aiokafka, as all that speaks to Kafka here; its loop runs while a notification is sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from pipeline.detect.watch.notice import Notice
from pipeline.detect.watch.sinks.sink import Refused, Unreached
from pipeline.schema.topics import Topic

KEY_HEADER = "shoal.key"


class Kafka:
    """Sends to one topic, which is made if need be; one producer is kept."""

    resend = 0.0

    def __init__(self, brokers: str, topic: Topic, timeout: float = 15.0) -> None:
        self._brokers = brokers
        self._topic = topic
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._producer: Any = None

    def send(self, notice: Notice) -> None:
        """Returns when all replicas in sync have it. Raises Unreached and Refused."""
        from aiokafka.errors import KafkaError, MessageSizeTooLargeError

        from collectors.publish.topics import TopicMismatch

        self._loop = self._loop or asyncio.new_event_loop()
        try:
            self._loop.run_until_complete(asyncio.wait_for(self._send(notice), self._timeout))
        except (MessageSizeTooLargeError, TopicMismatch) as error:
            raise Refused(f"Kafka {self._brokers}: {error}") from error
        except (KafkaError, OSError, TimeoutError) as error:
            self._drop()
            raise Unreached(f"Kafka {self._brokers}: {error or 'no answer in time'}") from error

    def remind(self, notices: Sequence[Notice]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Ends the producer."""
        if self._loop is not None:
            self._drop()
            self._loop.close()
            self._loop = None

    async def _send(self, notice: Notice) -> None:
        if self._producer is None:
            from aiokafka import AIOKafkaProducer

            from collectors.publish.topics import ensure_topics

            await ensure_topics(self._brokers, [self._topic], self._timeout)
            producer = AIOKafkaProducer(
                bootstrap_servers=self._brokers, enable_idempotence=True, acks="all",
                request_timeout_ms=int(self._timeout * 1000),
            )
            self._producer = producer
            await producer.start()
        key = f"{notice.rule} {notice.entity}".encode()
        value = json.dumps(notice.json, ensure_ascii=False).encode()
        await self._producer.send_and_wait(
            self._topic.name, value, key, headers=[(KEY_HEADER, notice.key.encode())]
        )

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None and self._loop is not None:
            try:
                self._loop.run_until_complete(asyncio.wait_for(producer.stop(), self._timeout))
            except Exception:  # what fails while it ends has failed before
                return
