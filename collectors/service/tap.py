"""A tap: one interface, or one capture file, whose frames go out as messages; its counters balance.

Where they go is a publisher (`shoal collector`: messages of Kafka) or a database (`shoal run`: blocks of rows).
`seen + recovered = published + waiting + spooled + dropped by the kernel + dropped by the spool` at any moment.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

import numpy as np

from collectors.control import Change
from collectors.filters import FilterError, matches
from collectors.publish.accounts import Totals
from collectors.publish.message import Outgoing
from collectors.publish.publisher import Limits, Publisher
from collectors.service.rounds import Route
from collectors.sources import open_capture
from collectors.sources.frames import Frames
from collectors.sources.ring import SNAPLEN, Ring

FLUSH_SECONDS = 0.8
"""A batch waits for more frames so long at the most; with what the kernel and Kafka take it is a second."""
_FULL_BATCH = 32_768
_LOOK_SECONDS = 0.02
_WAIT_SECONDS = 0.2
_IDLE_NS = 500_000_000
"""By so much the time that an idle interface tells is behind the clock: what came before has been handed over."""
_READY_SHARE = 1 / 8


M = TypeVar("M")
M_in = TypeVar("M_in", contravariant=True)
M_out = TypeVar("M_out", covariant=True)


class Out(Protocol[M_in]):
    """Where messages go."""

    @property
    def trouble(self) -> str:
        """Why none can go on at present; empty where they can."""

    @property
    def limits(self) -> Limits:
        """What may wait."""

    def open(self) -> object:
        """Begin to take messages."""

    def close(self, timeout: float = 10) -> Totals:
        """Send what is left within so many seconds; the final accounts."""

    def put(self, message: M_in) -> None:
        """Take a message. Never raises: what can't be kept is dropped, and counted."""

    def totals(self) -> Totals:
        """What became of the frames so far."""

    def spool_fill(self) -> float:
        """How full the spool is, 0 to 1; 0 without one."""


class Turner(Protocol[M_out]):
    """Makes messages of frames."""

    def take(self, frames: Frames, dropped: int = 0) -> Iterator[M_out]:
        """The messages of the next frames, whose bytes are not needed any more when it is exhausted. `dropped` is how
        many the kernel had no room for since those before."""

    def idle(self, now: int, dropped: int = 0) -> Iterator[M_out]:
        """The messages that tell that no frame came until `now`, ns since 1970 by the clock that stamps frames, and how
        many were dropped since that was told last."""

    def end(self) -> Iterator[M_out]:
        """The messages behind the last frame."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A tap's frames at one moment. `recovered` were in the spool when it was opened; `waiting` are in memory: in the
    ring, being worked on, or on their way to Kafka. `pass_filter` and `fill` are of the ring (0 to 1)."""

    seen: int = 0
    recovered: int = 0
    published: int = 0
    waiting: int = 0
    spooled: int = 0
    dropped_kernel: int = 0
    dropped_spool: int = 0
    ring_fill: float = 0.0

    @property
    def missing(self) -> int:
        """What the other counts leave of the frames seen: 0."""
        left = self.seen + self.recovered - self.published - self.waiting - self.spooled
        return left - self.dropped_kernel - self.dropped_spool


class Tap(Generic[M]):
    """What both kinds have: frames are taken in a thread of its own (`start`, `stop`, `join`)."""

    def __init__(self, name: str, route: Route, publisher: Out[M]) -> None:
        self.name = name
        self.route = route
        self.publisher = publisher
        self.linktype = 0
        self.snaplen = 0
        self.filter = ""
        self.paused = False
        self.warning = ""
        self.error: BaseException | None = None
        self.first_time = 0
        self.last_time = 0
        self.linktypes: set[int] = set()
        self.frames = 0
        self.complete = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, rounds: Turner[M], done: Callable[[], None]) -> None:
        """Take frames from now on; `done` is called at the end."""

        def run() -> None:
            try:
                self._run(rounds)
            except BaseException as error:
                self.error = error
            finally:
                # Of a file that was not read to its end, a later run sends the rest.
                if self.complete:
                    for message in rounds.end():
                        self.publisher.put(message)
                done()

        self._thread = threading.Thread(target=run, name=f"tap {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more frames than have come already."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until the last message is with the publisher."""
        if self._thread is not None:
            self._thread.join()

    def change(self, wanted: Change) -> str | None:
        """Capture what is wanted from now on; why not, where it can't be."""
        return "a file is read as it is"

    def counts(self) -> Counts:
        """The counters as they stand."""
        return self._balanced(self.publisher.totals(), self.frames, 0, 0.0)

    def _balanced(self, totals: Totals, taken: int, dropped: int, fill: float, waiting: int = 0) -> Counts:
        # What was taken after the publisher was asked counts as waiting, too.
        in_hand = max(0, taken - totals.put)
        return Counts(
            seen=max(taken, totals.put) + dropped + waiting, recovered=totals.recovered, published=totals.published,
            waiting=waiting + in_hand + totals.memory, spooled=totals.spool, dropped_kernel=dropped,
            dropped_spool=totals.dropped, ring_fill=fill,
        )  # fmt: skip

    def _run(self, rounds: Turner[M]) -> None:
        raise NotImplementedError

    def _take(self, rounds: Turner[M], frames: Frames, dropped: int = 0) -> None:
        if not self.frames:
            self.first_time = int(frames.time[0])
        self.frames += len(frames)
        self.last_time = int(frames.time[-1])
        self.linktypes.update(frames.linktype[[0, -1]].tolist())
        for message in rounds.take(frames, dropped):
            self.publisher.put(message)


class FileTap(Tap[Outgoing]):
    """A capture file, `-` for standard input: read as fast as Kafka takes it, so that nothing need go to the spool."""

    def __init__(self, name: str, route: Route, publisher: Publisher) -> None:
        super().__init__(name, route, publisher)
        self._room = publisher.wait_room

    def _run(self, rounds: Turner[Outgoing]) -> None:
        with open_capture(self.name) as reader:
            for frames in reader:
                while not self._room(_WAIT_SECONDS):
                    if self._stopping.is_set():
                        break
                if self._stopping.is_set():
                    return
                if self.filter:
                    frames = replace(frames.take(np.flatnonzero(matches(self.filter, frames))), first=self.frames + 1)
                if len(frames):
                    self._take(rounds, frames)
            self.warning = reader.warning or ""
        self.complete = True


class RingTap(Tap[M]):
    """An interface. The ring is drained as fast as `publisher` takes messages, which is at once if it can.

    Where few frames come, they are left in the ring for `gather` seconds, so that there are fewer messages.
    """

    def __init__(self, ring: Ring, route: Route, publisher: Out[M], gather: float = FLUSH_SECONDS) -> None:
        super().__init__(ring.interface, route, publisher)
        self.ring = ring
        self._gather = gather
        self.linktype = ring.linktype
        self.snaplen = ring.snaplen
        self.filter = ring.filter
        self._dropped = 0
        self._begun = Change(ring.filter, ring.snaplen, False)
        self._changes: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()

    def counts(self) -> Counts:
        """The counters as they stand."""
        totals = self.publisher.totals()
        ring = self.ring.statistics()
        return self._balanced(totals, ring.taken, ring.dropped, self.ring.fill(), max(0, ring.waiting))

    def change(self, wanted: Change) -> str | None:
        """Capture what is wanted from now on, and what is not said as at the start; why not, where it can't be."""
        expression = wanted.filter if wanted.filter is not None else self._begun.filter or ""
        snaplen = wanted.snaplen or self._begun.snaplen or SNAPLEN
        try:
            compiled = self.ring.compile_apart(expression, snaplen)
        except FilterError as error:
            return str(error)

        def apply() -> None:
            self.ring.attach(expression, snaplen, compiled)
            self.filter, self.snaplen, self.paused = self.ring.filter, self.ring.snaplen, bool(wanted.paused)
            if self.paused:
                self.ring.pause()

        done: Future[None] = Future()
        self._changes.put((apply, done))
        try:
            done.result(timeout=5)
        except (FilterError, OSError) as error:
            return str(error)
        except TimeoutError:
            return "the capture is too busy to answer"
        return None

    def _run(self, rounds: Turner[M]) -> None:
        # Whatever ends it, there will be no more of this run.
        self.complete = True
        last = time.monotonic()
        while not self._stopping.is_set():
            self._apply_changes()
            frames = self.ring.batch(_WAIT_SECONDS)
            if frames is None:
                for message in rounds.idle(time.time_ns() - _IDLE_NS, self._newly_dropped()):
                    self.publisher.put(message)
                continue
            self._take(rounds, frames, self._newly_dropped())
            busy = len(frames) >= _FULL_BATCH
            del frames
            self.ring.release()
            # Blocks stay in the ring for a while, so that a batch is of more than a few frames.
            while not busy and time.monotonic() - last < self._gather and self.ring.ready() < _READY_SHARE:
                if self._stopping.wait(_LOOK_SECONDS) or not self._changes.empty():
                    break
            last = time.monotonic()
        self._drain(rounds)

    def _newly_dropped(self) -> int:
        """Frames that the kernel dropped since this was asked last."""
        dropped = self.ring.statistics().dropped
        newly, self._dropped = dropped - self._dropped, dropped
        return newly

    def _drain(self, rounds: Turner[M]) -> None:
        """What had come before the end: the kernel hands its last block over within the ring's timeout."""
        self.ring.pause()
        until = time.monotonic() + 2 * self.ring.timeout_seconds + _LOOK_SECONDS
        while (frames := self.ring.batch(max(0.0, until - time.monotonic()))) is not None or time.monotonic() < until:
            if frames is not None:
                self._take(rounds, frames, self._newly_dropped())
                del frames
        self.ring.release()

    def _apply_changes(self) -> None:
        while True:
            try:
                apply, done = self._changes.get_nowait()
            except Empty:
                return
            try:
                apply()
                done.set_result(None)
            except Exception as error:
                done.set_exception(error)
