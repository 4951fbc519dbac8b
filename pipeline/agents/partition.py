"""The life of a partition that this worker has: read from its checkpoint on, group by group, until it is another's.

A group is processed in one thread while the one before it is stored in another; no more than that is ahead. A
checkpoint is taken between two groups, written when all before it is stored, and only then is the offset committed.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from pipeline.agents.checkpoints import Checkpoints
from pipeline.agents.counters import Counters
from pipeline.agents.feed import Feed
from pipeline.agents.groups import Group, Grouping, Message
from pipeline.agents.inserts import Encoder, inserts_of
from pipeline.agents.intake import Intake
from pipeline.agents.letters import Letters, letter_blocks
from pipeline.agents.sender import Sender
from pipeline.agents.storage import Abandoned, Storage
from pipeline.agents.work import Outcome, Work
from pipeline.engine.snapshot import SnapshotError
from pipeline.store.store import Store

log = logging.getLogger(__name__)

CHECKPOINT_SHARE = 0.05
"""Most of the time that checkpoints may take."""
GROUPS_A_CHECKPOINT = 1000
"""Groups after which a checkpoint is due whatever the time: far fewer than ClickHouse remembers tokens."""
CLOSE_AFTER = 1.2
"""After so many spans of a group without a message the open group is ended by one of ours."""
CLOSE_AGAIN_SECONDS = 5.0
"""After so long such a message is sent again."""
AWAY_SECONDS = 1.0
"""So often it is looked, while the work is to end, whether ClickHouse is away."""
RETRY_SECONDS = 1.0

_HEAD = struct.Struct("<8sq")
_MAGIC = b"SHOALCP1"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Tools:
    """What the partitions of a worker share."""

    processing: Executor
    waiting: Executor
    letters: Letters
    onward: Sender
    counters: Counters
    checkpoint: float
    """Least seconds between two checkpoints."""
    failed: Callable[[BaseException], None]
    """Told what ended a partition's work; the worker ends then, for it can't be told what else is wrong."""


class Partition:
    """One partition: `start`, then `put` what comes, then `stop`."""

    def __init__(self, feed: Feed, work: Work, storage: Storage, tools: Tools) -> None:
        self.feed = feed
        self.work = work
        self.storage = storage
        self.intake = Intake(feed, self._lost)
        self.stored = 0
        """The offset before which all is stored."""
        self.moved = time.monotonic()
        """When that last moved, or there was nothing to do."""
        self.checkpointed = 0.0
        """When the last checkpoint was written, by the monotonic clock."""
        self._tools = tools
        self._checkpoints = Checkpoints(feed.topic, feed.partition)
        self._grouping = Grouping(work.span_ms)
        self._close_seconds = CLOSE_AFTER * work.span_ms / 1000
        self._encoder = Encoder()
        self._task: asyncio.Task[None] | None = None
        self._storing: asyncio.Task[None] | None = None
        self._stopping = self._finishing = False
        self._boundary = 0
        self._latest = 0
        self._written = 0
        self._groups = 0
        self._every = tools.checkpoint
        self._asked = 0.0

    @property
    def name(self) -> str:
        """`topic/partition`."""
        return f"{self.feed.topic}/{self.feed.partition}"

    @property
    def lag(self) -> int:
        """Messages that are in the log and not stored yet."""
        return max(0, self.intake.end - self.stored)

    def start(self) -> None:
        """Begins the work."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    def put(self, message: Message) -> None:
        """Takes a message as it comes from Kafka."""
        self.intake.put(message)

    def finish(self) -> None:
        """Let the group that is open end, if need be by a message of ours, and work on no further."""
        self._finishing = True
        self.intake.wake()

    async def stop(self, seconds: float) -> None:
        """Ends the work between two groups, with a checkpoint if that takes no longer than `seconds`.

        While ClickHouse is away it is not waited for: whoever is next would wait as well.
        """
        self._stopping = True
        self.intake.wake()
        until = time.monotonic() + seconds
        await self.ended(min(seconds, AWAY_SECONDS))
        while self.storage.well and not self._ended and time.monotonic() < until:
            await self.ended(min(until - time.monotonic(), AWAY_SECONDS))
        if self._task is not None and not self._ended:
            log.warning("%s: left without a checkpoint at offset %s; its last one is at %s", self.name, self._boundary,
                        self._written)
            self.storage.abandon()
            self._task.cancel()
            if self._storing is not None:
                self._storing.cancel()

    @property
    def _ended(self) -> bool:
        return self._task is None or self._task.done()

    async def ended(self, seconds: float) -> None:
        """Waits until the work has ended, at most `seconds`."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=max(seconds, 0))

    # --- the work ---

    async def _run(self) -> None:
        watch: asyncio.Task[None] | None = None
        try:
            offset = await self._begin()
            if self._stopping:
                return
            await self._with_kafka(lambda: self.intake.start(offset))
            watch = asyncio.create_task(self.intake.watch())
            await self._groups_in_turn()
            await self._stored()
            await self._checkpoint_if(self._boundary > self._written)
            self.storage.close()
        except Abandoned:
            pass
        except Exception as error:
            self._tools.failed(error)
        finally:
            if watch is not None:
                watch.cancel()

    async def _groups_in_turn(self) -> None:
        while not self._stopping:
            if self._finishing and not self._grouping.open.messages:
                return
            message = await self.intake.get(self._close_seconds)
            if message is None:
                await self._idle()
                continue
            self._asked = 0.0
            for group in self._grouping.add(message):
                await self._take(group)
                if self._finishing or self._stopping:
                    return

    async def _take(self, group: Group) -> None:
        pieces: Iterator[Outcome] = await self._process(self.work.process, group)
        number = 0
        while True:
            begun = time.monotonic()
            outcome = await self._process(next, pieces, None)
            if outcome is None:
                break
            self._tools.counters.processed(time.monotonic() - begun)
            await self._stored()
            self._storing = asyncio.create_task(self._store(group, outcome, number))
            number += 1
        self._boundary = group.next_offset
        self._latest = max(self._latest, *(message.timestamp for message in group.messages))
        self._groups += 1
        self._storing = asyncio.create_task(self._behind(self._storing, group, await self._snapshot_if_due()))

    async def _idle(self) -> None:
        """Nothing has come for a while."""
        if self._storing is not None and self._storing.done():
            await self._stored()
        if self._stopping or self.intake.behind:
            return
        self.moved = time.monotonic()
        open_for = time.monotonic() - self._asked
        if self._grouping.open.messages and (open_for > CLOSE_AGAIN_SECONDS or not self._asked):
            self._asked = time.monotonic()
            try:
                await self.feed.close_group()
            except (KafkaError, TimeoutError) as error:
                log.warning("%s: the open group can't be ended: %s", self.name, error or "no answer")
        elif not self._grouping.open.messages and self._boundary > self._written and self._due():
            await self._stored()
            await self._checkpoint_if(True)

    # --- storing ---

    async def _store(self, group: Group, outcome: Outcome, number: int) -> None:
        """Stores a piece of a group."""
        for letter in outcome.dead:
            await self._tools.letters.send(letter)
        await self._tools.onward.send(outcome.onward)
        blocks = [*outcome.blocks, *letter_blocks(self._encoder, outcome.dead)]
        for insert in inserts_of(group, blocks, number):
            seconds = await self._wait(self.storage.insert, insert)
            self._tools.counters.inserted(insert, seconds)
        self._tools.counters.stored(self.feed, outcome)

    async def _behind(self, before: asyncio.Task[None] | None, group: Group, snapshot: bytes | None) -> None:
        """What follows when all pieces of a group are stored."""
        if before is not None:
            await before
        self.stored = group.next_offset
        self.moved = time.monotonic()
        self._tools.counters.group(group)
        if snapshot is not None:
            await self._write(group.next_offset, snapshot)

    async def _stored(self) -> None:
        """Waits until what was handed over is stored."""
        storing, self._storing = self._storing, None
        if storing is not None:
            await storing

    # --- checkpoints ---

    def _due(self) -> bool:
        return self._groups >= GROUPS_A_CHECKPOINT or time.monotonic() - self.checkpointed >= self._every

    async def _snapshot_if_due(self) -> bytes | None:
        return await self._snapshot() if self._due() else None

    async def _snapshot(self) -> bytes:
        begun = time.monotonic()
        snapshot = await self._process(self.work.snapshot)
        self.checkpointed = time.monotonic()
        self._groups = 0
        self._every = max(self._tools.checkpoint, (self.checkpointed - begun) / CHECKPOINT_SHARE)
        return _HEAD.pack(_MAGIC, self._latest) + snapshot

    async def _checkpoint_if(self, wanted: bool) -> None:
        if wanted:
            await self._write(self._boundary, await self._snapshot())

    async def _write(self, offset: int, snapshot: bytes) -> None:
        begun = time.monotonic()
        insert = await self._wait(self._checkpoints.insert, offset, snapshot, time.time_ns())
        await self._wait(self.storage.insert, insert)
        taken = time.monotonic() - begun
        self._every = max(self._every, taken / CHECKPOINT_SHARE)
        self._written = offset
        self._tools.counters.checkpoint(self.feed, len(snapshot), taken)
        await self.feed.commit(offset)

    async def _begin(self) -> int:
        """Takes up the newest checkpoint that can be read; the offset at which to go on."""
        found = await self._wait(self.storage.ask, self._restore)
        begin = await self._with_kafka(self.feed.begin)
        if found is None:
            log.info("%s: no checkpoint, reading from the first offset, %s", self.name, begin)
            offset = begin
        else:
            offset, self._latest = found
            offset = await self._in_this_log(offset, begin)
        self.stored = self._boundary = self._written = offset
        self.checkpointed = self.moved = time.monotonic()
        log.info("%s: begins at offset %s", self.name, offset)
        return offset

    def _restore(self, store: Store) -> tuple[int, int] | None:
        """Offset and latest append time of the newest checkpoint that can be read."""
        for checkpoint in self._checkpoints.load(store, self._tools.counters.damaged):
            try:
                magic, latest = _HEAD.unpack_from(checkpoint.snapshot)
                if magic != _MAGIC:
                    raise SnapshotError("no checkpoint of this version")
                self.work.restore(checkpoint.snapshot[_HEAD.size :])
            except (SnapshotError, struct.error) as error:
                log.error("%s: the checkpoint at offset %s is of no use: %s", self.name, checkpoint.offset, error)
                continue
            return checkpoint.offset, latest
        return None

    async def _in_this_log(self, offset: int, begin: int) -> int:
        """The offset of a checkpoint, or where to go on instead if the log is another one by now.

        A topic that was made anew begins again at offset 0. What it has then came later than all that the checkpoint
        covers, so where the first message that did stands before the checkpoint's offset, the log is not the same.
        """
        end = await self._with_kafka(self.feed.end)
        newer = await self._with_kafka(lambda: self.feed.first_at(self._latest + 1)) if self._latest else None
        if offset <= end and (newer is None or newer[0] >= offset or not self._latest):
            if begin > offset:
                self._lost(offset, begin)
            return max(offset, begin)
        there = end if newer is None else newer[0]
        log.error("%s: the checkpoint at offset %s is of another log than this, which has offsets %s to %s; reading on"
                  " at %s", self.name, offset, begin, end, there)
        await self._wait(self.storage.ask, self._checkpoints.forget)
        return there

    # --- beside ---

    def _lost(self, first: int, behind: int) -> None:
        log.error("%s: offsets %s to %s are not in the log any more", self.name, first, behind - 1)
        self._tools.counters.lost(behind - first)

    async def _with_kafka(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Asks the broker until it answers."""
        while True:
            try:
                return await call()
            except (KafkaError, TimeoutError) as error:
                log.warning("%s: the broker does not answer: %s", self.name, error or "no answer")
                if self._stopping:
                    raise Abandoned from error
                await asyncio.sleep(RETRY_SECONDS)

    async def _process(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._tools.processing, call, *arguments)

    async def _wait(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._tools.waiting, call, *arguments)
