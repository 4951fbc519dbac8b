"""Reassembly of IPv4 (RFC 791) and IPv6 (RFC 8200, section 4.5) fragments.

As in Wireshark, a datagram's transport fields stand in the row of the frame that completes it, and its other frames
have none. Fragments that are not captured whole take no part.
The datagrams that a batch completes are decoded together.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from collectors.sources.frames import NO_INTERFACE, Frames
from pipeline.engine.datagrams import merge
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

if not cython.compiled:
    from pipeline.engine.addresses import half
    from pipeline.engine.fragment_pool import Pool

_s = Slots(PACKETS)
_MOST_DONE = 1024
_MOST_FILLED = 1 << 20
_MOST_SIZE = cython.declare(cython.uint, 65_536)
_LONGEST = cython.declare(cython.Py_ssize_t, 65_535 + 40)
_MAPPED = cython.declare(cython.ulonglong, 0xFFFF00000000)
_SIX = cython.declare(cython.ulonglong, 1 << 40)
_TCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp"))
_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_IP_DST = cython.declare(cython.int, _s.upto("ip.dst"))
_L_FRAGHDR = cython.declare(cython.Py_ssize_t, _s.lane("ipv6.fraghdr"))
_TO_IDENT = cython.declare(cython.int, _s.upto("ipv6.fraghdr.ident"))
_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_PROTO = cython.declare(cython.Py_ssize_t, _s.u8("ip.proto"))
_ID = cython.declare(cython.Py_ssize_t, _s.u16("ip.id"))
_OFFSET4 = cython.declare(cython.Py_ssize_t, _s.u16("ip.frag_offset"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u8("ip.flags"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u16("ip.len"))
_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("ip.hdr_len"))
_DSFIELD = cython.declare(cython.Py_ssize_t, _s.u8("ip.dsfield"))
_TTL = cython.declare(cython.Py_ssize_t, _s.u8("ip.ttl"))
_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_NXT = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.fraghdr.nxt"))
_OFFSET6 = cython.declare(cython.Py_ssize_t, _s.u16("ipv6.fraghdr.offset"))
_MORE = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.fraghdr.more"))
_IDENT = cython.declare(cython.Py_ssize_t, _s.u32("ipv6.fraghdr.ident"))
_HLIM = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.hlim"))
_FRAME_LEN = cython.declare(cython.Py_ssize_t, _s.u32("frame.len"))
_CAP_LEN = cython.declare(cython.Py_ssize_t, _s.u32("frame.cap_len"))
_PAYLOAD = cython.declare(cython.Py_ssize_t, _s.u16("shoal.payload.offset"))
_PAYLOAD_LEN = cython.declare(cython.Py_ssize_t, _s.u32("shoal.payload.len"))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _put(to: cython.uchar[::1], at: cython.Py_ssize_t, value: cython.ulonglong, size: cython.int) -> cython.int:
    """`size` bytes of `value`, big-endian."""
    k: cython.int
    for k in range(size):
        to[at + k] = (value >> (8 * (size - 1 - k))) & 255
    return 0


@cython.cclass
class Reassembly:
    """Datagrams of which fragments have been seen; `evicted` and `completed` count datagrams."""

    def __init__(self, notes: Notes | None = None) -> None:
        self.completed = 0
        self._done = 0
        self._filled = 0
        self._pool = Pool(notes or Notes())
        self._ready = False
        self._whole: Columns | None = None

    @property
    def evicted(self) -> int:
        """Datagrams given up at a cap."""
        evicted: int = self._pool.evicted
        return evicted

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"completed": self.completed, "pool": self._pool.state()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.completed = state["completed"]
        self._pool.restore(state["pool"])

    def process(self, columns: Columns) -> None:
        """Take up the fragments among the rows; complete datagrams are decoded into the row that completes them."""
        self._rows(columns)
        if self._done:
            self._flush(columns)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _begin(self) -> cython.int:
        """The arrays, made for the first fragment."""
        plain = not cython.compiled
        packet = np.zeros(_MOST_FILLED, np.uint8)
        rows = np.zeros(_MOST_DONE, np.int64)
        starts = np.zeros(_MOST_DONE, np.int64)
        sizes = np.zeros(_MOST_DONE, np.uint32)
        linktypes = np.zeros(_MOST_DONE, np.uint16)
        self._packet = memoryview(packet) if plain else packet
        self._row = memoryview(rows) if plain else rows
        self._start = memoryview(starts) if plain else starts
        self._size = memoryview(sizes) if plain else sizes
        self._linktype = memoryview(linktypes) if plain else linktypes
        self._whole = Columns(PACKETS, _MOST_DONE)
        self._pool.reserve()
        self._ready = True
        return 0

    @cython.cfunc
    def _rows(self, columns: Any) -> object:
        plain = not cython.compiled
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u8: cython.uchar[:, ::1] = memoryview(columns.u8) if plain else columns.u8
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        b16: cython.uchar[:, :, ::1] = memoryview(columns.b16) if plain else columns.b16
        raw: cython.const[cython.uchar][::1] = memoryview(columns.raw_buffer)
        raw_offset: cython.const[cython.longlong][::1] = (
            memoryview(columns.raw_offset) if plain else columns.raw_offset
        )
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        at: cython.Py_ssize_t
        six: cython.bint
        more: cython.bint
        a: cython.ulonglong
        b: cython.ulonglong
        c: cython.ulonglong
        d: cython.ulonglong
        e: cython.ulonglong
        of: cython.uint
        offset: cython.uint
        size: cython.uint
        total: cython.uint
        with cython.nogil:
            for i in range(n):
                six = lane[_L_FRAGHDR, i] == _TO_IDENT
                if not six and ((u8[_FLAGS, i] & 1 == 0 and u16[_OFFSET4, i] == 0) or lane[_L_IP, i] != _IP_DST):
                    continue
                size = u32[_PAYLOAD_LEN, i]
                if size == 0:
                    continue
                if six:
                    offset = u16[_OFFSET6, i]
                    more = u8[_MORE, i] != 0
                    if u32[_CAP_LEN, i] < u32[_FRAME_LEN, i] or (offset == 0 and not more):
                        continue
                    a = half(b16, _SRC6, i, 0)
                    b = half(b16, _SRC6, i, 8)
                    c = half(b16, _DST6, i, 0)
                    d = half(b16, _DST6, i, 8)
                    e = _SIX | u32[_IDENT, i]
                else:
                    offset = u16[_OFFSET4, i]
                    more = u8[_FLAGS, i] & 1 != 0
                    if lane[_TCP, i] or lane[_UDP, i] or size + u8[_HDR_LEN, i] != u16[_LEN, i]:
                        continue
                    a = 0
                    b = _MAPPED | u32[_SRC4, i]
                    c = 0
                    d = _MAPPED | u32[_DST4, i]
                    e = (cython.cast(cython.ulonglong, u8[_PROTO, i]) << 16) | u16[_ID, i]
                offset *= 8
                if size > _MOST_SIZE or offset + size > _MOST_SIZE:
                    continue
                if not self._ready:
                    with cython.gil:
                        self._begin()
                self._pool.row = i
                of = self._pool.find(a, b, c, d, e)
                if not self._pool.add(of, raw, raw_offset[i] + u16[_PAYLOAD, i], offset, size, more):
                    continue
                self.completed += 1
                total = self._pool.total(of)
                if total + (0 if six else 20) <= 0xFFFF:
                    if self._done >= self._row.shape[0] or self._filled + _LONGEST > self._packet.shape[0]:  # type: ignore[index]
                        with cython.gil:
                            self._flush(columns)
                    at = self._filled
                    self._row[self._done] = i
                    self._start[self._done] = at
                    if six:
                        _put(self._packet, at, 6 << 28, 4)
                        _put(self._packet, at + 4, total, 2)
                        self._packet[at + 6] = u8[_NXT, i]
                        self._packet[at + 7] = u8[_HLIM, i]
                        _put(self._packet, at + 8, a, 8)
                        _put(self._packet, at + 16, b, 8)
                        _put(self._packet, at + 24, c, 8)
                        _put(self._packet, at + 32, d, 8)
                        at += 40
                    else:
                        self._packet[at] = 0x45
                        self._packet[at + 1] = u8[_DSFIELD, i]
                        _put(self._packet, at + 2, 20 + total, 2)
                        _put(self._packet, at + 4, u16[_ID, i], 2)
                        _put(self._packet, at + 6, 0, 2)
                        self._packet[at + 8] = u8[_TTL, i]
                        self._packet[at + 9] = u8[_PROTO, i]
                        _put(self._packet, at + 10, 0, 2)
                        _put(self._packet, at + 12, u32[_SRC4, i], 4)
                        _put(self._packet, at + 16, u32[_DST4, i], 4)
                        at += 20
                    self._pool.assemble(of, self._packet, at)
                    self._size[self._done] = at + total - self._filled
                    self._linktype[self._done] = 229 if six else 228
                    self._filled = at + total
                    self._done += 1
                self._pool.drop(of)
        return None

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _flush(self, columns: Any) -> cython.int:
        """Decode the datagrams that are complete into the rows that completed them."""
        k: cython.Py_ssize_t = self._done
        sizes = np.asarray(self._size)[:k]
        frames = Frames(
            memoryview(np.asarray(self._packet))[: self._filled], np.asarray(self._start)[:k], sizes, sizes,
            np.zeros(k, np.int64), np.full(k, NO_INTERFACE, np.uint16), np.asarray(self._linktype)[:k], 1,
        )  # fmt: skip
        merge(columns, np.asarray(self._row)[:k], frames, self._whole)
        self._done = 0
        self._filled = 0
        return 0
