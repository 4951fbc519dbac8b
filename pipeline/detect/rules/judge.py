"""A rule held against windows: which of them it raises, and which are still not good.

All rows of many ticks are judged at once, by arrays; what is kept of an entity goes from its window to the next, so
those rows are taken window after window, of all entities together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.rules.declared import Rule
from pipeline.detect.rules.expression import Get, Values, window_values
from pipeline.detect.rules.memory import OTHER_DAY, Floats, Ints, Memory, hour_keys
from pipeline.engine.snapshot import Tree
from pipeline.schema.columns import Columns

SECOND = 10**9
HOLD_SHARE = 0.25
"""An open alert stays while windows have this share of the least values that are asked of one that opens it: with less
traffic than that nothing is told either way."""
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Rows:
    """Rows of windows, in the order of their ticks: `row` in the batch, `key` of the entity, `time` of its begin."""

    row: Ints
    key: NDArray[np.uint64]
    tick: Ints
    time: Ints

    def of(self, which: NDArray[Any]) -> Rows:
        """Some of the rows."""
        return Rows(self.row[which], self.key[which], self.tick[which], self.time[which])


@dataclass(slots=True)
class Judged:
    """Rows that a rule raises (`raised`), or that keep an alert open (`holds`), or that count neither way, since the
    sensor lost what they would be judged by (`void`). `figure` is what limits are held against, `values` (rows,
    columns) those of the rule's columns; `before` their means as learnt before, of `learnt` windows. `begins` (ns) is
    that of the window, or of the one before where it was raised together with that. `expected` is what was learnt of
    the figure, NaN for nothing."""

    rows: Rows
    figure: Floats
    values: Floats
    before: Floats
    learnt: Floats
    expected: Floats
    begins: Ints
    raised: Bools
    holds: Bools
    void: Bools

    def of(self, which: NDArray[Any]) -> Judged:
        """Some of the rows."""
        return Judged(*(
            getattr(self, f.name).of(which) if f.name == "rows" else getattr(self, f.name)[which] for f in fields(self)
        ))  # fmt: skip


def wilson(part: Values, whole: Values, confidence: float) -> Values:
    """The least share that `part` of `whole` allows with that confidence: the lower end of Wilson's score interval,
    one-sided (Wilson 1927). NaN where there is nothing."""
    z = NormalDist().inv_cdf(confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        # What is sent again without payload (SYN, FIN) is no part of the segments: no share is over 1.
        share = np.minimum(part / whole, 1.0)
        spread = np.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
        bound: Values = (share + z * z / (2 * whole) - z * spread) / (1 + z * z / whole)
    return bound


def picked(values: Floats, columns: tuple[str, ...]) -> Get:
    """Gives the columns of an array whose last axis is `columns`."""
    return lambda name: values[..., columns.index(name)]


def figure(rule: Rule, get: Get) -> Floats:
    """What the rule's limits are held against, but of `change`, whose figure needs the windows before."""
    if rule.kind == "ratio":
        assert rule.numerator is not None
        assert rule.denominator is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            found = rule.numerator.of(get) / rule.denominator.of(get)
        found[~np.isfinite(found)] = np.nan
        return found
    assert rule.value is not None
    return rule.value.of(get)


def enough(rule: Rule, get: Get, like: Values, share: float = 1.0) -> Bools:
    """Where the rule's `minimum`, or that share of it, is reached."""
    found = np.ones(like.shape, bool)
    for of, least in rule.minimum:
        found &= of.of(get) >= (least * share if least > 0 else least)
    return found


def beyond(rule: Rule, get: Get, of: Values) -> Bools:
    """Where the figure is beyond the rule's limit: with `confidence`, what the counts allow at the least."""
    if rule.confidence:
        assert rule.numerator is not None
        assert rule.denominator is not None
        return np.asarray(wilson(rule.numerator.of(get), rule.denominator.of(get), rule.confidence) > rule.limit)
    return np.asarray(of <= rule.limit if rule.falls else of >= rule.limit)


class Judge:
    """Holds one rule against the windows of a capture."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        depth = rule.against if rule.kind == "change" else 1 if rule.with_previous else 0
        self._memory = Memory(len(rule.columns), depth) if rule.learns else None
        self._hours = rule.sigmas > 0

    @property
    def forgotten(self) -> int:
        """Entities of which what was learnt was forgotten."""
        return self._memory.forgotten if self._memory else 0

    def begin_pass(self) -> None:
        """The capture's time fell back."""
        if self._memory:
            self._memory.begin_pass()

    def take(self, columns: Columns, rows: Rows, void: Bools, before_void: Bools) -> Judged:
        """Judge `rows`, which are of the rule's windows and kinds. `void` are those in which the sensor failed,
        `before_void` those whose window before was such."""
        get = window_values(columns, rows.row)
        values = np.stack([get(name) for name in self.rule.columns], axis=1)
        here = picked(values, self.rule.columns)
        found = np.full(len(values), np.nan) if self.rule.kind == "change" else figure(self.rule, here)
        if self.rule.kind == "ratio":
            # Where there is no traffic, nothing is judged or kept.
            some = np.isfinite(found)
            rows, values, found = rows.of(some), values[some], found[some]
            void, before_void = void[some], before_void[some]
        judged = Judged(
            rows, found, values, np.zeros_like(values), np.zeros(len(values)), np.full(len(values), np.nan),
            rows.time.copy(), np.zeros(len(values), bool), np.zeros(len(values), bool), void,
        )  # fmt: skip
        if self.rule.kind != "change":
            self._decide(judged, slice(None))
        if self._memory is not None:
            self._remember(judged, before_void)
        judged = judged.of(judged.raised | judged.holds | judged.void)
        self._except(columns, judged)
        return judged

    def _except(self, columns: Columns, judged: Judged) -> None:
        """Windows that are not to be judged raise nothing."""
        get = window_values(columns, judged.rows.row)
        for condition in self.rule.unless:
            judged.void |= condition.of(get)
        judged.raised &= ~judged.void
        judged.holds &= ~judged.void

    def _decide(self, judged: Judged, where: Ints | slice) -> None:
        """Say which of the rows are raised, each by itself, and which hold."""
        rule, of = self.rule, judged.figure[where]
        here = picked(judged.values[where], rule.columns)
        with np.errstate(invalid="ignore"):
            judged.raised[where] = enough(rule, here, of) & beyond(rule, here, of)
            judged.holds[where] = enough(rule, here, of, HOLD_SHARE) & (
                of <= rule.close_limit if rule.falls else of >= rule.close_limit)

    def _together(self, judged: Judged, where: Ints, before: Floats) -> None:
        """Raise those of the rows that are beyond the limit together with the values of the window before."""
        rule = self.rule
        both = picked(judged.values[where] + before, rule.columns)
        whole = figure(rule, both)
        with np.errstate(invalid="ignore"):
            more = where[enough(rule, both, whole) & beyond(rule, both, whole)]
        judged.raised[more] = True
        judged.begins[more] -= rule.window * SECOND

    def _remember(self, judged: Judged, before_void: Bools) -> None:
        """Judge row after row of each entity, with what was kept of those before."""
        memory = self._memory
        assert memory is not None
        keys = judged.rows.key
        needed = np.concatenate([keys, hour_keys(keys, judged.rows.time)]) if self._hours else keys
        if memory.room(needed):
            self._in_turn(judged, before_void, np.arange(len(keys)))
            return
        # What is forgotten must not depend on how many ticks come at once.
        for tick in np.unique(judged.rows.tick):
            now = np.flatnonzero(judged.rows.tick == tick)
            if not memory.room(np.append(keys[now], needed[len(keys) :][now] if self._hours else keys[now])):
                memory.forget()
            self._in_turn(judged, before_void, now)

    def _in_turn(self, judged: Judged, before_void: Bools, some: Ints) -> None:
        memory, rule = self._memory, self.rule
        assert memory is not None
        order = some[np.argsort(judged.rows.key[some], kind="stable")]
        keys, times = judged.rows.key[order], judged.rows.time[order]
        hours = hour_keys(keys, times) if self._hours else keys
        memory.slots(np.concatenate([keys, hours]) if self._hours else keys)
        slots = memory.slots(keys, add=False)
        hour_slots = memory.slots(hours, add=False)
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.int64)
        rank = np.arange(len(keys)) - np.repeat(first, np.diff(np.append(first, len(keys))))
        turns = np.argsort(rank, kind="stable")
        ends = np.searchsorted(rank[turns], np.arange(rank.max(initial=-1) + 2))
        for at, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            now = turns[at:end]
            where, slot, hour = order[now], slots[now], hour_slots[now]
            time = judged.rows.time[where]
            newer = time > memory.last[slot]
            if rule.sigmas:
                judged.expected[where] = self._expected(slot, hour)
            if rule.kind == "change":
                judged.figure[where] = self._change(judged.values[where], slot)
                self._decide(judged, where)
            elif rule.with_previous:
                near = judged.holds[where] & ~judged.raised[where] & newer & ~before_void[where]
                near &= memory.last[slot] == time - rule.window * SECOND
                if near.any():
                    self._together(judged, where[near], np.nan_to_num(memory.ring[slot[near], 0]))
            if rule.sigmas:
                self._beside_learnt(judged, where)
            raised = judged.raised[where]
            if raised.any():
                judged.before[where[raised]] = memory.means[slot[raised]]
                judged.learnt[where[raised]] = memory.learnt[slot[raised]]
            self._learn(judged, where[newer], slot[newer], hour[newer])

    def _beside_learnt(self, judged: Judged, where: Ints) -> None:
        """What is no more than usual is not raised; of a baseline, nothing is before something was learnt."""
        expected = judged.expected[where]
        known = np.isfinite(expected)
        with np.errstate(invalid="ignore"):
            high = judged.figure[where] > expected
        if self.rule.kind == "baseline":
            judged.raised[where] &= high & known
            judged.holds[where] &= high | ~known
        else:
            judged.raised[where] &= high | ~known

    def _expected(self, slot: Ints, hour: Ints) -> Floats:
        """The figure beyond which a window is far from what was learnt; NaN where too little was."""
        memory, rule = self._memory, self.rule
        assert memory is not None
        at = slot
        if self._hours:
            by_hour = (memory.learnt[hour] >= rule.learn) & (memory.last[hour] - memory.first[hour] >= OTHER_DAY)
            at = np.where(by_hour, hour, slot)
        high: Floats = memory.mean[at] + rule.sigmas * np.sqrt(memory.var[at])
        return np.where(memory.learnt[at] >= rule.learn, high, np.nan) if rule.sigmas else np.full(len(slot), np.nan)

    def _change(self, values: Floats, slot: Ints) -> Floats:
        """How many times the mean of the windows before; NaN without them."""
        memory, rule = self._memory, self.rule
        assert memory is not None
        assert rule.value is not None
        before = rule.value.of(picked(memory.ring[slot], rule.columns))
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = rule.value.of(picked(values, rule.columns)) / before.mean(axis=1)
        found[~np.isfinite(found)] = np.nan
        return found

    def _learn(self, judged: Judged, where: Ints, slot: Ints, hour: Ints) -> None:
        """Keep the windows, and learn of them."""
        memory, rule = self._memory, self.rule
        assert memory is not None
        times, values = judged.rows.time[where], judged.values[where]
        good = ~judged.void[where] & np.isfinite(judged.figure[where])
        if rule.sigmas:
            some = where[good]
            of, columns, weight = judged.figure[some], judged.values[some], self._weight(judged.values[some])
            # A share that is over the limit is never usual; of other values nobody knows before they were learnt.
            first = rule.limit if rule.kind == "ratio" else np.inf
            for at in (slot[good], hour[good]):
                tamed = memory.tamed(at, of, rule.sigmas, rule.learn, rule.limit, first)
                memory.learn(at, tamed, columns, weight, rule.weight)
            memory.come(hour, times)
        else:
            memory.learn(slot[good], judged.figure[where[good]], values[good], np.ones(int(good.sum())), rule.weight)
        memory.come(slot, times)
        memory.pass_by(slot, values)

    def _weight(self, values: Floats) -> Floats:
        """Of windows with less traffic than the rule asks for, their share of it."""
        rule = self.rule
        if rule.denominator is None:
            return np.ones(len(values))
        least = next((least for of, least in rule.minimum if of.text == rule.denominator.text), 1.0)
        whole = rule.denominator.of(picked(values, rule.columns))
        return np.minimum(np.maximum(whole / max(least, 1.0), 0.0), 1.0)

    def state(self) -> Tree:
        """All that is known between two calls, for a snapshot."""
        return {"memory": self._memory.state() if self._memory else None}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        if self._memory and state["memory"]:
            self._memory.restore(state["memory"])
