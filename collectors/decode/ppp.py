"""PPP (RFC 1661), also in HDLC-like framing (RFC 1662), and PPPoE (RFC 2516)."""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.packet import Packet, narrow, need, u16

from pipeline.schema import LAYER_ID, PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_PROTOCOL = cython.declare(cython.Py_ssize_t, _s.u16("ppp.protocol"))
_L_PPP = cython.declare(cython.Py_ssize_t, _s.lane("ppp"))
_CODE = cython.declare(cython.Py_ssize_t, _s.u8("pppoe.code"))
_SESSION = cython.declare(cython.Py_ssize_t, _s.u16("pppoe.session_id"))
_LENGTH = cython.declare(cython.Py_ssize_t, _s.u16("pppoe.payload_length"))
_L_PPPOE = cython.declare(cython.Py_ssize_t, _s.lane("pppoe"))
_TO_LENGTH = cython.declare(cython.int, _s.upto("pppoe.payload_length"))
_PPP = cython.declare(cython.int, LAYER_ID["ppp"])
_PPPOES = cython.declare(cython.int, LAYER_ID["pppoes"])
_IP = cython.declare(cython.int, LAYER_ID["ip"])
_IPV6 = cython.declare(cython.int, LAYER_ID["ipv6"])
_MPLS = cython.declare(cython.int, LAYER_ID["mpls"])
_CHDLC = cython.declare(cython.int, LAYER_ID["chdlc"])
_DATA = cython.declare(cython.int, LAYER_ID["data"])


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ppp_hdlc(p: Packet) -> cython.int:
    """RFC 1662, section 3.1: address and control before the PPP header, or Cisco's HDLC by its address."""
    at: cython.Py_ssize_t = p.at
    if not need(p, 1):
        return 0
    if p.data[at] == 0x0F or p.data[at] == 0x8F:
        return _CHDLC
    return ppp(p)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ppp(p: Packet) -> cython.int:
    """RFC 1661, section 2: the protocol field, of one byte where it is compressed."""
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    if p.end - at >= 2 and p.data[at] == 0xFF and p.data[at + 1] == 0x03:
        at += 2
    p.at = at
    if not need(p, 1):
        return 0
    if p.data[at] & 1:
        kind = p.data[at]
        p.at = at + 1
    else:
        if not need(p, 2):
            return 0
        kind = u16(p, at)
        p.at = at + 2
    p.u16[_PROTOCOL, p.row] = kind
    p.lane[_L_PPP, p.row] = 1
    if kind == 0x0021:
        return _IP
    if kind == 0x0057:
        return _IPV6
    if kind == 0x0281 or kind == 0x0283:
        return _MPLS
    return _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def pppoe(p: Packet) -> cython.int:
    """RFC 2516, section 4: the header; a session frame carries PPP without address and control."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    if not need(p, 6):
        return 0
    p.u8[_CODE, row] = p.data[at + 1]
    p.u16[_SESSION, row] = u16(p, at + 2)
    p.u16[_LENGTH, row] = u16(p, at + 4)
    p.lane[_L_PPPOE, row] = _TO_LENGTH
    p.at = at + 6
    narrow(p, u16(p, at + 4))
    return _PPP if p.layer == _PPPOES else _DATA
