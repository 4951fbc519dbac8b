"""Publishes a collector's messages to Kafka, at least once and in order, whatever the broker does.

The capturing thread puts messages into an inbox and goes on; a thread of the publisher's own, with an event loop, moves
them through the backlog (collectors/publish/backlog.py) to Kafka. Of each partition one record batch is on its way at a
time, so nothing overtakes anything. After a failure, and when an ack stays away, the connection is made anew and what
was not acked is sent again, from the oldest on: copies are possible, the order of first arrival is kept.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from collectors.publish.accounts import Accounts, Place, Reason, Totals
from collectors.publish.backlog import Backlog, Partition
from collectors.publish.link import BATCH, Link, quiet, verdict
from collectors.publish.message import Outgoing
from collectors.publish.spool import Spool
from pipeline.schema.topics import Topic

T = TypeVar("T")
_TICK = 0.2
_BACKOFF = (0.1, 2.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of messages in memory that wait for their turn (`inbox`) and for Kafka (`window`), and of the spool's
    files. Kafka counts as away `patience` seconds after its last sign of life; a connection that has brought no ack for
    `stall` seconds is given up."""

    inbox: int = 64 << 20
    window: int = 32 << 20
    spool: int = 1 << 30
    patience: float = 1.0
    stall: float = 15.0


class Publisher:
    """`put` from any thread between `open` and `close`. `topics` are made if need be each time it connects; `spool` is
    a directory of its own, without which what does not fit in memory is dropped; `log` gets a line for each change."""

    def __init__(
        self, brokers: str, topics: Sequence[Topic] = (), *, spool: Path | None = None, limits: Limits | None = None,
        log: Callable[[str], None] = print,
    ) -> None:
        self.limits = limits or Limits()
        self.trouble = ""
        """Why Kafka takes nothing at the moment; empty while it does."""
        self._brokers = brokers
        self._topics = topics
        self._log = log
        self._accounts = Accounts()
        self._spool = Spool(spool, self.limits.spool, self._accounts, log) if spool else None
        self._backlog = Backlog(self._accounts, self._spool, self.limits.window)
        self._inbox: deque[Outgoing] = deque()
        self._inbox_bytes = 0
        self._lock = threading.Lock()
        self._room = threading.Condition()
        self._woken = False
        self._ended = True
        self._deadline: float | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None
        self._sends: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._next_attempt = 0.0
        self._backoff = _BACKOFF[0]
        self._sign = 0.0

    # --- for the capturing thread ---

    def open(self) -> Publisher:
        """Opens the spool and starts the thread; Kafka may be away. SpoolError when the spool can't be used."""
        quiet()
        if self._spool is not None:
            self._spool.open()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="publisher", daemon=True)
        self._thread.start()
        ready.wait()
        self._ended = False
        return self

    def put(self, message: Outgoing) -> None:
        """Takes a message to publish. Never waits for disk or network, and never fails because of them: where memory is
        full as well, the oldest message that is still in the inbox is dropped, and counted."""
        self._accounts.put(message.capture, message.frames, message.size)
        with self._lock:
            if self._ended:
                self._give_up(message, Reason.ENDED)
                return
            self._inbox.append(message)
            self._inbox_bytes += message.size
            while self._inbox_bytes > self.limits.inbox and len(self._inbox) > 1:
                oldest = self._inbox.popleft()
                self._inbox_bytes -= oldest.size
                self._give_up(oldest, Reason.MEMORY_FULL)
            woken, self._woken = self._woken, True
            if not woken:
                self._call(self._wake.set)

    def wait_room(self, timeout: float | None = None) -> bool:
        """Waits until so little waits in memory that the next message need not go to the spool: for sources that can
        wait, as files can. False when `timeout` seconds went by before."""
        with self._room:
            return self._room.wait_for(self._has_room, timeout)

    def totals(self, capture: str | None = None) -> Totals:
        """The accounts as they stand, of all captures or of one; balanced at any moment."""
        return self._accounts.totals(capture)

    def spool_fill(self) -> float:
        """How full the spool is, from 0 to 1."""
        return self._spool.size / self._spool.limit if self._spool is not None else 0.0

    def run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs a coroutine in the publisher's event loop, beside its own work; it is cancelled at `close`."""
        assert self._loop is not None, "the publisher is not open"
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self, timeout: float = 10) -> Totals:
        """Publishes what it can within `timeout` seconds; the rest stays in the spool (or is dropped where there is
        none, and counted). Returns the final accounts."""
        if self._thread is not None:
            self._deadline = time.monotonic() + timeout
            self._call(self._wake.set)
            self._thread.join()
            self._thread = None
        return self.totals()

    def _give_up(self, message: Outgoing, reason: Reason) -> None:
        self._accounts.dropped(message.capture, message.frames, message.size, Place.MEMORY, reason)

    # --- the publisher's thread ---

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._work(ready))

    def _call(self, function: Callable[[], object]) -> None:
        assert self._loop is not None, "the publisher is not open"
        self._loop.call_soon_threadsafe(function)

    def _has_room(self) -> bool:
        behind = self._spool is not None and self._spool.unread > 0
        return not behind and self.totals().memory_bytes < self.limits.window // 2

    async def _work(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._sign = time.monotonic()
        ready.set()
        try:
            while not self._finished():
                self._step()
                try:
                    async with asyncio.timeout(_TICK):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
        finally:
            with self._lock:
                self._ended = True
            self._take_inbox(away=True)
            self._disconnect("")
            if self._connecting is not None:
                self._connecting.cancel()
            self._backlog.abandon()
            if self._spool is not None:
                self._spool.close()
            if self._closing:
                await asyncio.wait(self._closing, timeout=5)

    def _finished(self) -> bool:
        if self._deadline is None:
            return False
        return time.monotonic() > self._deadline or (not self._inbox and self._backlog.empty)

    def _step(self) -> None:
        """Everything that can be done without waiting."""
        now = time.monotonic()
        if self._link is None:
            self._connect(now)
        elif not self._backlog.flying:
            self._sign = now
        elif now - self._sign > self.limits.stall:
            self._disconnect(f"no ack for {self.limits.stall:g} s")
        away = now - self._sign > self.limits.patience
        if away and not self.trouble:
            self._say(f"no ack for {self.limits.patience:g} s")
        if away:
            self._backlog.shelter()
        self._take_inbox(away=away)
        if self._link is not None:
            self._backlog.fill()
            for partition in self._backlog.ready():
                self._send(self._link, partition)

    def _take_inbox(self, *, away: bool) -> None:
        with self._lock:
            self._woken = False
            messages, self._inbox, self._inbox_bytes = self._inbox, deque(), 0
        for message in messages:
            self._backlog.add(message, away=away)

    def _connect(self, now: float) -> None:
        if self._connecting is None:
            if now >= self._next_attempt:
                self._connecting = asyncio.create_task(Link(self._brokers, self._topics).open())
                self._connecting.add_done_callback(lambda _: self._wake.set())
            return
        if not self._connecting.done():
            return
        task, self._connecting = self._connecting, None
        error = task.exception()
        if error is None:
            self._link = task.result()
            self._sign = now
            return
        # Whatever it is, a later attempt may succeed, and the capture goes on.
        self._next_attempt = now + self._backoff
        self._backoff = min(self._backoff * 2, _BACKOFF[1])
        self._say(str(error) or type(error).__name__)

    def _disconnect(self, why: str) -> None:
        """Gives up the connection; what was on its way will be sent by the next one."""
        for send in self._sends:
            send.cancel()
        self._sends.clear()
        self._backlog.recall()
        if self._link is not None:
            closing = asyncio.create_task(self._link.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._link = None
        if why:
            self._say(why)

    def _send(self, link: Link, partition: Partition) -> None:
        items = self._backlog.launch(partition, BATCH)
        task = asyncio.create_task(link.send(*partition, (item.message for item in items)))
        self._sends.add(task)
        task.add_done_callback(lambda done: self._sent(done, partition))

    def _sent(self, task: asyncio.Task[None], partition: Partition) -> None:
        if task not in self._sends:
            # Of a connection that was given up; its answer, whatever it is, counts no more.
            if not task.cancelled():
                task.exception()
            return
        self._sends.discard(task)
        error = task.exception()
        if error is None:
            self._backlog.landed(partition)
            self._sign = time.monotonic()
            self._backoff = _BACKOFF[0]
            if self.trouble:
                self._log(f"Kafka at {self._brokers} takes messages again")
                self.trouble = ""
            with self._room:
                self._room.notify_all()
        else:
            reason = verdict(error)
            for item in self._backlog.refused(partition, reason) if reason else ():
                self._log(f"Kafka refused a message of {item.message.frames} frames, dropped ({reason}): {error}")
            self._disconnect("" if reason else str(error) or type(error).__name__)
        self._wake.set()

    def _say(self, trouble: str) -> None:
        if not self.trouble:
            self._log(f"Kafka at {self._brokers} takes no messages: {trouble}")
        self.trouble = trouble
