"""What is said over the conversations of a shard: each protocol's exchanges, as rows and as fields of frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.exchanges.dialogues import Dialogues
from pipeline.engine.exchanges.find import FIRST_DATAGRAMS, FIRST_FRAMES, QUOTED, STREAM, port_table, routes
from pipeline.engine.exchanges.names import name_rows
from pipeline.engine.exchanges.outlet import Outlet, Watcher
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.quoted import Quote, quoted_datagrams
from pipeline.engine.exchanges.registry import HEADERS, LOOKS, UDP_GUESSES, UDP_PORTS, registry
from pipeline.engine.exchanges.spoken import Spoken
from pipeline.engine.exchanges.tracker import Quotes, Settling
from pipeline.engine.minutes import Tick, rows_of_ticks
from pipeline.engine.names.track import Names
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.columns import Columns

_STREAM = cython.declare(cython.int, STREAM)
_QUOTED = cython.declare(cython.int, QUOTED)
_FIRST_FRAMES = cython.declare(cython.int, FIRST_FRAMES)
_FIRST_DATAGRAMS = cython.declare(cython.int, FIRST_DATAGRAMS)


_Now = int | None
_End = tuple[int, _Now, int]
"""Row before which a minute ends, the capture's time then (None: all numbers are given anew), the frame."""


@cython.cclass
class Exchanges:
    """All trackers of protocols.

    With `sink`, rows of the records `EXCHANGES` are handed to it; with `details`, fields of frames are put into
    `Columns.details`. `watchers` see each row of the records that they name when it is complete.
    """

    def __init__(self, notes: Notes, sink: Callable[[Columns], None] | None, *, details: bool = False,
                 watchers: Mapping[str, Sequence[Watcher]] | None = None) -> None:  # fmt: skip
        self.out = Outlet(sink, details=details, watchers=watchers)
        known = registry(notes, self.out)
        self._trackers = known.trackers
        self._datagrams = list(known.datagrams.values())
        self._ports = port_table({
            port: FIRST_DATAGRAMS + i for i, name in enumerate(known.datagrams) for port in UDP_PORTS.get(name, ())
        })
        self._frames = list(known.frames.values())
        self._headers = [
            (*values, FIRST_FRAMES + i) for i, name in enumerate(known.frames) for values in HEADERS.get(name, ())
        ]
        self._spoken = Spoken([
            (FIRST_DATAGRAMS + i, LOOKS[name]) for i, name in enumerate(known.datagrams) if name in LOOKS
        ], self._ports)
        self._settling = [tracker for tracker in self._datagrams if isinstance(tracker, Settling)]
        self._guesses = [
            (FIRST_DATAGRAMS + i, UDP_GUESSES[name]) for i, name in enumerate(known.datagrams) if name in UDP_GUESSES
        ]
        self._dialogues = Dialogues(notes, known.conversations)
        self._names = Names(notes)
        self._packet = Packet(self.out)

    def process(
        self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], ticks: Sequence[Tick]
    ) -> None:
        """Take the rows of the next batch."""
        packet, dialogues = self._packet, self._dialogues
        numbers, turns = numbers[: columns.rows], turns[: columns.rows]
        packet.begin(columns, numbers, turns, self._names.process(columns, numbers, turns))
        dialogues.begin(columns, numbers, turns)
        route = routes(columns, numbers, turns, self._ports, dialogues.followed, self._headers, self._guesses)
        self._spoken.begin(columns, numbers, turns, route, packet.named)
        quotes = quoted_datagrams(columns, self._ports) if self.out.tells else {}
        for quoted in quotes:
            route[quoted] = route[quoted] or QUOTED
        # What happens between rows: minutes end, and with the first new number of a shard all are given anew.
        ends: list[_End] = [
            (row, now, frame) for (row, now), (frame, _) in zip(rows_of_ticks(columns, ticks), ticks, strict=True)
        ]
        forgot = np.flatnonzero((turns & (bits.FORGOT | bits.QUOTED) == bits.FORGOT) & (numbers != 0))
        if len(forgot):
            frames = columns.values("frame.number")[forgot].tolist()
            ends = sorted([*ends, *((row, None, frame) for row, frame in zip(forgot.tolist(), frames, strict=True))],
                          key=_row_of)  # fmt: skip
        packet.start(route, dialogues.followed, *dialogues.passing)
        self._rows(ends, quotes, len(route))
        dialogues.end()
        for settling in self._settling:
            self._spoken.settle(settling.settled(), numbers, turns)
        name_rows(columns, packet.named, self._names.talks.hex)
        packet.end()

    def _rows(self, ends: Sequence[_End], quotes: Mapping[int, Quote], last: cython.Py_ssize_t) -> None:
        """Hand the rows that have a route to their trackers, and in between what `ends` before them."""
        packet: Packet = self._packet
        dialogues: Dialogues = self._dialogues
        datagrams, frames = self._datagrams, self._frames
        tick: cython.Py_ssize_t = 0
        until: cython.Py_ssize_t = ends[0][0] if ends else last
        to: cython.int = packet.advance()
        while to != 0:
            while until <= packet.row:
                self.out.frame = ends[tick][2]
                self._tick(ends[tick][1])
                tick += 1
                until = ends[tick][0] if tick < len(ends) else last
            self.out.frame = packet.frame
            if quotes and packet.row in quotes:
                self._quoted(packet, quotes[packet.row])
            if to == _STREAM:
                dialogues.segment(packet)
            elif to == _QUOTED:
                pass
            elif to >= _FIRST_FRAMES:
                frames[to - _FIRST_FRAMES].frame(packet)
            else:
                datagrams[to - _FIRST_DATAGRAMS].datagram(packet, packet.payload())
            to = packet.advance()
        while tick < len(ends):
            self.out.frame = ends[tick][2]
            self._tick(ends[tick][1])
            tick += 1

    def _quoted(self, packet: Packet, quote: Quote) -> None:
        tracker = self._datagrams[quote.route - FIRST_DATAGRAMS]
        if isinstance(tracker, Quotes):
            tracker.quoted(packet, quote.data, quote.ports)

    def _tick(self, now: _Now) -> None:
        if now is None:
            self._dialogues.forget()
            return
        self._dialogues.tick(now)
        for tracker in self._trackers.values():
            tracker.tick(now)

    def flush(self) -> None:
        """Hand out the rows that wait."""
        self.out.flush()

    def finish(self, now: int) -> None:
        """Tell what waits for the end of the capture, whose time is `now`."""
        self._dialogues.finish()
        for tracker in self._trackers.values():
            tracker.finish(now)
        self.out.flush()

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "out": self.out.state(), "dialogues": self._dialogues.state(), "names": self._names.state(),
            "spoken": self._spoken.state(),
            "trackers": {name: tracker.state() for name, tracker in self._trackers.items()},
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.out.restore(state["out"])
        for name, tracker in self._trackers.items():
            tracker.restore(state["trackers"][name])
        self._dialogues.restore(state["dialogues"])
        self._names.restore(state["names"])
        self._spoken.restore(state["spoken"])


def _row_of(end: _End) -> int:
    return end[0]
