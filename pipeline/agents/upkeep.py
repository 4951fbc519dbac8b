"""Keeps table packets within its budget: ClickHouse has no such cap, so one worker of the fleet looks after it."""

from __future__ import annotations

import asyncio
import logging
import time

from faust.types import TP

from pipeline.agents.fleet import Fleet
from pipeline.store.budget import enforce
from pipeline.store.errors import StoreError
from pipeline.store.remote import Remote

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often it looks whose turn it is."""
EVERY_SECONDS = 60.0
"""Seconds between two looks at the size of the table."""


class Upkeep:
    """The worker that has partition 0 of the packets' topic does it: as long as any worker is there, one has it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._told = ""

    @property
    def mine(self) -> bool:
        """Whether it is this worker's turn."""
        return TP(self._fleet.settings.packets.name, 0) in self._fleet.partitions

    async def run(self) -> None:
        """Looks until it is cancelled."""
        due = 0.0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.mine and time.monotonic() >= due:
                await asyncio.to_thread(self._enforce)
                due = time.monotonic() + EVERY_SECONDS

    def _enforce(self) -> None:
        settings = self._fleet.settings
        told = ""
        try:
            with Remote(settings.clickhouse).open(ask=False) as store:
                done = enforce(store, settings.budget)
        except StoreError as error:
            # While it is away the partitions say so, and what is refused now may not be later.
            told = "" if error.retryable else f"can't keep table packets within its budget: {error}"
        else:
            if done.dropped:
                log.info("table packets: weeks of %s dropped, %s bytes, to keep within %s", ", ".join(done.dropped),
                         f"{done.before - done.now:,}", f"{done.budget:,}")
            if done.over:
                told = (f"table packets: this week alone is over the budget of {done.budget:,} bytes; "
                        "shoal migrate --ttl-raw helps")
        if told and told != self._told:
            log.warning("%s", told)
        self._told = told
