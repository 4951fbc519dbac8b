"""`State`: words of many conversations, as arrays by name, seen from client and server."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.flows import words

SYSTEM_PORTS = 1024
"""Ports below this one are of servers (RFC 6335)."""


class State:
    """Arrays of shape (rows,) of the states `counts` uint32 (rows, COUNT_WORDS) and `sums` int64 (rows, SUM_WORDS).

    The client is who sent the SYN, or got the answer to it. Where neither was seen it is the side with the higher
    port (of UDP only where just one is a system port, below 1024, RFC 6335), else who sent the first packet.
    """

    def __init__(self, counts: NDArray[np.uint32], sums: NDArray[np.int64]) -> None:
        self._counts = counts
        self._sums = sums
        self.is_tcp: NDArray[np.bool_] = self.own("is_udp") == 0
        client = self.own("client").astype(np.int64)
        one, two = self.own("port_0"), self.own("port_1")
        higher = np.where(one < two, 2, 1)
        sure = np.where(self.is_tcp, one != two, (one < SYSTEM_PORTS) != (two < SYSTEM_PORTS))
        guess = np.where(sure, higher, self.own("first_sender"))
        self._client: NDArray[np.int64] = np.where(client == 0, guess, client) - 1

    def own(self, name: str) -> NDArray[Any]:
        """A word of the conversation's own."""
        if name in words.OWN_COUNTS:
            return self._counts[:, words.count(name)]
        return self._sums[:, words.total(name)]

    def _side_of(self, side: str) -> NDArray[np.int64]:
        return self._client if side == "client" else 1 - self._client

    def side(self, side: str, name: str) -> NDArray[Any]:
        """A word of the direction that `side` (client or server) sends."""
        first = self._side_of(side) == 0
        if name in words.COUNTS:
            at = words.count(name)
            return np.where(first, self._counts[:, at], self._counts[:, len(words.COUNTS) + at])
        at = words.total(name)
        return np.where(first, self._sums[:, at], self._sums[:, len(words.SUMS) + at])

    def address(self, side: str, half: str) -> NDArray[np.int64]:
        """The high or low eight bytes of a side's address; an IPv4 address is the low one."""
        return np.where(self._side_of(side) == 0, self.own(f"address_0_{half}"), self.own(f"address_1_{half}"))

    def port(self, side: str) -> NDArray[np.uint32]:
        """A side's port."""
        return np.where(self._side_of(side) == 0, self.own("port_0"), self.own("port_1"))

    def percentile(self, side: str, percent: int) -> NDArray[np.int64]:
        """The 50th or 95th percentile of a side's round trip times, ns; -1 without a histogram."""
        return np.where(self._side_of(side) == 0, self.own(f"p{percent}_0"), self.own(f"p{percent}_1"))

    def did(self, side: str, what: str) -> NDArray[np.bool_]:
        """Whether a side has done something of `words.DONE`."""
        bits: NDArray[np.bool_] = (self.side(side, "done") & words.DONE[what]) != 0
        return bits

    def is_side(self, side: str, name: str) -> NDArray[np.bool_]:
        """Whether the word `name`, which holds 1 or 2 for a side, means `side`."""
        number: NDArray[np.bool_] = self.own(name) == self._side_of(side) + 1
        return number

    @property
    def handshake(self) -> NDArray[np.bool_]:
        """Whether SYN, SYN and ACK, and the client's ACK were seen."""
        return self.did("client", "syn") & self.did("server", "synack") & self.did("client", "ack")
