"""Whether this process runs at all: a worker that was halted must not go on as if nothing had been."""

from __future__ import annotations

import asyncio
import time


class Pulse:
    """Beats in the event loop; where it stood still for `limit` seconds, the partitions may be another's by now.

    Then `stands` is true for as long again, in which the group coordinator tells whether they are. What is stored all
    the same does no harm as long as its tokens are remembered; this keeps a worker that slept for a day from it.
    """

    def __init__(self, limit: float, every: float = 0.5) -> None:
        self.limit = limit
        self._every = every
        self._beat = time.monotonic()
        self._until = 0.0

    @property
    def beat(self) -> float:
        """When it beat last, by the monotonic clock."""
        return self._beat

    @property
    def stands(self) -> bool:
        """Whether nothing may be stored now. Any thread may ask."""
        now = time.monotonic()
        return now < self._until or now - self._beat > self.limit

    async def run(self) -> None:
        """Beats until it is cancelled."""
        while True:
            now = time.monotonic()
            if now - self._beat > self.limit:
                self._until = now + self.limit
            self._beat = now
            await asyncio.sleep(self._every)
