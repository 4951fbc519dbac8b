"""What the worker's tests play with: a broker, a served database, workers as processes, and rows to compare with."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.schema import topics
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.message import LAYOUT
from pipeline.schema.tables import EVENT_STATES, FLOW_STATES, PACKETS
from pipeline.store.remote import Remote
from pipeline.store.store import Store
from tests.broker.broker import Broker, free_ports, unique
from tests.worker.publish import Sent, publish

ROOT = Path(__file__).resolve().parents[2]
COMPARED = (PACKETS, FLOW_STATES, *EXCHANGES, EVENT_STATES)
ENV = os.environ | {"PYTHONPATH": str(ROOT)}
SHOAL = (sys.executable, "-m", "pipeline.cli.main")

SESSION_SECONDS = 3
"""How soon a worker's partitions are others' when it is killed."""

Digests = dict[str, tuple[int, int]]
"""Table to its number of rows and the sum of their hashes."""


def digests(store: Store, where: str = "1") -> Digests:
    """Of each table what says whether its rows are the same, bookkeeping aside; of states, the newest count."""
    found: Digests = {}
    for record in COMPARED:
        final = "FINAL" if record.version else ""
        (row,) = store.rows(
            f"SELECT count() AS rows, sum(cityHash64(toString(tuple(* EXCEPT (sensor, capture, `shoal.day`))))) AS hash"
            f" FROM {record.name} {final} WHERE {where}"
        )
        found[record.name] = (row["rows"], row["hash"])
    return found


def wait_until(holds: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Waits for an event; AssertionError when it has not come in good time."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited {seconds} s for: {what}"
        time.sleep(0.1)


class Served:
    """`shoal serve` over a directory, at a port that stays the same when it is started again."""

    def __init__(self, db: Path) -> None:
        self.db = db
        self.port = free_ports()
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._process = subprocess.Popen(
            (*SHOAL, "serve", "--db", str(self.db), "--http", f"127.0.0.1:{self.port}", "--read-write"),
            cwd=ROOT, env=ENV, stdout=subprocess.PIPE, text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("listening on")

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def ask(self, sql: str) -> list[dict[str, object]]:
        with Remote(self.url).open() as store:
            return store.rows(sql)

    def digests(self, where: str = "1") -> Digests:
        with Remote(self.url).open() as store:
            return digests(store, where)


@dataclass
class Worker:
    """A `shoal worker` process."""

    process: subprocess.Popen[bytes]
    log: Path
    told: int = field(default=0)

    def said(self, text: str) -> bool:
        """Whether its log has a text."""
        return text in self.log.read_text(errors="replace")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ends it by a signal; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
        return self.process.wait(60)


@dataclass
class Stage:
    """A fleet's second half: everything behind the collectors."""

    broker: Broker
    served: Served
    folder: Path
    prefix: str = field(default_factory=lambda: unique("worker"))
    workers: list[Worker] = field(default_factory=list)

    def worker(self, *options: str, ready: bool = True) -> Worker:
        """Starts a worker; `ready` waits until it has been assigned partitions."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        command = (*SHOAL, "worker", "--kafka", self.broker.address, "--clickhouse", self.served.url,
                   "--prefix", self.prefix, "--session-timeout", str(SESSION_SECONDS), *options)
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=ROOT, env=ENV, stdout=out, stderr=out)
        worker = Worker(process, log)
        self.workers.append(worker)
        if ready:
            wait_until(lambda: worker.said("partitions assigned") or process.poll() is not None, "an assignment")
            assert process.poll() is None, log.read_text()
        return worker

    def holds(self, wanted: Digests) -> bool:
        """Whether the database has exactly these rows."""
        return self.served.digests() == wanted

    def close(self) -> None:
        """Ends all processes."""
        for worker in self.workers:
            worker.end(signal.SIGKILL)
        self.served.stop()


@contextlib.contextmanager
def stage(broker: Broker, folder: Path) -> Iterator[Stage]:
    """A database with its tables, served, and no worker yet."""
    from pipeline.store.migrate import migrate

    served = Served(folder / "db")
    served.start()
    played = Stage(broker, served, folder)
    try:
        with Remote(served.url).open() as store:
            migrate(store)  # type: ignore[arg-type]
        yield played
    finally:
        played.close()


def send(played: Stage, sent: list[Sent]) -> None:
    """Publishes messages of packets."""
    asyncio.run(publish(played.broker.address, played.prefix, sent))


def slices(sent: list[Sent], count: int) -> list[list[Sent]]:
    """The messages in `count` pieces."""
    size = -(-len(sent) // count)
    return [sent[at : at + size] for at in range(0, len(sent), size)]


def offsets(played: Stage) -> int:
    """Offsets of the packets' partitions up to which checkpoints go, in all."""
    topic = topics.packets(played.prefix, LAYOUT).name
    (row,) = played.served.ask(
        f"SELECT sum(o) AS offsets FROM (SELECT max(shoal.offset) AS o FROM checkpoints WHERE shoal.topic = '{topic}'"
        " GROUP BY shoal.partition)"
    )
    return int(str(row["offsets"]))
