"""`Alerts`: from windows and anomalies of one capture to the rows of its alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pipeline.detect.alerts import seen
from pipeline.detect.alerts.course import Course
from pipeline.detect.alerts.life import Alert, Row, packed, unpacked
from pipeline.detect.alerts.seen import Going
from pipeline.detect.rules import Rules
from pipeline.detect.rules.entities import keys
from pipeline.detect.rules.judge import Rows
from pipeline.engine.exchanges.rows import fill
from pipeline.engine.notes import Event
from pipeline.engine.snapshot import Tree
from pipeline.engine.windows.bundle import Closed, WindowTick
from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.columns import Columns

MOST_OPEN = 10_000
"""Alerts of a capture that are open at once; beyond, that one is closed that was bad longest ago."""


class Alerts:
    """Takes what `Merger` tells of one capture, and gives rows of `ALERT_STATES`. A function of the ticks and what was
    told at them: however they come together, the rows are the same.

    `past`: the capture was imported. `coarse`: there are no conversations, but pairs of hosts in their place.
    """

    def __init__(self, rules: Rules, sensor: str, capture: str, past: bool = False, *, coarse: bool = False) -> None:
        self._sensor = sensor
        self._capture = capture
        self._past = past
        self._courses = [Course(rule, sensor, capture, past, coarse) for rule in rules if rule.kind != "sql"]
        self._seen: dict[tuple[str, str], Alert] = {}
        self._turn = 0
        self._now = 0
        self._forgotten = 0
        self._told: dict[str, int] = {}
        self._events: list[Event] = []

    @property
    def open(self) -> int:
        """How many alerts are open."""
        return len(self._seen) + sum(len(course.open) for course in self._courses)

    def events(self) -> list[Event]:
        """What had to be forgotten since this was asked last."""
        events, self._events = self._events, []
        return events

    def take(self, closed: Closed, anomalies: Sequence[Going] = ()) -> Columns | None:
        """The rows that the ticks of `closed` bring, and the `anomalies` up to them; None for none. Where the capture
        ends, all alerts close."""
        rows: list[Row] = []
        going = seen.by_tick(anomalies)
        for ticks, some in self._passes(closed):
            if ticks[0][3] > self._turn:
                rows += self._fall_back(ticks[0][3])
            for course in self._courses:
                course.judge(closed.windows, some)
            for tick in ticks:
                if self._idle(tick[0], going):
                    self._now = tick[2]
                else:
                    rows += self._tick(tick, closed, going)
        # What was seen behind the last tick.
        for number in sorted(going):
            rows += self._anomalies(going[number])
        if closed.ends:
            rows += self._finish()
        return fill(ALERT_STATES, rows) if rows else None

    def finish(self) -> Columns | None:
        """Closes all that is open: of a capture that came to no end."""
        rows = self._finish()
        return fill(ALERT_STATES, rows) if rows else None

    def _passes(self, closed: Closed) -> Iterator[tuple[list[WindowTick], Rows]]:
        """The ticks, cut where the capture's time fell back, each with the rows that are told at them. Windows of the
        time before are told at the tick of the cut at the latest: they make a piece of their own."""
        windows = closed.windows
        passes = windows.values("shoal.window.pass").astype(np.int64)
        times = windows.values("shoal.window.time").view(np.int64)
        rows = Rows(np.arange(windows.rows), keys(windows), closed.tick.astype(np.int64), times)
        ticks = list(closed.ticks)
        while ticks:
            turn = ticks[0][3]
            same = [tick for tick in ticks if tick[3] == turn]
            ticks = ticks[len(same) :]
            within = (rows.tick >= same[0][0]) & (rows.tick <= same[-1][0])
            if turn > self._turn:
                number, frame, _, _ = same[0]
                old = rows.of(np.flatnonzero(within & (rows.tick == number) & (passes == self._turn)))
                yield [(number, frame, self._now, self._turn)], old
            yield same, rows.of(np.flatnonzero(within & (passes == turn)))

    def _fall_back(self, turn: int) -> list[Row]:
        """The capture's time fell back: what is open ends."""
        rows = self._finish()
        self._turn = turn
        for course in self._courses:
            course.begin_pass()
        return rows

    def _idle(self, number: int, going: dict[int, list[Going]]) -> bool:
        """Whether nothing comes of that tick: most ticks have no window that a rule raises."""
        return not (
            number in going or self._seen or self._forgotten
            or any(not course.idle(number) or course.forgotten for course in self._courses)
        )

    def _tick(self, tick: WindowTick, closed: Closed, going: dict[int, list[Going]]) -> list[Row]:
        number, frame, now, _ = tick
        self._now = now
        rows: list[Row] = []
        for course in self._courses:
            rows += course.tick(tick, closed)
        rows += self._anomalies(going.pop(number, ()))
        for key, alert in list(self._seen.items()):
            if at := seen.over(alert, now):
                rows.append(self._row(alert, at))
                del self._seen[key]
            elif alert.urgent or (alert.fresh and now - alert.told >= seen.SECOND * 60):
                rows.append(self._row(alert))
        rows += self._capped()
        self._note("alerts-forgotten", self._forgotten, frame, now)
        self._note("baselines-forgotten", sum(course.forgotten for course in self._courses), frame, now)
        return rows

    def _note(self, name: str, count: int, frame: int, now: int) -> None:
        """Told where the count has doubled, so that a flood gives a few rows."""
        if count and count >= 2 * self._told.get(name, 0):
            self._told[name] = count
            self._events.append((name, frame, now, count))

    def _anomalies(self, going: Sequence[Going]) -> list[Row]:
        rows: list[Row] = []
        for of in going:
            alert = self._seen.get((of.name, of.entity))
            if alert is not None and (at := seen.over(alert, of.first)):
                rows.append(self._row(alert, at))
                alert = None
            if alert is None:
                self._seen[of.name, of.entity] = alert = seen.opened(of, self._turn)
                rows.append(self._row(alert))
            else:
                seen.go_on(alert, of)
        return rows

    def _row(self, alert: Alert, closed: int = 0) -> Row:
        alert.sql = seen.sql(alert, self._sensor, self._capture)
        alert.told = self._now
        counts = {"during": {"count": int(alert.figure)}}
        return alert.row(self._sensor, self._capture, self._past, counts, closed)

    def _capped(self) -> list[Row]:
        rows: list[Row] = []
        while self.open > MOST_OPEN:
            self._forgotten += 1
            oldest = min((course.oldest() for course in self._courses if course.open), default=None)
            name = min(self._seen, key=lambda key: (self._seen[key].bad, key), default=None)
            if name is not None and (oldest is None or self._seen[name].bad <= oldest[0]):
                rows.append(self._row(self._seen.pop(name), self._now))
            else:
                assert oldest is not None
                course = next(course for course in self._courses if course.rule.name == oldest[1])
                rows += course.close_oldest(self._now)
        return rows

    def _finish(self) -> list[Row]:
        rows = [row for course in self._courses for row in course.finish(self._now)]
        rows += [self._row(alert, max(self._now, alert.ends)) for alert in self._seen.values()]
        self._seen.clear()
        return rows

    def state(self) -> Tree:
        """All that is known between two calls, for a snapshot."""
        return {
            "rules": {course.rule.name: course.state() for course in self._courses},
            "seen": [packed(alert) for alert in self._seen.values()],
            "numbers": [self._turn, self._now, self._forgotten], "told": dict(self._told),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from. A rule that is new since then begins anew; of one that is gone, what was
        open is forgotten."""
        for course in self._courses:
            if course.rule.name in state["rules"]:
                course.restore(state["rules"][course.rule.name])
        alerts = [unpacked(text) for text in state["seen"]]
        self._seen = {(alert.rule, alert.entity.name): alert for alert in alerts}
        self._turn, self._now, self._forgotten = state["numbers"]
        self._told = dict(state["told"])


