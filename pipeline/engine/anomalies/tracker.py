"""`Anomalies`: the detectors of a shard, one after the other over each batch, and what they saw until it is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.anomalies.claims import Claims
from pipeline.engine.anomalies.connections import Connections
from pipeline.engine.anomalies.detector import Batch, Detector, TickAt
from pipeline.engine.anomalies.endings import Endings
from pipeline.engine.anomalies.noted import Noted
from pipeline.engine.anomalies.said import Said
from pipeline.engine.notes import Event, Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns

DETECTORS: dict[str, Callable[[Notes], Detector]] = {
    "connections": Connections,
    "claims": Claims,
}
"""Detectors of rows, by the name under which their state is kept, in the order in which they are asked."""


def _first(row: int) -> int:
    return 0


class Anomalies:
    """What a shard sees of anomalies: behind the analysis of TCP, flows, causes and exchanges."""

    def __init__(self, notes: Notes) -> None:
        self._detectors = {name: make(notes) for name, make in DETECTORS.items()}
        self._endings = Endings()
        self.said = Said()
        self._noted = Noted()
        self._sightings: list[Sighting] = []

    def process(
        self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], tick_at: TickAt = _first
    ) -> None:
        """Take the rows of the next batch; `numbers` and `turns` are `Streams.conversation` and `.turn`."""
        batch = Batch(columns, numbers[: columns.rows], turns[: columns.rows], tick_at)
        for detector in self._detectors.values():
            detector.process(batch)
        self._sightings += batch.sightings

    def hears(self, flows: Callable[[Columns], None] | None) -> Callable[[Columns], None]:
        """A sink of rows of `FLOW_STATES` that lets this look at them before it hands them on."""

        def told(columns: Columns) -> None:
            self.flows_told(columns)
            if flows is not None:
                flows(columns)

        return told

    def flows_told(self, columns: Columns) -> None:
        """Take rows of `FLOW_STATES` that are handed out. Their sightings have the tick 0: it is not known."""
        self._sightings += self._endings.told(columns)

    def noted(self, events: Sequence[Event], tick_of: TickAt = _first) -> list[Event]:
        """Take what was noted of the capture; gives the events that are no anomalies. `tick_of` gives the window tick
        behind which a frame comes."""
        rest, seen = self._noted.take(events, tick_of)
        self._sightings += seen
        return rest

    def take(self) -> list[Sighting]:
        """What was seen since this was called last."""
        taken, self._sightings = self._sightings, []
        return taken + self.said.take()

    def finish(self, now: int) -> None:
        """The capture is at its end, at the time `now`: nothing waits for it."""

    def state(self) -> Tree:
        """All that is known, between two batches."""
        return {
            "seen": [astuple(one) for one in self._sightings], "endings": self._endings.state(),
            "said": self.said.state(), "noted": self._noted.state(),
        } | {name: detector.state() for name, detector in self._detectors.items()}  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._sightings = [Sighting(*one) for one in state["seen"]]
        self._endings.restore(state["endings"])
        self.said.restore(state["said"])
        self._noted.restore(state["noted"])
        for name, detector in self._detectors.items():
            detector.restore(state[name])
