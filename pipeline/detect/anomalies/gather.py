"""Sightings to events: one row for each span in which an entity shows an anomaly, whatever order they come in.

A row's key in the table has the frame that first shows the anomaly. So that frame must be settled before a row is told,
and never change then; what comes later only raises the count, which is the row's version. Sightings that shards see at
their frames have come when all shards have passed the next tick: their rows are told at it. Those that are made of rows
of flows (`LATE`) come up to a minute and more after their time: their rows are told when that has passed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.engine.snapshot import Tree
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.anomalies import ANOMALIES, Sighting
from pipeline.schema.columns import Columns
from pipeline.schema.events import EVENT_STATES

SECOND = 1_000_000_000

MOST_GATHERED = 65_536
"""Entities with an anomaly that are under way; beyond, those that came first are told as they stand, and begin anew."""

LATE = frozenset({
    "server-killed", "host-silent", "host-rebooted", "network-outage", "keep-alive-failed", "port-closed",
})  # fmt: skip
"""Anomalies that the rows of flows tell, which are made at the end of the flow's minute."""

LATENESS = 180 * SECOND
"""Event time (ns) after which rows of flows, and exchanges that nobody went on with, have come."""

BY_HOST = frozenset({"port-closed"})
"""Anomalies of a service that are told once for its host: else a scan tells as many as it finds closed ports."""

_NEVER = 2**63
FORGOTTEN = "anomalies-forgotten"


@dataclass(frozen=True, slots=True)
class Going:
    """An anomaly with the action `alert` that began, or went on, up to tick `tick`.

    `first` and `last` are the times (ns since 1970) of its first and its last sighting in the span that `first` is in;
    `count` is how many were concerned so far. `begins`: nothing was told of it in this span before.
    """

    tick: int
    name: str
    entity: str
    severity: str
    first: int
    last: int
    said: str
    filter: str
    count: int
    begins: bool


@dataclass(slots=True)
class _Row:
    """An event under way. `told` is the count that was told last, 0 for never, `heard` that of the last `Going`."""

    time: int
    frame: int
    said: str
    filter: str
    last: int
    count: int
    told: int = 0
    heard: int = 0


_Key = tuple[str, str, int]
"""Name, entity, and which span of the name's suppression since 1970."""


class Gather:
    """Takes sightings of `ANOMALIES`, in any order between two ticks; gives rows of `EVENT_STATES` at ticks."""

    def __init__(self, most: int = MOST_GATHERED) -> None:
        self._most = most
        self._rows: OrderedDict[_Key, _Row] = OrderedDict()
        # Those of which something came that was not looked at.
        self._changed: set[_Key] = set()
        self._ready: list[tuple[_Key, _Row]] = []
        self._again = 0
        self._forgotten = 0
        # Before this time no row is over: it is looked for then alone.
        self._over = -_NEVER
        self._noted: dict[str, int] = {}

    def take(self, sightings: Iterable[Sighting]) -> None:
        """Take sightings. Raises KeyError for a name that is none of ANOMALIES."""
        for seen in sightings:
            span = ANOMALIES[seen.name].suppression * SECOND
            entity = host_of(seen.entity) if seen.name in BY_HOST else seen.entity
            key = seen.name, entity, seen.time // span
            row = self._rows.get(key)
            if row is None:
                if len(self._rows) >= self._most:
                    self._forget(seen)
                self._over = min(self._over, _end_of(key))
                self._rows[key] = _Row(seen.time, seen.frame, seen.said, seen.filter, seen.time, seen.count)
            else:
                row.count += seen.count
                row.last = max(row.last, seen.time)
                # Texts only decide where one frame shows it twice.
                if not row.told and (seen.time, seen.frame, seen.said, seen.filter) < (
                    row.time, row.frame, row.said, row.filter
                ):  # fmt: skip
                    row.time, row.frame, row.said, row.filter = seen.time, seen.frame, seen.said, seen.filter
            self._changed.add(key)

    def tick(self, number: int, now: int, again: int = 0) -> list[Going]:
        """All shards have passed the tick, so that all sightings behind earlier ticks were taken: tell rows.

        `now` is the capture's time, `again` how often it had fallen back by over an hour. Gives, of what has the action
        `alert`, what began or went on.
        """
        going: list[Going] = []
        if again != self._again:
            # The times begin anew: nothing will end the spans of before.
            self._again = again
            going += self.finish(number)
        waiting: set[_Key] = set()
        for key in sorted(self._changed):
            row = self._rows[key]
            if not row.told and key[0] in LATE and now < row.time + LATENESS:
                waiting.add(key)
                continue
            if ANOMALIES[key[0]].action == "alert":
                going.append(_going(number, key, row))
                row.heard = row.count
            # A row anew for every sighting would be many: it is told when its count has doubled, and at its end.
            if row.count >= 2 * row.told:
                self._tell(key, row)
        self._changed = waiting
        over = now - LATENESS
        if self._over <= over:
            self._end([key for key in self._rows if _end_of(key) <= over])
            self._over = min(map(_end_of, self._rows), default=_NEVER)
        return going

    def due(self, now: int, again: int) -> bool:
        """Whether `tick` has anything to do, when nothing was taken since it was called last."""
        return bool(self._changed) or again != self._again or self._over <= now - LATENESS

    def finish(self, number: int) -> list[Going]:
        """The capture has ended: tell all that waits."""
        going = [
            _going(number, key, self._rows[key]) for key in sorted(self._changed) if ANOMALIES[key[0]].action == "alert"
        ]
        self._end(list(self._rows))
        self._changed.clear()
        return going

    def rows(self) -> Columns | None:
        """The rows that were told since they were asked for last, by time; without labels. None for nothing."""
        ready, self._ready = self._ready, []
        if not ready:
            return None
        ready.sort(key=lambda told: (told[1].time, told[1].frame, told[0], told[1].count))
        return _columns(ready)

    def _tell(self, key: _Key, row: _Row) -> None:
        row.told = row.count
        self._ready.append((key, _Row(row.time, row.frame, row.said, row.filter, row.last, row.count)))

    def _end(self, keys: list[_Key]) -> None:
        """Tell what was not told of these, and let go of them."""
        for key in keys:
            row = self._rows.pop(key)
            self._changed.discard(key)
            if row.count != row.told:
                self._tell(key, row)

    def _forget(self, seen: Sighting) -> None:
        """Make room for one more."""
        self._end([next(iter(self._rows))])
        self._forgotten += 1
        self.note(FORGOTTEN, seen.time, seen.frame, self._forgotten)

    def note(self, name: str, time: int, frame: int, count: int) -> None:
        """So many (since the capture began) were forgotten at a cap: it is told each time they are twice as many."""
        if count and count >= 2 * self._noted.get(name, 0):
            self._noted[name] = count
            self._ready.append(((name, "", 0), _Row(time, frame, "", "", time, count)))

    def state(self) -> Tree:
        """All that is known."""
        return {
            "rows": [
                [*key, r.time, r.frame, r.said, r.filter, r.last, r.count, r.told, r.heard]
                for key, r in self._rows.items()
            ],
            "changed": [list(key) for key in sorted(self._changed)],
            "ready": [
                [*key, r.time, r.frame, r.said, r.filter, r.last, r.count] for key, r in self._ready
            ],
            "counts": [self._again, self._forgotten], "noted": dict(self._noted),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._rows = OrderedDict(((name, entity, span), _Row(*row)) for name, entity, span, *row in state["rows"])
        self._changed = {(name, entity, span) for name, entity, span in state["changed"]}
        self._ready = [((name, entity, span), _Row(*row)) for name, entity, span, *row in state["ready"]]
        self._again, self._forgotten = state["counts"]
        self._over = -_NEVER
        self._noted = dict(state["noted"])


def _end_of(key: _Key) -> int:
    """When the span of a key ends (ns since 1970)."""
    return (key[2] + 1) * ANOMALIES[key[0]].suppression * SECOND


def host_of(entity: str) -> str:
    """The host of `192.0.2.1:443` or `[2001:db8::1]:443`; of another text the text itself."""
    if entity.startswith("["):
        return entity[1:].partition("]")[0]
    host, colon, port = entity.rpartition(":")
    return host if colon and port.isdigit() and ":" not in host else entity


def _going(number: int, key: _Key, row: _Row) -> Going:
    name, entity, _ = key
    return Going(number, name, entity, ANOMALIES[name].severity, row.time, row.last, row.said, row.filter, row.count,
                 row.heard == 0)  # fmt: skip


def _columns(ready: list[tuple[_Key, _Row]]) -> Columns:
    columns = Columns(EVENT_STATES, len(ready))
    columns.rows = len(ready)
    codes: dict[str, int] = {}
    for name, texts in (
        ("name", [key[0] for key, _ in ready]), ("entity", [key[1] for key, _ in ready]),
        ("said", [row.said for _, row in ready]), ("filter", [row.filter for _, row in ready]),
    ):  # fmt: skip
        columns.values(f"shoal.event.{name}")[:] = [codes.setdefault(text, len(codes)) for text in texts]
    columns.texts = list(codes)
    columns.values("shoal.event.frame")[:] = [row.frame for _, row in ready]
    columns.values("shoal.event.count")[:] = [row.count for _, row in ready]
    columns.values("shoal.event.time").view("i8")[:] = [row.time for _, row in ready]
    columns.values("shoal.event.last_time").view("i8")[:] = [row.last for _, row in ready]
    columns.values("shoal.event.severity")[:] = [
        SEVERITIES.index(ANOMALIES[key[0]].severity) if key[0] in ANOMALIES else 0 for key, _ in ready
    ]
    return columns
