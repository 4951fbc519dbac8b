"""Which partitions this worker has, and the agents that feed them."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faust
from faust.types import TP, EventT

from pipeline.agents.app import Settings, faust_app
from pipeline.agents.counters import Counters
from pipeline.agents.feed import Feed
from pipeline.agents.groups import Message
from pipeline.agents.heartbeats import Heartbeats
from pipeline.agents.letters import Letters
from pipeline.agents.packets import Packets
from pipeline.agents.partition import Partition, Tools
from pipeline.agents.pulse import Pulse
from pipeline.agents.sender import Sender
from pipeline.agents.storage import Storage
from pipeline.agents.windows import Windows
from pipeline.agents.work import Work
from pipeline.schema.exporter import Metrics
from pipeline.schema.topics import Topic
from pipeline.store.remote import Remote

log = logging.getLogger(__name__)

LEAVE_SECONDS = 8.0
"""How long partitions that are taken away may take for a last checkpoint."""
FINISH_SECONDS = 6.0
"""How long the groups that are open may take to end when the worker is told to."""
_INSERT_THREADS = 64


class Fleet:
    """The partitions of this worker. `failed` is told of what it can't go on after."""

    def __init__(self, settings: Settings, counters: Counters, failed: Callable[[BaseException], None]) -> None:
        self.settings = settings
        self.counters = counters
        self.pulse = Pulse(settings.session)
        self.partitions: dict[TP, Partition] = {}
        self._failed = failed
        self._works: dict[str, Callable[[], Work]] = {
            settings.packets.name: lambda: Packets(settings.detection),
            settings.windows.name: lambda: Windows(settings.detection),
            settings.sensors.name: Heartbeats,
        }
        self._ending = False

    def build(self) -> faust.App:
        """The application, with an agent for each topic."""
        app = self.app = faust_app(self.settings)
        self._tools = Tools(
            ThreadPoolExecutor(max(2, os.cpu_count() or 2), "process"), ThreadPoolExecutor(_INSERT_THREADS, "store"),
            Letters(app, self.settings.dead_letters.name), Sender(app, self.settings.windows), self.counters,
            self.settings.checkpoint, self._failed,
        )
        for topic in (self.settings.packets, self.settings.windows, self.settings.sensors):
            self._agent(topic)
        connected: list[tuple[Any, Any]] = [
            (app.on_partitions_assigned, self._assigned), (app.on_partitions_revoked, self._revoked),
        ]
        for signal, told in connected:
            signal.connect(told)
        return app

    def _agent(self, topic: Topic) -> None:
        # Nothing is acknowledged one by one: an offset is committed when a checkpoint holds it.
        channel = self.app.topic(
            topic.name, partitions=topic.partitions, config=topic.settings, acks=False,
            value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw",
        )

        async def take(stream: Any) -> None:
            async for event in stream.noack().events():
                self._take(event)

        self.app.agent(channel, name=topic.name)(take)

    def _take(self, event: EventT[bytes]) -> None:
        """A message from Kafka to its partition. Nothing here waits."""
        message = event.message
        partition = self.partitions.get(message.tp)
        if partition is None:
            return
        headers: Any = message.headers or ()
        partition.put(Message(
            message.topic, message.partition, message.offset, round((message.timestamp or 0.0) * 1000),
            tuple(headers.items() if isinstance(headers, dict) else headers), message.value or b"",
        ))

    async def _assigned(self, _: Any, *told: Any, **__: Any) -> None:
        assigned: set[TP] = set(told[0])
        await self._leave(set(self.partitions) - assigned)
        log.info("partitions assigned: %s", _names(assigned))
        if self._ending:
            return
        for tp in assigned - set(self.partitions):
            feed = Feed(self.app, tp.topic, tp.partition)
            storage = Storage(self._connected, self.pulse, self.counters.refused)
            partition = Partition(feed, self._works[tp.topic](), storage, self._tools)
            self.partitions[tp] = partition
            partition.start()

    async def _revoked(self, _: Any, *told: Any, **__: Any) -> None:
        revoked: set[TP] = set(told[0])
        if revoked:
            log.info("partitions revoked: %s", _names(revoked))
        await self._leave(revoked)

    async def _leave(self, leaving: set[TP]) -> None:
        """Ends partitions, each with a checkpoint if there is time; what they know is forgotten here."""
        partitions = [self.partitions.pop(tp) for tp in leaving if tp in self.partitions]
        await asyncio.gather(*(partition.stop(LEAVE_SECONDS) for partition in partitions))
        for partition in partitions:
            self.counters.left(partition.feed)

    async def finish(self) -> None:
        """Lets all groups that are open end, and ends all partitions."""
        self._ending = True
        partitions = list(self.partitions.values())
        for partition in partitions:
            partition.finish()
        await asyncio.gather(*(partition.ended(FINISH_SECONDS) for partition in partitions))
        await self._leave(set(self.partitions))

    def _connected(self) -> Remote:
        return Remote(self.settings.clickhouse).open(ask=False)

    def refresh(self, _: Metrics) -> None:
        """Sets what is not counted as it happens; any thread may call it."""
        partitions = list(self.partitions.values())
        for partition in partitions:
            self.counters.has(partition.feed, partition.lag, time.monotonic() - partition.checkpointed)
        self.counters.worker(len(partitions), connected=all(partition.storage.well for partition in partitions))


def _names(partitions: set[TP]) -> str:
    return " ".join(sorted(f"{tp.topic}/{tp.partition}" for tp in partitions)) or "none"
