"""Brings notifications to one sink, in a thread of its own: no sink waits for another.

A delivery is at least once. The row that says that it was made is stored right after the sink has taken it; a process
that is killed between the two makes it again, under the same key. Nothing else is told twice.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.detect.watch.board import Alert
from pipeline.detect.watch.due import Due, Wanted, open_threads, plan
from pipeline.detect.watch.notice import Notice, notice
from pipeline.detect.watch.sinks.sink import Refused, Sink, Unreached
from pipeline.detect.watch.told import BEGINS, Told, load, row, store_rows
from pipeline.store.errors import StoreError
from pipeline.store.store import Store

FOR_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Retries:
    """`attempts` until it is given up; seconds from the first attempt to the second, doubled each time, up to
    `longest`. Each is spread by half of itself, so that many senders don't come at once."""

    attempts: int = 20
    first: float = 1.0
    longest: float = 300.0

    def wait(self, failures: int) -> float:
        """Seconds until the next attempt after so many failures."""
        # Beyond 2**32 the longest has been reached, whatever it is.
        base = min(self.longest, self.first * 2.0 ** min(failures - 1, 32))
        return base * random.uniform(0.5, 1.5)


@dataclass(frozen=True, slots=True)
class View:
    """What a look at the database found: alerts, the thread of each, and what waits for another attempt."""

    alerts: list[Alert]
    thread_of: Mapping[str, str]
    again: Mapping[tuple[str, str, int], int] = field(default_factory=dict)


class Courier:
    """`start` on a sink; `show` it what each look found; `stop`, then `join`."""

    def __init__(
        self, name: str, sink: Sink, wanted: Wanted, retries: Retries, connect: Callable[[], Store],
        log: Callable[[str], None],
    ) -> None:
        """`connect` gives connections to the database, each for one thread."""
        self.name = name
        self.told: dict[str, Told] = {}
        self.loaded = threading.Event()
        self._sink = sink
        self._wanted = wanted
        self._retries = retries
        self._connect = connect
        self._log = log
        self._view: View | None = None
        self._news = threading.Condition()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sink-{name}", daemon=True)
        self._store: Store | None = None
        self._begun = False
        self._fresh = True
        # What the sink took and the database did not yet; of all else the database knows.
        self._unstored: list[dict[str, Any]] = []
        self._not_before: dict[str, float] = {}
        self._rest_until = 0.0
        self._failures = 0
        self._reminded = 0.0
        self._trouble = ""
        self._said_waiting = 1

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def show(self, view: View) -> None:
        """A newer look at the database."""
        with self._news:
            self._view = view
            self._fresh = True
            self._news.notify()

    def stop(self) -> None:
        """No new delivery begins."""
        self._ended.set()
        with self._news:
            self._news.notify()

    def join(self, timeout: float | None = None) -> None:
        """Waits for the delivery that is under way."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._news:
                if not self._fresh:
                    self._news.wait(self._pause())
                self._fresh = False
                view = self._view
            try:
                self._step(view)
            except StoreError as error:
                self._lost(error)
        self._sink.close()
        if self._store is not None:
            self._store.close()

    def _pause(self) -> float:
        """Seconds until something is to be tried again, or the next look comes."""
        due = [until for until in (*self._not_before.values(), self._rest_until) if until > time.monotonic()]
        return max(0.01, min([FOR_LOOK_SECONDS, *(until - time.monotonic() for until in due)]))

    def _lost(self, error: StoreError) -> None:
        self._say(f"sink {self.name}: database: {error}")
        if self._store is not None:
            self._store.close()
            self._store = None
        self._ended.wait(self._retries.first)

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._log(f"warning: {trouble}")
        self._trouble = trouble

    def _say_waiting(self, number: int) -> None:
        """Says how much waits for a sink in trouble, each time that it has doubled."""
        if not number:
            self._said_waiting = 1
        elif self._failures and number >= 2 * self._said_waiting:
            self._said_waiting = number
            self._log(f"warning: sink {self.name}: {number} notifications wait")

    def _step(self, view: View | None) -> None:
        if self._store is None:
            self._store = self._connect()
        store = self._store
        if not self._begun:
            self.told = load(store, self.name)
            self._begun = True
            self.loaded.set()
        self._flush(store)
        if view is None:
            return
        if BEGINS not in self.told:
            self._begin(store, view)
        self._take_up(view)
        while not self._ended.is_set():
            view = self._view or view
            if not self._deliver_one(store, view):
                break
        self._remind(store, view)

    def _begin(self, store: Store, view: View) -> None:
        """A sink that was never told anything begins now: what has ended before is none of its news."""
        now = {BEGINS: Told(0, BEGINS, "passed", "closed")}
        for alert in view.alerts:
            if not alert.open and not (alert.past and self._wanted.past):
                now[alert.id] = Told(alert.version, view.thread_of[alert.id], "passed", alert.state)
        # The first row is the last to be stored: without it, the sink begins once more.
        rows = [row(self.name, alert, told, "ended before the sink was there") for alert, told in now.items()]
        store_rows(store, rows[1:] + rows[:1])
        self.told |= now

    def _take_up(self, view: View) -> None:
        """Dead letters that someone wants to be tried again."""
        for (sink, alert, version), number in view.again.items():
            before = self.told.get(alert)
            if sink == self.name and before is not None and before.version == version and number > before.number:
                self.told[alert] = replace(before, outcome="waiting", attempts=0, number=number)
                self._not_before.pop(before.thread, None)

    def _deliver_one(self, store: Store, view: View) -> bool:
        """Makes the next delivery that may be made now; False where there is none."""
        found = plan(view.alerts, view.thread_of, self.told, self._wanted)
        if found.passed:
            for alert, why in found.passed:
                self._note(alert.id, alert.version, view.thread_of[alert.id], alert.state, "passed", said=why)
            self._flush(store)
        self._say_waiting(len(found.due))
        now = time.monotonic()
        if now < self._rest_until:
            return False
        ready = [due for due in found.due if self._not_before.get(due.thread, 0.0) <= now]
        if not ready:
            return False
        # Those that failed least come first, so that one that always fails holds up none.
        self._deliver(store, min(ready, key=self._attempts))
        return True

    def _attempts(self, due: Due) -> int:
        waiting = (self.told.get(alert.id) for alert in due.news)
        return max((told.attempts for told in waiting if told is not None and not told.final), default=0)

    def _note(
        self, alert: str, version: int, thread: str, state: str, outcome: str, *, attempts: int = 0, key: str = "",
        said: str = "",
    ) -> None:
        """Remembers what became of a state; its row is stored by the next `_flush`."""
        before = self.told.get(alert)
        number = before.number + 1 if before is not None and before.version == version else 1
        delivered = outcome == "delivered" or (before is not None and before.delivered)
        self.told[alert] = now = Told(version, thread, outcome, state, attempts, number, delivered, key)
        self._unstored.append(row(self.name, alert, now, said))
        if before is not None and before.version != version and not before.final:
            over = replace(before, outcome="passed", number=before.number + 1)
            self._unstored.append(row(self.name, alert, over, "a newer state is told in its place"))

    def _deliver(self, store: Store, due: Due) -> None:
        attempts = self._attempts(due) + 1
        told = notice(store, due, self.name, attempts)
        if told is None:
            # Its rows were dropped in the meantime: there is nothing to tell.
            self._settle(store, due, None, "passed", attempts, "the alert is gone")
            return
        try:
            self._sink.send(told)
        except Refused as error:
            self._settle(store, due, told, "refused", attempts, str(error))
            self._say(f"sink {self.name} refuses: {error}")
        except Unreached as error:
            self._failed(store, due, told, attempts, error)
        else:
            self._settle(store, due, told, "delivered", attempts, "")
            self._failures = 0
            self._rest_until = 0.0
            # It is back: what waited for it need not wait for longer.
            self._not_before.clear()
            if self._trouble:
                self._log(f"sink {self.name}: takes notifications again")
                self._trouble = ""

    def _failed(self, store: Store, due: Due, told: Notice, attempts: int, error: Unreached) -> None:
        self._failures += 1
        now = time.monotonic()
        self._not_before[due.thread] = now + max(error.wait, self._retries.wait(attempts))
        self._rest_until = now + max(error.wait, self._retries.wait(self._failures))
        self._say(f"sink {self.name}: {error}")
        if attempts < self._retries.attempts:
            self._settle(store, due, told, "waiting", attempts, str(error))
            return
        self._settle(store, due, told, "dead", attempts, str(error))
        self._log(f"warning: sink {self.name}: {told.title} given up after {attempts} attempts: {error}")

    def _settle(
        self, store: Store, due: Due, told: Notice | None, outcome: str, attempts: int, said: str
    ) -> None:
        """Remembers what became of a delivery, and stores it; what the database does not take is stored later."""
        shown = {alert.id: (alert.version, alert.state) for alert in told.alerts} if told is not None else {}
        for alert in due.news:
            # A replica that lags behind may show an older state than the look found.
            version, state = max(shown.get(alert.id, (0, "")), (alert.version, alert.state))
            key = told.key if told is not None else ""
            self._note(alert.id, version, due.thread, state, outcome, attempts=attempts, key=key, said=said)
        if outcome != "waiting":
            self._not_before.pop(due.thread, None)
        self._flush(store)

    def _flush(self, store: Store) -> None:
        if self._unstored:
            store_rows(store, self._unstored)
            self._unstored.clear()

    def _remind(self, store: Store, view: View) -> None:
        now = time.monotonic()
        if not self._sink.resend or now < max(self._reminded + self._sink.resend, self._rest_until):
            return
        self._reminded = now
        found = open_threads(view.alerts, view.thread_of, self.told, self._wanted)
        notices = [one for due in found if (one := notice(store, due, self.name, 1)) is not None]
        try:
            if notices:
                self._sink.remind(notices)
        except (Refused, Unreached) as error:
            self._say(f"sink {self.name}: {error}")
