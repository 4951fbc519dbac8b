"""The table of conversations: two addresses and two ports to a line of words, found by hash."""

from __future__ import annotations

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.lines import lines
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.columns import Columns

if not cython.compiled:
    from collectors.decode.packet import mix, pair

MOST_CONVERSATIONS = 1_000_000
"""Conversations remembered. For one more all are forgotten (counted in `evicted`); the indices go on."""

STREAM, BASE, KNOWN, STATE, HASH = 10, 11, 13, 14, 15
"""A conversation takes a cache line: five words of key (64 bits), then these of 32 bits. The index; the sides' first
sequence numbers; which of these are known (bit 0 and bit 1), and more bits of `streams`. Of an announced conversation
instead: the announcements' generation in which it was found, and the index of each direction. The number of its state,
from 1, in the order they began since the last eviction, of TCP and of UDP ones of each shard in a space of their own,
0 for none yet. The part of its hash that tells where it stands."""

DHCP_PORTS = np.array([67, 68, 546, 547, 4011], np.uint16)
"""UDP ports of DHCP, DHCPv6 and PXE's proxies, whose exchanges have changing addresses."""

NEIGHBOUR_DISCOVERY = np.arange(133, 138, dtype=np.uint8)
"""Types of ICMPv6 of neighbour discovery (RFC 4861)."""

_FIRST_SIZE = 4096
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_KNOWN = cython.declare(cython.Py_ssize_t, KNOWN)
_STATE = cython.declare(cython.Py_ssize_t, STATE)
_HASH = cython.declare(cython.Py_ssize_t, HASH)
_FORGOT = cython.declare(cython.int, bits.FORGOT)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def flow_hash(a: cython.ulonglong, b: cython.ulonglong, c: cython.ulonglong, d: cython.ulonglong, src: cython.ulonglong,
          dst: cython.ulonglong, tcp: cython.bint) -> cython.ulonglong:
    """What `shoal.flow_id` is of a row with these addresses and ports."""
    if a == 0 and b >> 32 == 0xFFFF:
        return pair(((b & _WORD) << 16) ^ src, ((d & _WORD) << 16) ^ dst, 6 if tcp else 17)
    return pair(mix(a ^ mix(b)) ^ src, mix(c ^ mix(d)) ^ dst, 6 if tcp else 17)


def shard_of(columns: Columns, shards: int) -> NDArray[np.int64]:
    """The shard of each row, shape (rows,): by `shoal.flow_id`, so that a conversation stays together, with the ICMP
    errors that quote it. What belongs to no flow (ARP, 802.11), all of DHCP, and neighbour discovery, whose questions
    and answers have different ends, is in shard 0.
    """
    flow = columns.values("shoal.flow_id").astype(np.uint64, copy=False)
    dhcp = np.isin(columns.values("udp.srcport"), DHCP_PORTS) | np.isin(columns.values("udp.dstport"), DHCP_PORTS)
    there = columns.present("udp.dstport")
    shard: NDArray[np.int64] = ((flow >> np.uint64(32)) % np.uint64(shards)).astype(np.int64)
    assert there is not None
    shard[dhcp & there] = 0
    there = columns.present("icmpv6.type")
    assert there is not None
    shard[there & np.isin(columns.values("icmpv6.type"), NEIGHBOUR_DISCOVERY)] = 0
    return shard


@cython.cclass
class Conversations:
    """An open-addressing table of conversations, a cache line each, by `shoal.flow_id`: key and words of `_key`, which
    `_value` shows as 32-bit words. Conversations are numbered in each of `shards` by themselves."""

    def __init__(self, notes: Notes, shards: int = 1) -> None:
        self.evicted = 0
        self.shards = shards
        self._notes = notes
        self._size = 0
        self._used = 0
        given = np.zeros((shards, 3), np.uint32)
        self._given = given if cython.compiled else memoryview(given)
        none = lines(1, 8, np.uint64)
        self._key = none if cython.compiled else memoryview(none)
        self._value = none.view(np.uint32) if cython.compiled else memoryview(none.view(np.uint32))

    @property
    def conversations(self) -> int:
        """Numbers given to TCP conversations since the last eviction, in all shards."""
        return int(np.asarray(self._given)[:, 0].sum())

    @property
    def datagram_conversations(self) -> int:
        """Numbers given to UDP conversations since the last eviction, in all shards."""
        return int(np.asarray(self._given)[:, 1].sum())

    def table(self) -> Tree:
        """The table, for a snapshot."""
        return {
            "numbers": [self.evicted, self._size, self._used],
            "given": np.asarray(self._given),
            "lines": np.asarray(self._key),
        }

    def restore_table(self, state: Tree) -> None:
        """Know what `table` told."""
        self.evicted, self._size, self._used = state["numbers"]
        self._given = state["given"] if cython.compiled else memoryview(state["given"])
        keys = lines(len(state["lines"]), 8, np.uint64)
        keys[:] = state["lines"]
        self._key = keys if cython.compiled else memoryview(keys)
        self._value = keys.view(np.uint32) if cython.compiled else memoryview(keys.view(np.uint32))

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self, row: cython.Py_ssize_t) -> cython.int:
        """Twice the room, or, at the cap, the same room emptied; `row` is the row of the batch that needs it."""
        plain = not cython.compiled
        old_key: cython.ulonglong[:, ::1] = self._key
        old_value: cython.uint[:, ::1] = self._value
        old: cython.Py_ssize_t = self._size
        size = max(_FIRST_SIZE, self._size * 2)
        if self._used >= MOST_CONVERSATIONS:
            self.evicted += self._used
            self._notes.note("conversations-forgotten", row, self.evicted)
            old, size = 0, self._size
            self._used = 0
            np.asarray(self._given)[:] = (0, 0, _FORGOT)
        keys = lines(size, 8, np.uint64)
        values = keys.view(np.uint32)
        self._key = memoryview(keys) if plain else keys
        self._value = memoryview(values) if plain else values
        self._size = size
        k: cython.Py_ssize_t
        w: cython.Py_ssize_t
        at: cython.Py_ssize_t
        with cython.nogil:
            for k in range(old):
                if old_value[k, _KNOWN] != 0:
                    at = old_value[k, _HASH] & (self._size - 1)
                    while self._value[at, _KNOWN] != 0:
                        at = (at + 1) & (self._size - 1)
                    for w in range(8):
                        self._key[at, w] = old_key[k, w]
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _number(self, at: cython.Py_ssize_t, h: cython.ulonglong, udp: cython.int) -> cython.int:
        """Give the conversation at `at` its number; FORGOT where it is the shard's first after an eviction, else 0."""
        shard: cython.Py_ssize_t = (h >> 32) % cython.cast(cython.ulonglong, self._given.shape[0])  # type: ignore[index]
        forgot: cython.int = self._given[shard, 2]
        self._given[shard, udp] += 1
        self._given[shard, 2] = 0
        self._value[at, _STATE] = self._given[shard, udp]
        return forgot

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _find(self, a: cython.ulonglong, b: cython.ulonglong, c: cython.ulonglong, d: cython.ulonglong,
              e: cython.ulonglong, h: cython.ulonglong) -> cython.Py_ssize_t:
        """Where the conversation of that hash stands, or the free slot for it, in which its key is then written.

        The table is never full, so the probing ends.
        """
        at: cython.Py_ssize_t
        h = (h >> 20) & _WORD
        at = h & (self._size - 1)
        while self._value[at, _KNOWN] != 0:
            if (
                self._key[at, 0] == a
                and self._key[at, 1] == b
                and self._key[at, 2] == c
                and self._key[at, 3] == d
                and self._key[at, 4] == e
            ):
                return at
            at = (at + 1) & (self._size - 1)
        self._key[at, 0] = a
        self._key[at, 1] = b
        self._key[at, 2] = c
        self._key[at, 3] = d
        self._key[at, 4] = e
        self._value[at, _HASH] = h
        return at
