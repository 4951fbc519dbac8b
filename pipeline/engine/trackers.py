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
from pipeline.engine.notes import Event, Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp.analysis import Analysis
from pipeline.engine.tcp.cause import Causes
from pipeline.engine.windows.bundle import Bundle, WindowTick
from pipeline.schema.columns import Columns
from pipeline.schema.windows import BASE_SECONDS, LATENESS_SECONDS

if TYPE_CHECKING:
    from pipeline.engine.anomalies.tracker import Anomalies
    from pipeline.engine.exchanges.exchanges import Exchanges
    from pipeline.engine.exchanges.outlet import Row, Watcher
    from pipeline.engine.windows.parts import Parts

Sink = Callable[[Columns], None]
"""Takes rows that are handed out; they are overwritten when it returns."""

Windows = Callable[[Bundle], None]
"""Takes what a shard tells of windows."""


def _no_tick(_: int) -> int:
    return 0


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
    `_ws.col.Protocol`; with none of them, nobody listens. With `windows`, what is counted by windows of `base_seconds`,
    and what is seen of anomalies, is handed to it behind each batch that tells something, and at the end. With
    `sightings`, anomalies are looked for without windows as well.
    """

    def __init__(self, notes: Notes, flows: Sink | None, exchanges: Sink | None = None, *, causes: bool = True,
                 details: bool = False, names: bool = False, windows: Windows | None = None,
                 base_seconds: int = BASE_SECONDS, lateness_seconds: int = LATENESS_SECONDS,
                 sightings: bool = False) -> None:
        self.notes = notes
        self._windows = windows
        self.windows: Parts | None = None
        self.anomalies: Anomalies | None = None
        if windows is not None:
            from pipeline.engine.windows.parts import Parts

            self.windows = Parts(notes, base_seconds, lateness_seconds)
        if windows is not None or sightings:
            from pipeline.engine.anomalies.tracker import Anomalies

            self.anomalies = Anomalies(notes)
            flows = self.anomalies.hears(flows)
        self.tcp = Analysis(notes)
        self.causes = Causes(notes)
        self.duplicates = DuplicateAddresses(notes)
        self.flows = Flows(self.causes, flows, notes) if flows is not None else None
        heard = exchanges is not None or details or names or windows is not None
        self.exchanges: Exchanges | None = None
        if heard:
            # Not before: what parses certificates and the like takes longer to load than many a capture to read.
            from pipeline.engine.exchanges.exchanges import Exchanges

            self.exchanges = Exchanges(notes, exchanges, details=details, watchers=self._watchers())
        self._judges = causes or flows is not None or windows is not None

    def begin(self, window_ticks: Sequence[WindowTick]) -> None:
        """The next batch's ends of windows, as `Front.window_ticks` holds them."""
        if self.windows is not None:
            self.windows.begin(window_ticks)

    def dropped(self, time: int, count: int) -> None:
        """Who captures had to drop `count` frames about `time`, ns since 1970."""
        if self.windows is not None:
            self.windows.dropped(time, count)

    def sight(self, events: list[Event]) -> list[Event]:
        """Take those of the next batch's events that are anomalies; the others. `begin` was called."""
        if self.anomalies is None:
            return events
        return self.anomalies.noted(events, self.windows.tick_at if self.windows is not None else _no_tick)

    def _watchers(self) -> dict[str, list[Watcher]]:
        """Who sees rows of exchanges, by record: most records nobody."""
        watchers: dict[str, list[Watcher]] = {}
        if self.windows is not None:
            from pipeline.engine.anomalies.said import RECORDS as SAID
            from pipeline.engine.windows.said import RECORDS as COUNTED

            for names, watcher in ((COUNTED, self.windows.exchange), (SAID, self._said)):
                for name in names:
                    watchers.setdefault(name, []).append(watcher)
        return watchers

    def _said(self, name: str, row: Row, frame: int) -> None:
        """A row of an exchange is complete at a frame of the batch under way."""
        if self.anomalies is not None and self.windows is not None:
            self.anomalies.said.row(name, row, self.windows.tick_at(frame))

    def process(
        self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], ticks: Sequence[Tick]
    ) -> None:
        """Add to the rows of the next batch, in place, what only earlier rows can tell.

        `numbers` and `turns` are `Streams.conversation` and `.turn` of the rows, `ticks` what `Front.process` told;
        the ends of windows within the batch were told to `begin`.
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
            if self.windows is None:
                self.anomalies.process(columns, numbers, turns)
                return
            frames, windows = columns.values("frame.number"), self.windows
            self.anomalies.process(columns, numbers, turns, lambda row: windows.tick_at(int(frames[row])))
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
            for sighting in self.anomalies.take() if self.anomalies is not None else ():
                self.windows.sight(sighting)
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
        if self.anomalies is not None:
            parts["anomalies"] = self.anomalies
        if self.windows is not None:
            parts["windows"] = self.windows
        return parts

    def flush(self) -> None:
        """Hand out the rows that wait, and what is seen in them."""
        if self.flows is not None:
            self.flows.flush()
        if self.exchanges is not None:
            self.exchanges.flush()
        self._hand_out()

    def finish(self, now: int) -> None:
        """Hand out what waits for the end of the capture, whose time is `now` (`Minutes.now`)."""
        if self.flows is not None:
            self.flows.finish(now)
        if self.exchanges is not None:
            self.exchanges.finish(now)
        if self.anomalies is not None:
            self.anomalies.finish(now)
        if self.windows is not None:
            self.windows.finish()
            self._hand_out(ends=True)
