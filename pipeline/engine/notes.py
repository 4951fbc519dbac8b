"""What the engine had to give up, as events: a name, the row at which it happened, and how much so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.engine.snapshot import Tree
from pipeline.schema.columns import Columns
from pipeline.schema.events import EVENT_STATES, EVENTS


@dataclass(frozen=True, slots=True)
class Note:
    """At row `row` of the batch, `count` had been given up since the capture began."""

    name: str
    row: int
    count: int


class Notes:
    """Takes notes of the batch under way. One is kept where its count is at least twice that of the one before: so a
    flood gives a few rows, and they do not depend on how the frames were cut into batches."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        self._waiting: list[Note] = []

    def note(self, name: str, row: int, count: int) -> None:
        """Something was given up."""
        if count >= 2 * self._told.get(name, 0):
            self._told[name] = count
            self._waiting.append(Note(name, row, count))

    def take(self) -> list[Note]:
        """The notes of the batch, in the order of their rows; they are forgotten here."""
        waiting, self._waiting = sorted(self._waiting, key=lambda note: note.row), []
        return waiting

    def state(self) -> Tree:
        """All that is known between two batches, for a snapshot."""
        return {"told": dict(self._told)}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._told = dict(state["told"])


Event = tuple[str, int, int, int]
"""Name, number and time (ns) of the frame at which it happened, and how many were concerned so far."""


def events_of(columns: Columns, notes: list[Note]) -> list[Event]:
    """The notes of the batch in `columns`, with the frames of their rows."""
    numbers, times = columns.values("frame.number"), columns.values("frame.time").view("i8")
    return [(note.name, int(numbers[note.row]), int(times[note.row]), note.count) for note in notes]


def event_rows(events: Sequence[Event]) -> Columns:
    """The events as rows of `EVENT_STATES`, without labels."""
    rows = Columns(EVENT_STATES, len(events))
    rows.rows = len(events)
    rows.texts = [*EVENTS, ""]
    rows.values("shoal.event.name")[:] = [rows.texts.index(name) for name, _, _, _ in events]
    for text in ("shoal.event.entity", "shoal.event.said", "shoal.event.filter"):
        rows.values(text)[:] = len(EVENTS)
    rows.values("shoal.event.frame")[:] = [frame for _, frame, _, _ in events]
    for when in ("shoal.event.time", "shoal.event.last_time"):
        rows.values(when).view("i8")[:] = [time for _, _, time, _ in events]
    rows.values("shoal.event.count")[:] = [count for _, _, _, count in events]
    return rows
