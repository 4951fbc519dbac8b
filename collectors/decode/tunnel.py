"""Tunnels: GRE (RFC 2784, 2890, and 2637's version 1), ERSPAN, VXLAN (RFC 7348), GENEVE (RFC 8926),
GTP-U (3GPP TS 29.281), Teredo (RFC 4380), L2TP (RFC 2661), NHRP (RFC 2332) as far as the packet that an error quotes.
"""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.ether import by_ethertype
    from collectors.decode.packet import Packet, mark, narrow, need, u16, u32

from pipeline.schema import LAYER_ID, PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_GRE_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("gre.flags_and_version"))
_GRE_PROTO = cython.declare(cython.Py_ssize_t, _s.u16("gre.proto"))
_GRE_KEY = cython.declare(cython.Py_ssize_t, _s.u32("gre.key"))
_L_GRE = cython.declare(cython.Py_ssize_t, _s.lane("gre"))
_L_KEY = cython.declare(cython.Py_ssize_t, _s.lane("gre.key"))
_VXLAN_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("vxlan.flags"))
_VXLAN_VNI = cython.declare(cython.Py_ssize_t, _s.u32("vxlan.vni"))
_L_VXLAN = cython.declare(cython.Py_ssize_t, _s.lane("vxlan"))
_GENEVE_VNI = cython.declare(cython.Py_ssize_t, _s.u32("geneve.vni"))
_L_GENEVE = cython.declare(cython.Py_ssize_t, _s.lane("geneve"))
_GTP_FLAGS = cython.declare(cython.Py_ssize_t, _s.u8("gtp.flags"))
_GTP_MESSAGE = cython.declare(cython.Py_ssize_t, _s.u8("gtp.message"))
_GTP_LENGTH = cython.declare(cython.Py_ssize_t, _s.u16("gtp.length"))
_GTP_TEID = cython.declare(cython.Py_ssize_t, _s.u32("gtp.teid"))
_L_GTP = cython.declare(cython.Py_ssize_t, _s.lane("gtp"))
_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))

_ETH = cython.declare(cython.int, LAYER_ID["eth"])
_WLAN = cython.declare(cython.int, LAYER_ID["wlan"])
_ERSPAN = cython.declare(cython.int, LAYER_ID["erspan"])
_PPP = cython.declare(cython.int, LAYER_ID["ppp"])
_IP = cython.declare(cython.int, LAYER_ID["ip"])
_IPV6 = cython.declare(cython.int, LAYER_ID["ipv6"])
_NSH = cython.declare(cython.int, LAYER_ID["nsh"])
_NHRP = cython.declare(cython.int, LAYER_ID["nhrp"])
_MPLS = cython.declare(cython.int, LAYER_ID["mpls"])
_DATA = cython.declare(cython.int, LAYER_ID["data"])


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def gre(p: Packet) -> cython.int:
    """RFC 2784, section 2, with key and sequence number (RFC 2890) and PPTP's acknowledgment (RFC 2637)."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    flags: cython.int
    kind: cython.int
    if not need(p, 4):
        return 0
    flags = u16(p, at)
    kind = u16(p, at + 2)
    p.u16[_GRE_FLAGS, row] = flags
    p.u16[_GRE_PROTO, row] = kind
    p.lane[_L_GRE, row] = 2
    p.at = at + 4
    if flags & 0xC000:
        p.at += 4
    if flags & 0x2000:
        if p.end - p.at >= 4 and flags & 7 == 0:  # in version 1 (PPTP): a length and a call number
            p.u32[_GRE_KEY, row] = u32(p, p.at)
            p.lane[_L_KEY, row] = 1
        p.at += 4
    if flags & 0x1000:
        p.at += 4
    if flags & 7 == 1 and flags & 0x0080:
        p.at += 4
    if flags & 0x4000:  # RFC 1701's source routes, up to the empty one
        while need(p, 4) and p.data[p.at + 3] != 0:
            p.at += 4 + p.data[p.at + 3]
        p.at += 4
    if p.at >= p.end:
        need(p, 0)
        return 0
    if kind == 0x88BE:
        return _ERSPAN if flags & 0x1000 else _ETH
    if kind == 0x22EB:
        return _ERSPAN
    if kind == 0x880B:
        return _PPP
    if kind == 0x883E:  # WCCP: the redirected packet, in version 2 behind four bytes
        if need(p, 4) and p.data[p.at] >> 4 != 4:
            p.at += 4
        return _IP
    if kind == 0x2001:
        return _NHRP
    if 0x8200 <= kind <= 0x83FF:  # Aruba: 802.11 frames from an access point
        return _WLAN
    return by_ethertype(p, kind)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def erspan(p: Packet) -> cython.int:
    """ERSPAN types II and III: a header of 8 or of 12 bytes (and 8 more for a platform's), then Ethernet."""
    at: cython.Py_ssize_t = p.at
    version: cython.int
    size: cython.int
    if not need(p, 8):
        return 0
    version = p.data[at] >> 4
    if version == 1:
        size = 8
    elif version == 2:
        if not need(p, 12):
            return 0
        size = 20 if p.data[at + 11] & 1 else 12
        if (p.data[at + 10] >> 2) & 0x1F not in (0, 2):
            return _DATA
    else:
        return _DATA
    if not need(p, size):
        return 0
    p.at = at + size
    return _ETH


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def vxlan(p: Packet) -> cython.int:
    """RFC 7348, section 5; on port 4790 the generic protocol extension."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    if not need(p, 8):
        return 0
    p.u16[_VXLAN_FLAGS, row] = u16(p, at)
    p.u32[_VXLAN_VNI, row] = u32(p, at + 4) >> 8
    p.lane[_L_VXLAN, row] = 2
    p.at = at + 8
    if p.data[at] & 0x04 and (p.u16[_UDP_DST, row] == 4790 or p.u16[_UDP_SRC, row] == 4790):
        kind = p.data[at + 3]
        if kind == 1:
            return _IP
        if kind == 2:
            return _IPV6
        if kind == 3:
            return _ETH
        if kind == 4:
            return _NSH
        if kind == 5:
            return _MPLS
        return _DATA
    return _ETH


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def geneve(p: Packet) -> cython.int:
    """RFC 8926, section 3.4; the options are passed over."""
    at: cython.Py_ssize_t = p.at
    size: cython.int
    if not need(p, 8):
        return 0
    if p.data[at] >> 6:
        return _DATA
    size = 8 + (p.data[at] & 0x3F) * 4
    p.u32[_GENEVE_VNI, p.row] = u32(p, at + 4) >> 8
    p.lane[_L_GENEVE, p.row] = 1
    if not need(p, size):
        return 0
    p.at = at + size
    return by_ethertype(p, u16(p, at + 2))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def gtp(p: Packet) -> cython.int:
    """3GPP TS 29.281, section 5: version 1 with its extension headers; a G-PDU (255) carries IP."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    flags: cython.int
    kind: cython.int
    size: cython.int
    if not need(p, 8):
        return 0
    flags = p.data[at]
    if flags >> 5 == 0 and flags & 0x10:  # version 0 (GSM 09.60): 20 bytes, the tunnel identifier in the last eight
        if not need(p, 20):
            return 0
        p.u8[_GTP_FLAGS, row] = flags
        p.u8[_GTP_MESSAGE, row] = p.data[at + 1]
        p.u16[_GTP_LENGTH, row] = u16(p, at + 2)
        p.lane[_L_GTP, row] = 3
        p.at = at + 20
        return _version(p) if p.data[at + 1] == 255 else 0
    if flags >> 5 != 1 or flags & 0x10 == 0:  # without that bit it is GTP' (charging)
        return _DATA
    p.u8[_GTP_FLAGS, row] = flags
    p.u8[_GTP_MESSAGE, row] = p.data[at + 1]
    p.u16[_GTP_LENGTH, row] = u16(p, at + 2)
    p.u32[_GTP_TEID, row] = u32(p, at + 4)
    p.lane[_L_GTP, row] = 4
    p.at = at + 8
    if flags & 7:
        if not need(p, 4):
            return 0
        kind = p.data[at + 11]
        p.at = at + 12
        while flags & 4 and kind:
            if not need(p, 1):
                return 0
            size = p.data[p.at] * 4
            if size == 0:
                mark(p, True)
                return 0
            if not need(p, size):
                return 0
            kind = p.data[p.at + size - 1]
            p.at += size
    return _version(p) if p.data[at + 1] == 255 else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _version(p: Packet) -> cython.int:
    """The version of IP that follows, by its first nibble."""
    if p.at >= p.end:
        return 0
    if p.data[p.at] >> 4 == 4:
        return _IP
    if p.data[p.at] >> 4 == 6:
        return _IPV6
    return _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def teredo(p: Packet) -> cython.int:
    """RFC 4380, section 5.1: authentication and origin indications may stand before IPv6."""
    at: cython.Py_ssize_t = p.at
    if not need(p, 2):
        return 0
    if u16(p, at) == 1:
        if not need(p, 4):
            return 0
        at += 13 + p.data[at + 2] + p.data[at + 3]
    p.at = at
    if not need(p, 2):
        return 0
    if u16(p, at) == 0:
        at += 8
    p.at = at
    if not need(p, 40) or p.data[at] >> 4 != 6:
        return _DATA
    return _IPV6


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def l2tp(p: Packet) -> cython.int:
    """RFC 2661, section 3.1: data messages carry PPP."""
    at: cython.Py_ssize_t = p.at
    flags: cython.int
    size: cython.int = 6
    if not need(p, 2):
        return 0
    flags = u16(p, at)
    if flags & 15 != 2 or flags & 0x8000:
        return _DATA
    if flags & 0x4000:
        size += 2
    if flags & 0x0800:
        size += 4
    if flags & 0x0200:
        if not need(p, size + 2):
            return 0
        size += 2 + u16(p, at + size)
    if not need(p, size):
        return 0
    p.at = at + size
    if flags & 0x4000:
        narrow(p, u16(p, at + 2) - size)
    return _PPP


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def nhrp(p: Packet) -> cython.int:
    """RFC 2332, section 5.2.7: an error indication (7), and Cisco's redirect (8), carry the packet they tell of."""
    at: cython.Py_ssize_t = p.at
    size: cython.int
    extensions: cython.int
    if not need(p, 20):
        return 0
    extensions = u16(p, at + 14)
    if p.data[at + 17] != 7 and p.data[at + 17] != 8:
        return 0
    if not need(p, 22):
        return 0
    size = 28 + (p.data[at + 18] & 0x3F) + (p.data[at + 19] & 0x3F) + p.data[at + 20] + p.data[at + 21]
    if not need(p, size):
        return 0
    p.at = at + size
    if extensions > size:
        narrow(p, extensions - size)
    return _version(p)
