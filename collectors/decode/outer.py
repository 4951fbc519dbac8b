"""IP headers outside of the row's own: tunnels."""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.packet import Packet

from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_VERSION = cython.declare(cython.Py_ssize_t, _s.u8("ip.version"))
_DSFIELD = cython.declare(cython.Py_ssize_t, _s.u8("ip.dsfield"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u16("ip.len"))
_ID = cython.declare(cython.Py_ssize_t, _s.u16("ip.id"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u8("ip.flags"))
_FRAG = cython.declare(cython.Py_ssize_t, _s.u16("ip.frag_offset"))
_TTL = cython.declare(cython.Py_ssize_t, _s.u8("ip.ttl"))
_PROTO = cython.declare(cython.Py_ssize_t, _s.u8("ip.proto"))
_SRC = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_DST = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_TCLASS = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.tclass"))
_PLEN = cython.declare(cython.Py_ssize_t, _s.u16("ipv6.plen"))
_NXT = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.nxt"))
_HLIM = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.hlim"))
_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_L_IPV6 = cython.declare(cython.Py_ssize_t, _s.lane("ipv6"))
_L_FRAGHDR = cython.declare(cython.Py_ssize_t, _s.lane("ipv6.fraghdr"))
_L_ROUTING = cython.declare(cython.Py_ssize_t, _s.lane("ipv6.routing"))

_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_UDP_LEN = cython.declare(cython.Py_ssize_t, _s.u16("udp.length"))
_L_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_L_UDP_LEN = cython.declare(cython.Py_ssize_t, _s.lane("udp.length"))
_L_UDP_SUM = cython.declare(cython.Py_ssize_t, _s.lane("udp.checksum"))

_O_VERSION = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.version"))
_O_SRC = cython.declare(cython.Py_ssize_t, _s.item("outer", "b16", "shoal.outer.src"))
_O_DST = cython.declare(cython.Py_ssize_t, _s.item("outer", "b16", "shoal.outer.dst"))
_O_TTL = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.ttl"))
_O_PROTO = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.proto"))
_O_ID = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.id"))
_O_LEN = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.len"))
_O_DSFIELD = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.dsfield"))
_O_FLAGS = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.flags"))
_O_FRAG = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.frag_offset"))
_O_SRCPORT = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.srcport"))
_O_DSTPORT = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.dstport"))
_O_PORTS = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.ports"))
_O_UDP_SUM = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.udp_checksum"))
_O_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.hdr_len"))
_O_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.checksum"))
_O_STREAM = cython.declare(cython.Py_ssize_t, _s.item("outer", "u32", "shoal.outer.stream"))
_O_FLOW = cython.declare(cython.Py_ssize_t, _s.item("outer", "u32", "shoal.outer.flow"))
_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("ip.hdr_len"))
_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("ip.checksum"))
_FLOW = cython.declare(cython.Py_ssize_t, _s.u32("ipv6.flow"))
_UDP_SUM = cython.declare(cython.Py_ssize_t, _s.u16("udp.checksum"))
_O_UDP_LEN = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.udp_length"))
_MOST_OUTER = cython.declare(cython.int, next(g.most for g in PACKETS.groups if g.name == "outer"))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def push_outer(p: Packet) -> cython.int:
    """Move the row's IP header, if it has one, and its UDP ports to the `outer` list."""
    row: cython.Py_ssize_t = p.row
    o: cython.Py_ssize_t = p.outers
    k: cython.Py_ssize_t
    a: cython.uint
    four: cython.bint = p.lane[_L_IP, row] != 0
    if not four and p.lane[_L_IPV6, row] == 0:
        return 0
    if p.row_outers < _MOST_OUTER:
        p.row_outers += 1
        p.outers += 1
        p.outer_u8[_O_VERSION, o] = p.u8[_VERSION, row]
        p.outer_u32[_O_STREAM, o] = 0
        if four:
            for k in range(10):
                p.outer_b16[_O_SRC, o, k] = 0
                p.outer_b16[_O_DST, o, k] = 0
            for k in range(10, 12):
                p.outer_b16[_O_SRC, o, k] = 0xFF
                p.outer_b16[_O_DST, o, k] = 0xFF
            for k in range(4):
                a = p.u32[_SRC, row]
                p.outer_b16[_O_SRC, o, 12 + k] = (a >> (24 - 8 * k)) & 0xFF
                a = p.u32[_DST, row]
                p.outer_b16[_O_DST, o, 12 + k] = (a >> (24 - 8 * k)) & 0xFF
            p.outer_u8[_O_TTL, o] = p.u8[_TTL, row]
            p.outer_u8[_O_PROTO, o] = p.u8[_PROTO, row]
            p.outer_u16[_O_ID, o] = p.u16[_ID, row]
            p.outer_u16[_O_LEN, o] = p.u16[_LEN, row]
            p.outer_u8[_O_DSFIELD, o] = p.u8[_DSFIELD, row]
            p.outer_u8[_O_FLAGS, o] = p.u8[_FLAGS, row]
            p.outer_u16[_O_FRAG, o] = p.u16[_FRAG, row]
            p.outer_u8[_O_HDR_LEN, o] = p.u8[_HDR_LEN, row]
            p.outer_u16[_O_CHECKSUM, o] = p.u16[_CHECKSUM, row]
            p.outer_u32[_O_FLOW, o] = 0
        else:
            for k in range(16):
                p.outer_b16[_O_SRC, o, k] = p.b16[_SRC6, row, k]
                p.outer_b16[_O_DST, o, k] = p.b16[_DST6, row, k]
            p.outer_u8[_O_TTL, o] = p.u8[_HLIM, row]
            p.outer_u8[_O_PROTO, o] = p.u8[_NXT, row]
            p.outer_u16[_O_ID, o] = 0
            p.outer_u16[_O_LEN, o] = p.u16[_PLEN, row]
            p.outer_u8[_O_DSFIELD, o] = p.u8[_TCLASS, row]
            p.outer_u8[_O_FLAGS, o] = 0
            p.outer_u16[_O_FRAG, o] = 0
            p.outer_u8[_O_HDR_LEN, o] = 0
            p.outer_u16[_O_CHECKSUM, o] = 0
            p.outer_u32[_O_FLOW, o] = p.u32[_FLOW, row]
        if p.lane[_L_UDP, row]:
            p.outer_u16[_O_SRCPORT, o] = p.u16[_UDP_SRC, row]
            p.outer_u16[_O_DSTPORT, o] = p.u16[_UDP_DST, row]
            p.outer_u16[_O_UDP_LEN, o] = p.u16[_UDP_LEN, row]
            p.outer_u16[_O_UDP_SUM, o] = p.u16[_UDP_SUM, row]
            p.outer_u8[_O_PORTS, o] = 17
        else:
            p.outer_u16[_O_SRCPORT, o] = 0
            p.outer_u16[_O_DSTPORT, o] = 0
            p.outer_u16[_O_UDP_LEN, o] = 0
            p.outer_u16[_O_UDP_SUM, o] = 0
            p.outer_u8[_O_PORTS, o] = 0
    # Cells without a value are zero.
    if four:
        p.u8[_TTL, row] = p.u8[_PROTO, row] = p.u8[_DSFIELD, row] = p.u8[_FLAGS, row] = p.u8[_HDR_LEN, row] = 0
        p.u16[_ID, row] = p.u16[_LEN, row] = p.u16[_FRAG, row] = p.u16[_CHECKSUM, row] = 0
        p.u32[_SRC, row] = p.u32[_DST, row] = 0
    else:
        p.u8[_HLIM, row] = p.u8[_NXT, row] = p.u8[_TCLASS, row] = 0
        p.u16[_PLEN, row] = 0
        p.u32[_FLOW, row] = 0
        for k in range(16):
            p.b16[_SRC6, row, k] = p.b16[_DST6, row, k] = 0
    p.lane[_L_IP, row] = 0
    p.lane[_L_IPV6, row] = 0
    p.lane[_L_FRAGHDR, row] = 0
    p.lane[_L_ROUTING, row] = 0
    p.lane[_L_UDP, row] = 0
    p.lane[_L_UDP_LEN, row] = 0
    p.lane[_L_UDP_SUM, row] = 0
    return 0
