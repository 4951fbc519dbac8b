"""All anomalies of one capture: takes what is behind ticks, tells events, and what goes on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pipeline.detect.anomalies.attempts import Attempts, attempts_of
from pipeline.detect.anomalies.busy import Busy, busy_of
from pipeline.detect.anomalies.dns import DnsNames
from pipeline.detect.anomalies.failing import Failing
from pipeline.detect.anomalies.floods import floods
from pipeline.detect.anomalies.gaps import gaps
from pipeline.detect.anomalies.gather import Gather, Going
from pipeline.detect.anomalies.scans import Scans
from pipeline.detect.anomalies.tls import Certificates
from pipeline.engine.anomalies.said_rows import sighting_of, sighting_state
from pipeline.engine.snapshot import Tree
from pipeline.engine.windows.bundle import Closed, WindowTick
from pipeline.schema.anomalies import ANOMALIES, Sighting
from pipeline.schema.columns import Columns


class Anomalies:
    """Detectors over `Closed`, and the `Gather` that all sightings come to.

    What it tells does not depend on how the ticks are shared out among the `Closed`.
    """

    def __init__(self) -> None:
        self.gather = Gather()
        self._scans = Scans()
        self._failing = Failing()
        self._dns = DnsNames()
        self._tls = Certificates()
        self._waiting: list[Sighting] = []
        self._last = (0, 0, 0, 0)

    def take(self, closed: Closed) -> list[Going]:
        """Take what is behind the ticks of `closed`; gives the anomalies with action `alert` that began or went on, by
        tick, name and entity."""
        self._waiting += closed.sightings
        # The last is due first.
        due = sorted(self._waiting, key=_order)[::-1]
        attempts, numbers = attempts_of(closed.parts), closed.parts.values("shoal.window.tick")
        busy = busy_of(closed.parts, attempts)
        going: list[Going] = []
        for tick in closed.ticks:
            number = tick[0]
            self._last = tick
            seen = []
            while due and due[-1].tick < number:
                seen.append(due.pop())
            if seen or not self._idle(tick, busy):
                # Parts are told at a tick: those with its number are of what came before it.
                rows = slice(*np.searchsorted(numbers, [number, number + 1]).tolist())
                which = slice(*np.searchsorted(attempts.tick, [number, number + 1]).tolist())
                going += self._judge(tick, seen, closed.parts, rows, attempts, which, busy)
        number, frame, now, again = self._last
        self._waiting = [one for one in self._waiting if one.tick >= number]
        if closed.ends:
            # What came behind the last tick is told at the end, whatever tick it names.
            beyond = max([number, *(one.tick for one in self._waiting), *numbers[-1:].tolist()]) + 1
            rows = slice(int(np.searchsorted(numbers, number, "right")), len(numbers))
            which = slice(int(np.searchsorted(attempts.tick, number, "right")), len(attempts))
            self._waiting = []
            going += self._judge((beyond, frame, now, again), due[::-1], closed.parts, rows, attempts, which, None)
            going += self.gather.finish(beyond)
        return going

    def rows(self) -> Columns | None:
        """Rows of `EVENT_STATES` that were told since they were asked for last, without labels; None for nothing."""
        return self.gather.rows()

    def _idle(self, tick: WindowTick, busy: Busy) -> bool:
        """Whether nothing came of the tick, and nothing that is kept changes with it."""
        number, _, now, again = tick
        return not (
            number in busy.failed or number in busy.asked or number in busy.missed or len(self._scans)
            or len(self._failing) or len(self._dns) or self.gather.due(now, again)
        )

    def _judge(self, tick: WindowTick, seen: list[Sighting], parts: Columns, rows: slice, attempts: Attempts,
               which: slice, busy: Busy | None) -> list[Going]:  # fmt: skip
        """Take what was `seen` up to the tick, the parts in `rows` and the attempts in `which`. All detectors look,
        unless `busy` tells that some need not."""
        number, frame, now, again = tick
        self.gather.take(one for one in seen if one.name in ANOMALIES)
        if busy is None or number in busy.asked:
            self._dns.parts(parts, rows)
        for detector in (self._dns, self._tls):
            mine = [one for one in seen if one.name in detector.takes]
            if mine or detector is self._dns:
                self.gather.take(detector.tick(number, now, mine))
        if busy is None or number in busy.failed or len(self._scans) or len(self._failing):
            self.gather.take(self._attempts(number, max(0, frame - 1), now, attempts.of(which)))
        if busy is None or number in busy.missed:
            self.gather.take(gaps(number, max(0, frame - 1), parts, rows))
        self.gather.note("attempts-forgotten", now, frame, self._scans.forgotten + self._failing.forgotten)
        self.gather.note("observations-forgotten", now, frame, self._dns.forgotten + self._tls.forgotten)
        return self.gather.tick(number, now, again)

    def _attempts(self, number: int, frame: int, now: int, attempts: Attempts) -> Iterable[Sighting]:
        """What attempts to connect show: what is a flood is no scan, and what is either is no failing server."""
        told, flooded = floods(number, frame, attempts)
        rest = attempts.of(~flooded) if flooded.any() else attempts
        told += self._scans.tick(number, frame, now, rest)
        scanning = self._scans.scanning(rest)
        told += self._failing.tick(number, frame, now, rest.of(~scanning) if scanning.any() else rest)
        return told

    def state(self) -> Tree:
        """All that is known."""
        return {
            "gather": self.gather.state(), "scans": self._scans.state(), "failing": self._failing.state(),
            "dns": self._dns.state(), "tls": self._tls.state(), "last": list(self._last),
            "waiting": [sighting_state(one) for one in self._waiting],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.gather.restore(state["gather"])
        self._scans.restore(state["scans"])
        self._failing.restore(state["failing"])
        self._dns.restore(state["dns"])
        self._tls.restore(state["tls"])
        number, frame, now, again = state["last"]
        self._last = number, frame, now, again
        self._waiting = [sighting_of(one) for one in state["waiting"]]


def _order(one: Sighting) -> tuple[int, int, str, int, str, str, str]:
    """An order of sightings that does not depend on how they came."""
    return one.tick, one.frame, one.name, one.time, one.entity, one.value, one.said
