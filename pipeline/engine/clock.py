"""Jumps of the clock by which frames were captured: their times fall back, or leap ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.columns import Columns

BACK_NS = 1_000_000_000
"""From one frame to the next of an interface, time may fall back by so much: queues of a card are read by turns."""
AHEAD_NS = 3_600_000_000_000
"""And be ahead by so much. A quiet link may be silent for longer: it counts only where frames came often before."""
OFTEN_NS = 60_000_000_000
"""A link is not quiet where `FRAMES` frames came within such a time."""
FRAMES = 16

_NONE = -1


class Clock:
    """The times of all frames of a capture, of each interface by itself."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._jumps = 0
        # Of each interface the times of its last frames, ns, oldest first.
        self._last: dict[int, list[int]] = {}

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"jumps": self._jumps, "last": [[interface, times] for interface, times in self._last.items()]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._jumps = state["jumps"]
        self._last = dict(state["last"])

    def process(self, columns: Columns) -> None:
        """Take the times of the next batch."""
        if not columns.rows:
            return
        times = columns.values("frame.time").view(np.int64)
        there = columns.present("frame.interface_id")
        assert there is not None
        interfaces = np.where(there, columns.values("frame.interface_id"), _NONE)
        if (interfaces == interfaces[0]).all():
            rows = self._jumped(int(interfaces[0]), times)
        else:
            found = [np.zeros(0, np.int64)]
            for interface in np.unique(interfaces).tolist():
                of = np.flatnonzero(interfaces == interface)
                found.append(of[self._jumped(interface, times[of])])
            rows = np.sort(np.concatenate(found))
        for row in rows.tolist():
            self._jumps += 1
            self._notes.note("clock-jump", row, self._jumps)

    def _jumped(self, interface: int, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of an interface's next frames, captured at `times`, come after a jump."""
        last = self._last.get(interface, [])
        known = np.concatenate([np.array(last, np.int64), times])
        self._last[interface] = known[-FRAMES:].tolist()
        steps = np.diff(known)
        odd = np.flatnonzero((steps < -BACK_NS) | (steps > AHEAD_NS))
        odd = odd[odd + 1 >= len(last)]
        often = (odd >= FRAMES - 1) & (known[odd] - known[np.maximum(odd - FRAMES + 1, 0)] <= OFTEN_NS)
        found: NDArray[np.int64] = odd[(steps[odd] < 0) | often] + 1 - len(last)
        return found
