"""What needs all frames of a capture, in their order, and so runs where they are captured, before they are shared out.

Datagrams are put together from fragments, conversations get their indices (`tcp.stream`, `udp.stream`) and numbers, and
the capture's own minutes and windows are told; floods of hardware addresses and jumps of the clock are noted. What
follows (`Trackers`) needs the rows of one shard alone.
"""

from __future__ import annotations

from pipeline.engine.clock import Clock
from pipeline.engine.conversations import shard_of
from pipeline.engine.fragments import Reassembly
from pipeline.engine.minutes import Minutes, Tick
from pipeline.engine.notes import Notes
from pipeline.engine.senders import Senders
from pipeline.engine.streams import Streams
from pipeline.engine.windows.bundle import WindowTick
from pipeline.engine.windows.ticks import WindowTicks
from pipeline.schema.columns import Columns
from pipeline.schema.windows import BASE_SECONDS

__all__ = ["Front", "Tick", "shard_of"]


class Front:
    """The frames of one capture, whose conversations are numbered for `shards` shards (see `shard_of`).

    After `process`, `streams.conversation` and `streams.turn` tell which conversation each row of the batch is of, and
    `window_ticks` which windows ended within it.
    """

    def __init__(self, notes: Notes | None = None, shards: int = 1, base_seconds: int = BASE_SECONDS) -> None:
        self.notes = notes or Notes()
        self.reassembly = Reassembly(self.notes)
        self.streams = Streams(self.notes, shards)
        self.minutes = Minutes()
        self.senders = Senders(self.notes)
        self.clock = Clock(self.notes)
        self.windows = WindowTicks(base_seconds)
        self.window_ticks: list[WindowTick] = []

    def process(self, columns: Columns) -> list[Tick]:
        """Add to the rows of the next batch, in place; the minutes that end within it."""
        self.clock.process(columns)
        self.senders.process(columns)
        self.reassembly.process(columns)
        self.streams.process(columns)
        self.window_ticks = self.windows.process(columns)
        return self.minutes.process(columns, self.streams.conversation, self.streams.turn)
