"""IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), the authentication header (RFC 4302).

A second IP header in a frame moves the first one's fields, with its transport ports, to the `outer` list; the row
always tells of the innermost conversation.
"""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.outer import push_outer
    from collectors.decode.packet import Packet, mark, narrow, need, u16, u32

from pipeline.schema import LAYER_ID, PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_VERSION = cython.declare(cython.Py_ssize_t, _s.u8("ip.version"))
_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("ip.hdr_len"))
_DSFIELD = cython.declare(cython.Py_ssize_t, _s.u8("ip.dsfield"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u16("ip.len"))
_ID = cython.declare(cython.Py_ssize_t, _s.u16("ip.id"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u8("ip.flags"))
_FRAG = cython.declare(cython.Py_ssize_t, _s.u16("ip.frag_offset"))
_TTL = cython.declare(cython.Py_ssize_t, _s.u8("ip.ttl"))
_PROTO = cython.declare(cython.Py_ssize_t, _s.u8("ip.proto"))
_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("ip.checksum"))
_SRC = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_DST = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_L_VERSION = cython.declare(cython.Py_ssize_t, _s.lane("ip.version"))
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_TO_HDR_LEN = cython.declare(cython.int, _s.upto("ip.hdr_len"))
_TO_DSFIELD = cython.declare(cython.int, _s.upto("ip.dsfield"))
_TO_LEN = cython.declare(cython.int, _s.upto("ip.len"))
_TO_ID = cython.declare(cython.int, _s.upto("ip.id"))
_TO_FRAG = cython.declare(cython.int, _s.upto("ip.frag_offset"))
_TO_TTL = cython.declare(cython.int, _s.upto("ip.ttl"))
_TO_PROTO = cython.declare(cython.int, _s.upto("ip.proto"))
_TO_CHECKSUM = cython.declare(cython.int, _s.upto("ip.checksum"))
_TO_SRC = cython.declare(cython.int, _s.upto("ip.src"))
_TO_DST = cython.declare(cython.int, _s.upto("ip.dst"))

_TCLASS = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.tclass"))
_FLOW = cython.declare(cython.Py_ssize_t, _s.u32("ipv6.flow"))
_PLEN = cython.declare(cython.Py_ssize_t, _s.u16("ipv6.plen"))
_NXT = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.nxt"))
_HLIM = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.hlim"))
_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_L_IPV6 = cython.declare(cython.Py_ssize_t, _s.lane("ipv6"))
_TO_FLOW = cython.declare(cython.int, _s.upto("ipv6.flow"))
_TO_PLEN = cython.declare(cython.int, _s.upto("ipv6.plen"))
_TO_NXT = cython.declare(cython.int, _s.upto("ipv6.nxt"))
_TO_HLIM = cython.declare(cython.int, _s.upto("ipv6.hlim"))
_TO_SRC6 = cython.declare(cython.int, _s.upto("ipv6.src"))
_TO_DST6 = cython.declare(cython.int, _s.upto("ipv6.dst"))
_FRAG_NXT = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.fraghdr.nxt"))
_FRAG_OFFSET = cython.declare(cython.Py_ssize_t, _s.u16("ipv6.fraghdr.offset"))
_FRAG_MORE = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.fraghdr.more"))
_FRAG_IDENT = cython.declare(cython.Py_ssize_t, _s.u32("ipv6.fraghdr.ident"))
_L_FRAGHDR = cython.declare(cython.Py_ssize_t, _s.lane("ipv6.fraghdr"))
_TO_IDENT = cython.declare(cython.int, _s.upto("ipv6.fraghdr.ident"))
_ROUTING = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.routing.type"))
_L_ROUTING = cython.declare(cython.Py_ssize_t, _s.lane("ipv6.routing"))

_IP = cython.declare(cython.int, LAYER_ID["ip"])
_IPV6 = cython.declare(cython.int, LAYER_ID["ipv6"])
_TCP = cython.declare(cython.int, LAYER_ID["tcp"])
_UDP = cython.declare(cython.int, LAYER_ID["udp"])
_UDPLITE = cython.declare(cython.int, LAYER_ID["udplite"])
_SCTP = cython.declare(cython.int, LAYER_ID["sctp"])
_ICMP = cython.declare(cython.int, LAYER_ID["icmp"])
_ICMPV6 = cython.declare(cython.int, LAYER_ID["icmpv6"])
_IGMP = cython.declare(cython.int, LAYER_ID["igmp"])
_GRE = cython.declare(cython.int, LAYER_ID["gre"])
_MPLS = cython.declare(cython.int, LAYER_ID["mpls"])
_ESP = cython.declare(cython.int, LAYER_ID["esp"])
_AH = cython.declare(cython.int, LAYER_ID["ah"])
_ETH = cython.declare(cython.int, LAYER_ID["eth"])
_PIM = cython.declare(cython.int, LAYER_ID["pim"])
_OSPF = cython.declare(cython.int, LAYER_ID["ospf"])
_HOPOPTS = cython.declare(cython.int, LAYER_ID["ipv6.hopopts"])
_RTHDR = cython.declare(cython.int, LAYER_ID["ipv6.routing"])
_FRAGHDR = cython.declare(cython.int, LAYER_ID["ipv6.fraghdr"])
_DSTOPTS = cython.declare(cython.int, LAYER_ID["ipv6.dstopts"])
_SHIM6 = cython.declare(cython.int, LAYER_ID["ipv6.shim6"])
_MIPV6 = cython.declare(cython.int, LAYER_ID["ipv6.mipv6"])
_DATA = cython.declare(cython.int, LAYER_ID["data"])


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def by_protocol(p: Packet, proto: cython.int) -> cython.int:
    """The layer for an IP protocol number (IANA's protocol numbers)."""
    layer: cython.int = _DATA
    if proto == 6:
        layer = _TCP
    elif proto == 17:
        layer = _UDP
    elif proto == 1:
        layer = _ICMP
    elif proto == 58:
        layer = _ICMPV6
    elif proto == 2:
        layer = _IGMP
    elif proto == 4:
        layer = _IP
    elif proto == 41:
        layer = _IPV6
    elif proto == 47:
        layer = _GRE
    elif proto == 132:
        layer = _SCTP
    elif proto == 136:
        layer = _UDPLITE
    elif proto == 51:
        layer = _AH
    elif proto == 50:
        layer = _ESP
    elif proto == 137:
        layer = _MPLS
    elif proto == 0:
        layer = _HOPOPTS
    elif proto == 43:
        layer = _RTHDR
    elif proto == 44:
        layer = _FRAGHDR
    elif proto == 60:
        layer = _DSTOPTS
    elif proto == 140:
        layer = _SHIM6
    elif proto == 135:
        layer = _MIPV6
    elif proto == 143:
        layer = _ETH
    elif proto == 103:
        layer = _PIM
    elif proto == 89:
        layer = _OSPF
    return layer


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ip4(p: Packet) -> cython.int:
    """RFC 791: the header with its options; fragments end here (reassembly is the engine's)."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    have: cython.Py_ssize_t = p.end - at
    first: cython.int
    size: cython.int
    total: cython.int
    bits: cython.int
    proto: cython.int
    if not need(p, 1):
        return 0
    first = p.data[at]
    if first >> 4 == 6:
        return _IPV6
    push_outer(p)
    p.u8[_VERSION, row] = first >> 4
    p.lane[_L_VERSION, row] = 1
    if first >> 4 != 4:
        mark(p, True)
        return 0
    size = (first & 15) * 4
    p.u8[_HDR_LEN, row] = size
    if size < 20:
        p.lane[_L_IP, row] = _TO_HDR_LEN
        mark(p, True)
        return 0
    if have < 20:
        p.lane[_L_IP, row] = _head4(p, at, have)
        need(p, 20)
        return 0
    p.u8[_DSFIELD, row] = p.data[at + 1]
    total = (p.data[at + 2] << 8) | p.data[at + 3]
    p.u16[_LEN, row] = total
    if total == 0 and p.full - at <= 0xFFFF:  # left to the card (segmentation offload): what is there counts
        total = p.full - at
        p.u16[_LEN, row] = total
    if total < size and total != 0:
        p.lane[_L_IP, row] = _TO_LEN
        mark(p, True)
        return 0
    p.u16[_ID, row] = (p.data[at + 4] << 8) | p.data[at + 5]
    bits = (p.data[at + 6] << 8) | p.data[at + 7]
    p.u8[_FLAGS, row] = bits >> 13
    p.u16[_FRAG, row] = bits & 0x1FFF
    p.u8[_TTL, row] = p.data[at + 8]
    proto = p.data[at + 9]
    p.u8[_PROTO, row] = proto
    p.u16[_CHECKSUM, row] = (p.data[at + 10] << 8) | p.data[at + 11]
    p.u32[_SRC, row] = u32(p, at + 12)
    p.u32[_DST, row] = u32(p, at + 16)
    p.lane[_L_IP, row] = _TO_DST
    if total:  # 0: over 65,535 bytes, as Linux shows its own big segments
        narrow(p, total)
    if not need(p, size):
        return 0
    if size > 20:
        _route(p, at + 20, at + size)
    p.at = at + size
    if bits & 0x3FFF and (bits & 0x1FFF or p.end == p.full):
        # A later fragment, or a first one that is here whole: its datagram is the reassembly's to decode.
        # A first fragment that the snap length cut can't be reassembled, so its headers are shown.
        return _DATA
    p.next = proto
    return by_protocol(p, proto)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _route(p: Packet, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """Under a source route (RFC 791, options 131 and 137) not yet at its end, `ip.dst` is where the route ends."""
    size: cython.Py_ssize_t
    while at < end and p.data[at] != 0:
        if p.data[at] == 1:
            at += 1
            continue
        if at + 2 > end:
            break
        size = p.data[at + 1]
        if size < 2 or at + size > end:
            break
        if (p.data[at] == 131 or p.data[at] == 137) and size >= 7 and p.data[at + 2] < size:
            p.u32[_DST, p.row] = u32(p, at + size - 4)
        at += size
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _head4(p: Packet, at: cython.Py_ssize_t, have: cython.Py_ssize_t) -> cython.int:
    """The leading fields of an IPv4 header of which only `have` bytes (below 20) are there: the lane's count."""
    row: cython.Py_ssize_t = p.row
    upto: cython.int = _TO_HDR_LEN
    if have >= 2:
        p.u8[_DSFIELD, row] = p.data[at + 1]
        upto = _TO_DSFIELD
    if have >= 4:
        p.u16[_LEN, row] = u16(p, at + 2)
        upto = _TO_LEN
    if have >= 6:
        p.u16[_ID, row] = u16(p, at + 4)
        upto = _TO_ID
    if have >= 8:
        p.u8[_FLAGS, row] = p.data[at + 6] >> 5
        p.u16[_FRAG, row] = u16(p, at + 6) & 0x1FFF
        upto = _TO_FRAG
    if have >= 9:
        p.u8[_TTL, row] = p.data[at + 8]
        upto = _TO_TTL
    if have >= 10:
        p.u8[_PROTO, row] = p.data[at + 9]
        upto = _TO_PROTO
    if have >= 12:
        p.u16[_CHECKSUM, row] = u16(p, at + 10)
        upto = _TO_CHECKSUM
    if have >= 16:
        p.u32[_SRC, row] = u32(p, at + 12)
        upto = _TO_SRC
    return upto


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ip6(p: Packet) -> cython.int:
    """RFC 8200, section 3: the fixed header."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    have: cython.Py_ssize_t = p.end - at
    k: cython.Py_ssize_t
    word: cython.uint
    plen: cython.int
    upto: cython.int = 0
    if not need(p, 1):
        return 0
    if p.data[at] >> 4 == 4:
        return _IP
    push_outer(p)
    p.u8[_VERSION, row] = p.data[at] >> 4
    p.lane[_L_VERSION, row] = 1
    if p.data[at] >> 4 != 6:
        mark(p, True)
        return 0
    if have >= 4:
        word = u32(p, at)
        p.u8[_TCLASS, row] = (word >> 20) & 0xFF
        p.u32[_FLOW, row] = word & 0xFFFFF
        upto = _TO_FLOW
    if have >= 6:
        p.u16[_PLEN, row] = u16(p, at + 4)
        upto = _TO_PLEN
    if have >= 7:
        p.u8[_NXT, row] = p.data[at + 6]
        upto = _TO_NXT
    if have >= 8:
        p.u8[_HLIM, row] = p.data[at + 7]
        upto = _TO_HLIM
    if have >= 24:
        for k in range(16):
            p.b16[_SRC6, row, k] = p.data[at + 8 + k]
        upto = _TO_SRC6
    if have >= 40:
        for k in range(16):
            p.b16[_DST6, row, k] = p.data[at + 24 + k]
        upto = _TO_DST6
    p.lane[_L_IPV6, row] = upto
    if not need(p, 40):
        return 0
    plen = u16(p, at + 4)
    p.at = at + 40
    if plen or p.data[at + 6] != 0:  # 0 before hop-by-hop options: a jumbogram (RFC 2675) tells its length there
        narrow(p, plen)
    p.next = p.data[at + 6]
    return by_protocol(p, p.next)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ip6_extension(p: Packet) -> cython.int:
    """RFC 8200, sections 4.3 to 4.6, and RFC 4302: one extension header (`p.layer` tells which)."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    size: cython.Py_ssize_t
    bits: cython.int
    if p.layer == _FRAGHDR:
        if not need(p, 8):
            return 0
        bits = u16(p, at + 2)
        p.u8[_FRAG_NXT, row] = p.data[at]
        p.u16[_FRAG_OFFSET, row] = bits >> 3
        p.u8[_FRAG_MORE, row] = bits & 1
        p.u32[_FRAG_IDENT, row] = u32(p, at + 4)
        p.lane[_L_FRAGHDR, row] = _TO_IDENT
        p.at = at + 8
        p.next = p.data[at]
        if bits & 0xFFF9 and (bits & 0xFFF8 or p.end == p.full):
            return _DATA
        return by_protocol(p, p.next)
    if not need(p, 2):
        return 0
    if p.layer == _AH:
        size = (p.data[at + 1] + 2) * 4
    else:
        size = (p.data[at + 1] + 1) * 8
    if p.layer == _RTHDR and p.end - at >= 3:
        p.u8[_ROUTING, row] = p.data[at + 2]
        p.lane[_L_ROUTING, row] = 1
    if not need(p, size):
        return 0
    p.at = at + size
    p.next = p.data[at]
    return by_protocol(p, p.next)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def pim(p: Packet) -> cython.int:
    """RFC 7761, section 4.9.3: a Register message carries a multicast packet on its way to the rendezvous point."""
    at: cython.Py_ssize_t = p.at
    if not need(p, 4):
        return 0
    if p.data[at] != 0x21 or not need(p, 9):
        return 0
    p.at = at + 8
    if p.data[at + 8] >> 4 == 4:
        return _IP
    return _IPV6 if p.data[at + 8] >> 4 == 6 else _DATA
