"""What is known of conversations and hosts from the rows of a shard: TCP's marks and causes, flows, addresses taken.

A deterministic function of the rows: no clock, no randomness, no input or output inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.arp.duplicates import DuplicateAddresses
from pipeline.engine.flows import Flows
from pipeline.engine.minutes import Tick
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp.analysis import Analysis
from pipeline.engine.tcp.cause import Causes
from pipeline.engine.windows.bundle import Bundle, WindowTick
from pipeline.engine.windows.parts import Parts
from pipeline.schema.columns import Columns

if TYPE_CHECKING:
    from pipeline.engine.exchanges.exchanges import Exchanges

Sink = Callable[[Columns], None]
"""Takes rows that are handed out; they are overwritten when it returns."""


Windows = Callable[[Bundle], None]
"""Takes what a shard tells of windows."""


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
    `_ws.col.Protocol`; with none of them, nobody listens. With `windows`, what is counted by windows is handed to it
    behind each batch that tells something, and at the end.
    """

    def __init__(self, notes: Notes, flows: Sink | None, exchanges: Sink | None = None, *, causes: bool = True,
                 details: bool = False, names: bool = False, windows: Windows | None = None) -> None:
        self.notes = notes
        self.tcp = Analysis(notes)
        self.causes = Causes(notes)
        self.duplicates = DuplicateAddresses(notes)
        self.flows = Flows(self.causes, flows, notes) if flows is not None else None
        self.windows = Parts(notes) if windows is not None else None
        self._windows = windows
        heard = exchanges is not None or details or names or windows is not None
        self.exchanges: Exchanges | None = None
        if heard:
            # Not before: what parses certificates and the like takes longer to load than many a capture to read.
            from pipeline.engine.exchanges.exchanges import Exchanges

            watchers = [self.windows.exchange] if self.windows is not None else []
            self.exchanges = Exchanges(notes, exchanges, details=details, watchers=watchers)
        self._judges = causes or flows is not None or windows is not None

    def process(
        self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], ticks: Sequence[Tick],
        window_ticks: Sequence[WindowTick] = (),
    ) -> None:  # fmt: skip
        """Add to the rows of the next batch, in place, what only earlier rows can tell.

        `numbers` and `turns` are `Streams.conversation` and `.turn` of the rows, `ticks` what `Front.process` told,
        and `window_ticks` what `Front.window_ticks` holds.
        """
        if self.windows is not None:
            self.windows.begin(window_ticks)
        self.tcp.process(columns, numbers, turns)
        # The flows lead the causes, where there are any.
        if self.flows is not None:
            self.flows.process(columns, numbers, turns, ticks)
        elif self._judges:
            self.causes.process(columns, numbers, turns, ticks)
        self.duplicates.process(columns)
        if self.exchanges is not None:
            self.exchanges.process(columns, numbers, turns, ticks)
        if self.windows is not None:
            self.windows.process(columns, numbers, turns)
            self._hand_out()

    def idle(self, window_ticks: Sequence[WindowTick]) -> None:
        """Windows end, and no frames came."""
        if self.windows is not None and window_ticks:
            self.windows.begin(window_ticks)
            self.windows.pass_all()
            self._hand_out()

    def _hand_out(self, *, ends: bool = False) -> None:
        """Hand out what windows have to tell."""
        if self.windows is not None and self._windows is not None:
            bundle = self.windows.take(ends=ends)
            if bundle is not None:
                self._windows(bundle)

    def parts(self) -> dict[str, Part]:
        """What is kept in a snapshot, by name."""
        parts: dict[str, Part] = {
            "tcp": self.tcp, "causes": self.causes, "duplicates": self.duplicates, "notes": self.notes,
        }  # fmt: skip
        if self.flows is not None:
            parts["flows"] = self.flows
        if self.exchanges is not None:
            parts["exchanges"] = self.exchanges
        if self.windows is not None:
            parts["windows"] = self.windows
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
        if self.windows is not None:
            self.windows.finish()
            self._hand_out(ends=True)
