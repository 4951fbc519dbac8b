"""Parts of all shards to windows of entities: what is known when all shards have passed a tick.

It depends on the parts and ticks alone: parts are taken in an order of their own, whichever shard told them when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.windows.bundle import Bundle, Closed, WindowTick
from pipeline.engine.windows.entity_rows import EntityRows
from pipeline.engine.windows.order import order_of_parts, order_of_windows
from pipeline.engine.windows.told import columns_of_state, copied, gathered, state_of_columns
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns
from pipeline.schema.windows import BASE_SECONDS, LATENESS_SECONDS, PARTS, SIZES_SECONDS, WINDOWS

RECENT_SECONDS = 120
"""How far back `Closed.flows` reaches."""
MOST_RECENT = 65_536
"""Rows of `Closed.flows`, besides those of the last parts."""

_SECOND = 1_000_000_000


@dataclass(slots=True)
class _Window:
    """An open window: its number among the entities, its length (s), begin and end (ns). `dirty`: it has changed since
    it was told; `told`: it was, and bigger windows have what it has; `full`: no entity is added to it any more."""

    number: int
    seconds: int
    time: int
    end: int
    dirty: bool = True
    told: bool = False
    full: bool = False


class Merger:
    """The windows of one capture, of lengths `sizes` (s), made of those of `base` seconds in which its `shards` count.

    A window is told when it has ended, and again where parts correct it, until it is over for `lateness` seconds. At
    the cap of entities, windows that were told are not corrected any more, and then new entities have no windows
    (`entities-forgotten`, as a sighting); what a sensor has stays exact.
    Raises ValueError where a length is no multiple of `base`.
    """

    def __init__(self, sizes: Sequence[int] = SIZES_SECONDS, base: int = BASE_SECONDS,
                 lateness: int = LATENESS_SECONDS, shards: int = 1) -> None:  # fmt: skip
        for size in sizes:
            if size < base or size % base:
                raise ValueError(f"windows of {size} s can't be made of those of {base} s: choose a multiple")
        self._base = base
        self._stored = frozenset(sizes)
        self._bigger = sorted(size for size in self._stored if size != base)
        self._lateness = lateness * _SECOND
        self._notes = Notes()
        self._entities = EntityRows(self._notes)
        self._windows: dict[tuple[int, int], _Window] = {}
        self._free: list[int] = []
        self._pass = 0
        self._lost = 0
        # The tick whose rows are due, and whether some of them had to be written apart from the others.
        self._telling = 0
        self._apart = False
        self._ticks: dict[int, WindowTick] = {}
        self._passed = 0
        # Frame, time and pass of the last tick that all have passed.
        self._at = (0, 0, 0)
        self._upto = [0] * shards
        self._last: list[WindowTick | None] = [None] * shards
        self._parts: list[list[Columns]] = [[] for _ in range(shards)]
        self._sightings: list[Sighting] = []
        self._recent: list[tuple[int, Columns]] = []

    def take(self, shard: int, bundle: Bundle) -> Closed | None:
        """What is known more with a bundle of a shard; None where all shards have not passed another tick.

        Each bundle comes once, those of a shard in their order. The bundle's parts are read, or copied; the rows of
        `windows` hold until this is called again.
        """
        ticks = bundle.ticks
        if bundle.ends:
            self._last[shard] = ticks[-1]
            ticks = ticks[:-1]
        for tick in ticks:
            if tick[0] > self._passed:
                self._ticks[tick[0]] = tick
            self._upto[shard] = tick[0]
        if bundle.parts is not None:
            self._parts[shard].append(bundle.parts)
        self._sightings += bundle.sightings
        closed = self._advance()
        waiting = self._parts[shard]
        if waiting and waiting[-1] is bundle.parts:
            waiting[-1] = copied(bundle.parts)
        return closed

    def finish(self) -> Closed | None:
        """What is still to be known of a capture though some shards will not tell of its end; None for nothing."""
        if all(self._last):
            return None
        upto = max(self._upto)
        frame, now, passes = self._ticks[upto][1:] if upto in self._ticks else self._at
        for shard, last in enumerate(self._last):
            if last is None:
                self._upto[shard] = upto
                self._last[shard] = (upto + 1, frame, now, passes)
        return self._advance()

    def _advance(self) -> Closed | None:
        upto = min(self._upto)
        passed = [self._ticks.pop(number) for number in range(self._passed + 1, upto + 1)]
        self._passed = upto
        if passed:
            self._at = passed[-1][1:]
        last = [tick for tick in self._last if tick is not None]
        ends = len(last) == len(self._last)
        if ends:
            passed.append((upto + 1, max(t[1] for t in last), max(t[2] for t in last), self._passed_of(passed)))
        return self._closed(tuple(passed), ends=ends) if passed else None

    def _passed_of(self, passed: list[WindowTick]) -> int:
        """The pass behind these ticks."""
        return passed[-1][3] if passed else self._pass

    def _closed(self, ticks: tuple[WindowTick, ...], *, ends: bool) -> Closed:
        """Pass the ticks."""
        parts = self._taken(ticks[-1][0])
        runs = _runs(parts)
        self._entities.bind(parts)
        at = 0
        found: list[Sighting] = []
        for tick in ticks:
            while at < len(runs) and runs[at][0] <= tick[0]:
                self._count(*runs[at][1:])
                at += 1
            self._pass_tick(tick, ends=ends and tick is ticks[-1])
            found += [
                Sighting(note.name, tick[0] - 1, tick[1], tick[2], "", count=note.count) for note in self._notes.take()
            ]
        windows = self._entities.take()
        if self._apart:
            windows = gathered(WINDOWS, [(windows, 0, windows.rows)], order_of_windows(windows))
            self._apart = False
        number = ticks[-1][0]
        found += [s for s in self._sightings if ends or s.tick < number]
        self._sightings = [s for s in self._sightings if not ends and s.tick >= number]
        found.sort(key=lambda s: (s.tick, s.frame, s.name, s.entity, s.said, s.value))
        return Closed(
            ticks, windows, windows.values("shoal.window.version").astype(np.uint32), parts, tuple(found), ends,
            self._remember(parts, ticks),
        )  # fmt: skip

    def _taken(self, upto: int) -> Columns:
        """The parts up to the tick `upto`, in an order that does not depend on the shards."""
        pieces: list[tuple[Columns, int, int]] = []
        for shard, waiting in enumerate(self._parts):
            rest: list[Columns] = []
            for columns in waiting:
                end = int(np.searchsorted(columns.values("shoal.window.tick"), upto, side="right"))
                if end:
                    pieces.append((columns, 0, end))
                if end < columns.rows:
                    rest.append(gathered(PARTS, [(columns, end, columns.rows)], None) if end else columns)
            self._parts[shard] = rest
        if not pieces:
            return Columns(PARTS, 0, {group.name: 0 for group in PARTS.groups})
        return gathered(PARTS, pieces, order_of_parts(pieces))

    def _remember(self, parts: Columns, ticks: tuple[WindowTick, ...]) -> list[Columns]:
        """Parts of the last minutes, with these."""
        since = ticks[0][2] - RECENT_SECONDS * _SECOND
        recent = [(now, columns) for now, columns in self._recent if since <= now]
        while sum(columns.rows for _, columns in recent) > MOST_RECENT:
            del recent[0]
        if parts.rows:
            recent.append((ticks[-1][2], parts))
        self._recent = recent
        return [columns for _, columns in recent]

    def _count(self, time: int, first: int, last: int) -> None:
        """Add the parts from row `first` up to `last` to the window that begins at `time`."""
        window = self._window(self._base, time)
        self._add(window, first, last)
        if window.told:
            for bigger in self._holding(window):
                self._add(bigger, first, last)

    def _add(self, window: _Window, first: int, last: int) -> None:
        window.dirty = True
        while (first := self._entities.apply(first, last, window.number)) < last:
            self._make_room(window)

    def _holding(self, window: _Window) -> Iterable[_Window]:
        """The bigger windows that a window is part of."""
        for size in self._bigger:
            yield self._window(size, window.time - window.time % (size * _SECOND))

    def _window(self, seconds: int, time: int) -> _Window:
        window = self._windows.get((seconds, time))
        if window is None:
            number = self._free.pop() if self._free else len(self._windows)
            window = self._windows[seconds, time] = _Window(number, seconds, time, time + seconds * _SECOND)
            self._entities.begin(number)
        return window

    def _make_room(self, window: _Window, source: _Window | None = None) -> None:
        """The cap is reached for `window`: of the oldest window that was told all but the sensor is forgotten, so that
        it is not corrected any more; without one, no other entity is added to `window`. `source`, which is being folded
        into it, stays."""
        told = [w for w in self._windows.values() if w.told and not w.full and w is not window and w is not source]
        full = min(told, key=lambda w: (w.end, w.seconds)) if told else window
        full.full = True
        self._entities.fill(full.number)
        if told:
            # What is due of it is written before.
            self._apart |= self._entities.write(self._telling, self._pass)
            self._lost += self._entities.forget(full.number, sensor=False)
        else:
            self._lost += 1
        self._notes.note("entities-forgotten", 0, self._lost)

    def _pass_tick(self, tick: WindowTick, *, ends: bool) -> None:
        """Tell the windows that have ended and have changed, and forget those that are over."""
        self._telling, _, now, passes = tick
        every = ends or passes != self._pass
        ended = [window for window in self._windows.values() if window.dirty and (every or window.end <= now)]
        for window in ended:
            if window.seconds == self._base:
                self._fold(window)
                self._tell(window)
        # Folding may have begun bigger ones.
        for window in self._windows.values() if ended else ():
            if window.dirty and (every or window.end <= now):
                self._tell(window)
        self._entities.write(self._telling, self._pass)
        over = [key for key, window in self._windows.items() if every or window.end + self._lateness < now]
        for key in over:
            window = self._windows.pop(key)
            self._entities.forget(window.number)
            self._free.append(window.number)
        self._pass = passes

    def _fold(self, window: _Window) -> None:
        """The window is told for the first time: bigger ones get what it has."""
        if window.told:
            return
        window.told = True
        for bigger in self._holding(window):
            bigger.dirty = True
            while not self._entities.fold(window.number, bigger.number):
                self._make_room(bigger, window)

    def _tell(self, window: _Window) -> None:
        if window.seconds in self._stored:
            self._entities.tell(window.number, window.time, window.seconds)
        window.dirty, window.told = False, True

    def state(self) -> Tree:
        """All that is known between two bundles, for a snapshot."""
        return {
            "numbers": [self._pass, self._lost, self._passed, len(self._windows)],
            "at": self._at, "ticks": list(self._ticks.values()), "upto": self._upto, "last": self._last,
            "free": self._free,
            "windows": [
                [w.number, w.seconds, w.time, w.end, w.dirty, w.told, w.full] for w in self._windows.values()
            ],
            "parts": [[state_of_columns(columns) for columns in waiting] for waiting in self._parts],
            "sightings": [asdict(s) for s in self._sightings],
            "recent": [[now, state_of_columns(columns)] for now, columns in self._recent],
            "entities": self._entities.state(), "notes": self._notes.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._pass, self._lost, self._passed, _ = state["numbers"]
        self._ticks = {tick[0]: (tick[0], tick[1], tick[2], tick[3]) for tick in state["ticks"]}
        self._at = (state["at"][0], state["at"][1], state["at"][2])
        self._upto, self._free = list(state["upto"]), list(state["free"])
        self._last = [tick and (tick[0], tick[1], tick[2], tick[3]) for tick in state["last"]]
        self._windows = {(told[1], told[2]): _Window(*told) for told in state["windows"]}
        self._parts = [[columns_of_state(PARTS, told) for told in waiting] for waiting in state["parts"]]
        self._sightings = [Sighting(**told) for told in state["sightings"]]
        self._recent = [(now, columns_of_state(PARTS, told)) for now, told in state["recent"]]
        self._entities.restore(state["entities"])
        self._notes.restore(state["notes"])


def _runs(parts: Columns) -> list[tuple[int, int, int, int]]:
    """Rows of one tick and window that stand together: tick, begin of the window, first row, the row behind."""
    if not parts.rows:
        return []
    ticks: NDArray[np.uint32] = parts.values("shoal.window.tick").astype(np.uint32, copy=False)
    times = parts.values("shoal.window.time").view("i8")
    cuts = np.flatnonzero((np.diff(ticks) != 0) | (np.diff(times) != 0)) + 1
    first = np.concatenate([[0], cuts])
    last = np.concatenate([cuts, [parts.rows]])
    return list(zip(ticks[first].tolist(), times[first].tolist(), first.tolist(), last.tolist(), strict=True))
