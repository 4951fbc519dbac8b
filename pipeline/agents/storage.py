"""Inserts that are repeated until they are stored: the same rows under the same token, however long ClickHouse is away.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from pipeline.agents.inserts import Insert
from pipeline.agents.pulse import Pulse
from pipeline.store.errors import StoreError
from pipeline.store.native import stored_columns
from pipeline.store.store import Store

log = logging.getLogger(__name__)

FIRST_WAIT = 0.1
"""Seconds until the first repetition; each wait is up to twice the one before."""
LONGEST_WAIT = 5.0
"""Seconds between two repetitions while ClickHouse is away."""
REFUSED_WAIT = 15.0
"""Seconds between two repetitions of what ClickHouse refuses, until an operator has mended it (`shoal migrate`)."""

Answer = TypeVar("Answer")


class Abandoned(Exception):
    """The partition is another worker's now, or the worker ends: what was not stored will be, by whoever is next."""


class Storage:
    """The connection of one partition to ClickHouse. Its methods block, and are called from one thread at a time."""

    def __init__(self, store: Callable[[], Store], pulse: Pulse, failed: Callable[[StoreError], None]) -> None:
        """`store` opens a connection; `failed` is told of each failure."""
        self._open = store
        self._pulse = pulse
        self._failed = failed
        self._store: Store | None = None
        self._abandoned = threading.Event()
        self._failing = ""
        self.well = True
        """Whether the last thing that was asked of ClickHouse succeeded."""

    def abandon(self) -> None:
        """Ends what is being repeated, from any thread; what is on its way is not waited for."""
        self._abandoned.set()

    def close(self) -> None:
        """Ends the connection."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def insert(self, insert: Insert) -> float:
        """Stores an insert; seconds that it took when it succeeded. Raises Abandoned."""
        return self._repeated(lambda store: _insert(store, insert))

    def ask(self, question: Callable[[Store], Answer]) -> Answer:
        """Anything else, repeated in the same way. Raises Abandoned."""
        return self._repeated(question)

    def _repeated(self, action: Callable[[Store], Answer]) -> Answer:
        wait = FIRST_WAIT
        while True:
            self._wait_for_pulse()
            try:
                if self._store is None:
                    self._store = self._open()
                answer = action(self._store)
            except StoreError as error:
                self._tell(error)
                longest = LONGEST_WAIT if error.retryable else REFUSED_WAIT
                if self._abandoned.wait(min(wait, longest) * random.uniform(0.5, 1)):
                    raise Abandoned from error
                wait = min(2 * wait, longest)
                continue
            if not self.well:
                log.warning("ClickHouse answers again")
            self.well, self._failing = True, ""
            return answer

    def _wait_for_pulse(self) -> None:
        while self._pulse.stands:
            if self._abandoned.wait(0.1):
                break
        if self._abandoned.is_set():
            raise Abandoned

    def _tell(self, error: StoreError) -> None:
        self.well = False
        self._failed(error)
        # Once for each kind of failure, not at each repetition.
        kind = f"{error.code}:{error.retryable}"
        if kind != self._failing:
            self._failing = kind
            said = "ClickHouse is away" if error.retryable else "ClickHouse refuses (is `shoal migrate` to be run?)"
            log.error("%s, trying on: %s", said, error)


def _insert(store: Store, insert: Insert) -> float:
    begun = time.monotonic()
    under_way = store.insert(insert.record.name, stored_columns(insert.record), insert.token)
    try:
        for block in insert.blocks:
            under_way.append(block)
    except StoreError:
        raise
    except BaseException:
        under_way.cancel()
        raise
    under_way.finish()
    return time.monotonic() - begun


def store_all(storage: Storage, inserts: Sequence[Insert]) -> list[float]:
    """Stores inserts in their order; seconds of each."""
    return [storage.insert(insert) for insert in inserts]
