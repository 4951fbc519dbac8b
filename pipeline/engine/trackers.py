"""What is known of conversations and hosts from the rows of a shard: TCP's marks and causes, flows, addresses taken.

A deterministic function of the rows: no clock, no randomness, no input or output inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.anomalies.tracker import Anomalies
from pipeline.engine.arp.duplicates import DuplicateAddresses
from pipeline.engine.flows import Flows
from pipeline.engine.minutes import Tick
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp.analysis import Analysis
from pipeline.engine.tcp.cause import Causes
from pipeline.schema.columns import Columns

if TYPE_CHECKING:
    from pipeline.engine.exchanges.exchanges import Exchanges

Sink = Callable[[Columns], None]
"""Takes rows that are handed out; they are overwritten when it returns."""


class Part(Protocol):
    """A part of the engine that remembers."""

    def state(self) -> Tree:
        """All that is known."""

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""


class Trackers:
    """The stateful columns that follow from one shard's rows.

    With `flows`, each batch of rows of `FLOW_STATES` is handed to it, in their order. Without `causes` (and `flows`)
    `shoal.tcp.cause` stays empty, and costs nothing. With `exchanges`, rows of the records `EXCHANGES` are handed to
    it; with `details`, fields of what is said are put into `Columns.details`; with `names` there is at least
    `_ws.col.Protocol`; with none of them, nobody listens. With `sightings`, anomalies are looked for, flows among them.
    """

    def __init__(self, notes: Notes, flows: Sink | None, exchanges: Sink | None = None, *, causes: bool = True,
                 details: bool = False, names: bool = False, sightings: bool = False) -> None:
        self.notes = notes
        self.anomalies = Anomalies(notes) if sightings else None
        if self.anomalies is not None:
            flows = self.anomalies.hears(flows)
        self.tcp = Analysis(notes)
        self.causes = Causes(notes)
        self.duplicates = DuplicateAddresses(notes)
        self.flows = Flows(self.causes, flows, notes) if flows is not None else None
        heard = exchanges is not None or details or names
        self.exchanges: Exchanges | None = None
        if heard:
            # Not before: what parses certificates and the like takes longer to load than many a capture to read.
            from pipeline.engine.exchanges.exchanges import Exchanges

            self.exchanges = Exchanges(notes, exchanges, details=details)
        self._judges = causes or flows is not None

    def process(
        self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], ticks: Sequence[Tick]
    ) -> None:
        """Add to the rows of the next batch, in place, what only earlier rows can tell.

        `numbers` and `turns` are `Streams.conversation` and `.turn` of the rows, `ticks` what `Front.process` told.
        """
        self.tcp.process(columns, numbers, turns)
        # The flows lead the causes, where there are any.
        if self.flows is not None:
            self.flows.process(columns, numbers, turns, ticks)
        elif self._judges:
            self.causes.process(columns, numbers, turns, ticks)
        self.duplicates.process(columns)
        if self.exchanges is not None:
            self.exchanges.process(columns, numbers, turns, ticks)
        if self.anomalies is not None:
            self.anomalies.process(columns, numbers, turns)

    def parts(self) -> dict[str, Part]:
        """What is kept in a snapshot, by name."""
        parts: dict[str, Part] = {
            "tcp": self.tcp, "causes": self.causes, "duplicates": self.duplicates, "notes": self.notes,
        }  # fmt: skip
        if self.flows is not None:
            parts["flows"] = self.flows
        if self.exchanges is not None:
            parts["exchanges"] = self.exchanges
        if self.anomalies is not None:
            parts["anomalies"] = self.anomalies
        return parts

    def flush(self) -> None:
        """Hand out the rows that wait."""
        if self.flows is not None:
            self.flows.flush()
        if self.exchanges is not None:
            self.exchanges.flush()

    def finish(self, now: int) -> None:
        """Hand out what waits for the end of the capture, whose time is `now` (`Minutes.now`)."""
        if self.flows is not None:
            self.flows.finish(now)
        if self.exchanges is not None:
            self.exchanges.finish(now)
        if self.anomalies is not None:
            self.anomalies.finish(now)
