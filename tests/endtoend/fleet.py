"""A whole fleet as processes: collectors that read files, a broker, workers, a served database; any may be killed."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.store.errors import StoreError
from pipeline.store.remote import Remote
from tests.broker.broker import Broker
from tests.endtoend.captures import Digests, Played, Wanted, digests
from tests.worker.stage import ENV, ROOT, SHOAL, Stage, stage, wait_until

_LEFT = re.compile(r"^(\d+) packets? left in the spool$", re.MULTILINE)


class Feeder:
    """One sensor, whose collectors read files one after another: `shoal collector -r FILE`, until all of it is with
    Kafka. A collector that was killed is started again with the same arguments.

    `allow` says how many files may be read; it opens the gate for them.
    """

    def __init__(self, broker: Broker, prefix: str, folder: Path, sensor: str, files: Sequence[Played]) -> None:
        self.sensor = sensor
        self.files = files
        self.done = 0
        """Files that were read and published to the end."""
        self.runs = 0
        """Collectors that were started."""
        self.failed = ""
        self._command = (
            *SHOAL, "collector", "--kafka", broker.address, "--prefix", prefix, "--sensor", sensor, "--keep", "full",
            "--spool", str(folder / f"spool-{sensor}"),
        )  # fmt: skip
        self._log = folder / f"collector-{sensor}.log"
        self._allowed = 0
        self._process: subprocess.Popen[str] | None = None
        self._change = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=f"feeder {sensor}", daemon=True)
        self._thread.start()

    @property
    def allowed(self) -> int:
        """Files that may be read."""
        return self._allowed

    @property
    def running(self) -> bool:
        """Whether a collector runs now."""
        process = self._process
        return process is not None and process.poll() is None

    def allow(self, files: int) -> None:
        """Let so many files be read in all."""
        with self._change:
            self._allowed = max(self._allowed, files)
            self._change.notify_all()

    def kill(self) -> bool:
        """Kills the collector (SIGKILL); False where none runs."""
        process = self._process
        if process is None or process.poll() is not None:
            return False
        process.kill()
        return True

    def close(self) -> None:
        """Ends it, and its collector."""
        with self._change:
            self._ending = True
            self._change.notify_all()
        self.kill()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            for number, file in enumerate(self.files):
                with self._change:
                    self._change.wait_for(lambda number=number: self._ending or self._allowed > number)
                while not self._ending and not self._read(file):
                    pass
                self.done += not self._ending
        except Exception as error:
            self.failed = str(error)

    def _read(self, file: Played) -> bool:
        """Runs a collector; whether all that it read is with Kafka."""
        self.runs += 1
        process = subprocess.Popen(
            (*self._command, "-r", str(file.path)), cwd=ROOT, env=ENV, stderr=subprocess.PIPE, text=True
        )
        self._process = process
        _, said = process.communicate()
        with self._log.open("a") as log:
            log.write(said)
        if process.returncode < 0:
            return False
        assert process.returncode == 0, said
        left = _LEFT.search(said)
        assert left is not None, said
        return left[1] == "0"


@dataclass
class Fleet:
    """A stage and its feeders."""

    stage: Stage
    feeders: list[Feeder] = field(default_factory=list)

    def feed(self, files: Sequence[Played], sensors: int = 2) -> None:
        """Share files out over so many sensors; none is read until it is allowed."""
        for number in range(sensors):
            self.feeders.append(Feeder(
                self.stage.broker, self.stage.prefix, self.stage.folder, f"sensor{len(self.feeders)}",
                files[number::sensors],
            ))  # fmt: skip

    def allow(self, files: int) -> None:
        """Let so many files be read, taking turns."""
        for number, feeder in enumerate(self.feeders):
            feeder.allow(-(-(files - number) // len(self.feeders)))

    def allow_all(self) -> None:
        """Let all files be read."""
        for feeder in self.feeders:
            feeder.allow(len(feeder.files))

    @property
    def fed(self) -> bool:
        """Whether all files were read. AssertionError where a collector failed."""
        failed = [feeder.failed for feeder in self.feeders if feeder.failed]
        assert not failed, failed
        return all(feeder.done == len(feeder.files) for feeder in self.feeders)

    def packets(self) -> int:
        """Rows of packets, each counted as often as it was stored; -1 while the database is away."""
        try:
            (row,) = self.stage.served.ask("SELECT count() AS rows FROM packets")
        except StoreError:
            return -1
        return int(str(row["rows"]))

    def digests(self, captures: Iterable[str]) -> dict[str, Digests]:
        """The digests of what is stored."""
        with Remote(self.stage.served.url).open() as store:
            return digests(store, captures)

    def differing(self, wanted: Wanted) -> dict[str, tuple[Digests, Digests]]:
        """Captures whose rows are others than those wanted: what is stored, and what is wanted."""
        found = self.digests(wanted.frames)
        return {name: (found[name], of) for name, of in wanted.digests.items() if found[name] != of}

    def wait_for(self, wanted: Wanted, seconds: float = 180) -> None:
        """Waits until the rows are those wanted; AssertionError with the differences where they are not."""
        wait_until(lambda: self.fed, "all files to be read", seconds)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            rows = self.packets()
            assert rows <= wanted.rows, f"{rows} rows of {wanted.rows} frames"
            if rows == wanted.rows and not self.differing(wanted):
                break
            time.sleep(0.3)
        self.check(wanted)

    def check(self, wanted: Wanted) -> None:
        """AssertionError where the rows are not those wanted, or what became of a capture is told otherwise."""
        assert self.packets() == wanted.rows
        differing = self.differing(wanted)
        assert not differing, differing
        told = self.stage.served.ask("SELECT capture, shoal.state AS state, shoal.frames AS frames FROM captures")
        states = {str(row["capture"]): (row["state"], row["frames"]) for row in told}
        assert {name: states.get(name) for name in wanted.frames} == {
            name: ("complete", frames) for name, frames in wanted.frames.items()
        }

    def close(self) -> None:
        """Ends the feeders."""
        for feeder in self.feeders:
            feeder.close()


@contextlib.contextmanager
def fleet(broker: Broker, folder: Path) -> Iterator[Fleet]:
    """A fleet with broker and database, and neither workers nor feeders yet."""
    with stage(broker, folder) as behind:
        playing = Fleet(behind)
        try:
            yield playing
        finally:
            playing.close()
