"""The watch: looks at the alerts in the database again and again, and does what is to be done about them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.detect.watch.board import MOST_ALERTS, look
from pipeline.detect.watch.courier import Courier, Retries, View
from pipeline.detect.watch.due import Wanted
from pipeline.detect.watch.sinks.sink import Sink
from pipeline.detect.watch.threads import threads
from pipeline.detect.watch.told import asked_again
from pipeline.store.errors import StoreError
from pipeline.store.store import Store

LOOK_SECONDS = 1.0
LOOKBACK_HOURS = 24.0
_LONGEST_PAUSE = 30.0
_CLOSE_SECONDS = 15.0


class Duty(Protocol):
    """Something else that is done after each look, in the same thread."""

    def work(self, store: Store) -> None:
        """Does what is due. Raises StoreError."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """A sink, what it wants, how it is tried again."""

    sink: Sink
    wanted: Wanted = field(default_factory=Wanted)
    retries: Retries = field(default_factory=Retries)


@dataclass(frozen=True, slots=True)
class Settings:
    """`every` seconds there is a look; alerts that were closed more than `lookback` hours ago are news to nobody."""

    every: float = LOOK_SECONDS
    lookback: float = LOOKBACK_HOURS


class Watch:
    """`start`, then `stop` and `close`; or `run` in a thread of one's own. Two watches of one database would tell
    everything twice."""

    def __init__(
        self, connect: Callable[[], Store], outlets: Mapping[str, Outlet], settings: Settings | None = None,
        duties: Sequence[Duty] = (), log: Callable[[str], None] = print,
    ) -> None:
        """`connect` gives a connection to the database for the thread that calls it, or raises StoreError."""
        self.settings = settings or Settings()
        self.looks = 0
        self._connect = connect
        self._duties = duties
        self._log = log
        self._past = any(outlet.wanted.past for outlet in outlets.values())
        self._couriers = [
            Courier(name, of.sink, of.wanted, of.retries, connect, log) for name, of in outlets.items()
        ]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self.run, name="watch", daemon=True)
        self._trouble = ""

    def start(self) -> None:
        """Begins, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Begins nothing new. Returns at once."""
        self._ended.set()
        for courier in self._couriers:
            courier.stop()

    def close(self) -> None:
        """Waits for the deliveries that are under way."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)
        for courier in self._couriers:
            courier.join(_CLOSE_SECONDS)

    def run(self) -> None:
        """Looks until `stop`. A database that is away is waited for."""
        for courier in self._couriers:
            courier.start()
        store: Store | None = None
        failures = 0
        while not self._ended.is_set():
            begun = time.monotonic()
            try:
                store = store or self._connect()
                self._look(store)
                self._work(store)
                failures = 0
                self._say("")
            except StoreError as error:
                failures += 1
                self._say(str(error))
                if store is not None:
                    store.close()
                    store = None
            took = time.monotonic() - begun
            pause = min(_LONGEST_PAUSE, self.settings.every * 2.0 ** min(failures, 16))
            self._ended.wait(max(0.0, pause - took))
        if store is not None:
            store.close()

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._log(f"warning: alerts can't be looked at: {trouble}")
        self._trouble = trouble

    def _look(self, store: Store) -> None:
        if self._couriers and all(courier.loaded.is_set() for courier in self._couriers):
            told_open = {
                alert for courier in self._couriers for alert, told in tuple(courier.told.items()) if told.thinks_open
            }
            alerts = look(store, self.settings.lookback, told_open, past=self._past)
            if len(alerts) >= MOST_ALERTS:
                self._say(f"more than {MOST_ALERTS} alerts are open or were closed of late; the oldest wait")
            known = {
                alert: told.thread for courier in self._couriers for alert, told in tuple(courier.told.items())
            }
            view = View(alerts, threads(alerts, known), asked_again(store))
            for courier in self._couriers:
                courier.show(view)
        self.looks += 1

    def _work(self, store: Store) -> None:
        for duty in self._duties:
            duty.work(store)
