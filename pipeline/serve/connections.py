"""Connections to the embedded database, and the threads in which they work.

A request has a connection of its own (0.1 ms), so that what it sets ends with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from pipeline.serve.errors import TOO_MANY_SIMULTANEOUS_QUERIES
from pipeline.store.database import Database
from pipeline.store.errors import StoreError

T = TypeVar("T")


class Lane:
    """Up to `width` requests at work, each in a thread; `waiting` more wait for their turn, and no more."""

    def __init__(self, database: Database, name: str, width: int, waiting: int) -> None:
        self._database = database
        self._name = name
        self._width = width
        self._waiting = waiting
        self._under_way = 0
        self._threads: ThreadPoolExecutor | None = None
        self._turn: asyncio.Semaphore | None = None

    def start(self) -> None:
        """Makes the threads' pool."""
        self._threads = ThreadPoolExecutor(self._width, f"serve-{self._name}")
        self._turn = asyncio.Semaphore(self._width)

    def stop(self) -> None:
        """Ends the threads after what they are at."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Database]:
        """A connection of its own, once it is one's turn. Raises StoreError where too many wait."""
        assert self._turn is not None
        if self._under_way >= self._width + self._waiting:
            raise StoreError(
                f"Too many simultaneous queries. Maximum: {self._width + self._waiting}."
                " (TOO_MANY_SIMULTANEOUS_QUERIES)",
                code=TOO_MANY_SIMULTANEOUS_QUERIES,
            )
        self._under_way += 1
        try:
            async with self._turn:
                database = await self.run(self._database.beside)
                try:
                    yield database
                finally:
                    await asyncio.shield(self.run(database.close))
        finally:
            self._under_way -= 1

    async def run(self, work: Callable[[], T]) -> T:
        """Runs `work` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
