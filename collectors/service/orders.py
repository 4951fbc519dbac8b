"""The collector's ear on the control topic, in a thread of its own: an order may wait until a capture follows it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from collectors.control import Change, Control


class Orders:
    """Hands what is wanted of `sensor` to `apply`, from `start` to `stop`."""

    def __init__(
        self, brokers: str, prefix: str, sensor: str, apply: Callable[[Change], str | None], log: Callable[[str], None]
    ) -> None:
        self.control = Control(brokers, prefix, sensor, apply, log)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)

    def start(self) -> None:
        """Begin to listen; Kafka may be away."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Listen no more."""
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(timeout=5)

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._listen())

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self.control.run())
        self._ready.set()
        await self._task
