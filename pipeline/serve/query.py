"""Every statement but an INSERT with its data: run in a thread, answered piece by piece."""

from __future__ import annotations

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
        async with sessions.work(self._asked, self._may_write, headers["X-ClickHouse-Query-Id"]) as (work, left):
            await work.run(lambda: self._prepare(work, left))
            pieces = self._pieces(work.database)
            try:
                if self._asked.flag("wait_end_of_query"):
                    return await self._whole(request, work, pieces, dress, headers)
                # The first piece tells whether the statement is right at all.
                first = await work.run(lambda: self._next(pieces, dress))
                response = web.StreamResponse(headers=headers | self._told())
                await response.prepare(request)
                await self._stream(response, work, first, pieces, dress, (tag, version))
                if response.keep_alive is False and request.transport is not None:
                    request.transport.close()
                return response
            finally:
                await work.run(pieces.close)

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
            "max_memory_usage": str(self._limits.memory), "max_execution_time": str(self._limits.seconds),
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

    @staticmethod
    def _next(pieces: Iterator[bytes], dress: Dress) -> bytes | None:
        piece = next(pieces, None)
        return None if piece is None else dress.encode(piece)

    async def _whole(
        self, request: web.Request, work: Work, pieces: Iterator[bytes], dress: Dress, headers: dict[str, str]
    ) -> web.StreamResponse:
        held = Held()
        try:
            await work.run(lambda: held.fill(pieces, dress))
            response = web.StreamResponse(headers=headers | self._told())
            response.content_length = held.size
            await response.prepare(request)
            while piece := await work.run(held.read):
                await response.write(piece)
            await response.write_eof()
            return response
        finally:
            held.close()

    async def _stream(
        self, response: web.StreamResponse, work: Work, first: bytes | None, pieces: Iterator[bytes], dress: Dress,
        marked: tuple[str, str],
    ) -> None:
        tag, version = marked
        piece = first
        try:
            while piece is not None:
                if piece:
                    await response.write(piece)
                piece = await work.run(lambda: self._next(pieces, dress))
            await response.write_eof(dress.end())
        except StoreError as error:
            # The status is sent: the error comes as a block of its own, and the connection ends without an end.
            await response.write(dress.encode(block_of(text_of(error, version), tag), error=True) + dress.end())
            response.force_close()

    def _told(self) -> dict[str, str]:
        tally = self._tally
        said = summary(
            read_rows=tally.read_rows, read_bytes=tally.read_bytes, result_rows=tally.result_rows,
            elapsed_ns=time.perf_counter_ns() - self._begun,
        )
        headers = {"X-ClickHouse-Summary": said}
        return headers | ({"X-ClickHouse-Progress": said} if self._asked.flag("send_progress_in_http_headers") else {})
