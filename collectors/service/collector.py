"""The collector: taps, a publisher each, heartbeats, and an orderly end.

Each tap has a publisher and a spool of its own, so that one's trouble is not another's, and counters balance for each.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collectors.control import Change
from collectors.publish.message import Outgoing
from collectors.publish.publisher import Limits, Publisher
from collectors.publish.spool import left_behind
from collectors.service.heartbeat import capture_state, heartbeat
from collectors.service.keep import FIRST_BYTES, Keep
from collectors.service.orders import Orders
from collectors.service.rounds import Rounds, Route
from collectors.service.tap import Counts, FileTap, RingTap, Tap
from collectors.sources.identity import content_hash, is_file, run_id
from collectors.sources.ring import Ring
from pipeline.schema import topics
from pipeline.schema.message import LAYOUT
from pipeline.schema.sensors import HEARTBEAT_SECONDS
from pipeline.schema.windows import SIZES_SECONDS, base_of

_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Settings:
    """What a collector is told. `spool` is a directory, without which nothing outlives the memory; `close_seconds` is
    how long the end waits for Kafka."""

    brokers: str
    sensor: str
    prefix: str = topics.PREFIX
    partitions: int = topics.PARTITIONS
    keep: Keep = "smart"
    first_bytes: int = FIRST_BYTES
    spool: Path | None = None
    limits: Limits = field(default_factory=Limits)
    close_seconds: float = 10.0
    sizes: tuple[int, ...] = SIZES_SECONDS
    """Lengths of windows (s), whose ends shards are told."""


class Collector:
    """Add what was opened while privileged, then `start`; `wait` until `stop`, or until all files are read; `close`.

    `log` gets a line for each change in the state of Kafka or the spool.
    """

    def __init__(self, settings: Settings, log: Callable[[str], None] = print) -> None:
        self.settings = settings
        self.taps: list[Tap[Outgoing]] = []
        self.stopped = threading.Event()
        self._log = log
        self._run = run_id()
        self._topic = topics.packets(settings.prefix, LAYOUT, settings.partitions)
        self._sensors = topics.sensors(settings.prefix)
        self._spools: set[Path] = set()
        self._running = 0
        self._lock = threading.Lock()
        self._beats: threading.Thread | None = None
        self._orders = Orders(settings.brokers, settings.prefix, settings.sensor, self.change, log)

    @property
    def _topics(self) -> list[topics.Topic]:
        return [self._topic, *topics.fleet_topics(self.settings.prefix)]

    def add_rings(self, rings: Sequence[Ring]) -> None:
        """Capture these, which are open; `frame.interface_id` is a ring's number."""
        for ring in rings:
            capture = f"{self._run}-{ring.interface}" + (f"-{ring.number}" if len(rings) > 1 else "")
            self.taps.append(RingTap(ring, self._route(capture), self._publisher(f"{ring.interface}-{ring.number}")))

    def add_file(self, path: str, filter: str = "") -> None:
        """Read this capture file (`-`: standard input), of it what `filter` takes. Raises OSError.

        It is known by its content, so that a run after one that was interrupted goes on with the same capture.
        """
        capture = content_hash(path) if is_file(path) else f"{self._run}-stdin"
        if filter:
            capture += f"-{zlib.crc32(filter.encode()):08x}"
        tap = FileTap(path, self._route(capture), self._publisher(capture))
        tap.filter = filter
        self.taps.append(tap)

    def _route(self, capture: str) -> Route:
        of = self.settings
        return Route(
            of.sensor, capture, self._topic.name, of.partitions, of.keep, of.first_bytes, base_of(of.sizes)
        )

    def _tell_of_others(self) -> None:
        """Spools belong to an interface or a file. Where one holds messages of what is not captured now, say so."""
        spool = self.settings.spool
        for directory in sorted(set(spool.glob("*/")) - self._spools) if spool is not None else ():
            if left_behind(directory):
                self._log(f"the spool in {directory} holds messages, which are sent when that is captured again")

    def _publisher(self, name: str) -> Publisher:
        of = self.settings
        spool = of.spool / name if of.spool is not None else None
        if spool is not None:
            self._spools.add(spool)
        return Publisher(of.brokers, self._topics, spool=spool, limits=of.limits, log=self._log)

    def start(self) -> None:
        """Open the spools, and take frames. Raises SpoolError."""
        self._tell_of_others()
        for tap in self.taps:
            tap.publisher.open()
        self._running = len(self.taps)
        for tap in self.taps:
            tap.publisher.put(capture_state(tap, self._sensors.name, self._size(tap), complete=False))
            tap.start(Rounds(tap.route), self._one_done)
        self._beats = threading.Thread(target=self._beat, name="heartbeats", daemon=True)
        self._beats.start()
        self._orders.start()

    def _one_done(self) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self.stopped.set()

    def _beat(self) -> None:
        self.beat()
        while not self.stopped.wait(HEARTBEAT_SECONDS):
            self.beat()

    def beat(self) -> None:
        """A heartbeat of each tap, beside those that come every five seconds."""
        for tap in self.taps:
            tap.publisher.put(heartbeat(tap, self._sensors.name))

    def change(self, wanted: Change) -> str | None:
        """Have the taps capture what is wanted; why not, where one can't, after which none is tried."""
        problems = (f"{tap.name}: {why}" for tap in self.taps if (why := tap.change(wanted)))
        problem = next(problems, None)
        self.beat()
        return problem

    def stop(self) -> None:
        """End: what was captured is published first. Returns at once."""
        for tap in self.taps:
            tap.stop()

    def wait(self) -> None:
        """Wait until the taps have ended."""
        while not self.stopped.wait(_LOOK_SECONDS):
            # Woken now and then, so that signals are heard.
            pass

    def close(self) -> list[Counts]:
        """Publish what is left, as far as Kafka takes it in time; the rest stays in the spool. What became of each."""
        self._orders.stop()
        for tap in self.taps:
            tap.join()
            tap.publisher.put(capture_state(tap, self._sensors.name, self._size(tap), complete=tap.complete))
            tap.publisher.put(heartbeat(tap, self._sensors.name, ended=True))
        threads = [
            threading.Thread(target=tap.publisher.close, args=(self.settings.close_seconds,)) for tap in self.taps
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = [tap.counts() for tap in self.taps]
        for tap in self.taps:
            if isinstance(tap, RingTap):
                tap.ring.close()
        return found

    @staticmethod
    def _size(tap: Tap[Outgoing]) -> int:
        with contextlib.suppress(OSError):
            if isinstance(tap, FileTap) and is_file(tap.name):
                return os.stat(tap.name).st_size
        return 0


