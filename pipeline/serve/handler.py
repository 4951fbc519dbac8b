"""A request from its first line to the answer's kind: who asks, which statement, may they."""

from __future__ import annotations

import uuid

from aiohttp import web

from pipeline.serve.access import Access
from pipeline.serve.answer import PLAIN
from pipeline.serve.body import Body
from pipeline.serve.connections import Lane
from pipeline.serve.errors import INTO_OUTFILE_NOT_ALLOWED, READONLY, SYNTAX_ERROR, refused, status_of, text_of
from pipeline.serve.form import External, read_form
from pipeline.serve.guard import Guard
from pipeline.serve.insert import answer_insert
from pipeline.serve.query import Limits, Query
from pipeline.serve.request import Asked, read_url
from pipeline.serve.sessions import Sessions
from pipeline.serve.statement import HEAD, read_insert, read_statement
from pipeline.store.database import Database
from pipeline.store.errors import StoreError

_NEEDS_PASSWORD = 194


class Handler:
    """Answers requests; of its own it knows the server's name, version and zone."""

    def __init__(self, database: Database, access: Access, limits: Limits, queries: Lane, inserts: Lane) -> None:
        self._database = database
        self._access = access
        self._limits = limits
        self._inserts = inserts
        self._sessions = Sessions(database, queries)
        self._guard = Guard(limits.settings)
        self._version = ""
        self._common: dict[str, str] = {}

    def start(self) -> None:
        """Asks the database what answers say of it."""
        row = self._database.query("SELECT version(), displayName(), timezone()").decode().rstrip("\n").split("\t")
        self._version = row[0]
        self._common = {"X-ClickHouse-Server-Display-Name": row[1], "X-ClickHouse-Timezone": row[2]}
        self._guard.start(self._database)

    def stop(self) -> None:
        """Ends the sessions."""
        self._sessions.close()

    async def ping(self, _: web.Request) -> web.Response:
        """A sign of life."""
        return web.Response(text="Ok.\n")

    async def statement(self, request: web.Request) -> web.StreamResponse:
        """A statement, in the URL or the body or both; without any it is a ping."""
        query_id = request.query.get("query_id") or str(uuid.uuid4())
        headers = self._common | {"X-ClickHouse-Query-Id": query_id}
        try:
            asked = read_url(request.query.items(), request.headers)
            may_write = self._access.may_write(asked.own, request.headers) and request.method == "POST"
            return await self._answer(request, asked, may_write, headers)
        except StoreError as error:
            headers |= {"X-ClickHouse-Exception-Code": str(error.code), "Content-Type": PLAIN}
            if error.code == _NEEDS_PASSWORD:
                headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
            return web.Response(status=status_of(error.code), body=text_of(error, self._version), headers=headers)

    async def _answer(
        self, request: web.Request, asked: Asked, may_write: bool, headers: dict[str, str]
    ) -> web.StreamResponse:
        tables: list[External] = []
        if request.content_type == "multipart/form-data":
            tables = await read_form(request, asked, self._limits.text)
        body = Body(request, blocks=asked.flag("decompress"))
        text = asked.own.get("query", "").encode()
        insert = read_insert(text)
        if insert is None:
            head = await body.head(HEAD)
            text = text + b"\n" + head if text and head else text or head
            insert = read_insert(text)
        if not text.strip():
            return web.Response(text="Ok.\n", headers=headers)
        if insert is not None:
            if not may_write:
                raise refused("READONLY", READONLY, "default: Cannot execute query in readonly mode.")
            return await answer_insert(self._inserts, insert, text[insert.data :], body, asked, headers)
        if not may_write:
            self._guard.check_settings(asked.settings)
        text += await body.rest(self._limits.text)
        statement = read_statement(text)
        if not statement.verb:
            # chDB takes what begins with no token of SQL for an empty statement, and says nothing.
            raise refused("SYNTAX_ERROR", SYNTAX_ERROR, "Syntax error: failed at position 1: no statement begins so.")
        if statement.several:
            raise refused("SYNTAX_ERROR", SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed).")
        if statement.outfile:
            raise refused("INTO_OUTFILE_NOT_ALLOWED", INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed.")
        query = Query(statement, tables, asked, may_write, self._limits, self._guard)
        return await query.answer(request, self._sessions, headers, self._version)
