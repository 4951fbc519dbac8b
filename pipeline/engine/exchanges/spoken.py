"""UDP conversations that are recognised by what they say, on any port: which rows of a batch a tracker is to see.

All of it is done for a whole batch at a time. A row that is given too much does no harm: the tracker looks at it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.exchanges.names import PROTOCOL_ID
from pipeline.engine.snapshot import Tree, grown
from pipeline.schema.columns import Columns

Look = Callable[[Columns, NDArray[np.int64]], NDArray[np.bool_]]
"""Of rows with a UDP header, whether the payload of each begins as the protocol does."""


class Spoken:
    """By the engine's number of a UDP conversation: the route of the tracker that is to see it (0: none), and the place
    among PROTOCOLS of the name of all its datagrams, where the tracker wants to see no more of them."""

    def __init__(self, looks: Sequence[tuple[int, Look]], ports: NDArray[np.uint8]) -> None:
        self._looks = looks
        self._ports = ports
        self._route: NDArray[np.uint8] = np.zeros(1024, np.uint8)
        self._name: NDArray[np.uint16] = np.zeros(1024, np.uint16)

    def begin(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], route: NDArray[np.uint8],
              named: NDArray[np.uint16]) -> None:
        """Give `route` to rows that have none by their ports, and names to those that nobody is to see."""
        rows = np.flatnonzero((turns & (bits.DATAGRAM | bits.QUOTED) == bits.DATAGRAM) & (numbers != 0))
        ports = self._ports
        rows = rows[ports[columns.values("udp.dstport")[rows]] | ports[columns.values("udp.srcport")[rows]] == 0]
        if not len(rows):
            return
        most = int(numbers[rows].max())
        if most >= len(self._route):
            self._route, self._name = grown(self._route, 2 * most), grown(self._name, 2 * most)
        of = numbers[rows]
        begins = turns[rows] & bits.BEGINS != 0
        to, name = self._route[of], self._name[of]
        for at in np.flatnonzero(begins & (to != 0)).tolist():
            # From here on the number is another conversation's.
            later = of[at:] == of[at]
            to[at:][later], name[at:][later] = 0, 0
        fresh = of[begins]
        self._route[fresh], self._name[fresh] = 0, 0
        for look_route, look in self._looks:
            found = look(columns, rows)
            if found.any():
                self._hear(look_route, found, of, to, name)
        route[rows] = np.where(name != 0, 0, np.where(to != 0, to, route[rows]))
        named[rows] = np.where(name != 0, name, named[rows])

    def _hear(self, route: int, found: NDArray[np.bool_], of: NDArray[np.int32], to: NDArray[np.uint8],
              name: NDArray[np.uint16]) -> None:
        """Rows from the first of their conversation that is `found` on are the tracker's."""
        at = np.flatnonzero(found)
        first = np.full(int(of.max()) + 1, len(of))
        np.minimum.at(first, of[at], at)
        after = np.arange(len(of)) >= first[of]
        to[after] = route
        name[after] = 0
        self._route[of[at]] = route
        self._name[of[at]] = 0

    def settle(self, settled: Sequence[tuple[int, str]], numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Of the conversations `settled`, by number, the tracker wants to see no more; the batch was `numbers`."""
        if not settled:
            return
        # A number that was given anew in this batch may be another's by now: its tracker will say so again.
        begun = set(numbers[(turns & (bits.BEGINS | bits.DATAGRAM)) == bits.BEGINS | bits.DATAGRAM].tolist())
        for number, protocol in settled:
            if number not in begun:
                self._name[number] = PROTOCOL_ID[protocol]

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"route": self._route, "name": self._name}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._route, self._name = state["route"], state["name"]
