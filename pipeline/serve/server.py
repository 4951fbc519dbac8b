"""The server's wiring: routes, lanes, start and stop."""

from __future__ import annotations

from aiohttp import web

from pipeline.serve.access import Access
from pipeline.serve.connections import Lane
from pipeline.serve.handler import Handler
from pipeline.serve.query import Limits
from pipeline.store.database import Database
from pipeline.store.errors import StoreError

# Bytes of a body that are read ahead of the database.
_READ_AHEAD = 1 << 20
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
        self._access = access or Access()
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
            handler_cancellation=True,
        )
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self.host, self.port, backlog=1024)
            await site.start()
        except OSError as error:
            await self.stop()
            raise StoreError(f"cannot listen on {self.host}:{self.port}: {error.strerror or error}") from error
        for bound in self._runner.addresses:
            self.port = int(bound[1])

    async def stop(self, seconds: float = 10.0) -> None:
        """Takes no more requests, waits up to `seconds` for those under way, and ends."""
        if self._runner is not None:
            self._runner._shutdown_timeout = seconds
            await self._runner.cleanup()
            self._runner = None
        self._handler.stop()
        self._queries.stop()
        self._inserts.stop()

