"""The engine: a deterministic function of batches of rows. No clock, no randomness, no input or output inside."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.engine.front import Front
from pipeline.engine.notes import Notes, event_rows, events_of
from pipeline.engine.snapshot import SnapshotError, Tree, pack, unpack
from pipeline.engine.trackers import Part, Sink, Trackers, Windows
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns
from pipeline.schema.windows import BASE_SECONDS, LATENESS_SECONDS

__all__ = ["ENGINE_STATE", "Engine", "SnapshotError", "restore_parts", "state_of"]

ENGINE_STATE = 7
"""Moves with every change of what the parts keep, so that no engine takes back what it would misread."""


def state_of(parts: dict[str, Part]) -> Tree:
    """What the parts of an engine know, for `pack`."""
    return {"engine": ENGINE_STATE, "parts": {name: part.state() for name, part in parts.items()}}


def restore_parts(state: Tree, parts: dict[str, Part]) -> None:
    """Let the parts know what `state_of` told of such parts.

    Raises SnapshotError where it is of another version, or of an engine with other parts.
    """
    if state.get("engine") != ENGINE_STATE or state["parts"].keys() != parts.keys():
        raise SnapshotError("the snapshot is of another version of the engine, or of other parts of it")
    for name, part in parts.items():
        part.restore(state["parts"][name])


class Engine:
    """The stateful columns of one whole capture, in the order of its frames: `Front` and `Trackers` in one place.

    With `flows`, each batch of rows of `FLOW_STATES` is handed to it, in their order; with `events`, of
    `EVENT_STATES`; with `exchanges`, of the records `EXCHANGES`. Without `causes` (and `flows`) `shoal.tcp.cause` stays
    empty, and costs nothing. With `details`, fields of what is said in the frames are put into `Columns.details`;
    with `names` there is at least `_ws.col.Protocol`, as there is with `details` and `exchanges`. With `windows`, a
    `Bundle` is handed to it behind each batch that tells something of windows or anomalies, and at the end; windows are
    of `base_seconds`, and frames that are later than `lateness_seconds` change none. With `sightings` and without
    `windows`, what is seen of anomalies is handed to it behind each batch.
    """

    def __init__(self, flows: Sink | None = None, events: Sink | None = None, exchanges: Sink | None = None, *,
                 causes: bool = True, details: bool = False, names: bool = False,
                 windows: Windows | None = None, base_seconds: int = BASE_SECONDS,
                 lateness_seconds: int = LATENESS_SECONDS,
                 sightings: Callable[[list[Sighting]], None] | None = None) -> None:
        self.notes = Notes()
        self.front = Front(self.notes, base_seconds=base_seconds)
        self.trackers = Trackers(self.notes, flows, exchanges, causes=causes, details=details, names=names,
                                 windows=windows, base_seconds=base_seconds, lateness_seconds=lateness_seconds,
                                 sightings=sightings is not None)
        self.reassembly = self.front.reassembly
        self.streams = self.front.streams
        self.tcp = self.trackers.tcp
        self.causes = self.trackers.causes
        self.duplicates = self.trackers.duplicates
        self.flows = self.trackers.flows
        self.exchanges = self.trackers.exchanges
        self.anomalies = self.trackers.anomalies
        self._events = events
        self._sightings = sightings

    def process(self, columns: Columns, dropped: int = 0) -> None:
        """Add to the rows of the next batch, in place, what only earlier rows can tell. Who captures had to drop
        `dropped` frames since it told so last."""
        ticks = self.front.process(columns)
        if dropped:
            self.trackers.dropped(self.front.windows.now, dropped)
        self.trackers.begin(self.front.window_ticks)
        told = self.trackers.sight(events_of(columns, self.notes.take()))
        self.trackers.process(columns, self.streams.conversation, self.streams.turn, ticks)
        told += events_of(columns, self.notes.take())
        if told and self._events is not None:
            self._events(event_rows(told))
        self._tell()

    def _tell(self) -> None:
        """Hand out what was seen of anomalies."""
        if self._sightings is not None and self.anomalies is not None:
            self._sightings(self.anomalies.take())

    def idle(self, now: int, dropped: int = 0) -> None:
        """No frame came until `now`, ns since 1970 by the clock that stamps frames: tell the windows that ended. Who
        captures had to drop `dropped` frames since it told so last."""
        windows = self.trackers.windows
        if windows is not None:
            if dropped:
                windows.dropped(now, dropped)
            self.trackers.idle(self.front.windows.idle(now, windows.frame + 1))

    def snapshot(self) -> bytes:
        """All that the engine knows, after the rows so far; `restore` takes it back."""
        return pack(state_of(self._parts()))

    def restore(self, snapshot: bytes) -> None:
        """Know what a snapshot was taken from, and go on from there.

        Raises SnapshotError where it is damaged, of another version, or of an engine with other parts.
        """
        restore_parts(unpack(snapshot), self._parts())

    def _parts(self) -> dict[str, Part]:
        front: dict[str, Part] = {
            "reassembly": self.reassembly, "streams": self.streams, "minutes": self.front.minutes,
            "senders": self.front.senders, "clock": self.front.clock, "window ticks": self.front.windows,
        }  # fmt: skip
        return front | self.trackers.parts()

    def finish(self) -> None:
        """Hand out what waits for the end of the capture."""
        self.trackers.finish(self.front.minutes.now)
        self._tell()
