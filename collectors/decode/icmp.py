"""ICMP (RFC 792), ICMPv6 (RFC 4443) with neighbour discovery's targets (RFC 4861), IGMP (RFC 2236, 3376).

An error's row keeps the outer header; the packet it quotes goes to the columns `shoal.quoted.*`, and the row's
`shoal.flow_id` is that of the quoted conversation.
"""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.packet import Packet, mix, need, pair, u16, u32

from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_TYPE = cython.declare(cython.Py_ssize_t, _s.u8("icmp.type"))
_CODE = cython.declare(cython.Py_ssize_t, _s.u8("icmp.code"))
_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("icmp.checksum"))
_L_ICMP = cython.declare(cython.Py_ssize_t, _s.lane("icmp"))
_IDENT = cython.declare(cython.Py_ssize_t, _s.u16("icmp.ident"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u16("icmp.seq"))
_L_ECHO = cython.declare(cython.Py_ssize_t, _s.lane("icmp.echo"))
_MTU = cython.declare(cython.Py_ssize_t, _s.u16("icmp.mtu"))
_L_MTU = cython.declare(cython.Py_ssize_t, _s.lane("icmp.mtu"))
_GATEWAY = cython.declare(cython.Py_ssize_t, _s.u32("icmp.redir_gw"))
_L_GATEWAY = cython.declare(cython.Py_ssize_t, _s.lane("icmp.redir_gw"))
_TYPE6 = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.type"))
_CODE6 = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.code"))
_CHECKSUM6 = cython.declare(cython.Py_ssize_t, _s.u16("icmpv6.checksum"))
_L_ICMP6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6"))
_IDENT6 = cython.declare(cython.Py_ssize_t, _s.u16("icmpv6.echo.identifier"))
_SEQ6 = cython.declare(cython.Py_ssize_t, _s.u16("icmpv6.echo.sequence_number"))
_L_ECHO6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6.echo"))
_MTU6 = cython.declare(cython.Py_ssize_t, _s.u32("icmpv6.mtu"))
_L_MTU6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6.mtu"))
_NS = cython.declare(cython.Py_ssize_t, _s.b16("icmpv6.nd.ns.target_address"))
_L_NS = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6.nd.ns"))
_NA = cython.declare(cython.Py_ssize_t, _s.b16("icmpv6.nd.na.target_address"))
_L_NA = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6.nd.na"))
_IGMP_TYPE = cython.declare(cython.Py_ssize_t, _s.u8("igmp.type"))
_IGMP_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("igmp.checksum"))
_L_IGMP = cython.declare(cython.Py_ssize_t, _s.lane("igmp"))
_IGMP_MADDR = cython.declare(cython.Py_ssize_t, _s.u32("igmp.maddr"))
_L_MADDR = cython.declare(cython.Py_ssize_t, _s.lane("igmp.maddr"))

_Q_VERSION = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.version"))
_Q_SRC = cython.declare(cython.Py_ssize_t, _s.b16("shoal.quoted.src"))
_Q_DST = cython.declare(cython.Py_ssize_t, _s.b16("shoal.quoted.dst"))
_Q_TTL = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.ttl"))
_Q_PROTO = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.proto"))
_Q_ID = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.id"))
_Q_LEN = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.len"))
_Q_DSFIELD = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.dsfield"))
_Q_FLAGS = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.flags"))
_Q_FRAG = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.frag_offset"))
_Q_SRCPORT = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.srcport"))
_Q_DSTPORT = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.dstport"))
_Q_PORTS = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.ports"))
_Q_UDP_LEN = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.udp_length"))
_Q_UDP_SUM = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.udp_checksum"))
_Q_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.hdr_len"))
_Q_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.checksum"))
_Q_FLOW = cython.declare(cython.Py_ssize_t, _s.u32("shoal.quoted.flow"))
_L_QUOTED = cython.declare(cython.Py_ssize_t, _s.lane("quoted"))
_TO_ALL = cython.declare(cython.int, _s.upto("shoal.quoted.flow"))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _head(p: Packet, typ: cython.Py_ssize_t, code: cython.Py_ssize_t, checksum: cython.Py_ssize_t,
          lane: cython.Py_ssize_t) -> cython.int:
    """Type, code and checksum into the given columns, as far as they are there; 1 if all are."""
    at: cython.Py_ssize_t = p.at
    have: cython.Py_ssize_t = p.end - at
    if have >= 1:
        p.u8[typ, p.row] = p.data[at]
        p.lane[lane, p.row] = 1
    if have >= 2:
        p.u8[code, p.row] = p.data[at + 1]
        p.lane[lane, p.row] = 2
    if have >= 4:
        p.u16[checksum, p.row] = u16(p, at + 2)
        p.lane[lane, p.row] = 3
    return need(p, 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def icmp(p: Packet) -> cython.int:
    """RFC 792."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    if p.full - at < 4:  # no ICMP message
        need(p, 4)
        return 0
    if not _head(p, _TYPE, _CODE, _CHECKSUM, _L_ICMP):
        return 0
    kind = p.data[at]
    if kind == 42 or kind == 43:  # extended echo (RFC 8335): the sequence number has one byte
        if p.end - at >= 6:
            p.u16[_IDENT, row] = u16(p, at + 4)
            p.lane[_L_ECHO, row] = 1
        return 0
    if kind == 0 or kind == 8 or 13 <= kind <= 18:
        if p.end - at >= 6:
            p.u16[_IDENT, row] = u16(p, at + 4)
            p.lane[_L_ECHO, row] = 1
        if p.end - at >= 8:
            p.u16[_SEQ, row] = u16(p, at + 6)
            p.lane[_L_ECHO, row] = 2
        if not need(p, 8):
            return 0
        p.at = at + 8
        return 0
    if 3 <= kind <= 5 or kind == 11 or kind == 12:
        if not need(p, 8):
            return 0
        if kind == 3 and p.data[at + 1] == 4:
            p.u16[_MTU, row] = u16(p, at + 6)
            p.lane[_L_MTU, row] = 1
        if kind == 5:
            p.u32[_GATEWAY, row] = u32(p, at + 4)
            p.lane[_L_GATEWAY, row] = 1
        p.at = at + 8
        _quote4(p, at + 8)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def icmp6(p: Packet) -> cython.int:
    """RFC 4443 and RFC 4861."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    k: cython.Py_ssize_t
    if not _head(p, _TYPE6, _CODE6, _CHECKSUM6, _L_ICMP6):
        return 0
    kind = p.data[at]
    if kind == 128 or kind == 129:
        if not need(p, 8):
            return 0
        p.u16[_IDENT6, row] = u16(p, at + 4)
        p.u16[_SEQ6, row] = u16(p, at + 6)
        p.lane[_L_ECHO6, row] = 2
        p.at = at + 8
    elif kind == 160 or kind == 161:  # extended echo (RFC 8335): the sequence number has one byte
        if p.end - at >= 6:
            p.u16[_IDENT6, row] = u16(p, at + 4)
            p.lane[_L_ECHO6, row] = 1
    elif 1 <= kind <= 4:
        if not need(p, 8):
            return 0
        if kind == 2:
            p.u32[_MTU6, row] = u32(p, at + 4)
            p.lane[_L_MTU6, row] = 1
        p.at = at + 8
        _quote6(p, at + 8)
    elif kind == 135 or kind == 136:
        if not need(p, 24):
            return 0
        for k in range(16):
            p.b16[_NS if kind == 135 else _NA, row, k] = p.data[at + 8 + k]
        p.lane[_L_NS if kind == 135 else _L_NA, row] = 1
        p.at = at + 24
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def igmp(p: Packet) -> cython.int:
    """RFC 2236, section 2, and RFC 3376: queries (0x11), reports (0x12, 0x16, 0x22), leaving (0x17).

    Of a version 3 report the first record's group is kept. Other types are other protocols' (DVMRP, PIM version 1).
    """
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    if not need(p, 1):
        return 0
    kind = p.data[at]
    if kind != 0x11 and kind != 0x12 and kind != 0x16 and kind != 0x17 and kind != 0x22:
        return 0
    p.u8[_IGMP_TYPE, p.row] = kind
    p.lane[_L_IGMP, p.row] = 1
    if not need(p, 8):
        return 0
    p.u16[_IGMP_CHECKSUM, p.row] = u16(p, at + 2)
    p.lane[_L_IGMP, p.row] = 2
    if kind != 0x22:
        p.u32[_IGMP_MADDR, p.row] = u32(p, at + 4)
        p.lane[_L_MADDR, p.row] = 1
    elif u16(p, at + 6) and p.end - at >= 16:
        p.u32[_IGMP_MADDR, p.row] = u32(p, at + 12)
        p.lane[_L_MADDR, p.row] = 1
    p.at = at + 8
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _quote4(p: Packet, at: cython.Py_ssize_t) -> cython.int:
    """The quoted IPv4 packet at `at`, with the ports where its first fragment has them."""
    row: cython.Py_ssize_t = p.row
    size: cython.int
    bits: cython.int
    k: cython.Py_ssize_t
    src: cython.ulonglong
    dst: cython.ulonglong
    if at + 20 > p.end or p.data[at] >> 4 != 4:
        return 0
    size = (p.data[at] & 15) * 4
    if size < 20:
        return 0
    bits = u16(p, at + 6)
    p.u8[_Q_VERSION, row] = 4
    p.u8[_Q_HDR_LEN, row] = size
    p.u16[_Q_CHECKSUM, row] = u16(p, at + 10)
    p.u8[_Q_DSFIELD, row] = p.data[at + 1]
    p.u16[_Q_LEN, row] = u16(p, at + 2)
    p.u16[_Q_ID, row] = u16(p, at + 4)
    p.u8[_Q_FLAGS, row] = bits >> 13
    p.u16[_Q_FRAG, row] = bits & 0x1FFF
    p.u8[_Q_TTL, row] = p.data[at + 8]
    p.u8[_Q_PROTO, row] = p.data[at + 9]
    for k in range(10):
        p.b16[_Q_SRC, row, k] = 0
        p.b16[_Q_DST, row, k] = 0
    for k in range(10, 12):
        p.b16[_Q_SRC, row, k] = 0xFF
        p.b16[_Q_DST, row, k] = 0xFF
    for k in range(4):
        p.b16[_Q_SRC, row, 12 + k] = p.data[at + 12 + k]
        p.b16[_Q_DST, row, 12 + k] = p.data[at + 16 + k]
    p.lane[_L_QUOTED, row] = _TO_ALL
    src = u32(p, at + 12)
    dst = u32(p, at + 16)
    return _ports(p, at + size, p.data[at + 9], bits & 0x1FFF == 0, src << 16, dst << 16)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _quote6(p: Packet, at: cython.Py_ssize_t) -> cython.int:
    """The quoted IPv6 packet at `at`, with the ports where they follow the fixed header."""
    row: cython.Py_ssize_t = p.row
    k: cython.Py_ssize_t
    src: cython.ulonglong
    dst: cython.ulonglong
    if at + 40 > p.end or p.data[at] >> 4 != 6:
        return 0
    p.u8[_Q_VERSION, row] = 6
    p.u32[_Q_FLOW, row] = u32(p, at) & 0xFFFFF
    p.u8[_Q_DSFIELD, row] = (u16(p, at) >> 4) & 0xFF
    p.u16[_Q_LEN, row] = u16(p, at + 4)
    p.u8[_Q_PROTO, row] = p.data[at + 6]
    p.u8[_Q_TTL, row] = p.data[at + 7]
    for k in range(16):
        p.b16[_Q_SRC, row, k] = p.data[at + 8 + k]
        p.b16[_Q_DST, row, k] = p.data[at + 24 + k]
    p.lane[_L_QUOTED, row] = _TO_ALL
    src = mix(half6(p, at + 8) ^ mix(half6(p, at + 16)))
    dst = mix(half6(p, at + 24) ^ mix(half6(p, at + 32)))
    return _ports(p, at + 40, p.data[at + 6], True, src, dst)


@cython.cfunc
@cython.nogil
@cython.exceptval(0xFFFFFFFFFFFFFFFF, check=True)
def half6(p: Packet, at: cython.Py_ssize_t) -> cython.ulonglong:
    """Eight bytes at `at`, big-endian: half an IPv6 address."""
    return (cython.cast(cython.ulonglong, u32(p, at)) << 32) | u32(p, at + 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _ports(p: Packet, at: cython.Py_ssize_t, proto: cython.int, first: cython.bint, src: cython.ulonglong,
           dst: cython.ulonglong) -> cython.int:
    """Ports of the quoted packet, and `p.flow` from its endpoints."""
    row: cython.Py_ssize_t = p.row
    ports: cython.bint = first and (proto == 6 or proto == 17 or proto == 132 or proto == 136) and at + 4 <= p.end
    if ports:
        p.u16[_Q_SRCPORT, row] = u16(p, at)
        p.u16[_Q_DSTPORT, row] = u16(p, at + 2)
        p.u8[_Q_PORTS, row] = proto
        src ^= u16(p, at)
        dst ^= u16(p, at + 2)
        if proto == 17 and at + 6 <= p.end:
            p.u16[_Q_UDP_LEN, row] = u16(p, at + 4)
        if proto == 17 and at + 8 <= p.end:
            p.u16[_Q_UDP_SUM, row] = u16(p, at + 6)
    elif first and proto == 1 and at + 8 <= p.end and (p.data[at] == 8 or p.data[at] == 0):
        # The quoted echo's: what a ping's error is matched by.
        p.u16[_IDENT, row] = u16(p, at + 4)
        p.u16[_SEQ, row] = u16(p, at + 6)
        p.lane[_L_ECHO, row] = 2
    p.flow = pair(src, dst, proto)
    return 0
