"""Sessions: connections that outlive a request, with their temporary tables.

https://clickhouse.com/docs/interfaces/http#using-clickhouse-sessions-in-the-http-protocol
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipeline.serve.connections import Lane, Work
from pipeline.serve.errors import SESSION_IS_LOCKED, SESSION_NOT_FOUND, refused
from pipeline.serve.request import Asked
from pipeline.store.database import Database

_TIMEOUT = 60
_RELEASE_SECONDS = 0.5
_MOST_SECONDS = 3600
_MOST = 1000


class Session:
    """A connection, and the settings that its last request's URL had."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.set: set[str] = set()
        self.busy = False
        self.ends = 0.0


class Sessions:
    """The sessions by right and id; idle ones end after their time, and before it where there are too many."""

    def __init__(self, database: Database, lane: Lane) -> None:
        self._database = database
        self._lane = lane
        self._sessions: dict[tuple[bool, str], Session] = {}

    def close(self) -> None:
        """Ends all."""
        for session in self._sessions.values():
            session.database.close()
        self._sessions.clear()

    @asynccontextmanager
    async def work(self, asked: Asked, may_write: bool, query_id: str) -> AsyncIterator[tuple[Work, set[str]]]:
        """The connection of the request's session, or one for it alone; and the settings that an earlier one left.

        Raises StoreError: session busy, or not there although `session_check` asks for it, or too many at work.
        """
        name = asked.own.get("session_id", "")
        if not name:
            async with self._lane.work(query_id) as work:
                yield work, set()
            return
        await self._released(may_write, name)
        async with self._lane.turn():
            session = self._take(name, may_write, asked)
            left = session.set
            session.set = set(asked.settings)
            try:
                yield Work(self._lane, session.database, query_id), left - session.set
            finally:
                session.busy = False
                session.ends = time.monotonic() + min(asked.number("session_timeout", _TIMEOUT), _MOST_SECONDS)
                if asked.flag("close_session"):
                    del self._sessions[may_write, name]
                    session.database.close()

    async def _released(self, may_write: bool, name: str) -> None:
        """Wait a moment for the session: a client has its answer a little before the request before is done with."""
        until = time.monotonic() + _RELEASE_SECONDS
        while (one := self._sessions.get((may_write, name))) and one.busy and time.monotonic() < until:
            await asyncio.sleep(0.005)

    def _take(self, name: str, may_write: bool, asked: Asked) -> Session:
        self._expire()
        # A reader's connection stays read-only, so that it is never a writer's too.
        session = self._sessions.get((may_write, name))
        if session is None:
            if asked.flag("session_check"):
                raise refused("SESSION_NOT_FOUND", SESSION_NOT_FOUND, f"Session {name} not found.")
            session = self._sessions[may_write, name] = Session(self._database.beside())
        elif session.busy:
            raise refused("SESSION_IS_LOCKED", SESSION_IS_LOCKED, f"Session {name} is locked by a concurrent client.")
        session.busy = True
        return session

    def _expire(self) -> None:
        now = time.monotonic()
        ends = {key: one.ends for key, one in self._sessions.items() if not one.busy}
        surplus = len(self._sessions) + 1 - _MOST
        for at, key in enumerate(sorted(ends, key=ends.__getitem__)):
            if at < surplus or ends[key] < now:
                self._sessions.pop(key).database.close()
