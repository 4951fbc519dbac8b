"""UDP (RFC 768), UDP-Lite (RFC 3828), SCTP (RFC 9260)."""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.packet import Packet, mark, narrow, need, u16, u32

from pipeline.schema import LAYER_ID, PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_SRCPORT = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_DSTPORT = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_LENGTH = cython.declare(cython.Py_ssize_t, _s.u16("udp.length"))
_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("udp.checksum"))
_L_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_L_IPV6 = cython.declare(cython.Py_ssize_t, _s.lane("ipv6"))
_L_LENGTH = cython.declare(cython.Py_ssize_t, _s.lane("udp.length"))
_L_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.lane("udp.checksum"))
_SCTP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("sctp.srcport"))
_SCTP_DST = cython.declare(cython.Py_ssize_t, _s.u16("sctp.dstport"))
_SCTP_TAG = cython.declare(cython.Py_ssize_t, _s.u32("sctp.verification_tag"))
_SCTP_CHUNK = cython.declare(cython.Py_ssize_t, _s.u8("sctp.chunk_type"))
_L_SCTP = cython.declare(cython.Py_ssize_t, _s.lane("sctp"))
_L_CHUNK = cython.declare(cython.Py_ssize_t, _s.lane("sctp.chunk"))
_TO_SCTP_PORTS = cython.declare(cython.int, _s.upto("sctp.dstport"))
_TO_SCTP_TAG = cython.declare(cython.int, _s.upto("sctp.verification_tag"))

_VXLAN = cython.declare(cython.int, LAYER_ID["vxlan"])
_GENEVE = cython.declare(cython.int, LAYER_ID["geneve"])
_GTP = cython.declare(cython.int, LAYER_ID["gtp"])
_TEREDO = cython.declare(cython.int, LAYER_ID["teredo"])
_L2TP = cython.declare(cython.int, LAYER_ID["l2tp"])
_MPLS = cython.declare(cython.int, LAYER_ID["mpls"])
_UDPLITE = cython.declare(cython.int, LAYER_ID["udplite"])
_DATA = cython.declare(cython.int, LAYER_ID["data"])


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _tunnel(port: cython.int) -> cython.int:
    """The tunnel that IANA's port number carries, or 0."""
    if port == 4789 or port == 4790:
        return _VXLAN
    if port == 6081:
        return _GENEVE
    if port == 2152 or port == 3386:
        return _GTP
    if port == 3544:
        return _TEREDO
    if port == 1701:
        return _L2TP
    if port == 6635:
        return _MPLS
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def udp(p: Packet) -> cython.int:
    """The eight bytes of the header; the layer that follows is told by the lower, then by the higher port."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    have: cython.Py_ssize_t = p.end - at
    src: cython.int
    dst: cython.int
    length: cython.int
    low: cython.int
    if have < 4:
        need(p, 8)
        return 0
    src = (p.data[at] << 8) | p.data[at + 1]
    dst = (p.data[at + 2] << 8) | p.data[at + 3]
    p.u16[_SRCPORT, row] = src
    p.u16[_DSTPORT, row] = dst
    p.lane[_L_UDP, row] = 2
    if have < 6:
        need(p, 8)
        return 0
    length = (p.data[at + 4] << 8) | p.data[at + 5]
    p.u16[_LENGTH, row] = length
    p.lane[_L_LENGTH, row] = 1
    if p.layer == _UDPLITE:  # the field tells what the checksum covers; 0 is all
        if length != 0 and length < 8:
            mark(p, True)
            return 0
    elif length < 8:
        if length != 0 or p.lane[_L_IPV6, row] == 0:  # 0: a jumbogram (RFC 2675, section 4)
            mark(p, True)
            return 0
    else:
        if length > p.full - at:
            mark(p, True)
        narrow(p, length)
    if not need(p, 8):
        return 0
    p.u16[_CHECKSUM, row] = (p.data[at + 6] << 8) | p.data[at + 7]
    p.lane[_L_CHECKSUM, row] = 1
    p.at = at + 8
    if p.at >= p.end:
        return 0
    low = _tunnel(src if src < dst else dst)
    if low == 0:
        low = _tunnel(dst if src < dst else src)
    return low if low else _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def sctp(p: Packet) -> cython.int:
    """The common header (RFC 9260, section 3.1) and the type of the first chunk."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    if p.full - at < 12:
        need(p, 12)
        return 0
    if p.end - at >= 4:
        p.u16[_SCTP_SRC, row] = u16(p, at)
        p.u16[_SCTP_DST, row] = u16(p, at + 2)
        p.lane[_L_SCTP, row] = _TO_SCTP_PORTS
    if p.end - at >= 8:
        p.u32[_SCTP_TAG, row] = u32(p, at + 4)
        p.lane[_L_SCTP, row] = _TO_SCTP_TAG
    if not need(p, 12):
        return 0
    p.at = at + 12
    if p.at < p.end:
        p.u8[_SCTP_CHUNK, row] = p.data[at + 12]
        p.lane[_L_CHUNK, row] = 1
    return 0
