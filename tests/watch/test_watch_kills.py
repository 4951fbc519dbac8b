"""A watch that is killed again and again loses nothing, and repeats nothing but the delivery under way.

The database is served by a process of its own, as a fleet's is; alerts come from this one.
"""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections import Counter
from contextlib import ExitStack
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from pipeline.detect.watch.service import run
from pipeline.store.connect import connect
from tests.serve.served import serving
from tests.watch.alert_rows import SECOND, alert, opened, put
from tests.watch.receiver import Request, receiving, until

KILLS = 24
AT = (time.time_ns() // SECOND - 100) * SECOND


class Killed:
    """Watches one after another, each with a URL of its own; what each of them delivered, in order."""

    def __init__(self, directory: Path, db: str, hook: str) -> None:
        self.deliveries: list[list[str]] = []
        self._directory = directory
        self._db = db
        self._hook = hook
        # What all import is imported once, in a process of which each is a fork.
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload(["pytest", run.__module__])
        self._process: ForkServerProcess | None = None

    def start(self) -> None:
        """The next."""
        number = len(self.deliveries)
        self.deliveries.append([])
        config = self._directory / f"{number}.toml"
        config.write_text(
            f'[watch]\nevery = "50ms"\n[sinks.hook]\ntype = "webhook"\nurl = "{self._hook}/{number}"\n'
        )
        self._process = self._forks.Process(target=run, args=(self._db, str(config)))
        self._process.start()

    def note(self, request: Request) -> None:
        """A delivery came."""
        self.deliveries[self._by(request)].append(request.headers["Idempotency-Key"])

    def newest(self, request: Request) -> bool:
        """Whether it is of the newest watch: what one that was killed had sent may be read when the next is there."""
        return self._by(request) == len(self.deliveries) - 1

    def _by(self, request: Request) -> int:
        return int(request.path.rpartition("/")[2])

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.join()


def test_kills_lose_nothing_and_repeat_only_what_was_under_way(tmp_path: Path) -> None:
    opened(tmp_path / "db").close()
    chance = random.Random(7)
    wanted: dict[str, int] = {}
    with (
        receiving() as hook, serving(tmp_path / "db", "--read-write") as served, connect(served.url) as store,
        ExitStack() as stack,
    ):
        killed = Killed(tmp_path, served.url, hook.url)
        stack.callback(killed.kill)
        when, told = threading.Event(), threading.Event()
        moment = {"now": ""}

        def reached(request: Request, now: str) -> None:
            if moment["now"] == now and killed.newest(request):
                moment["now"] = ""
                killed.kill()
                when.set()

        def came(request: Request) -> None:
            killed.note(request)
            # Before it is answered: the sender can't know that it came.
            reached(request, "asked")

        def answered(request: Request) -> None:
            reached(request, "answered")
            told.set()

        hook.on_request, hook.on_answered = came, answered
        killed.start()
        until(lambda: store.rows("SELECT * FROM deliveries"))
        for number in range(KILLS):
            open_now = [f"192.0.2.{number}:{port}" for port in (80, 443)]
            when.clear()
            told.clear()
            now = moment["now"] = ("asked", "answered", "")[number % 3]
            put(store, *(alert(entity, opened=AT) for entity in open_now))
            if now:
                until(when.is_set)
            else:
                until(told.is_set)
                threading.Event().wait(chance.random() * 0.05)
                killed.kill()
            # While none watches, one of them ends.
            put(store, alert(open_now[0], version=2, opened=AT, state="closed"))
            wanted |= {open_now[0]: 2, open_now[1]: 1}
            killed.start()
        put(store, alert("last", opened=AT))
        wanted["last"] = 1

        def heard() -> dict[str, int]:
            found: dict[str, int] = {}
            for body in hook.bodies():
                newest = max(one["version"] for one in body["alerts"])
                found[body["entity"]] = max(newest, found.get(body["entity"], 0))
            return found

        had = 0
        while heard() != wanted:
            # However slow it is, there is always one more.
            until(lambda: len(hook.requests) > had)  # noqa: B023
            had += 1
        until(lambda: _undone(store) == 0)
    assert len(killed.deliveries) == KILLS + 1
    # What came twice was the last thing that a watch did before it was killed, and the next did it again.
    repeats = [key for key, times in Counter(r.headers["Idempotency-Key"] for r in hook.requests).items() if times > 1]
    last = {keys[-1] for keys in killed.deliveries[:-1] if keys}
    assert set(repeats) <= last
    # Those that were killed before the answer surely repeat, if no newer state came in between: else it is told.
    assert 0 < len(repeats) <= KILLS
    assert not [key for keys in killed.deliveries for key, times in Counter(keys).items() if times > 1]
    print(f"{KILLS} kills, {len(hook.requests)} requests, {len(repeats)} repeats")


def _undone(store: Any) -> int:
    (row,) = store.rows("SELECT countIf(`shoal.delivery.outcome` = 'waiting') AS n FROM deliveries")
    return int(row["n"])
