"""The server's wiring: routes, lanes, start and stop."""

from __future__ import annotations

import secrets
from dataclasses import replace

from aiohttp import web

from pipeline.serve.access import Access
from pipeline.serve.connections import Lane
from pipeline.serve.handler import Handler
from pipeline.serve.query import Limits
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.local import announce, withdraw

# Bytes of a body that are read ahead of the database.
_READ_AHEAD = 2 << 20
# ClickHouse's http_max_uri_size and http_max_field_value_size.
_LONGEST_URL = 1 << 20
_LONGEST_HEADER = 128 << 10
# Seconds that requests under way have to end.
_PATIENCE = 10.0
_QUERIES = 8
_INSERTS = 4
_WAITING = 100


class Server:
    """ClickHouse's HTTP interface over `database`, which stays the caller's: it is open, and is closed by them.

    `await start()` binds and serves in the running event loop, `await stop()` ends what is under way.
    """

    def __init__(
        self, database: Database, host: str = "127.0.0.1", port: int = 8123, *, access: Access | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`port` 0 takes a free one; `access` says who may do what: by default anybody may read."""
        self.host = host
        self.port = port
        self._path = database.path
        # Processes of the same user find it in the database's directory.
        self._access = replace(access or Access(), token=secrets.token_urlsafe(32))
        self._queries = Lane(database, "query", _QUERIES, _WAITING)
        self._inserts = Lane(database, "insert", _INSERTS, _WAITING)
        self._handler = Handler(database, self._access, limits or Limits(), self._queries, self._inserts)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens; after `start`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Binds and serves. Raises StoreError where the address can't be had."""
        self._access.check(self.host)
        self._queries.start()
        self._inserts.start()
        handler = self._handler
        handler.start()
        # A body is read by the handlers, piece by piece: its size has no limit here.
        app = web.Application(client_max_size=0)
        app.router.add_get("/ping", handler.ping)
        app.router.add_get("/replicas_status", handler.ping)
        app.router.add_route("*", "/", handler.statement)
        self._runner = web.AppRunner(
            app, handle_signals=False, access_log=None, auto_decompress=False, read_bufsize=_READ_AHEAD,
            handler_cancellation=True, shutdown_timeout=_PATIENCE,
            max_line_size=_LONGEST_URL, max_field_size=_LONGEST_HEADER,
        )
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self.host, self.port, backlog=1024)
            await site.start()
        except OSError as error:
            await self.stop()
            raise StoreError(f"cannot listen on {self.host}:{self.port}: {error.strerror or error}") from error
        self.port = int(self._runner.addresses[0][1])
        # Who listens everywhere is reached by this machine too.
        near = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host)
        announce(self._path, f"http://{near}:{self.port}" if near else self.url, self._access.token)

    async def stop(self) -> None:
        """Takes no more requests, waits up to ten seconds for those under way, kills what is left, and ends."""
        withdraw(self._path)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._handler.stop()
        self._queries.stop()
        self._inserts.stop()

