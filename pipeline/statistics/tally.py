"""Frames and bytes of each conversation and direction, compiled: one loop over the rows of a batch.

What makes a conversation is Wireshark's: the two ends, whichever way round, and for TCP and UDP the stream's index as
well. Every header of the kind counts, those of tunnels too, but none that an ICMP error quotes.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.schema import LAYER_ID, PACKETS
from pipeline.schema.columns import Columns, Slots
from pipeline.statistics.ends import NEVER, PART, final_words, open_ended, rerouting

MAC = 48
"""Family of Ethernet addresses; that of the others is their IP version."""

_s = Slots(PACKETS)
_FIRST_SIZE = 1024
_MIX = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_HALF = cython.declare(cython.longlong, 0x80000000)
_MAC = cython.declare(cython.uint, MAC)
# Words of a key: the ports of A (bits 16 to 31) and B with the stream above them, the family, two of each address.
_ENDS = cython.declare(cython.Py_ssize_t, 0)
_FAMILY = cython.declare(cython.Py_ssize_t, 1)
_A = cython.declare(cython.Py_ssize_t, 2)
_B = cython.declare(cython.Py_ssize_t, 4)
# Words of a value, each in both directions where it has any.
_FRAMES = cython.declare(cython.Py_ssize_t, 0)
_BYTES = cython.declare(cython.Py_ssize_t, 2)
_START = cython.declare(cython.Py_ssize_t, 4)
_STOP = cython.declare(cython.Py_ssize_t, 5)

_OF_IP = cython.declare(cython.int, LAYER_ID["ip"])
_OF_TCP = cython.declare(cython.int, LAYER_ID["tcp"])
_OF_EXTENSION = cython.declare(cython.int, LAYER_ID["ipv6.hopopts"])
_OF_LAST_EXTENSION = cython.declare(cython.int, LAYER_ID["ipv6.mipv6"])
_NEVER = cython.declare(cython.int, NEVER)
_PART = cython.declare(cython.int, PART)

_TIME = cython.declare(cython.Py_ssize_t, _s.u64("frame.time"))
_SHORT = cython.declare(cython.Py_ssize_t, _s.u8("shoal.short"))
_MALFORMED = cython.declare(cython.Py_ssize_t, _s.u8("shoal.malformed"))
_PAYLOAD = cython.declare(cython.Py_ssize_t, _s.u16("shoal.payload.offset"))
_PAYLOAD_LEN = cython.declare(cython.Py_ssize_t, _s.u32("shoal.payload.len"))
_LAYERS = cython.declare(cython.Py_ssize_t, _s.code("frame.protocols"))
_FRAG_OFFSET = cython.declare(cython.Py_ssize_t, _s.u16("ipv6.fraghdr.offset"))
_FRAG_MORE = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.fraghdr.more"))
_FRAME_LEN = cython.declare(cython.Py_ssize_t, _s.u32("frame.len"))
_L_ETH = cython.declare(cython.Py_ssize_t, _s.lane("eth"))
_U_ETH = cython.declare(cython.int, _s.upto("eth.src"))
_ETH_SRC = cython.declare(cython.Py_ssize_t, _s.u64("eth.src"))
_ETH_DST = cython.declare(cython.Py_ssize_t, _s.u64("eth.dst"))
_L_INNER = cython.declare(cython.Py_ssize_t, _s.lane("inner.eth"))
_U_INNER = cython.declare(cython.int, _s.upto("shoal.inner.eth.src"))
_INNER_SRC = cython.declare(cython.Py_ssize_t, _s.u64("shoal.inner.eth.src"))
_INNER_DST = cython.declare(cython.Py_ssize_t, _s.u64("shoal.inner.eth.dst"))
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_U_IP = cython.declare(cython.int, _s.upto("ip.dst"))
_L_IPV6 = cython.declare(cython.Py_ssize_t, _s.lane("ipv6"))
_U_IPV6 = cython.declare(cython.int, _s.upto("ipv6.dst"))
_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_L_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_L_TCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp"))
_L_ICMPV6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6"))
_L_SCTP = cython.declare(cython.Py_ssize_t, _s.lane("sctp"))
_L_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.lane("udp.stream"))
_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("udp.stream"))
_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_L_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.lane("tcp.stream"))
_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("tcp.stream"))
_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_TCP_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("tcp.hdr_len"))
_O_VERSION = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.version"))
_O_SRC = cython.declare(cython.Py_ssize_t, _s.item("outer", "b16", "shoal.outer.src"))
_O_DST = cython.declare(cython.Py_ssize_t, _s.item("outer", "b16", "shoal.outer.dst"))
_O_SRCPORT = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.srcport"))
_O_DSTPORT = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.dstport"))
_O_PORTS = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.ports"))
_O_STREAM = cython.declare(cython.Py_ssize_t, _s.item("outer", "u32", "shoal.outer.stream"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _bytes(b: cython.uchar[:, :, ::1], slot: cython.Py_ssize_t, row: cython.Py_ssize_t, at: cython.Py_ssize_t,
           end: cython.Py_ssize_t) -> cython.ulonglong:
    """Bytes `at` to `end` of an address cell, big-endian."""
    value: cython.ulonglong = 0
    k: cython.Py_ssize_t
    for k in range(at, end):
        value = (value << 8) | b[slot, row, k]
    return value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mixed(a: cython.ulonglong, b: cython.ulonglong, port: cython.ulonglong) -> cython.ulonglong:
    """Hash of one end."""
    h: cython.ulonglong = ((a ^ (b << 1) ^ (b >> 63)) * _MIX) & _MASK
    return ((h ^ (h >> 29) ^ port) * _MIX) & _MASK


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _partial(raw: cython.const[cython.uchar][::1], at: cython.longlong, left: cython.uint, size: cython.uint,
             src: cython.ulonglong, dst: cython.ulonglong) -> cython.int:
    """Whether a TCP header of `size` bytes, from `src` to `dst`, is not all there: what is left undecoded, `left` bytes
    from `at`, is then the header itself."""
    if size < 20:
        return 1
    if left >= size or left < 4 or at < 0 or at + 4 > raw.shape[0]:
        return 0
    if (raw[at] << 8 | raw[at + 1]) == src and (raw[at + 2] << 8 | raw[at + 3]) == dst:
        return 1
    return 0


@cython.cclass
class Tally:
    """The conversations of one kind in one capture, in the order of their first frames.

    Memory grows with their number, by 100 to 120 bytes each, as the table that is printed of them does.
    """

    def __init__(self) -> None:
        self.conversations = 0
        keys, values = np.zeros((_FIRST_SIZE, 6), np.uint64), np.zeros((_FIRST_SIZE, 6), np.int64)
        slots = np.zeros(_FIRST_SIZE * 2, np.uint32)
        self._key = keys if cython.compiled else memoryview(keys)
        self._value = values if cython.compiled else memoryview(values)
        self._slot = slots if cython.compiled else memoryview(slots)

    def add(self, kind: str, columns: Columns, keep: NDArray[np.bool_] | None) -> None:
        """Count the rows of a batch: those that `keep` (shape (rows,)) marks, or all.

        `kind` is `tcp`, `udp`, `ip`, `ipv6` or `eth`, always the same for one object.
        """
        kept = np.ones(0, np.uint8) if keep is None else np.ascontiguousarray(keep).view(np.uint8)
        if keep is not None and len(kept) < columns.rows:
            raise ValueError(f"keep has {len(kept)} rows of {columns.rows}")
        if kind == "tcp":
            self._tcp(columns, memoryview(kept))
        elif kind == "udp":
            self._udp(columns, memoryview(kept))
        elif kind == "eth":
            self._eth(columns, memoryview(kept))
        else:
            self._ip(columns, memoryview(kept), 6 if kind == "ipv6" else 4)

    def keys(self) -> NDArray[np.uint64]:
        """Of each conversation its ends, shape (conversations, 6): the ports of A and B (bits 16 to 31, and 0 to 15)
        with the stream above them; the family (IP version or `MAC`); the address of A in two words, and of B."""
        keys: NDArray[np.uint64] = np.array(self._key)[: self.conversations]
        return keys

    def values(self) -> NDArray[np.int64]:
        """Of each conversation, shape (conversations, 6): frames from A and from B, bytes from A and from B, time of
        the earliest and of the latest frame (ns since 1970 UTC)."""
        values: NDArray[np.int64] = np.array(self._value)[: self.conversations]
        return values

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _more(self) -> cython.int:
        """Room for twice the conversations."""
        size = len(self._key)
        keys, values = np.zeros((size * 2, 6), np.uint64), np.zeros((size * 2, 6), np.int64)
        keys[:size] = np.asarray(self._key)
        values[:size] = np.asarray(self._value)
        self._key = keys if cython.compiled else memoryview(keys)
        self._value = values if cython.compiled else memoryview(values)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _more_streams(self, stream: cython.Py_ssize_t) -> cython.int:
        """Slots for streams up to `stream`."""
        slots = np.zeros(max(stream + 1, len(self._slot) * 2), np.uint32)
        slots[: len(self._slot)] = np.asarray(self._slot)
        self._slot = slots if cython.compiled else memoryview(slots)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _more_slots(self) -> cython.int:
        """Twice the slots of the hash table."""
        at: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        h: cython.ulonglong
        ends: cython.ulonglong
        slots = np.zeros(len(self._slot) * 2, np.uint32)
        self._slot = slots if cython.compiled else memoryview(slots)
        for at in range(self.conversations):
            ends = self._key[at, _ENDS]
            h = _mixed(self._key[at, _A], self._key[at, _A + 1], (ends >> 16) & 0xFFFF)
            h = (h + _mixed(self._key[at, _B], self._key[at, _B + 1], ends & 0xFFFF) + (ends >> 32)) & _MASK
            slot = ((h * _MIX) & _MASK) >> 20 & (len(self._slot) - 1)
            while self._slot[slot] != 0:
                slot = (slot + 1) & (len(self._slot) - 1)
            self._slot[slot] = at + 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _begin(self, a: cython.ulonglong, b: cython.ulonglong, c: cython.ulonglong, d: cython.ulonglong,
               ends: cython.ulonglong, family: cython.uint, time: cython.longlong) -> cython.int:
        """A new conversation, as the last one; its first frame's source is A."""
        at: cython.Py_ssize_t = self.conversations
        if at >= len(self._key):
            with cython.gil:
                self._more()
        self._key[at, _ENDS] = ends
        self._key[at, _FAMILY] = family
        self._key[at, _A] = a
        self._key[at, _A + 1] = b
        self._key[at, _B] = c
        self._key[at, _B + 1] = d
        self._value[at, _START] = time
        self._value[at, _STOP] = time
        self.conversations = at + 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _count(self, at: cython.Py_ssize_t, forth: cython.bint, length: cython.uint,
               time: cython.longlong) -> cython.int:
        """A frame from A, or from B. Times may go back. Lengths that only a damaged file has, of 31 bits and more,
        count as negative, as they do in Wireshark."""
        side: cython.Py_ssize_t = 0 if forth else 1
        more: cython.longlong = length
        self._value[at, _FRAMES + side] += 1
        self._value[at, _BYTES + side] += (more ^ _HALF) - _HALF
        if time > self._value[at, _STOP]:
            self._value[at, _STOP] = time
        elif time < self._value[at, _START]:
            self._value[at, _START] = time
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _found(self, a: cython.ulonglong, b: cython.ulonglong, c: cython.ulonglong, d: cython.ulonglong,
               ends: cython.ulonglong, family: cython.uint, length: cython.uint,
               time: cython.longlong) -> cython.int:
        """A frame from (a, b) to (c, d), each two words, of the conversation that these are the ends of."""
        at: cython.Py_ssize_t
        src: cython.ulonglong = (ends >> 16) & 0xFFFF
        dst: cython.ulonglong = ends & 0xFFFF
        back: cython.ulonglong = (ends >> 32 << 32) | (dst << 16) | src
        h: cython.ulonglong = (_mixed(a, b, src) + _mixed(c, d, dst) + (ends >> 32)) & _MASK
        h = ((h * _MIX) & _MASK) >> 20
        slot: cython.Py_ssize_t = h & (len(self._slot) - 1)
        while self._slot[slot] != 0:
            at = self._slot[slot] - 1
            if self._key[at, _FAMILY] == family:
                if (
                    self._key[at, _ENDS] == ends
                    and self._key[at, _A] == a
                    and self._key[at, _A + 1] == b
                    and self._key[at, _B] == c
                    and self._key[at, _B + 1] == d
                ):
                    self._count(at, True, length, time)
                    return 0
                if (
                    self._key[at, _ENDS] == back
                    and self._key[at, _A] == c
                    and self._key[at, _A + 1] == d
                    and self._key[at, _B] == a
                    and self._key[at, _B + 1] == b
                ):
                    self._count(at, False, length, time)
                    return 0
            slot = (slot + 1) & (len(self._slot) - 1)
        at = self.conversations
        self._begin(a, b, c, d, ends, family, time)
        self._slot[slot] = self.conversations
        self._count(at, True, length, time)
        if self.conversations * 2 > len(self._slot):
            with cython.gil:
                self._more_slots()
        return 0

    @cython.cfunc
    def _tcp(self, columns: Any, keep: cython.const[cython.uchar][::1]) -> object:
        plain = not cython.compiled
        times = columns.u64.view(np.int64)
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        i64: cython.longlong[:, ::1] = memoryview(times) if plain else times
        b16: cython.uchar[:, :, ::1] = memoryview(columns.b16) if plain else columns.b16
        u8: cython.uchar[:, ::1] = memoryview(columns.u8) if plain else columns.u8
        raw: cython.const[cython.uchar][::1] = memoryview(columns.raw_buffer)
        begins: cython.const[cython.longlong][::1] = memoryview(columns.raw_offset) if plain else columns.raw_offset
        layers: cython.uint[:, ::1] = memoryview(columns.code) if plain else columns.code
        rerouted: cython.const[cython.uchar][::1] = memoryview(rerouting(columns.texts))
        some: cython.bint = keep.shape[0] != 0
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        at: cython.Py_ssize_t
        stream: cython.ulonglong
        src: cython.ulonglong
        dst: cython.ulonglong
        ends: cython.ulonglong
        a: cython.ulonglong
        b: cython.ulonglong
        c: cython.ulonglong
        d: cython.ulonglong
        forth: cython.bint
        with cython.nogil:
            for i in range(n):
                if lane[_L_TCP_STREAM, i] == 0 or (some and keep[i] == 0):
                    continue
                stream = u32[_TCP_STREAM, i]
                src = u16[_TCP_SRC, i]
                dst = u16[_TCP_DST, i]
                if (
                    (u8[_SHORT, i] == _OF_TCP or u8[_MALFORMED, i] == _OF_TCP)
                    and (lane[_L_LEN, i] == 0 or u32[_LEN, i] != u32[_PAYLOAD_LEN, i] or u8[_TCP_HDR_LEN, i] < 20)
                    and _partial(raw, begins[i] + u16[_PAYLOAD, i], u32[_PAYLOAD_LEN, i], u8[_TCP_HDR_LEN, i], src, dst)
                ):
                    continue
                if stream >= cython.cast(cython.ulonglong, len(self._slot)):
                    with cython.gil:
                        self._more_streams(stream)
                at = self._slot[stream]
                if at == 0:
                    # A stream has one pair of ends, so it is found by its index alone.
                    ends = (stream << 32) | (src << 16) | dst
                    if lane[_L_IP, i]:
                        self._begin(0, u32[_SRC4, i], 0, u32[_DST4, i], ends, 4, i64[_TIME, i])
                    elif rerouted[layers[_LAYERS, i]]:
                        with cython.gil:
                            a, b, c, d = final_words(columns, i)
                        self._begin(a, b, c, d, ends, 6, i64[_TIME, i])
                    else:
                        self._begin(_bytes(b16, _SRC6, i, 0, 8), _bytes(b16, _SRC6, i, 8, 16),
                                    _bytes(b16, _DST6, i, 0, 8), _bytes(b16, _DST6, i, 8, 16), ends, 6, i64[_TIME, i])
                    at = self.conversations
                    self._slot[stream] = at
                at -= 1
                forth = (self._key[at, _ENDS] >> 16) & 0xFFFF == src
                if forth and src == dst:
                    if lane[_L_IP, i]:
                        forth = self._key[at, _A + 1] == u32[_SRC4, i]
                    else:
                        a = _bytes(b16, _SRC6, i, 0, 8)
                        forth = self._key[at, _A] == a and self._key[at, _A + 1] == _bytes(b16, _SRC6, i, 8, 16)
                self._count(at, forth, u32[_FRAME_LEN, i], i64[_TIME, i])
        return None

    @cython.cfunc
    def _udp(self, columns: Any, keep: cython.const[cython.uchar][::1]) -> object:
        plain = not cython.compiled
        outer = columns.lists["outer"]
        times = columns.u64.view(np.int64)
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        i64: cython.longlong[:, ::1] = memoryview(times) if plain else times
        b16: cython.uchar[:, :, ::1] = memoryview(columns.b16) if plain else columns.b16
        outers: cython.int[::1] = memoryview(outer.offsets) if plain else outer.offsets
        o_u8: cython.uchar[:, ::1] = memoryview(outer.u8) if plain else outer.u8
        o_u16: cython.ushort[:, ::1] = memoryview(outer.u16) if plain else outer.u16
        o_u32: cython.uint[:, ::1] = memoryview(outer.u32) if plain else outer.u32
        o_b16: cython.uchar[:, :, ::1] = memoryview(outer.b16) if plain else outer.b16
        layers: cython.uint[:, ::1] = memoryview(columns.code) if plain else columns.code
        rerouted: cython.const[cython.uchar][::1] = memoryview(rerouting(columns.texts))
        some: cython.bint = keep.shape[0] != 0
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        o: cython.Py_ssize_t
        ends: cython.ulonglong
        a: cython.ulonglong
        b: cython.ulonglong
        c: cython.ulonglong
        d: cython.ulonglong
        with cython.nogil:
            for i in range(n):
                if some and keep[i] == 0:
                    continue
                for o in range(outers[i], outers[i + 1]):
                    if o_u8[_O_PORTS, o] != 17:
                        continue
                    ends = o_u32[_O_STREAM, o]
                    ends = (ends << 32) | (cython.cast(cython.ulonglong, o_u16[_O_SRCPORT, o]) << 16)
                    ends |= o_u16[_O_DSTPORT, o]
                    if o_u8[_O_VERSION, o] == 4:
                        self._found(0, _bytes(o_b16, _O_SRC, o, 12, 16), 0, _bytes(o_b16, _O_DST, o, 12, 16), ends, 4,
                                    u32[_FRAME_LEN, i], i64[_TIME, i])
                    else:
                        self._found(_bytes(o_b16, _O_SRC, o, 0, 8), _bytes(o_b16, _O_SRC, o, 8, 16),
                                    _bytes(o_b16, _O_DST, o, 0, 8), _bytes(o_b16, _O_DST, o, 8, 16), ends, 6,
                                    u32[_FRAME_LEN, i], i64[_TIME, i])
                if lane[_L_UDP_STREAM, i] == 0:
                    continue
                ends = u32[_UDP_STREAM, i]
                ends = (ends << 32) | (cython.cast(cython.ulonglong, u16[_UDP_SRC, i]) << 16) | u16[_UDP_DST, i]
                if lane[_L_IP, i]:
                    self._found(0, u32[_SRC4, i], 0, u32[_DST4, i], ends, 4, u32[_FRAME_LEN, i], i64[_TIME, i])
                elif rerouted[layers[_LAYERS, i]]:
                    with cython.gil:
                        a, b, c, d = final_words(columns, i)
                    self._found(a, b, c, d, ends, 6, u32[_FRAME_LEN, i], i64[_TIME, i])
                else:
                    self._found(_bytes(b16, _SRC6, i, 0, 8), _bytes(b16, _SRC6, i, 8, 16),
                                _bytes(b16, _DST6, i, 0, 8), _bytes(b16, _DST6, i, 8, 16), ends, 6,
                                u32[_FRAME_LEN, i], i64[_TIME, i])
        return None

    @cython.cfunc
    def _ip(self, columns: Any, keep: cython.const[cython.uchar][::1], version: cython.uint) -> object:
        plain = not cython.compiled
        outer = columns.lists["outer"]
        times = columns.u64.view(np.int64)
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        i64: cython.longlong[:, ::1] = memoryview(times) if plain else times
        b16: cython.uchar[:, :, ::1] = memoryview(columns.b16) if plain else columns.b16
        outers: cython.int[::1] = memoryview(outer.offsets) if plain else outer.offsets
        o_u8: cython.uchar[:, ::1] = memoryview(outer.u8) if plain else outer.u8
        o_b16: cython.uchar[:, :, ::1] = memoryview(outer.b16) if plain else outer.b16
        u8: cython.uchar[:, ::1] = memoryview(columns.u8) if plain else columns.u8
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        layers: cython.uint[:, ::1] = memoryview(columns.code) if plain else columns.code
        leads: cython.const[cython.uchar][::1] = memoryview(open_ended(columns.texts))
        some: cython.bint = keep.shape[0] != 0
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        o: cython.Py_ssize_t
        with cython.nogil:
            for i in range(n):
                if some and keep[i] == 0:
                    continue
                for o in range(outers[i], outers[i + 1]):
                    if o_u8[_O_VERSION, o] != version:
                        continue
                    if version == 4:
                        self._found(0, _bytes(o_b16, _O_SRC, o, 12, 16), 0, _bytes(o_b16, _O_DST, o, 12, 16), 0, 4,
                                    u32[_FRAME_LEN, i], i64[_TIME, i])
                    else:
                        self._found(_bytes(o_b16, _O_SRC, o, 0, 8), _bytes(o_b16, _O_SRC, o, 8, 16),
                                    _bytes(o_b16, _O_DST, o, 0, 8), _bytes(o_b16, _O_DST, o, 8, 16), 0, 6,
                                    u32[_FRAME_LEN, i], i64[_TIME, i])
                if version == 4:
                    if lane[_L_IP, i] >= _U_IP and u8[_SHORT, i] != _OF_IP and u8[_MALFORMED, i] != _OF_IP:
                        self._found(0, u32[_SRC4, i], 0, u32[_DST4, i], 0, 4, u32[_FRAME_LEN, i], i64[_TIME, i])
                elif lane[_L_IPV6, i] >= _U_IPV6:
                    # Wireshark counts it behind its extension headers, where these lead to a payload.
                    if (
                        leads[layers[_LAYERS, i]] == _NEVER
                        or (_OF_EXTENSION <= u8[_SHORT, i] <= _OF_LAST_EXTENSION)
                        or (_OF_EXTENSION <= u8[_MALFORMED, i] <= _OF_LAST_EXTENSION)
                        or (
                            leads[layers[_LAYERS, i]] == _PART
                            and (u16[_FRAG_OFFSET, i] != 0 or u8[_FRAG_MORE, i] != 0)
                            # The fragment that completes a packet tells what is in it.
                            and lane[_L_TCP, i] | lane[_L_UDP, i] | lane[_L_ICMPV6, i] | lane[_L_SCTP, i] == 0
                        )
                    ):
                        continue
                    self._found(_bytes(b16, _SRC6, i, 0, 8), _bytes(b16, _SRC6, i, 8, 16),
                                _bytes(b16, _DST6, i, 0, 8), _bytes(b16, _DST6, i, 8, 16), 0, 6,
                                u32[_FRAME_LEN, i], i64[_TIME, i])
        return None

    @cython.cfunc
    def _eth(self, columns: Any, keep: cython.const[cython.uchar][::1]) -> object:
        plain = not cython.compiled
        times = columns.u64.view(np.int64)
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        u64: cython.ulonglong[:, ::1] = memoryview(columns.u64) if plain else columns.u64
        i64: cython.longlong[:, ::1] = memoryview(times) if plain else times
        some: cython.bint = keep.shape[0] != 0
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        with cython.nogil:
            for i in range(n):
                if some and keep[i] == 0:
                    continue
                if lane[_L_ETH, i] >= _U_ETH:
                    self._found(0, u64[_ETH_SRC, i], 0, u64[_ETH_DST, i], 0, _MAC, u32[_FRAME_LEN, i], i64[_TIME, i])
                if lane[_L_INNER, i] >= _U_INNER:
                    self._found(0, u64[_INNER_SRC, i], 0, u64[_INNER_DST, i], 0, _MAC, u32[_FRAME_LEN, i],
                                i64[_TIME, i])
        return None
