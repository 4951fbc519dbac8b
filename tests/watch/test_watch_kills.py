"""A watch that is killed again and again loses nothing, and repeats nothing but the delivery under way.

The database is served by a process of its own, as a fleet's is; alerts come from this one.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pipeline.store.connect import connect
from tests.serve.served import ROOT, serving
from tests.watch.alert_rows import SECOND, alert, opened, put
from tests.watch.receiver import Request, receiving, until

KILLS = 24
AT = (time.time_ns() // SECOND - 100) * SECOND


class Killed:
    """Watches one after another; what each of them delivered, in order."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.deliveries: list[list[str]] = []
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """The next."""
        self.deliveries.append([])
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(self.command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def test_kills_lose_nothing_and_repeat_only_what_was_under_way(tmp_path: Path) -> None:
    opened(tmp_path / "db").close()
    chance = random.Random(7)
    wanted: dict[str, set[int]] = {}
    with ExitStack() as stack, serving(tmp_path / "db", "--read-write") as served, receiving() as hook:
        config = tmp_path / "sinks.toml"
        config.write_text(f'[watch]\nevery = "20ms"\n[sinks.hook]\ntype = "webhook"\nurl = "{hook.url}"\n')
        code = "from pipeline.cli.alerts_watch import watch; watch()"
        killed = Killed([sys.executable, "-c", code, "--db", served.url, "--config", str(config)])
        stack.callback(killed.kill)
        when, told = threading.Event(), threading.Event()
        moment = {"now": ""}

        def came(request: Request) -> None:
            killed.deliveries[-1].append(request.headers["Idempotency-Key"])
            if moment["now"] == "asked":
                # Before it is answered: the sender can't know that it came.
                moment["now"] = ""
                killed.kill()
                when.set()

        def answered(_: Request) -> None:
            if moment["now"] == "answered":
                moment["now"] = ""
                killed.kill()
                when.set()
            told.set()

        hook.on_request, hook.on_answered = came, answered
        with connect(served.url) as store:
            killed.start()
            until(lambda: store.rows("SELECT * FROM deliveries"))
            for number in range(KILLS):
                open_now = [f"192.0.2.{number}:{port}" for port in (80, 443, 8080)]
                when.clear()
                told.clear()
                moment["now"] = ("asked", "answered", "")[number % 3]
                put(store, *(alert(entity, opened=AT) for entity in open_now))
                wanted |= {entity: {1} for entity in open_now}
                if moment["now"] or number % 3 < 2:
                    assert when.wait(30)
                else:
                    assert told.wait(30)
                    threading.Event().wait(chance.random() * 0.05)
                    killed.kill()
                # While none watches, one of them ends, and one of those before changes.
                put(store, alert(open_now[0], version=2, opened=AT, state="closed"))
                wanted[open_now[0]] |= {2}
                killed.start()
            put(store, alert("last", opened=AT))
            wanted["last"] = {1}
            newest = {entity: max(versions) for entity, versions in wanted.items()}

            def heard() -> dict[str, set[int]]:
                found: dict[str, set[int]] = {}
                for body in hook.bodies():
                    found.setdefault(body["entity"], set()).update(one["version"] for one in body["alerts"])
                return found

            until(lambda: {entity: max(versions) for entity, versions in heard().items()} == newest, 60)
            until(lambda: _undone(store) == 0)
            killed.kill()
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
