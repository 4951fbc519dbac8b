"""Events as they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import click

from pipeline.cli.event_rows import Row, Wanted, batches, key
from pipeline.render.terminal import one_line, os_error, shown
from pipeline.schema.times import SECOND, read_time
from pipeline.store.errors import StoreError
from pipeline.store.store import Store
from pipeline.top.looks import Looks

EVERY_SECONDS = 1.0
BEHIND = 3_600 * SECOND
"""Events come late: of a sensor whose spool empties, of a shard that lags, of windows. What is older than the newest by
more than this was there at the beginning, or is of a capture that is imported."""
MOST = 1_000_000
"""So many events are remembered as printed; of more, the later half."""


def follow_events(db: str, user: str, password: str, wanted: Wanted, tell: Callable[[list[Row]], None]) -> None:
    """Hands `tell` the events, and those that come, until interrupted. Raises StoreError where the first look fails;
    later ones say so once, and go on."""
    printed = Printed(wanted)
    begun, away = False, False
    with closing(Looks(db, user, password)) as looks:
        while True:
            try:
                looks.take(lambda database: printed.look(database, tell))
                begun, away = True, False
            except (StoreError, OSError) as error:
                if not begun:
                    raise
                if not away:
                    said = os_error(error) if isinstance(error, OSError) else str(error)
                    click.echo(f"shoal: warning: {shown(one_line(said))}; it is tried again", err=True)
                away = True
            time.sleep(EVERY_SECONDS)


class Printed:
    """Which events were printed: each of the last hour of events. What is older is not asked for again."""

    def __init__(self, wanted: Wanted, most: int = MOST) -> None:
        self._wanted = wanted
        self._most = most
        self._times: dict[int, int] = {}
        self._newest = 0

    def look(self, database: Store, tell: Callable[[list[Row]], None]) -> None:
        """Hands over those that were not handed over before, the oldest first. Raises StoreError."""
        for rows in batches(database, self._wanted.sql()):
            fresh = []
            for row in rows:
                # Of the key a hash is kept: it is a tenth, and of a million two are alike once in ten million times.
                known, at = hash(key(row)), read_time(row["shoal.event.time"])
                if known not in self._times:
                    fresh.append(row)
                self._times[known] = at
                self._newest = max(self._newest, at)
            if fresh:
                tell(fresh)
            if len(self._times) > self._most + len(rows):
                self._forget()
        self._forget()

    def _forget(self) -> None:
        since = max(self._wanted.since or 0, self._newest - BEHIND)
        if len(self._times) > self._most:
            since = max(since, sorted(self._times.values())[-self._most // 2])
        if self._wanted.most is not None and len(self._times) >= self._wanted.most:
            since = max(since, min(self._times.values()))
        # Only the first look is limited: what comes is wanted whole.
        self._wanted = replace(self._wanted, since=since, most=None)
        self._times = {known: at for known, at in self._times.items() if at >= since}
