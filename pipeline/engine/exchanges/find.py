"""Which rows of a batch trackers are to see: by UDP port, and by whether a TCP conversation is followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.exchanges.ports import OTHERS
from pipeline.schema.columns import Columns

STREAM = 1
"""Route of a row of a TCP conversation; routes of datagrams are higher, and those of headers higher still."""
FIRST_DATAGRAMS = 2
FIRST_FRAMES = 128
"""Routes of rows by their headers begin here."""
QUOTED = 255
"""Route of an ICMP error that quotes a datagram of which fields are told."""

UNKNOWN, FOLLOWED, PASSED_OVER, ANEW = 0, 1, 2, 3
"""Of a TCP conversation: nothing was said yet, a tracker follows it, none does, it was given up amid its bytes."""

_FIN_SYN_RST = 7

Guess = Callable[[Columns, NDArray[np.int64]], NDArray[np.bool_]]
"""Of the rows given, of UDP: whether the payload looks like a protocol's."""


def port_table(ports: Mapping[int, int]) -> NDArray[np.uint8]:
    """Port to route, shape (65536,)."""
    table = np.zeros(65_536, np.uint8)
    for port, route in ports.items():
        table[port] = route
    return table


HeaderRoute = tuple[str, int, int, int]
"""A column, the lowest and the highest of its values, and the route of rows that have such a one."""


def routes(columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], ports: NDArray[np.uint8],
           followed: NDArray[np.uint8], headers: Sequence[HeaderRoute] = (),
           guesses: Sequence[tuple[int, Guess]] = ()) -> NDArray[np.uint8]:
    """Of each row its route, 0 for none; `followed` is by number of a TCP conversation.

    `guesses` are routes of datagrams whose ports are no protocol's, each with what tells them.
    """
    found = np.zeros(columns.rows, np.uint8)
    for name, low, high, route in headers:
        there = columns.present(name)
        assert there is not None
        rows = np.flatnonzero(there)
        values = columns.values(name)[rows].astype(np.int64)
        found[rows[(values >= low) & (values <= high)]] = route
    ours = (numbers != 0) & (turns & bits.QUOTED == 0)
    udp = columns.present("udp.dstport")
    tcp = columns.present("tcp.flags")
    assert udp is not None
    assert tcp is not None
    rows = np.flatnonzero(udp & ours)
    to = ports[columns.values("udp.dstport")[rows]]
    found[rows] = to = np.where(to != 0, to, ports[columns.values("udp.srcport")[rows]])
    rows = rows[to == 0]
    if guesses and len(rows):
        rows = rows[~(OTHERS[columns.values("udp.dstport")[rows]] | OTHERS[columns.values("udp.srcport")[rows]])]
        for route, guess in guesses:
            theirs = guess(columns, rows)
            found[rows[theirs]] = route
            rows = rows[~theirs]
    said = (columns.values("tcp.len") != 0) | (columns.values("tcp.flags").astype(np.uint16) & _FIN_SYN_RST != 0)
    said |= turns & (bits.BEGINS | bits.REUSED) != 0
    rows = np.flatnonzero(tcp & ours & said)
    wanted = followed[numbers[rows]] != PASSED_OVER
    begins = numbers[rows[turns[rows] & (bits.BEGINS | bits.REUSED) != 0]]
    if len(begins):
        # A number that was passed over until now bears another conversation from some row of this batch on.
        wanted |= np.isin(numbers[rows], begins)
    found[rows[wanted]] = STREAM
    return found
