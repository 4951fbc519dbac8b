"""The process of `shoal worker`: looks at what it needs, works until it is told to end, leaves in good order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from dataclasses import replace

import faust
from aiokafka.errors import KafkaError

from collectors.publish.topics import ensure_topics
from pipeline.agents.app import Settings
from pipeline.agents.counters import Counters
from pipeline.agents.fleet import Fleet
from pipeline.agents.upkeep import Upkeep
from pipeline.agents.watchdog import EXIT_STUCK, Watchdog
from pipeline.schema.ddl import schema_mark
from pipeline.schema.exporter import Exporter, Metrics
from pipeline.schema.tables import TABLES
from pipeline.store.errors import StoreError
from pipeline.store.remote import Remote

log = logging.getLogger("shoal.worker")

EXIT_INTERRUPTED = 130
RETRY_SECONDS = 2.0


class NotReady(Exception):
    """What a worker needs is not as it has to be: one line, which says what to do."""


def run(settings: Settings, metrics: tuple[str, int] | None) -> int:
    """Works until SIGINT or SIGTERM; the exit code. `metrics` is where they are shown.

    Raises StoreError, TopicMismatch, ExporterError, NotReady.
    """
    _log()
    with tempfile.TemporaryDirectory(prefix="shoal-worker-") as scratch:
        if not settings.state:
            settings = replace(settings, state=scratch)
        code = asyncio.run(_Worker(settings, metrics).run())
    logging.shutdown()
    # Threads that wait for a database that does not answer are not waited for.
    os._exit(code)


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("faust", "mode", "kafka"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # While the broker is away it has a hundred lines a second; the watchdog has one.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class _Worker:
    """One run."""

    def __init__(self, settings: Settings, metrics: tuple[str, int] | None) -> None:
        self._metrics = metrics
        self._settings = settings
        self._counters = Counters()
        self._fleet: Fleet | None = None
        self._code = 0
        self._end = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._told, number)
        if self._metrics is not None:
            exporter = Exporter(self._counters.metrics, *self._metrics, self._refresh).start()
            log.info("metrics at port %s", exporter.port)
        started = await self._started()
        if started is None:
            return self._code
        fleet, app, tasks = started
        tasks.append(asyncio.create_task(Watchdog(fleet, self._stuck, self._settings.stuck).run()))
        tasks.append(asyncio.create_task(Upkeep(fleet).run()))
        ended = asyncio.create_task(self._end.wait())
        gone = asyncio.create_task(app.wait_until_stopped())
        await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and not self._end.is_set():
            self._failed(app.crash_reason or RuntimeError("Faust has ended"))
        if self._code == 0:
            await fleet.finish()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(app.stop(), 15)
        for task in (*tasks, gone):
            task.cancel()
        log.info("worker ends with %s", self._code)
        return self._code

    def _refresh(self, metrics: Metrics) -> None:
        if self._fleet is not None:
            self._fleet.refresh(metrics)

    async def _started(self) -> tuple[Fleet, faust.App, list[asyncio.Task[None]]] | None:
        """The fleet, its application, and the tasks in which they run; None where the worker is to end before."""
        while await self._ready():
            fleet = self._fleet = Fleet(self._settings, self._counters, self._failed)
            app = fleet.build()
            pulse = asyncio.create_task(fleet.pulse.run())
            log.info("worker of %s begins: Kafka %s, ClickHouse %s", self._settings.packets.name,
                     self._settings.brokers, Remote(self._settings.clickhouse).open(ask=False).url)
            running = asyncio.create_task(app.start())
            ended = asyncio.create_task(self._end.wait())
            await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            error = running.exception() if running.done() else None
            if isinstance(error, KafkaError):
                # The broker has gone since it was asked. Faust's services can't be started twice.
                log.warning("waiting: %s", error)
                pulse.cancel()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(app.stop(), 15)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if error is not None:
                self._failed(error)
            return fleet, app, [running, pulse]
        return None

    def _told(self, number: int) -> None:
        if self._end.is_set():
            os._exit(EXIT_INTERRUPTED)
        log.info("%s: ending", signal.Signals(number).name)
        self._end.set()

    def _failed(self, error: BaseException | None) -> None:
        log.error("can't go on: %s", error, exc_info=error)
        self._code = self._code or 1
        self._end.set()

    def _stuck(self, said: str) -> None:
        log.error("stuck, to be started again: %s", said)
        logging.shutdown()
        os._exit(EXIT_STUCK)

    async def _ready(self) -> bool:
        """Waits for broker and database, and looks whether topics and tables are as this version has them."""
        told: set[str] = set()
        while not self._end.is_set():
            try:
                await asyncio.to_thread(_check_tables, self._settings.clickhouse)
                of = self._settings
                topics = (of.packets, of.windows, of.sensors, of.dead_letters)
                await ensure_topics(self._settings.brokers, topics)
                return True
            except (StoreError, KafkaError) as error:
                if isinstance(error, StoreError) and not error.retryable:
                    raise
                if str(error) not in told:
                    log.warning("waiting: %s", error)
                told.add(str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), RETRY_SECONDS)
        return False


def _check_tables(url: str) -> None:
    """Raises StoreError, NotReady."""
    with Remote(url).open(ask=False) as store:
        rows = store.rows("SELECT name, comment FROM system.tables WHERE database = currentDatabase()")
    there = {row["name"]: row["comment"] for row in rows}
    for record in TABLES:
        what = "is missing" if record.name not in there else "is of another version of Shoal"
        if schema_mark(record) not in there.get(record.name, ""):
            raise NotReady(f"{url}: table {record.name} {what}; run: shoal migrate --clickhouse {url}")
