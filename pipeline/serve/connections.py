"""Connections to the embedded database, and the threads in which they work.

A request has a connection of its own (0.1 ms to open), so that what it sets ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from pipeline.schema.ddl import literal
from pipeline.serve.errors import TOO_MANY_SIMULTANEOUS_QUERIES, refused
from pipeline.store.database import Database
from pipeline.store.errors import StoreError

T = TypeVar("T")
_SERIAL = itertools.count(1)


class Work:
    """A connection at work for one request. `mark` is the `log_comment` by which its statement is found and killed."""

    def __init__(self, lane: Lane, database: Database, query_id: str) -> None:
        self.database = database
        self.mark = f"{query_id} {next(_SERIAL)}"
        self._lane = lane

    async def run(self, work: Callable[[], T]) -> T:
        """Runs `work` in a thread. Where the request is given up meanwhile, its statement is killed, and waited for."""
        under_way = self._lane.submit(work)
        try:
            return await asyncio.shield(under_way)
        except asyncio.CancelledError:
            while not under_way.done():
                await self._lane.kill(self.mark)
                await asyncio.wait([under_way], timeout=0.2)
            # Whatever became of it, nobody asks for it any more.
            under_way.exception()
            raise


class Lane:
    """Up to `width` requests at work, each in a thread; `waiting` more wait for their turn, and no more."""

    def __init__(self, database: Database, name: str, width: int, waiting: int) -> None:
        self._database = database
        self._name = name
        self._width = width
        self._waiting = waiting
        self._under_way = 0
        self._threads: ThreadPoolExecutor | None = None
        self._killer: ThreadPoolExecutor | None = None
        self._turn: asyncio.Semaphore | None = None

    def start(self) -> None:
        """Makes the threads' pools."""
        self._threads = ThreadPoolExecutor(self._width, f"serve-{self._name}")
        # All threads may be busy with what is to be killed.
        self._killer = ThreadPoolExecutor(1, f"serve-{self._name}-kill")
        self._turn = asyncio.Semaphore(self._width)

    def stop(self) -> None:
        """Ends the threads after what they are at."""
        for pool in (self._threads, self._killer):
            if pool is not None:
                pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Runs `work` in a thread."""
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def kill(self, mark: str) -> None:
        """Kills the statement that is marked so."""

        def kill() -> None:
            with contextlib.suppress(StoreError), self._database.beside() as database:
                database.query(f"KILL QUERY WHERE Settings['log_comment'] = {literal(mark)} ASYNC")

        await asyncio.get_running_loop().run_in_executor(self._killer, kill)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for one's turn. Raises StoreError where too many wait."""
        assert self._turn is not None
        most = self._width + self._waiting
        if self._under_way >= most:
            raise refused(
                "TOO_MANY_SIMULTANEOUS_QUERIES", TOO_MANY_SIMULTANEOUS_QUERIES,
                f"Too many simultaneous queries. Maximum: {most}.",
            )
        self._under_way += 1
        try:
            async with self._turn:
                yield
        finally:
            self._under_way -= 1

    @asynccontextmanager
    async def work(self, query_id: str) -> AsyncIterator[Work]:
        """A connection of its own, once it is one's turn. Raises StoreError where too many wait."""
        async with self.turn():
            database = await self.submit(self._database.beside)
            try:
                yield Work(self, database, query_id)
            finally:
                await asyncio.shield(self.submit(database.close))
