"""The embedded form's wiring: taps, the sink behind them, heartbeats, the budget, and an orderly end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors.service.heartbeat import capture_row, heartbeat_row
from collectors.service.keep import FIRST_BYTES, Keep
from collectors.service.rounds import Route
from collectors.service.tap import Counts, RingTap
from collectors.sources.identity import run_id
from collectors.sources.ring import Ring
from pipeline.detect import detection
from pipeline.run.rows import Block, Rows
from pipeline.run.sink import Outlet, Sink
from pipeline.schema.column import Record
from pipeline.schema.packets import PACKETS
from pipeline.schema.sensors import HEARTBEAT_SECONDS, SENSORS
from pipeline.schema.tables import CAPTURE_STATES
from pipeline.store.budget import enforce
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.told import insert_told

GATHER_SECONDS = 0.2
"""Few frames are left in the ring so long; with the kernel's 0.1 s and the insert's 1 s, a row is there in 1.5 s."""
BUDGET_SECONDS = 60.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Settings:
    """What the service is told. `memory` is how many bytes of rows may wait for the database; `close_seconds` is how
    long the end waits while the database refuses rows."""

    sensor: str
    keep: Keep = "full"
    first_bytes: int = FIRST_BYTES
    memory: int = 256 << 20
    close_seconds: float = 5.0
    detection: detection.Settings = field(default_factory=detection.Settings)


class Service:
    """`start` on a database that is open and has its tables; `wait` until `stop`, or until no interface is left;
    `close`. The database stays the caller's. `log` gets a line for each change that an operator should know of."""

    def __init__(self, settings: Settings, database: Database, log: Callable[[str], None] = print) -> None:
        self.settings = settings
        self.taps: list[RingTap[Block]] = []
        self.stopped = threading.Event()
        self._database = database
        self._log = log
        self._name = run_id()
        self.sink = Sink(database.beside, self._name, settings.memory, log, self.stop)
        self._running = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def add_rings(self, rings: Sequence[Ring]) -> None:
        """Capture these, which are open; `frame.interface_id` is a ring's number."""
        of = self.settings
        for ring in rings:
            capture = f"{self._name}-{ring.interface}" + (f"-{ring.number}" if len(rings) > 1 else "")
            route = Route(of.sensor, capture, PACKETS.name, 1, of.keep, of.first_bytes)
            self.taps.append(RingTap(ring, route, Outlet(self.sink, capture), GATHER_SECONDS))

    def start(self) -> None:
        """Take frames from now on. Raises StoreError where the database takes nothing at all."""
        self._running = len(self.taps)
        for tap in self.taps:
            insert_told(self._database, CAPTURE_STATES, capture_row(tap, complete=False))
        self.sink.start()
        for tap in self.taps:
            tap.start(Rows(tap.route, self.settings.detection), self._one_done)
        for work, seconds in (self._beat, HEARTBEAT_SECONDS), (self._spare, BUDGET_SECONDS):
            thread = threading.Thread(target=self._repeat, args=(work, seconds), name=work.__name__, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _one_done(self) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self.stopped.set()

    def _repeat(self, work: Callable[[Database], None], seconds: float) -> None:
        with self._database.beside() as database:
            while True:
                try:
                    work(database)
                except StoreError as error:
                    # Of rows, the sink says it.
                    if not self.sink.trouble:
                        self._log(f"warning: {error}")
                if self._ended.wait(seconds):
                    return

    def _beat(self, database: Database) -> None:
        for tap in self.taps:
            self._tell(database, heartbeat_row(tap))

    def _tell(self, database: Database, row: dict[str, Any], record: Record = SENSORS) -> None:
        insert_told(database, record, row, "shoal.time" if record is SENSORS else "")

    def _spare(self, database: Database) -> None:
        done = enforce(database)
        if done.dropped:
            said = f"{done.before - done.now:,} bytes of table packets dropped, to keep within {done.budget:,}"
            self._log(f"{said}: weeks of {', '.join(done.dropped)}")

    def stop(self) -> None:
        """End: what was captured is stored first. Returns at once."""
        for tap in self.taps:
            tap.stop()

    def wait(self) -> None:
        """Wait until the taps have ended."""
        while not self.stopped.wait(_LOOK_SECONDS):
            # Woken now and then, so that signals are heard.
            pass

    def close(self) -> list[Counts]:
        """Store what is left, as far as the database takes it in time. What became of each capture's frames."""
        for tap in self.taps:
            tap.join()
        self.sink.close(self.settings.close_seconds)
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for tap in self.taps:
            lost = tap.counts().dropped_spool
            if lost:
                tap.warning = f"{lost} frames could not be stored: {self.sink.trouble}"
            with contextlib.suppress(StoreError):
                self._tell(self._database, capture_row(tap, complete=tap.complete), CAPTURE_STATES)
                self._tell(self._database, heartbeat_row(tap, ended=True))
        counts = [tap.counts() for tap in self.taps]
        for tap in self.taps:
            tap.ring.close()
        return counts
