"""The alerts of one rule, tick by tick: which open, which go on, which close."""

from __future__ import annotations

import numpy as np

from pipeline.detect.alerts.group import SENSOR, SERVICE, Group, grouped
from pipeline.detect.alerts.life import Alert, Row, packed, unpacked
from pipeline.detect.alerts.streaks import Streaks
from pipeline.detect.alerts.talks import Talks
from pipeline.detect.alerts.told import counts, tell
from pipeline.detect.alerts.voids import Voids
from pipeline.detect.rules.absence import Absence
from pipeline.detect.rules.declared import Rule
from pipeline.detect.rules.entities import Entity, chosen, entity_of, key_of
from pipeline.detect.rules.expression import window_values
from pipeline.detect.rules.judge import SECOND, Judge, Judged, Rows
from pipeline.engine.snapshot import Tree
from pipeline.engine.windows.bundle import Closed, WindowTick
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.columns import Columns
from pipeline.schema.windows import KINDS

UPDATE_SECONDS = 60
"""An alert that only goes on is told again after so much event time."""
DONE_SECONDS = 600
"""How long it is known that an alert closed: late frames must not open it again for a window that it was about."""


class Course:
    """One rule over one capture."""

    def __init__(self, rule: Rule, sensor: str, capture: str, past: bool, coarse: bool) -> None:
        self.rule = rule
        self.open: dict[Entity, Alert] = {}
        self._keys: dict[int, Entity] = {}
        self._names = (sensor, capture)
        self._past = past
        self._coarse = coarse
        self._size = rule.window * SECOND
        self._by: Judge | Absence = Absence(rule) if rule.kind == "absence" else Judge(rule)
        self._voids = Voids(rule)
        self._streaks = Streaks(rule)
        self._done: dict[Entity, int] = {}
        self._judged: Judged | None = None
        self._at: dict[int, tuple[int, int]] = {}
        self._rows: Rows | None = None
        self._windows: Columns | None = None

    @property
    def forgotten(self) -> int:
        """Entities of which what was learnt was forgotten."""
        return self._by.forgotten

    def begin_pass(self) -> None:
        """The capture's time fell back, and all that was open is closed."""
        self._by.begin_pass()
        self._voids.clear()
        self._streaks.clear()
        self._done.clear()

    def judge(self, windows: Columns, rows: Rows) -> None:
        """Hold the rule against `rows` of `windows`; `tick` then takes them tick by tick."""
        rule = self.rule
        seconds, kinds = windows.values("shoal.window.seconds"), windows.values("shoal.window.kind")
        wanted = np.zeros(len(KINDS), bool)
        wanted[[KINDS.index(kind) for kind in rule.entities]] = True
        of_size = seconds[rows.row] == rule.window
        self._voids.look(windows, rows.of(of_size & (kinds[rows.row] == SENSOR)))
        mine = rows.of(of_size & wanted[kinds[rows.row]])
        self._windows, self._rows = windows, mine
        if isinstance(self._by, Judge):
            self._judged = self._by.take(windows, mine, self._voids.of(mine), self._voids.before(mine))
            ticks, first = np.unique(self._judged.rows.tick, return_index=True)
            ends = [*first[1:].tolist(), len(self._judged.rows.tick)]
            self._at = dict(zip(ticks.tolist(), zip(first.tolist(), ends, strict=False), strict=False))

    def idle(self, number: int) -> bool:
        """Whether `tick` has nothing to do at that tick."""
        return not (
            number in self._at or self.open or self._done or self._streaks.any or self._voids.any
            or isinstance(self._by, Absence)
        )

    def tick(self, tick: WindowTick, closed: Closed) -> list[Row]:
        """The rows that a tick brings."""
        number, _, now, turn = tick
        rows: list[Row] = []
        if isinstance(self._by, Judge) and number not in self._at and not (self.open or self._done):
            self._streaks.forget(now)
            self._voids.forget(now)
            return rows
        assert self._rows is not None
        if isinstance(self._by, Absence):
            first, last = np.searchsorted(self._rows.tick, [number, number + 1]).tolist()
            rows += self._absent(self._by, self._rows.of(np.arange(first, last)), now, turn)
        elif self._judged is not None:
            first, last = self._at.get(number, (0, 0))
            if last > first:
                rows += self._windows_of(self._judged.of(np.arange(first, last)), closed, number, turn, now)
            if self.open:
                rows += self._go_on(closed, number, now)
        self._streaks.forget(now)
        self._voids.forget(now)
        for entity in [entity for entity, at in self._done.items() if at < now - DONE_SECONDS * SECOND]:
            del self._done[entity]
        return rows

    def _absent(self, by: Absence, some: Rows, now: int, turn: int) -> list[Row]:
        rows: list[Row] = []
        assert self._windows is not None
        for key in some.key.tolist() if self.open else ():
            if key in self._keys:
                rows.append(self._close(self.open[self._keys[key]], now))
        for entity, since in by.take(self._windows, some, now):
            if chosen(entity, self.rule.only) and entity not in self.open:
                alert = self._opened(entity, turn, now, since, now)
                alert.members = [entity.text]
                rows.append(self._row(alert, now))
        return rows

    def _windows_of(self, judged: Judged, closed: Closed, number: int, turn: int, now: int) -> list[Row]:
        """Take the windows of one tick, the older first."""
        rows: list[Row] = []
        for time in np.unique(judged.rows.time).tolist():
            some = judged.of(judged.rows.time == time)
            # What was good long enough ends before this window; it may begin anew with it.
            for alert in [alert for alert in self.open.values() if self._over(alert, time)]:
                rows.append(self._close(alert, self._over(alert, time)))
            for at in np.flatnonzero(some.holds & ~some.raised).tolist():
                entity = self._keys.get(int(some.rows.key[at]))
                if entity is not None:
                    self._extend(self.open[entity], time, some, at)
            self._raise(some.of(some.raised), time, closed, number, turn)
            for key in some.rows.key[some.void].tolist():
                if key in self._keys:
                    self._wait(self.open[self._keys[key]], time)
        return rows

    def _raise(self, some: Judged, time: int, closed: Closed, number: int, turn: int) -> None:
        """Windows of one begin that the rule raises become alerts, or go into those that are open."""
        assert self._windows is not None
        at: dict[Entity, int] = {}
        begins: dict[Entity, int] = {}
        for k, row in enumerate(some.rows.row.tolist()):
            entity = entity_of(self._windows, row)
            if not chosen(entity, self.rule.only) or self._done.get(entity, 0) > time:
                continue
            begin = self._streaks.add(entity, time, int(some.begins[k]))
            if begin is not None or entity in self.open:
                at[entity], begins[entity] = k, time if begin is None else begin
        if not at:
            return
        flows = closed.flows or [closed.parts]
        talks = Talks(flows, min(begins.values()), time + self._size, number, coarse=self._coarse)
        judged = self._services(number, time) if sum(of.kind == SERVICE for of in at) > 1 else 0
        for group in grouped(self.rule, list(at), list(self.open), judged, talks):
            if self._done.get(group.entity, 0) <= time:
                self._take(group, time, turn, some, at, begins, talks)

    def _services(self, number: int, time: int) -> int:
        """How many services had a window then with traffic enough to be judged."""
        assert self._rows is not None
        assert self._windows is not None
        rows = self._rows.of(np.arange(*np.searchsorted(self._rows.tick, [number, number + 1])))
        kinds = self._windows.values("shoal.window.kind")[rows.row]
        mine = rows.row[(rows.time == time) & (kinds == SERVICE)]
        of = self.rule.denominator
        if of is None:
            return len(mine)
        least = next((least for e, least in self.rule.minimum if e.text == of.text), 1.0)
        return int((of.of(window_values(self._windows, mine)) >= least).sum())

    def _take(
        self, group: Group, time: int, turn: int, some: Judged, at: dict[Entity, int], begins: dict[Entity, int],
        talks: Talks,
    ) -> None:  # fmt: skip
        """The alert of a group: one that is open, or a new one."""
        k = at.get(group.entity)
        alert = self.open.get(group.entity)
        if alert is None:
            begin = min(begins[of] for of in group.members)
            alert = self._opened(group.entity, turn, time + self._size, begin, begin)
            if k is not None:
                alert.before, alert.learnt = some.before[k].tolist(), float(some.learnt[k])
        for member in group.members:
            alert.join(member.text)
        if k is not None:
            self._extend(alert, time, some, k)
            return
        values = None
        if self.rule.additive and talks.size:
            # The entity itself is not raised: what its conversations make.
            mine, get = talks.among(group.entity), talks.get()
            values = [float(get(name)[mine].sum()) for name in self.rule.columns]
        worst = max(group.members, key=lambda of: (float(some.figure[at[of]]), of))
        self._extend(alert, time, some, at[worst], values)

    def _opened(self, entity: Entity, turn: int, opened: int, begins: int, bad: int) -> Alert:
        severity = SEVERITIES.index(self.rule.severity)
        alert = Alert(self.rule.name, entity, turn, opened, begins, begins, bad, severity, covered=begins)
        alert.during = [0.0] * len(self.rule.columns)
        self.open[entity] = alert
        self._keys[key_of(entity)] = entity
        return alert

    def _extend(self, alert: Alert, time: int, some: Judged, k: int, values: list[float] | None = None) -> None:
        """A window of the alert that is not good."""
        end = time + self._size
        figure, side = float(some.figure[k]), -1 if self.rule.falls else 1
        alert.bad = max(alert.bad, end)
        if end <= alert.ends:
            # A correction of a window that was taken: only how grave it is can change by it.
            alert.rise(self._severity(figure))
            return
        alert.ends, alert.fresh = end, True
        alert.figure = figure if not alert.windows else side * max(side * figure, side * alert.figure)
        alert.windows += 1
        values = values or np.nan_to_num(some.values[k]).tolist()
        alert.during = [a + b for a, b in zip(alert.during, values, strict=True)]
        alert.rise(self._severity(figure))

    def _severity(self, figure: float) -> int:
        side = -1 if self.rule.falls else 1
        reached = [SEVERITIES.index(word) for word, at in self.rule.severities if side * figure >= side * at]
        return max([SEVERITIES.index(self.rule.severity), *reached])

    def _wait(self, alert: Alert, time: int) -> None:
        """A window of which nothing can be told: it is no good one."""
        alert.bad = max(alert.bad, time + self._size)

    def _over(self, alert: Alert, now: int) -> int:
        """When the alert closed by `now`; 0 while it is open."""
        at = alert.bad + self.rule.close_after * self._size
        return at if now // self._size * self._size >= at else 0

    def _go_on(self, closed: Closed, number: int, now: int) -> list[Row]:
        """Gather, tell, take back, close."""
        rows: list[Row] = []
        ticks = closed.parts.values("shoal.window.tick")
        first, last = np.searchsorted(ticks, [number, number + 1]).tolist()
        times = closed.parts.values("shoal.window.time")[first:last].view(np.int64)
        oldest = int(times.min()) if last > first else 2**63 - 1
        lost = self._voids.at(number)
        for alert in self.open.values():
            for time in lost:
                self._wait(alert, time)
        for alert in list(self.open.values()):
            if oldest < alert.covered:
                late = Talks([closed.parts], alert.begins, alert.covered, number, at=True, coarse=self._coarse)
                alert.evidence.gather(alert.entity, late)
            if alert.covered < alert.ends:
                flows = closed.flows or [closed.parts]
                more = Talks(flows, alert.covered, alert.ends, number, coarse=self._coarse)
                alert.evidence.gather(alert.entity, more)
                alert.covered = alert.ends
            # One that stands on more than the window in question stays.
            if alert.windows == 1 and any(alert.begins <= time < alert.ends for time in lost):
                rows.append(self._close(alert, max(now, alert.ends), lost=True))
            elif over := self._over(alert, now):
                rows.append(self._close(alert, over))
            elif alert.urgent or (alert.fresh and now - alert.told >= UPDATE_SECONDS * SECOND):
                rows.append(self._row(alert, now))
        return rows

    def _row(self, alert: Alert, now: int) -> Row:
        tell(self.rule, alert, *self._names)
        alert.told = now
        return alert.row(*self._names, self._past, counts(self.rule, alert))

    def _close(self, alert: Alert, at: int, lost: bool = False) -> Row:
        tell(self.rule, alert, *self._names, lost=lost)
        del self.open[alert.entity]
        del self._keys[key_of(alert.entity)]
        self._done[alert.entity] = alert.ends if lost else at
        return alert.row(*self._names, self._past, counts(self.rule, alert), at)

    def oldest(self) -> tuple[int, str, Entity]:
        """The alert that was bad longest ago: when, the rule's name, its entity."""
        return min((alert.bad, alert.rule, alert.entity) for alert in self.open.values())

    def close_oldest(self, now: int) -> list[Row]:
        """Closes that one."""
        return [self._close(self.open[self.oldest()[2]], now)]

    def finish(self, now: int) -> list[Row]:
        """Closes all that is open."""
        return [self._close(alert, max(now, alert.ends)) for alert in list(self.open.values())]

    def state(self) -> Tree:
        """All that is known between two calls, for a snapshot."""
        return {
            "by": self._by.state(), "voids": self._voids.state(), "streaks": self._streaks.state(),
            "open": [packed(alert) for alert in self.open.values()],
            "done": [packed(Alert("", entity, 0, at, 0, 0, 0, 0)) for entity, at in self._done.items()],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._by.restore(state["by"])
        self._voids.restore(state["voids"])
        self._streaks.restore(state["streaks"])
        alerts = [unpacked(text) for text in state["open"]]
        self.open = {alert.entity: alert for alert in alerts}
        self._keys = {key_of(entity): entity for entity in self.open}
        self._done = {alert.entity: alert.opened for alert in map(unpacked, state["done"])}
