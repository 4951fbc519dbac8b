"""Conversation indices (`tcp.stream`, `udp.stream`) and what needs no more than each side's first sequence number.

A conversation is two addresses and two ports, whichever way round. A TCP SYN with another initial sequence number than
the conversation's begins a new one on the same ports, as Wireshark counts it.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

MOST_CONVERSATIONS = 8_000_000
"""Conversations remembered. For one more all are forgotten (counted in `evicted`); the indices go on."""

_s = Slots(PACKETS)
_FIRST_SIZE = 4096
_MIX = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_MAPPED = cython.declare(cython.ulonglong, 0xFFFF00000000)
_L_TCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp"))
_L_SEQ = cython.declare(cython.Py_ssize_t, _s.lane("tcp.seq"))
_L_FLAGS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.flags"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.hdr_len"))
_L_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.lane("tcp.stream"))
_L_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_L_UDP_SUM = cython.declare(cython.Py_ssize_t, _s.lane("udp.checksum"))
_L_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.lane("udp.stream"))
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("tcp.stream"))
_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("udp.stream"))
_SACK_LE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_le"))
_SACK_RE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_re"))
_O_SRC = cython.declare(cython.Py_ssize_t, _s.item("outer", "b16", "shoal.outer.src"))
_O_DST = cython.declare(cython.Py_ssize_t, _s.item("outer", "b16", "shoal.outer.dst"))
_O_SRCPORT = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.srcport"))
_O_DSTPORT = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.dstport"))
_O_PORTS = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.ports"))
_O_STREAM = cython.declare(cython.Py_ssize_t, _s.item("outer", "u32", "shoal.outer.stream"))
# Rows of `_value`: the index, the sides' first sequence numbers, and which of these are known (bit 0 and bit 1).
_STREAM = cython.declare(cython.Py_ssize_t, 0)
_BASE = cython.declare(cython.Py_ssize_t, 1)
_KNOWN = cython.declare(cython.Py_ssize_t, 3)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_FIRST = cython.declare(cython.uint, 0x80000000)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _half(b: cython.uchar[:, :, ::1], slot: cython.Py_ssize_t, row: cython.Py_ssize_t,
          at: cython.Py_ssize_t) -> cython.ulonglong:
    """Eight bytes of an address cell, big-endian."""
    value: cython.ulonglong = 0
    k: cython.Py_ssize_t
    for k in range(at, at + 8):
        value = (value << 8) | b[slot, row, k]
    return value


@cython.cclass
class Streams:
    """An open-addressing table of conversations: five words of key and four of value for each."""

    def __init__(self) -> None:
        self.evicted = 0
        self.udp_streams = 0
        self.tcp_streams = 0
        self._size = 0
        self._used = 0

    def process(self, columns: Columns) -> None:
        """Fill `tcp.stream`, `udp.stream` (outer ones too), and make the SACK edges relative."""
        self._rows(columns)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self) -> cython.int:
        """Twice the room, or, at the cap, the same room emptied."""
        old = None if self._size == 0 else (np.asarray(self._key), np.asarray(self._value))
        size = max(_FIRST_SIZE, self._size * 2)
        if self._used >= MOST_CONVERSATIONS:
            self.evicted += self._used
            old, size = None, self._size
        keys = np.zeros((size, 5), np.uint64)
        values = np.zeros((size, 4), np.uint32)
        self._key = keys if cython.compiled else memoryview(keys)
        self._value = values if cython.compiled else memoryview(values)
        self._size = size
        self._used = 0
        if old is not None:
            used = np.flatnonzero(old[1][:, 3])
            for words, value in zip(old[0][used].tolist(), old[1][used], strict=True):
                at = self._find(words[0], words[1], words[2], words[3], words[4])
                values[at] = value
                self._used += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _find(self, a: cython.ulonglong, b: cython.ulonglong, c: cython.ulonglong, d: cython.ulonglong,
              e: cython.ulonglong) -> cython.Py_ssize_t:
        """Where the conversation stands, or the free slot for it, in which its key is then written.

        The table is never full, so the probing ends.
        """
        h: cython.ulonglong = ((a ^ (b << 1) ^ (b >> 63)) * _MIX) & _MASK
        h = ((h ^ (h >> 29) ^ c ^ (d << 3)) * _MIX) & _MASK
        h = ((h ^ (h >> 31) ^ e) * _MIX) & _MASK
        at: cython.Py_ssize_t = (h >> 20) & (self._size - 1)
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
        return at

    @cython.cfunc
    def _rows(self, columns: Any) -> object:
        plain = not cython.compiled
        sack = columns.lists["sack"]
        outer = columns.lists["outer"]
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        b16: cython.uchar[:, :, ::1] = memoryview(columns.b16) if plain else columns.b16
        edges: cython.uint[:, ::1] = memoryview(sack.u32) if plain else sack.u32
        blocks: cython.int[::1] = memoryview(sack.offsets) if plain else sack.offsets
        outers: cython.int[::1] = memoryview(outer.offsets) if plain else outer.offsets
        o_u8: cython.uchar[:, ::1] = memoryview(outer.u8) if plain else outer.u8
        o_u16: cython.ushort[:, ::1] = memoryview(outer.u16) if plain else outer.u16
        o_u32: cython.uint[:, ::1] = memoryview(outer.u32) if plain else outer.u32
        o_b16: cython.uchar[:, :, ::1] = memoryview(outer.b16) if plain else outer.b16
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        item: cython.Py_ssize_t
        a: cython.ulonglong
        b: cython.ulonglong
        c: cython.ulonglong
        d: cython.ulonglong
        x: cython.ulonglong
        src: cython.ulonglong
        dst: cython.ulonglong
        side: cython.int
        tcp: cython.bint
        flags: cython.int
        base: cython.uint
        first: cython.bint
        with cython.nogil:
            for i in range(n):
                for item in range(outers[i], outers[i + 1] + 1):
                    # The outer headers first, then (item = the row's end) the row's own.
                    tcp = False
                    if item < outers[i + 1]:
                        if o_u8[_O_PORTS, item] != 17:
                            continue
                        a = _half(o_b16, _O_SRC, item, 0)
                        b = _half(o_b16, _O_SRC, item, 8)
                        c = _half(o_b16, _O_DST, item, 0)
                        d = _half(o_b16, _O_DST, item, 8)
                        src = o_u16[_O_SRCPORT, item]
                        dst = o_u16[_O_DSTPORT, item]
                    else:
                        tcp = lane[_L_TCP, i] != 0 and lane[_L_HDR_LEN, i] != 0
                        if not tcp and (lane[_L_UDP, i] == 0 or lane[_L_UDP_SUM, i] == 0):
                            continue
                        if lane[_L_IP, i]:
                            a = 0
                            b = _MAPPED | u32[_SRC4, i]
                            c = 0
                            d = _MAPPED | u32[_DST4, i]
                        else:
                            a = _half(b16, _SRC6, i, 0)
                            b = _half(b16, _SRC6, i, 8)
                            c = _half(b16, _DST6, i, 0)
                            d = _half(b16, _DST6, i, 8)
                        src = u16[_TCP_SRC if tcp else _UDP_SRC, i]
                        dst = u16[_TCP_DST if tcp else _UDP_DST, i]
                    side = 0
                    if a > c or (a == c and (b > d or (b == d and src > dst))):
                        side = 1
                        x = a
                        a = c
                        c = x
                        x = b
                        b = d
                        d = x
                        x = src
                        src = dst
                        dst = x
                    if self._used * 2 >= self._size:
                        with cython.gil:
                            self._grow()
                    at = self._find(a, b, c, d, (src << 17) | (dst << 1) | (1 if tcp else 0))
                    first = self._value[at, _KNOWN] == 0
                    if first:
                        self._used += 1
                        self._value[at, _KNOWN] = _FIRST
                    if not tcp:
                        if first:
                            self._value[at, _STREAM] = self.udp_streams
                            self.udp_streams += 1
                        if item < outers[i + 1]:
                            o_u32[_O_STREAM, item] = self._value[at, _STREAM]
                        else:
                            u32[_UDP_STREAM, i] = self._value[at, _STREAM]
                            lane[_L_UDP_STREAM, i] = 1
                        continue
                    flags = u16[_FLAGS, i]
                    if not first and lane[_L_FLAGS, i] and flags & 0x12 == 0x02:
                        # A SYN that is not the one that began the conversation begins another.
                        first = (
                            self._value[at, _KNOWN] & (1 << side) != 0
                            and self._value[at, _BASE + side] != u32[_SEQ, i]
                        )
                    if first:
                        self._value[at, _STREAM] = self.tcp_streams
                        self.tcp_streams += 1
                        self._value[at, _KNOWN] = _FIRST
                    u32[_TCP_STREAM, i] = self._value[at, _STREAM]
                    lane[_L_TCP_STREAM, i] = 1
                    if lane[_L_FLAGS, i] and lane[_L_LEN, i]:
                        if self._value[at, _KNOWN] & (1 << side) == 0:
                            base = u32[_SEQ, i]
                            self._value[at, _BASE + side] = base if flags & 2 else (base - 1) & _WORD
                            self._value[at, _KNOWN] |= 1 << side
                        if flags & 0x10 and self._value[at, _KNOWN] & (2 >> side) == 0:
                            self._value[at, _BASE + 1 - side] = (u32[_ACK, i] - 1) & _WORD
                            self._value[at, _KNOWN] |= 2 >> side
                    if blocks[i + 1] > blocks[i]:
                        base = self._value[at, _BASE + 1 - side]
                        for k in range(blocks[i], blocks[i + 1]):
                            edges[_SACK_LE, k] = (edges[_SACK_LE, k] - base) & _WORD
                            edges[_SACK_RE, k] = (edges[_SACK_RE, k] - base) & _WORD
        return None
