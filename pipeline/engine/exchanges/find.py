"""Which rows of a batch trackers are to see: by UDP port, and by whether a TCP conversation is followed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.schema.columns import Columns

STREAM = 1
"""Route of a row of a TCP conversation; routes of datagrams are higher."""
FIRST_DATAGRAMS = 2

UNKNOWN, FOLLOWED, PASSED_OVER, ANEW = 0, 1, 2, 3
"""Of a TCP conversation: nothing was said yet, a tracker follows it, none does, it was given up amid its bytes."""

_FIN_SYN_RST = 7


def port_table(ports: Mapping[int, int]) -> NDArray[np.uint8]:
    """Port to route, shape (65536,)."""
    table = np.zeros(65_536, np.uint8)
    for port, route in ports.items():
        table[port] = route
    return table


def routes(columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], ports: NDArray[np.uint8],
           followed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of each row its route, 0 for none; `followed` is by number of a TCP conversation."""
    found = np.zeros(columns.rows, np.uint8)
    ours = (numbers != 0) & (turns & bits.QUOTED == 0)
    udp = columns.present("udp.dstport")
    tcp = columns.present("tcp.flags")
    assert udp is not None
    assert tcp is not None
    rows = np.flatnonzero(udp & ours)
    to = ports[columns.values("udp.dstport")[rows]]
    found[rows] = np.where(to != 0, to, ports[columns.values("udp.srcport")[rows]])
    said = (columns.values("tcp.len") != 0) | (columns.values("tcp.flags").astype(np.uint16) & _FIN_SYN_RST != 0)
    said |= turns & bits.BEGINS != 0
    rows = np.flatnonzero(tcp & ours & said)
    begins = turns[rows] & bits.BEGINS != 0
    rows = rows[begins | (followed[numbers[rows]] != PASSED_OVER)]
    found[rows] = STREAM
    return found
