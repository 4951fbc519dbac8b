"""What the engine had to give up, as events: a name, the row at which it happened, and how much so far."""

from __future__ import annotations

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


def event_rows(columns: Columns, notes: list[Note]) -> Columns:
    """The notes of the batch in `columns` as rows of `EVENT_STATES`, without labels."""
    rows = Columns(EVENT_STATES, len(notes))
    rows.rows = len(notes)
    at = [note.row for note in notes]
    rows.values("shoal.event.frame")[:] = columns.values("frame.number")[at]
    rows.values("shoal.event.time")[:] = columns.values("frame.time")[at]
    rows.values("shoal.event.count")[:] = [note.count for note in notes]
    rows.texts = list(EVENTS)
    rows.values("shoal.event.name")[:] = [rows.texts.index(note.name) for note in notes]
    return rows
