"""TCP (RFC 9293) and its options: MSS, window scale and timestamps (RFC 7323), SACK (RFC 2018), fast open (RFC 7413),
multipath (RFC 8684).
"""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.packet import Packet, mark, need, u16, u32

from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_SRCPORT = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_DSTPORT = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("tcp.hdr_len"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_WINDOW = cython.declare(cython.Py_ssize_t, _s.u16("tcp.window_size_value"))
_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("tcp.checksum"))
_URGENT = cython.declare(cython.Py_ssize_t, _s.u16("tcp.urgent_pointer"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_MSS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.options.mss_val"))
_WSCALE = cython.declare(cython.Py_ssize_t, _s.u8("tcp.options.wscale.shift"))
_SACK_PERM = cython.declare(cython.Py_ssize_t, _s.u8("tcp.options.sack_perm"))
_TSVAL = cython.declare(cython.Py_ssize_t, _s.u32("tcp.options.timestamp.tsval"))
_TSECR = cython.declare(cython.Py_ssize_t, _s.u32("tcp.options.timestamp.tsecr"))
_COOKIE = cython.declare(cython.Py_ssize_t, _s.b16("tcp.options.tfo.cookie"))
_TFO_REQUEST = cython.declare(cython.Py_ssize_t, _s.u8("tcp.options.tfo.request"))
_MPTCP = cython.declare(cython.Py_ssize_t, _s.u8("tcp.options.mptcp.subtype"))
_SACK_LE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_le"))
_SACK_RE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_re"))
_MOST_SACK = cython.declare(cython.int, next(g.most for g in PACKETS.groups if g.name == "sack"))
_L_TCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp"))
_L_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.hdr_len"))
_L_SEQ = cython.declare(cython.Py_ssize_t, _s.lane("tcp.seq"))
_L_ACK = cython.declare(cython.Py_ssize_t, _s.lane("tcp.ack"))
_L_FLAGS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.flags"))
_L_WINDOW = cython.declare(cython.Py_ssize_t, _s.lane("tcp.window"))
_L_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.lane("tcp.checksum"))
_L_URGENT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.urgent"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_MSS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.mss"))
_L_WSCALE = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.wscale"))
_L_SACK_PERM = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.sack_perm"))
_L_TIMESTAMP = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.timestamp"))
_L_COOKIE = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.tfo.cookie"))
_L_TFO_REQUEST = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.tfo.request"))
_L_MPTCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.mptcp"))
_IP_FLAGS = cython.declare(cython.Py_ssize_t, _s.u8("ip.flags"))
_FRAG_MORE = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.fraghdr.more"))
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_L_FRAGHDR = cython.declare(cython.Py_ssize_t, _s.lane("ipv6.fraghdr"))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def tcp(p: Packet) -> cython.int:
    """The header. `tcp.len` is left out for a lone first fragment, whose length nobody knows."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    have: cython.Py_ssize_t = p.end - at
    size: cython.int
    fragmented: cython.bint
    if have < 4:
        need(p, 20)
        return 0
    p.u16[_SRCPORT, row] = (p.data[at] << 8) | p.data[at + 1]
    p.u16[_DSTPORT, row] = (p.data[at + 2] << 8) | p.data[at + 3]
    p.lane[_L_TCP, row] = 2
    if have < 8:
        need(p, 20)
        return 0
    p.u32[_SEQ, row] = u32(p, at + 4)
    p.lane[_L_SEQ, row] = 1
    if have < 16:
        if have >= 12:
            p.u32[_ACK, row] = u32(p, at + 8)
            p.lane[_L_ACK, row] = 1
        need(p, 20)
        return 0
    size = (p.data[at + 12] >> 4) * 4
    p.u8[_HDR_LEN, row] = size
    p.lane[_L_HDR_LEN, row] = 1
    if p.lane[_L_IP, row]:
        fragmented = p.u8[_IP_FLAGS, row] & 1
    else:
        fragmented = p.lane[_L_FRAGHDR, row] != 0 and p.u8[_FRAG_MORE, row] != 0
    if not fragmented and p.full - at >= size:
        p.u32[_LEN, row] = p.full - at - size
        p.lane[_L_LEN, row] = 1
    if size < 20:
        mark(p, True)
        return 0
    p.u32[_ACK, row] = u32(p, at + 8)
    p.lane[_L_ACK, row] = 1
    p.u16[_FLAGS, row] = ((p.data[at + 12] & 15) << 8) | p.data[at + 13]
    p.lane[_L_FLAGS, row] = 1
    p.u16[_WINDOW, row] = (p.data[at + 14] << 8) | p.data[at + 15]
    p.lane[_L_WINDOW, row] = 1
    if have >= 18:
        p.u16[_CHECKSUM, row] = (p.data[at + 16] << 8) | p.data[at + 17]
        p.lane[_L_CHECKSUM, row] = 1
    if have >= 20:
        p.u16[_URGENT, row] = (p.data[at + 18] << 8) | p.data[at + 19]
        p.lane[_L_URGENT, row] = 1
    if size > 20:
        _options(p, at + 20, at + size if at + size < p.end else p.end)
    if not need(p, size):
        return 0
    p.at = at + size
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _options(p: Packet, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """The options from `at` up to `end`; one whose length is wrong ends the list (RFC 9293, section 3.1)."""
    row: cython.Py_ssize_t = p.row
    kind: cython.int
    size: cython.Py_ssize_t
    whole: cython.bint
    while at < end:
        kind = p.data[at]
        if kind == 1:
            at += 1
            continue
        if kind == 0 or at + 2 > end:
            break
        size = p.data[at + 1]
        if size < 2 or at + size > end:
            whole = at + size <= p.at + p.u8[_HDR_LEN, row]
            mark(p, size < 2 or not whole)
            if kind == 5 and size > 2 and whole:
                _blocks(p, at + 2, end)
            break
        if kind == 8 and size == 10:
            p.u32[_TSVAL, row] = u32(p, at + 2)
            p.u32[_TSECR, row] = u32(p, at + 6)
            p.lane[_L_TIMESTAMP, row] = 2
        elif kind == 5:
            _blocks(p, at + 2, at + size)
            if size < 10:
                mark(p, True)
                break
        elif kind == 2 and size == 4:
            p.u16[_MSS, row] = u16(p, at + 2)
            p.lane[_L_MSS, row] = 1
        elif kind == 3 and size == 3:
            p.u8[_WSCALE, row] = p.data[at + 2]
            p.lane[_L_WSCALE, row] = 1
        elif kind == 4 and size == 2:
            p.u8[_SACK_PERM, row] = 1
            p.lane[_L_SACK_PERM, row] = 1
        elif kind == 30 and size >= 3 and p.lane[_L_MPTCP, row] == 0:
            p.u8[_MPTCP, row] = p.data[at + 2] >> 4
            p.lane[_L_MPTCP, row] = 1
        elif kind == 34:
            _cookie(p, at + 2, size - 2)
        elif kind == 254 and size >= 4 and u16(p, at + 2) == 0xF989:
            _cookie(p, at + 4, size - 4)
        at += size
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _blocks(p: Packet, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """The SACK blocks that stand whole from `at` up to `end`."""
    while at + 8 <= end and p.row_blocks < _MOST_SACK:
        p.sack_u32[_SACK_LE, p.blocks] = u32(p, at)
        p.sack_u32[_SACK_RE, p.blocks] = u32(p, at + 4)
        p.blocks += 1
        p.row_blocks += 1
        at += 8
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _cookie(p: Packet, at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.int:
    """A fast open cookie of 4 to 16 bytes, or the request for one (RFC 7413, section 4.1.1)."""
    k: cython.Py_ssize_t
    if size == 0:
        p.u8[_TFO_REQUEST, p.row] = 1
        p.lane[_L_TFO_REQUEST, p.row] = 1
    elif 4 <= size <= 16:
        for k in range(size):
            p.b16[_COOKIE, p.row, k] = p.data[at + k]
        p.lane[_L_COOKIE, p.row] = size
    return 0
