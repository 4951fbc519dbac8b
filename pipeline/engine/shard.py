"""One shard of a capture: what a worker knows of it, from message to message."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import restore_parts, state_of
from pipeline.engine.notes import Event, Notes, event_rows, events_of
from pipeline.engine.snapshot import Tree
from pipeline.engine.trackers import Part, Sink, Trackers, Windows
from pipeline.schema.columns import Columns
from pipeline.schema.message import Head
from pipeline.schema.windows import BASE_SECONDS, LATENESS_SECONDS


@dataclass(slots=True)
class Covered:
    """Which frames of the capture came: `upto` is the last one, `missing` counts those that never did, `now` is the
    capture's time, ns since 1970. `drops` is the sequence number of the last message that told what was dropped."""

    upto: int = 0
    missing: int = 0
    now: int = 0
    drops: int = -1

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return asdict(self)

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.upto, self.missing, self.now = state["upto"], state["missing"], state["now"]
        self.drops = state["drops"]


class Shard:
    """Takes the messages of a capture's shard, each once, in their order.

    Rows of flows, events and exchanges are handed to the sinks of these names, what is counted by windows to `windows`.
    """

    def __init__(self, flows: Sink, events: Sink, exchanges: Sink | None = None,
                 windows: Windows | None = None, *, base_seconds: int = BASE_SECONDS,
                 lateness_seconds: int = LATENESS_SECONDS) -> None:
        self.notes = Notes()
        self.trackers = Trackers(self.notes, flows, exchanges, windows=windows, base_seconds=base_seconds,
                                 lateness_seconds=lateness_seconds)
        self.covered = Covered()
        self._events = events

    @property
    def upto(self) -> int:
        """The last frame that the messages covered."""
        return self.covered.upto

    def take(
        self, head: Head, columns: Columns, conversation: NDArray[np.int32], turn: NDArray[np.uint8]
    ) -> int:
        """Process the rows of a message, decoded with `after=self.upto`; how many there are.

        A message that brings nothing new is passed over. One without frames may tell that windows have ended. Where
        `head.ends`, the caller then finishes.
        """
        covered = self.covered
        told: list[Event] = [event for event in head.events if event[1] > covered.upto]
        if head.first > covered.upto + 1:
            gap = head.first - 1 - covered.upto
            covered.missing += gap
            told.append(("sequence-gap", covered.upto + 1, head.now, gap))
        if head.drops and head.sequence > covered.drops:
            covered.drops = head.sequence
            for time, count in head.drops:
                self.trackers.dropped(time, count)
        if head.last > covered.upto:
            ticks = [tick for tick in head.ticks if tick[0] > covered.upto]
            self.trackers.begin(head.windows)
            told = self.trackers.sight(told)
            self.trackers.process(columns, conversation, turn, ticks)
            covered.upto, covered.now = head.last, head.now
        else:
            columns.clear()
            self.trackers.idle(head.windows)
        told += events_of(columns, self.notes.take())
        if told:
            self._events(event_rows(told))
        return columns.rows

    def flush(self) -> None:
        """Hand out the rows that wait."""
        self.trackers.flush()

    def finish(self) -> None:
        """Hand out what waits for the end of the capture."""
        self.trackers.finish(self.covered.now)

    def state(self) -> Tree:
        """All that is known, after the messages so far; `restore` takes it back."""
        return state_of(self._parts())

    def restore(self, state: Tree) -> None:
        """Know what a state was taken from. Raises SnapshotError where it is of another version."""
        restore_parts(state, self._parts())

    def _parts(self) -> dict[str, Part]:
        return self.trackers.parts() | {"covered": self.covered}
