"""Ends a worker that lives and does nothing: messages wait, ClickHouse is well, and nothing is stored.

A client of Kafka can be stuck after its broker was started anew (aio-libs/aiokafka issue 1154); whatever it is, a fresh
process is the cure. Lag is asked of the broker beside the fetching, which may be what stands still.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from aiokafka.errors import KafkaError

from pipeline.agents.fleet import Fleet

log = logging.getLogger(__name__)

EXIT_STUCK = 75
"""What the process ends with then (EX_TEMPFAIL of sysexits.h): start it again."""
ASK_SECONDS = 5.0
"""How often the ends of the logs are asked for."""


class Watchdog:
    """`stuck` is called, once, with what stands still; `limit` is how long nothing may move, in seconds."""

    def __init__(self, fleet: Fleet, stuck: Callable[[str], None], limit: float) -> None:
        self._fleet = fleet
        self._stuck = stuck
        self._limit = limit
        self._away = False

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            for partition in list(self._fleet.partitions.values()):
                try:
                    partition.intake.end = await partition.feed.end()
                except (KafkaError, TimeoutError, RuntimeError) as error:
                    # Without a broker nothing can move.
                    partition.moved = time.monotonic()
                    self._tell(away=True, said=str(error) or "no answer")
                    continue
                self._tell(away=False)
                if not partition.storage.well or partition.lag == 0:
                    partition.moved = time.monotonic()
                elif time.monotonic() - partition.moved > self._limit:
                    self._stuck(f"{partition.name}: {partition.lag} messages wait, and nothing has moved for "
                                f"{self._limit:g} s")
                    return

    def _tell(self, *, away: bool, said: str = "") -> None:
        """One line when the broker goes, and one when it is back."""
        if away and not self._away:
            log.error("Kafka does not answer: %s", said)
        elif self._away and not away:
            log.warning("Kafka answers again")
        self._away = away
