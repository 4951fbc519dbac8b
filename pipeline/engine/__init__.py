"""The engine: a deterministic function of batches of rows. No clock, no randomness, no input or output inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pipeline.engine.arp import DuplicateAddresses
from pipeline.engine.flows import Flows
from pipeline.engine.fragments import Reassembly
from pipeline.engine.notes import Notes, event_rows
from pipeline.engine.snapshot import SnapshotError, Tree, pack, unpack
from pipeline.engine.streams import Streams
from pipeline.engine.tcp.analysis import Analysis
from pipeline.engine.tcp.cause import Causes
from pipeline.schema.columns import Columns

__all__ = ["Engine", "SnapshotError"]

ENGINE_STATE = 2
"""Moves with every change of what the parts keep, so that no engine takes back what it would misread."""


class Part(Protocol):
    """A part of the engine that remembers."""

    def state(self) -> Tree:
        """All that is known."""

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""


class Engine:
    """The stateful columns of one capture, in the order of its frames.

    With `flows`, each batch of rows of `FLOW_STATES` is handed to it, in their order; with `events`, of
    `EVENT_STATES`. Without `causes` (and `flows`) `shoal.tcp.cause` stays empty, and costs nothing.
    """

    def __init__(
        self,
        flows: Callable[[Columns], None] | None = None,
        events: Callable[[Columns], None] | None = None,
        *,
        causes: bool = True,
    ) -> None:
        self.notes = Notes()
        self.reassembly = Reassembly(self.notes)
        self.streams = Streams(self.notes)
        self.tcp = Analysis(self.notes)
        self.causes = Causes(self.notes)
        self.duplicates = DuplicateAddresses(self.notes)
        self.flows = Flows(self.causes, flows, self.notes) if flows is not None else None
        self._events = events
        self._judges = causes or flows is not None

    def process(self, columns: Columns) -> None:
        """Add to the rows of the next batch, in place, what only earlier rows can tell."""
        self.reassembly.process(columns)
        self.streams.process(columns)
        self.tcp.process(columns, self.streams.conversation, self.streams.turn)
        # The flows lead the causes, where there are any.
        if self._judges:
            last = self.causes if self.flows is None else self.flows
            last.process(columns, self.streams.conversation, self.streams.turn)
        self.duplicates.process(columns)
        noted = self.notes.take()
        if noted and self._events is not None:
            self._events(event_rows(columns, noted))

    def snapshot(self) -> bytes:
        """All that the engine knows, after the rows so far; `restore` takes it back."""
        parts = {name: part.state() for name, part in self._parts().items()}
        return pack({"engine": ENGINE_STATE, "parts": parts})

    def restore(self, snapshot: bytes) -> None:
        """Know what a snapshot was taken from, and go on from there.

        Raises SnapshotError where it is damaged, of another version, or of an engine with other parts.
        """
        tree = unpack(snapshot)
        parts = self._parts()
        if tree.get("engine") != ENGINE_STATE or tree["parts"].keys() != parts.keys():
            raise SnapshotError("the snapshot is of another version of the engine, or of other parts of it")
        for name, part in parts.items():
            part.restore(tree["parts"][name])

    def _parts(self) -> dict[str, Part]:
        parts: dict[str, Part] = {
            "reassembly": self.reassembly, "streams": self.streams, "tcp": self.tcp, "causes": self.causes,
            "duplicates": self.duplicates, "notes": self.notes,
        }  # fmt: skip
        return parts if self.flows is None else parts | {"flows": self.flows}

    def finish(self) -> None:
        """Hand out what waits for the end of the capture."""
        if self.flows is not None:
            self.flows.finish()
