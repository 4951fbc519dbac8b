"""What `Front` notes of all frames of a capture, as sightings: floods of hardware addresses, jumps of the clock.

Notes are of the whole capture, and are heard by one shard alone, the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.engine.anomalies.detector import TickAt
from pipeline.engine.notes import Event
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import ANOMALIES, Sighting

_SAID = {
    "mac-flooding": "Hardware addresses that were never seen before keep coming, each with a single frame",
    "clock-jump": "The time of frame {frame} is not that of the frames before it",
}
_FILTER = {"mac-flooding": "eth", "clock-jump": "frame.number == {frame}"}


class Noted:
    """Remembers how many of each name there were: notes count from the beginning of the capture."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def take(self, events: Sequence[Event], tick_of: TickAt) -> tuple[list[Event], list[Sighting]]:
        """The events that are no anomalies, and sightings of the others; `tick_of` gives the window tick behind which
        a frame comes."""
        rest: list[Event] = []
        seen: list[Sighting] = []
        for event in events:
            name, frame, time, count = event
            if name not in ANOMALIES:
                rest.append(event)
                continue
            more = count - self._counts.get(name, 0)
            self._counts[name] = count
            said, shows = _SAID.get(name, ANOMALIES[name].meaning), _FILTER.get(name, "")
            seen.append(Sighting(name, tick_of(frame), frame, time, "", said.format(frame=frame),
                                 shows.format(frame=frame), more))  # fmt: skip
        return rest, seen

    def state(self) -> Tree:
        """All that is known."""
        return {"counts": dict(self._counts)}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._counts = dict(state["counts"])
