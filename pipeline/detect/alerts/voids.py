"""Windows in which the sensor failed, so that a rule (`unless_sensor`) tells nothing of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.rules.declared import Rule
from pipeline.detect.rules.expression import window_values
from pipeline.detect.rules.judge import SECOND, Rows
from pipeline.detect.rules.memory import Ints
from pipeline.engine.snapshot import Tree
from pipeline.schema.columns import Columns

Bools = NDArray[np.bool_]
KEPT_SECONDS = 600
"""How long such windows are known: frames may come later than their window, but not by more than this."""


class Voids:
    """Of one rule: begin (ns) of such a window to the tick at which that was known first."""

    def __init__(self, rule: Rule) -> None:
        self._conditions = rule.unless_sensor
        self._size = rule.window * SECOND
        self._since: dict[int, int] = {}
        self._new: dict[int, list[int]] = {}

    @property
    def any(self) -> bool:
        """Whether one is known."""
        return bool(self._since)

    def look(self, windows: Columns, sensor: Rows) -> None:
        """Take the rows of the sensor."""
        self._new = {}
        if not self._conditions or not len(sensor.row):
            return
        get = window_values(windows, sensor.row)
        failed = np.zeros(len(sensor.row), bool)
        for condition in self._conditions:
            failed |= condition.of(get)
        for time, tick in zip(sensor.time[failed].tolist(), sensor.tick[failed].tolist(), strict=True):
            if time not in self._since:
                self._since[time] = tick
                self._new.setdefault(tick, []).append(time)

    def at(self, tick: int) -> list[int]:
        """Begins of the windows of which it was known at that tick first."""
        return self._new.get(tick, [])

    def of(self, rows: Rows) -> Bools:
        """Which rows are of such a window."""
        return self._known(rows.time, rows.tick)

    def before(self, rows: Rows) -> Bools:
        """Of which rows the window before was such."""
        return self._known(rows.time - self._size, rows.tick)

    def _known(self, times: Ints, ticks: Ints) -> Bools:
        if not self._since:
            return np.zeros(len(times), bool)
        begins = np.array(sorted(self._since), np.int64)
        since = np.array([self._since[time] for time in begins.tolist()], np.int64)
        at = np.minimum(np.searchsorted(begins, times), len(begins) - 1)
        return np.asarray((begins[at] == times) & (since[at] <= ticks))

    def forget(self, now: int) -> None:
        """What is too old to matter."""
        if self._since and min(self._since) < now - KEPT_SECONDS * SECOND:
            self._since = {time: tick for time, tick in self._since.items() if time >= now - KEPT_SECONDS * SECOND}

    def clear(self) -> None:
        """Forget all."""
        self._since.clear()
        self._new.clear()

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"since": [[time, tick] for time, tick in self._since.items()]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._new = {}
        self._since = dict(map(tuple, state["since"]))
