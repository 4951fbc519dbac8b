"""The engine: a deterministic function of batches of rows. No clock, no randomness, no input or output inside."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.engine.arp import DuplicateAddresses
from pipeline.engine.flows import Flows
from pipeline.engine.fragments import Reassembly
from pipeline.engine.streams import Streams
from pipeline.engine.tcp.analysis import Analysis
from pipeline.schema.columns import Columns

__all__ = ["Engine"]


class Engine:
    """The stateful columns of one capture, in the order of its frames.

    With `flows`, each batch of rows of `FLOW_STATES` is handed to it, in their order.
    """

    def __init__(self, flows: Callable[[Columns], None] | None = None) -> None:
        self.reassembly = Reassembly()
        self.streams = Streams()
        self.tcp = Analysis()
        self.duplicates = DuplicateAddresses()
        self.flows = Flows(flows) if flows is not None else None

    def process(self, columns: Columns) -> None:
        """Add to the rows of the next batch, in place, what only earlier rows can tell."""
        self.reassembly.process(columns)
        self.streams.process(columns)
        self.tcp.process(columns, self.streams.conversation, self.streams.turn)
        self.duplicates.process(columns)
        if self.flows is not None:
            self.flows.process(columns, self.streams.conversation, self.streams.turn)

    def finish(self) -> None:
        """Hand out what waits for the end of the capture."""
        if self.flows is not None:
            self.flows.finish()
