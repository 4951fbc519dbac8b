"""The process of `shoal serve`: opens, serves until it is told to end, closes."""

from __future__ import annotations

import asyncio
import os
import signal

from pipeline.serve.access import Access
from pipeline.serve.server import Server
from pipeline.store.database import Database

_INTERRUPTED = 130


def run(db: str, host: str, port: int, access: Access) -> None:
    """Serves the database in `db` until SIGINT or SIGTERM. Raises StoreError."""
    access.check(host)
    with Database(db).open(create=access.read_write) as database:
        asyncio.run(_serve(Server(database, host, port, access=access)))


async def _serve(server: Server) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def end() -> None:
        if ended.is_set():
            # What is under way is given up; ClickHouse's tables stand that, as they stand a kill.
            os._exit(_INTERRUPTED)
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    await server.start()
    try:
        print(f"listening on {server.url}", flush=True)
        await ended.wait()
    finally:
        await server.stop()
