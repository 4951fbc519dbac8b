"""The messages of a partition between Kafka's client and who takes them: each offset once, in order, in bounded memory.

Nothing but offsets is trusted: a message that was there before is dropped, and where one is missing the log is read
again from it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

from aiokafka.errors import KafkaError

from pipeline.agents.feed import Feed
from pipeline.agents.groups import Message

log = logging.getLogger(__name__)

MOST_BYTES = 32 << 20
"""Bytes of values that wait before the partition is paused; what is on its way then still comes."""
MOST_MESSAGES = 4096
"""Messages that wait before it is paused."""
LOOK_SECONDS = 0.5
"""How often it is looked whether a message is missing."""
SEEK_SECONDS = 2.0
"""How long a message that is missing is waited for before the log is read again."""
QUIET_SECONDS = 10.0
"""How long nothing may come although the log is known to go on."""


class Intake:
    """Messages that wait. `lost` is called with two offsets: those from the one to before the other are not in the
    log any more."""

    def __init__(self, feed: Feed, lost: Callable[[int, int], None]) -> None:
        self._feed = feed
        self._lost = lost
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._next = -1
        self._arrived = asyncio.Event()
        self._paused = False
        self._ahead = -1
        self._seeks = 0
        self._changed = 0.0
        self.end = 0
        """Where the log ended when it was last asked."""

    @property
    def next_offset(self) -> int:
        """The offset of the message that is to come; -1 until `start`."""
        return self._next

    @property
    def behind(self) -> bool:
        """Whether messages wait, or are known to be in the log."""
        return bool(self._waiting) or self.end > self._next

    async def start(self, offset: int) -> None:
        """Let the message at `offset` be the first; what came before is dropped. Raises KafkaError, TimeoutError."""
        self._next = offset
        self._changed = time.monotonic()
        await self._feed.go_to(offset)

    def put(self, message: Message) -> None:
        """Takes a message as it comes from Kafka."""
        self.end = max(self.end, message.offset + 1)
        if message.offset != self._next:
            if message.offset > self._next >= 0 and not 0 <= self._ahead <= message.offset:
                self._ahead = message.offset
            return
        self._waiting.append(message)
        self._bytes += len(message.value)
        self._next += 1
        self._ahead, self._seeks = -1, 0
        self._changed = time.monotonic()
        self._arrived.set()
        if self._bytes >= MOST_BYTES or len(self._waiting) >= MOST_MESSAGES:
            self._paused = True
            self._feed.pause()

    async def get(self, timeout: float) -> Message | None:
        """The next message; None where none has come for `timeout` seconds, or `wake` was called."""
        if not self._waiting:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), timeout)
            except TimeoutError:
                return None
            if not self._waiting:
                return None
        message = self._waiting.popleft()
        self._bytes -= len(message.value)
        if self._paused and self._bytes < MOST_BYTES // 2 and len(self._waiting) < MOST_MESSAGES // 2:
            self._paused = False
            self._changed = time.monotonic()
            self._feed.resume()
        return message

    def wake(self) -> None:
        """Lets `get` return."""
        self._arrived.set()

    async def watch(self) -> None:
        """Reads the log again where a message is missing; runs until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._paused or self._next < 0:
                continue
            waited = time.monotonic() - self._changed
            missing = self._ahead >= 0 and waited > SEEK_SECONDS
            if missing or (self.end > self._next and waited > QUIET_SECONDS):
                try:
                    await self._seek()
                except (KafkaError, TimeoutError) as error:
                    log.warning("%s/%s: can't read on at offset %s: %s", self._feed.topic, self._feed.partition,
                                self._next, error or "no answer")

    async def _seek(self) -> None:
        begin = await self._feed.begin()
        there = begin
        if self._seeks >= 2 and self._ahead > self._next:
            # The log may have no message at the offset: markers of transactions take some, and compaction leaves holes.
            # That none came for so long does not tell: a busy client may be slower than that.
            there = max(begin, await self._feed.first_from(self._next))
        if there > self._next:
            self._lost(self._next, there)
            self._next = there
        log.info("%s/%s: reading on at offset %s", self._feed.topic, self._feed.partition, self._next)
        self._seeks += 1
        self._ahead = -1
        self._changed = time.monotonic()
        await self._feed.go_to(self._next)
