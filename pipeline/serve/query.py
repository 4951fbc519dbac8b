"""Every statement but an INSERT with its data: run in a thread, answered piece by piece."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from aiohttp import web

from pipeline.serve.answer import Dress, Held, media_type, new_tag, summary
from pipeline.serve.connections import Work
from pipeline.serve.errors import block_of, text_of
from pipeline.serve.form import External
from pipeline.serve.guard import Guard
from pipeline.serve.request import Asked, prepare
from pipeline.serve.sessions import Sessions
from pipeline.serve.statement import Statement
from pipeline.store.database import STREAMED, Database, Tally
from pipeline.store.errors import StoreError


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of each statement: bytes of memory, seconds, bytes of its text."""

    memory: int = 2_000_000_000
    seconds: int = 300
    text: int = 64 << 20

    @property
    def settings(self) -> dict[str, int]:
        """The bounds that are settings of ClickHouse."""
        return {"max_memory_usage": self.memory, "max_execution_time": self.seconds}


class Query:
    """One statement of one request."""

    def __init__(
        self, statement: Statement, tables: list[External], asked: Asked, may_write: bool, limits: Limits, guard: Guard
    ) -> None:
        self._statement = statement
        self._tables = tables
        self._asked = asked
        self._may_write = may_write
        self._limits = limits
        self._guard = guard
        self._tally = Tally()
        self._begun = time.perf_counter_ns()
        self._format = statement.format or asked.own.get("default_format") or "TabSeparated"

    async def answer(
        self, request: web.Request, sessions: Sessions, headers: dict[str, str], version: str
    ) -> web.StreamResponse:
        """Runs it and answers. Raises StoreError where it fails before the first byte of an answer is sent."""
        dress = Dress(self._asked, request.headers, self._format)
        tag = new_tag()
        headers = headers | dress.headers | {
            "X-ClickHouse-Format": self._format, "X-ClickHouse-Exception-Tag": tag,
            "Content-Type": media_type(self._format),
        }
        query_id = headers["X-ClickHouse-Query-Id"]
        async with sessions.work(self._asked, self._may_write, query_id) as (work, left):
            await work.run(lambda: self._prepare(work, left))
            pieces = self._pieces(work.database)
            try:
                if self._asked.flag("wait_end_of_query"):
                    answer: _Whole | _Stream = _Whole(await work.run(lambda: Held(pieces, dress)))
                    headers |= self._told()
                else:
                    # The first piece tells whether the statement is right at all.
                    first = await work.run(lambda: dress.next(pieces))
                    answer = _Stream(dress, tag, version)
                    await answer.begin(request, headers | self._told(), first)
                    await answer.go_on(work, pieces)
            finally:
                await work.run(pieces.close)
        # The session and the turn are free before the client can know that the answer is whole.
        return await answer.end(request, headers)

    def _prepare(self, work: Work, left: set[str]) -> None:
        database = work.database
        for table in self._tables:
            if not self._may_write:
                self._guard.check_columns(database, table.create)
            database.query(table.create)
            insert = database.insert_as(f"INSERT INTO {table.quoted}", table.format)
            insert.append(table.data)
            insert.finish()
        settings = {
            **{name: str(most) for name, most in self._limits.settings.items()},
            # chDB takes a bare expression for a SELECT, a server does not.
            "implicit_select": "0",
        } | self._asked.settings | {"log_comment": work.mark}
        if not self._may_write:
            settings["readonly"] = "2"
        prepare(database, settings, self._asked, left)
        if not self._may_write:
            self._guard.check(database, self._statement.sql)

    def _pieces(self, database: Database) -> Generator[bytes]:
        statement = self._statement
        streamed = self._format in STREAMED and statement.verb in (b"SELECT", b"WITH")
        # Of this one the names stand before each block, and chDB can't be asked for them where FORMAT is in the way.
        if streamed and not (statement.format and self._format == "TSVWithNames"):
            return database.pieces(statement.sql, self._format, self._tally)
        return database.whole(statement.sql, self._format, self._tally)

    def _told(self) -> dict[str, str]:
        tally = self._tally
        said = summary(
            read_rows=tally.read_rows, read_bytes=tally.read_bytes, result_rows=tally.result_rows,
            elapsed_ns=time.perf_counter_ns() - self._begun,
        )
        headers = {"X-ClickHouse-Summary": said}
        return headers | ({"X-ClickHouse-Progress": said} if self._asked.flag("send_progress_in_http_headers") else {})


class _Whole:
    """An answer that is sent when all of it is there, with its length."""

    def __init__(self, held: Held) -> None:
        self._held = held

    async def end(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        """Sends it."""
        try:
            response = web.StreamResponse(headers=headers)
            response.content_length = self._held.size
            await response.prepare(request)
            while piece := await asyncio.to_thread(self._held.read):
                await response.write(piece)
            await response.write_eof()
            return response
        finally:
            self._held.close()


class _Stream:
    """An answer that is sent as it comes."""

    def __init__(self, dress: Dress, tag: str, version: str) -> None:
        self._dress = dress
        self._tag = tag
        self._version = version
        self._response = web.StreamResponse()
        self._failed = False

    async def begin(self, request: web.Request, headers: dict[str, str], first: bytes | None) -> None:
        """Sends the head and the first piece."""
        self._response.headers.update(headers)
        await self._response.prepare(request)
        if first:
            await self._response.write(first)

    async def go_on(self, work: Work, pieces: Iterator[bytes]) -> None:
        """Sends the other pieces."""
        try:
            while (piece := await work.run(lambda: self._dress.next(pieces))) is not None:
                if piece:
                    await self._response.write(piece)
        except StoreError as error:
            # The status is sent already: the error comes as a block of its own.
            block = block_of(text_of(error, self._version), self._tag)
            await self._response.write(self._dress.encode(block, error=True) + self._dress.end())
            self._failed = True

    async def end(self, request: web.Request, _: dict[str, str]) -> web.StreamResponse:
        """Sends the end; of an answer that failed there is none, and the connection is closed."""
        if not self._failed:
            await self._response.write_eof(self._dress.end())
        elif request.transport is not None:
            self._response.force_close()
            request.transport.close()
        return self._response
