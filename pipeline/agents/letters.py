"""Messages that could not be taken: sent on to the dead-letter topic as they came, with the reason, and stored as rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiokafka.errors import KafkaError
from faust import App
from faust.exceptions import FaustError

from pipeline.agents.inserts import Block, Encoder
from pipeline.agents.rows import columns_of
from pipeline.agents.work import DeadLetter
from pipeline.schema.checkpoints import DEAD_LETTERS
from pipeline.schema.topics import MESSAGE_LIMIT

log = logging.getLogger(__name__)

_MOST_SAID = 1000
_RETRY_SECONDS = 1.0


class Letters:
    """The dead letters of a worker."""

    def __init__(self, app: App, topic: str) -> None:
        self._app = app
        self._topic = topic
        self._told: set[tuple[str, int, str]] = set()

    async def send(self, letter: DeadLetter) -> None:
        """Sends it on, until the broker has it. Headers say reason, topic, partition and offset; a replay sends it
        again, with the same offset."""
        message = letter.message
        # The topic takes more than that by the room for these headers.
        value = message.value if len(message.value) <= MESSAGE_LIMIT else b""
        headers = [
            ("reason", letter.reason.encode()), ("said", letter.said[:_MOST_SAID].encode(errors="replace")),
            ("topic", message.topic.encode()), ("partition", str(message.partition).encode()),
            ("offset", str(message.offset).encode()), ("size", str(len(message.value)).encode()),
        ]
        self._tell(letter)
        while True:
            try:
                await self._app.producer.send_and_wait(
                    self._topic, key=None, value=value, partition=0, timestamp=None, headers=headers
                )
                return
            except (KafkaError, FaustError, TimeoutError) as error:
                log.warning("a dead letter can't be sent on: %s", error or "no answer")
                await asyncio.sleep(_RETRY_SECONDS)

    def _tell(self, letter: DeadLetter) -> None:
        """One line for each reason of a partition; a fault of our own is told each time."""
        message = letter.message
        kind = (message.topic, message.partition, letter.reason)
        if letter.reason == "engine-fault":
            log.error("FAULT IN THE ENGINE at %s/%s offset %s: %s", message.topic, message.partition, message.offset,
                      letter.said)
        elif kind not in self._told:
            log.warning("%s/%s offset %s is no valid message (%s): %s; more of these are only counted", message.topic,
                        message.partition, message.offset, letter.reason, letter.said)
        self._told.add(kind)


def letter_blocks(encoder: Encoder, letters: Sequence[DeadLetter]) -> list[Block]:
    """The letters as rows of `DEAD_LETTERS`."""
    if not letters:
        return []
    columns = columns_of(DEAD_LETTERS, [{
        "shoal.topic": letter.message.topic, "shoal.partition": letter.message.partition,
        "shoal.offset": letter.message.offset, "shoal.time": letter.message.timestamp * 1_000_000,
        "sensor": letter.sensor, "shoal.reason": letter.reason, "shoal.message": letter.said[:_MOST_SAID],
        "shoal.size": len(letter.message.value),
    } for letter in letters])
    return [encoder.encode(columns)]
