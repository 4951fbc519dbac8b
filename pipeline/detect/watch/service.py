"""The process of `shoal alerts watch`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

from pipeline.detect.rules.read import load_rules
from pipeline.detect.watch import pins, silent
from pipeline.detect.watch.alone import alone
from pipeline.detect.watch.config import Config, read
from pipeline.detect.watch.scheduled import Scheduled
from pipeline.detect.watch.sinks.make import make
from pipeline.detect.watch.watch import Duty, Watch
from pipeline.schema.watch import DELIVERY_STATES
from pipeline.store.connect import connect
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.remote import Remote
from pipeline.store.store import Store

EXIT_INTERRUPTED = 130
_WAKE_SECONDS = 0.2


class Stores:
    """Gives connections to the database that `db` names: of one that is opened here, beside it."""

    def __init__(self, db: str, user: str = "", password: str = "") -> None:
        self._db = db
        self._user = user
        self._password = password
        self._lock = threading.Lock()
        self._held: Database | None = None

    def __call__(self) -> Store:
        """A connection for one thread. Raises StoreError."""
        with self._lock:
            if self._held is not None:
                return self._held.beside()
            store = connect(self._db, user=self._user, password=self._password)
            if isinstance(store, Database):
                # It stays open: while it is, no other process takes it.
                self._held = store
                return store.beside()
            return store

    def reader(self) -> Store:
        """A connection for one thread that can't change anything. Raises StoreError."""
        store = self()
        if isinstance(store, Remote):
            store.close()
            return connect(self._db, readonly=True, user=self._user, password=self._password)
        store.query("SET readonly = 2")
        return store

    def close(self) -> None:
        """Ends what is held."""
        if self._held is not None:
            self._held.close()


def build(
    config: Config, connect: Callable[[], Store], log: Callable[[str], None] = print, duties: Sequence[Duty] = ()
) -> Watch:
    """The watch of a configuration: its sinks, pins, silent sensors, and `duties` besides. Raises ConfigError."""
    outlets = make(config.sinks)
    own: list[Duty] = []
    of_sensors = silent.read(config.rest["sensors"])
    if of_sensors is not None:
        own.append(silent.Silent(of_sensors))
    of_pins = pins.read(config.rest["pins"])
    if of_pins is not None:
        own.append(pins.Pins(of_pins, log))
    return Watch(connect, outlets, config.settings, [*own, *duties], log)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def run(
    db: str, path: str, rules: str | None = None, *, check: bool = False, user: str = "", password: str = ""
) -> None:
    """Watches until SIGINT or SIGTERM; with `check` only reads the configuration. `rules` is the file whose rules of
    kind `sql` are asked. Raises ConfigError, RuleError, StoreError."""
    config = read(path)
    in_sql = [rule for rule in load_rules(rules) if rule.kind == "sql"] if rules else []
    stores = Stores(db, user, password)
    watch = build(config, stores, _log, [Scheduled(in_sql, stores.reader, _log)] if in_sql else [])
    names = ", ".join(f"{of.name} ({of.type})" for of in config.sinks) or "none"
    print(f"sinks: {names}", flush=True)
    if check:
        return
    try:
        _check_tables(stores)
        with alone(db):
            _until_signal(watch)
    finally:
        stores.close()


def _until_signal(watch: Watch) -> None:
    ended = threading.Event()

    def end(number: int, _: object) -> None:
        if ended.is_set():
            os._exit(EXIT_INTERRUPTED)
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    watch.start()
    print("watching", flush=True)
    while not ended.wait(_WAKE_SECONDS):
        # Woken now and then, so that signals are heard.
        pass
    watch.close()


def _check_tables(stores: Stores) -> None:
    """Raises StoreError where the database is there and lacks what is needed; one that is away is waited for."""
    try:
        store = stores()
    except StoreError as error:
        if error.retryable:
            return
        raise
    found = store.query(f"EXISTS TABLE {DELIVERY_STATES.name}").strip()
    store.close()
    if found != b"1":
        raise StoreError("the database has no tables for the watch; make them by: shoal migrate", 2)
