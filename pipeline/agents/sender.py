"""Messages from one stage to the next: those of the shards to the topic of windows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiokafka.errors import KafkaError
from faust import App
from faust.exceptions import FaustError

from pipeline.agents.work import Onward
from pipeline.schema.topics import Topic, partition_of

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class Sender:
    """What goes on to `topic`. Whoever takes it knows by its numbers what comes twice, after a replay."""

    def __init__(self, app: App, topic: Topic) -> None:
        self._app = app
        self._topic = topic

    async def send(self, messages: Sequence[Onward]) -> None:
        """Sends the messages in their order, until the broker has them all."""
        for message in messages:
            await self._send(message)

    async def _send(self, message: Onward) -> None:
        partition = partition_of(self._topic, message.sensor)
        while True:
            try:
                await self._app.producer.send_and_wait(
                    self._topic.name, key=message.sensor.encode(), value=message.value, partition=partition,
                    timestamp=None, headers=message.headers,
                )
                return
            except (KafkaError, FaustError, TimeoutError) as error:
                log.warning("windows can't be sent on: %s", error or "no answer")
                await asyncio.sleep(_RETRY_SECONDS)
