"""A request from its first line to its answer."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from pipeline.serve.access import Access
from pipeline.serve.body import Body
from pipeline.serve.connections import Lane
from pipeline.serve.errors import READONLY, SYNTAX_ERROR, body_of, status_of
from pipeline.serve.request import Asked, read_url, set_clause
from pipeline.serve.statement import HEAD, Statement, read_insert, read_statement
from pipeline.store.database import INSERT_SETTINGS, Database
from pipeline.store.errors import StoreError


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of each statement of a user: bytes of memory, seconds, bytes of its text."""

    memory: int = 2_000_000_000
    seconds: int = 300
    text: int = 16 << 20


_PLAIN = "text/plain; charset=UTF-8"
# A format's name to its media type; others are plain bytes.
_MEDIA: dict[str, str] = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
}


class Handler:
    """Answers requests; holds no state of its own but the server's name and zone."""

    def __init__(self, database: Database, access: Access, limits: Limits, queries: Lane, inserts: Lane) -> None:
        self._database = database
        self._access = access
        self._limits = limits
        self._queries = queries
        self._inserts = inserts
        self._version = ""
        self._common: dict[str, str] = {}

    def start(self) -> None:
        """Asks the database what its answers say of it."""
        row = self._database.query("SELECT version(), displayName(), timezone()").decode().rstrip("\n").split("\t")
        self._version = row[0]
        self._common = {"X-ClickHouse-Server-Display-Name": row[1], "X-ClickHouse-Timezone": row[2]}

    async def ping(self, _: web.Request) -> web.Response:
        """A sign of life."""
        return web.Response(text="Ok.\n")

    async def statement(self, request: web.Request) -> web.StreamResponse:
        """A statement, in the URL or the body or both; without any it is a ping."""
        query_id = request.query.get("query_id") or str(uuid.uuid4())
        headers = self._common | {"X-ClickHouse-Query-Id": query_id}
        try:
            return await self._answer(request, headers)
        except StoreError as error:
            headers |= {"X-ClickHouse-Exception-Code": str(error.code), "Content-Type": _PLAIN}
            return web.Response(status=status_of(error.code), body=body_of(error, self._version), headers=headers)

    async def _answer(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        asked = read_url(request.query.items(), request.headers)
        may_write = self._access.may_write(request.query, request.headers) and request.method == "POST"
        body = Body(request)
        text = asked.own.get("query", "").encode()
        insert = read_insert(text)
        if insert is None:
            head = await body.head(HEAD)
            if not text and not head:
                return web.Response(text="Ok.\n", headers=headers)
            text = text + b"\n" + head if text and head else text or head
            insert = read_insert(text)
            rest = text[insert.data :] if insert else b""
        else:
            rest = text[insert.data :].strip()
        if insert is not None:
            if not may_write:
                raise StoreError(
                    f"{self._who(asked)}: Cannot execute query in readonly mode. (READONLY)", code=READONLY
                )
            return await self._insert(insert, rest, body, asked, headers)
        text += await body.rest(self._limits.text)
        statement = read_statement(text)
        if statement.several:
            raise StoreError(
                "Syntax error (Multi-statements are not allowed): one statement a request. (SYNTAX_ERROR)",
                code=SYNTAX_ERROR,
            )
        return await self._query(request, statement, asked, may_write, headers)

    @staticmethod
    def _who(asked: Asked) -> str:
        return asked.own.get("user", "default")

    async def _insert(
        self, insert: Statement, first: bytes, body: Body, asked: Asked, headers: dict[str, str]
    ) -> web.Response:
        begun = time.perf_counter_ns()
        # What makes an insert one part comes first, so that a client may still choose otherwise.
        settings = INSERT_SETTINGS | asked.settings
        async with self._inserts.connection() as database:
            run = self._inserts.run
            await run(lambda: self._prepare(database, settings, asked))
            under_way = await run(lambda: database.insert_as(insert.sql, insert.format))
            try:
                read = len(first)
                if first:
                    await run(lambda: under_way.append(first))
                async for piece in body.pieces():
                    read += len(piece)
                    await run(lambda piece=piece: under_way.append(piece))  # type: ignore[misc]
                rows = await run(under_way.finish)
            except BaseException:
                await asyncio.shield(run(under_way.cancel))
                raise
        summary = _summary(rows, read, time.perf_counter_ns() - begun)
        return web.Response(headers=headers | {"X-ClickHouse-Summary": summary, "Content-Type": _PLAIN})

    async def _query(
        self, request: web.Request, statement: Statement, asked: Asked, may_write: bool, headers: dict[str, str]
    ) -> web.StreamResponse:
        fmt = statement.format or asked.own.get("default_format") or "TabSeparated"
        settings = {
            "max_memory_usage": str(self._limits.memory), "max_execution_time": str(self._limits.seconds)
        } | asked.settings
        if not may_write:
            settings["readonly"] = "2"
        headers |= {"X-ClickHouse-Format": fmt, "Content-Type": _MEDIA.get(fmt, _PLAIN)}
        async with self._queries.connection() as database:
            run = self._queries.run
            await run(lambda: self._prepare(database, settings, asked))
            pieces = database.stream(statement.sql, fmt)
            first = await run(lambda: next(pieces, b""))
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            piece: bytes | None = first
            while piece is not None:
                if piece:
                    await response.write(piece)
                piece = await run(lambda: next(pieces, None))
            await response.write_eof()
            return response

    @staticmethod
    def _prepare(database: Database, settings: Mapping[str, str], asked: Asked) -> None:
        if name := asked.own.get("database"):
            database.use(name)
        if clause := set_clause(settings, asked.parameters):
            database.query(clause)


def _summary(rows: int, size: int, elapsed: int) -> str:
    said = {
        "read_rows": rows, "read_bytes": size, "written_rows": rows, "written_bytes": size, "total_rows_to_read": 0,
        "result_rows": rows, "result_bytes": size, "elapsed_ns": elapsed,
    }
    return json.dumps({name: str(value) for name, value in said.items()})

