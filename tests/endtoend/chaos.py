"""Kills by chance, from a seed: collectors, workers, the broker, the database, while data flows through the fleet."""

from __future__ import annotations

import contextlib
import random
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.endtoend.fleet import Fleet

CUT = "database, told to end"
KINDS = ("collector", "worker", "database", CUT, "broker")
"""What is killed by SIGKILL; a database may also be told to end by SIGTERM, which cuts the workers off as well."""
_TURN = ("collector", "worker", "database", "worker", "collector", "broker", "worker", "collector", CUT, "worker")
"""Of ten kills. A broker takes several seconds to be back, so it is killed less often."""
AWAY_SECONDS = 1.5
"""How long what was killed stays away at the most, before it is started again."""
_LOOK_SECONDS = 0.02
_COLLECTOR_SECONDS = 15.0
_PROGRESS_SECONDS = 10.0


@dataclass(frozen=True)
class Kill:
    """One of them: when it was (monotonic clock), whether data was flowing, and the rows stored by then."""

    kind: str
    at: float
    flowing: bool
    rows: int


@dataclass
class Progress:
    """Looks how many rows there are, in a thread."""

    fleet: Fleet
    samples: list[tuple[float, int]] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def rows(self) -> int:
        """Rows that were there when last looked."""
        return self.samples[-1][1] if self.samples else 0

    def start(self) -> None:
        """Begins to look."""
        self._thread = threading.Thread(target=self._look, name="progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def after(self, kill: Kill) -> float | None:
        """Seconds from a kill until more rows were there; None where no more came."""
        return next((at - kill.at for at, rows in self.samples if at > kill.at and rows > kill.rows), None)

    def _look(self) -> None:
        while not self._end.wait(0.2):
            rows = self.fleet.packets()
            if rows >= 0:
                self.samples.append((time.monotonic(), rows))


class Chaos:
    """Kills `kills` times, and starts again what was killed: about half of them `pause` seconds at the most after the
    one before, whatever has become of that, the others when rows are stored again.

    Files are read as the kills go on, so that data flows until the last of them.
    """

    def __init__(
        self, fleet: Fleet, seed: int, kills: int, *, pause: float, checkpoint: float = 0.5,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """`tell` is told of each kill."""
        self.kills: list[Kill] = []
        self.progress = Progress(fleet)
        self._fleet = fleet
        self._chance = random.Random(seed)
        self._count = kills
        self._pause = pause
        self._tell = tell
        self._options = ("--checkpoint", str(checkpoint))
        self._restarts: list[tuple[float, Callable[[], object]]] = []
        self._files = sum(len(feeder.files) for feeder in fleet.feeders)
        self._allowed = 0

    def run(self, workers: int = 2) -> None:
        """Kills, until it is done; all that was killed runs again then, and all files may be read."""
        for _ in range(workers):
            self._fleet.stage.worker(*self._options)
        self.progress.start()
        try:
            kinds = [_TURN[k % len(_TURN)] for k in range(self._count)]
            self._chance.shuffle(kinds)
            for number, kind in enumerate(kinds):
                # The last part of the files is kept until the last kills.
                self._allow(1 + number * self._files // self._count)
                if self._chance.random() < 0.5:
                    self._wait_for_rows()
                self._wait(self._chance.uniform(0.1, self._pause))
                self._kill(kind)
        finally:
            self._fleet.allow_all()
            while self._restarts:
                self._wait(_LOOK_SECONDS)

    def close(self) -> None:
        """Looks no more."""
        self.progress.stop()

    @property
    def _flowing(self) -> bool:
        """Whether a collector runs, or not all is stored that was read."""
        if any(feeder.running for feeder in self._fleet.feeders):
            return True
        read = sum(file.frames for feeder in self._fleet.feeders for file in feeder.files[: feeder.done])
        return self.progress.rows < read

    def _allow(self, files: int) -> None:
        self._allowed = max(self._allowed, files)
        self._fleet.allow(self._allowed)

    def _wait(self, seconds: float) -> None:
        """Waits, and starts again meanwhile what is due."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            for restart in [one for one in self._restarts if one[0] <= now]:
                self._restarts.remove(restart)
                restart[1]()
            time.sleep(_LOOK_SECONDS)

    def _wait_for_rows(self) -> None:
        until, before = time.monotonic() + _PROGRESS_SECONDS, self.progress.rows
        while self.progress.rows == before and time.monotonic() < until:
            self._wait(_LOOK_SECONDS)

    def _later(self, restart: Callable[[], object]) -> None:
        self._restarts.append((time.monotonic() + self._chance.uniform(0, AWAY_SECONDS), restart))

    def _kill(self, kind: str) -> None:
        """Kills one of a kind; where it is away already, when it is there again; a worker where no collector can be
        had."""
        stage = self._fleet.stage
        while kind not in ("collector", "worker") and self._restarts:
            self._wait(_LOOK_SECONDS)
        if kind == "collector" and not self._collector_runs():
            kind = "worker"
        flowing, rows, now = self._flowing, self.progress.rows, time.monotonic()
        if kind == "collector":
            if not any(feeder.kill() for feeder in self._chance.sample(self._fleet.feeders, len(self._fleet.feeders))):
                # All have ended within these microseconds.
                self._kill(kind)
                return
        elif kind == "worker":
            living = [worker for worker in stage.workers if worker.process.poll() is None]
            self._chance.choice(living).end(signal.SIGKILL)
            self._later(lambda: stage.worker(*self._options, ready=False))
        elif kind == "broker":
            stage.broker.kill()
            self._later(stage.broker.start)
        else:
            stage.served.stop(signal.SIGKILL if kind == "database" else signal.SIGTERM)
            self._later(stage.served.start)
        self.kills.append(Kill(kind, now, flowing, rows))
        if self._tell is not None:
            self._tell(f"kill {len(self.kills)}: {kind}, at {rows} rows")

    def _collector_runs(self) -> bool:
        """Whether there is a collector to kill, if need be by letting the next file be read; at a time of its life that
        chance says. False where none can be had."""
        until = time.monotonic() + _COLLECTOR_SECONDS
        while time.monotonic() < until:
            if any(feeder.running for feeder in self._fleet.feeders):
                self._wait(self._chance.uniform(0, 0.8))
                if any(feeder.running for feeder in self._fleet.feeders):
                    return True
            if self._fleet.fed:
                return False
            if all(feeder.done == min(feeder.allowed, len(feeder.files)) for feeder in self._fleet.feeders):
                self._allow(self._allowed + 1)
            self._wait(_LOOK_SECONDS)
        return False

    def recovery(self) -> list[float]:
        """Seconds from each kill amid the flow to the next row, in the order of size."""
        seconds = [self.progress.after(kill) for kill in self.kills if kill.flowing]
        return sorted(second for second in seconds if second is not None)

    def figures(self) -> dict[str, object]:
        """What there is to tell of it."""
        recovery = self.recovery()
        counted = Counter(kill.kind for kill in self.kills)
        figures: dict[str, object] = {f"kills: {kind}": counted[kind] for kind in KINDS}
        figures["kills in all"] = len(self.kills)
        figures["of these while data flowed"] = sum(kill.flowing for kill in self.kills)
        with contextlib.suppress(statistics.StatisticsError):
            figures["seconds from a kill to the next row: median"] = f"{statistics.median(recovery):.1f}"
            figures["seconds from a kill to the next row: most"] = f"{recovery[-1]:.1f}"
        return figures
