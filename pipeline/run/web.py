"""The HTTP interface beside a capture, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading

from pipeline.serve.server import Server


class Web:
    """Runs `server` from `start` to `stop`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Serve; returns when it listens. Raises StoreError where the address can't be had."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End, after the requests under way (ten seconds at most)."""
        if self._loop is not None and self._end is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        await self.server.start()
        self._ready.set()
        try:
            await self._end.wait()
        finally:
            await self.server.stop()
