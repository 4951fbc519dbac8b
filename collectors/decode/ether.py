"""Ethernet (IEEE 802.3), VLAN tags (IEEE 802.1Q, 802.1ad), LLC and SNAP (IEEE 802.2), MPLS (RFC 3032), and tags of
other kinds that stand between Ethernet and the network layer.
"""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.packet import Packet, mac, mark, narrow, need, u16, u32

from pipeline.schema import LAYER_ID, PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_DST = cython.declare(cython.Py_ssize_t, _s.u64("eth.dst"))
_SRC = cython.declare(cython.Py_ssize_t, _s.u64("eth.src"))
_TYPE = cython.declare(cython.Py_ssize_t, _s.u16("eth.type"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u16("eth.len"))
_L_ETH = cython.declare(cython.Py_ssize_t, _s.lane("eth"))
_L_TYPE = cython.declare(cython.Py_ssize_t, _s.lane("eth.type"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("eth.len"))
_IN_DST = cython.declare(cython.Py_ssize_t, _s.u64("shoal.inner.eth.dst"))
_IN_SRC = cython.declare(cython.Py_ssize_t, _s.u64("shoal.inner.eth.src"))
_IN_TYPE = cython.declare(cython.Py_ssize_t, _s.u16("shoal.inner.eth.type"))
_IN_LEN = cython.declare(cython.Py_ssize_t, _s.u16("shoal.inner.eth.len"))
_L_IN_LEN = cython.declare(cython.Py_ssize_t, _s.lane("inner.eth.len"))
_L_IN = cython.declare(cython.Py_ssize_t, _s.lane("inner.eth"))
_L_IN_TYPE = cython.declare(cython.Py_ssize_t, _s.lane("inner.eth.type"))
_DSAP = cython.declare(cython.Py_ssize_t, _s.u8("llc.dsap"))
_SSAP = cython.declare(cython.Py_ssize_t, _s.u8("llc.ssap"))
_CONTROL = cython.declare(cython.Py_ssize_t, _s.u16("llc.control"))
_L_LLC = cython.declare(cython.Py_ssize_t, _s.lane("llc"))
_OUI = cython.declare(cython.Py_ssize_t, _s.u32("llc.oui"))
_L_SNAP = cython.declare(cython.Py_ssize_t, _s.lane("snap"))
_SNAP_TYPE = cython.declare(cython.Py_ssize_t, _s.u16("llc.type"))
_L_SNAP_TYPE = cython.declare(cython.Py_ssize_t, _s.lane("snap.type"))
_V_ID = cython.declare(cython.Py_ssize_t, _s.item("vlan", "u16", "vlan.id"))
_V_ETYPE = cython.declare(cython.Py_ssize_t, _s.item("vlan", "u16", "vlan.etype"))
_V_PRIORITY = cython.declare(cython.Py_ssize_t, _s.item("vlan", "u8", "vlan.priority"))
_V_DEI = cython.declare(cython.Py_ssize_t, _s.item("vlan", "u8", "vlan.dei"))
_M_LABEL = cython.declare(cython.Py_ssize_t, _s.item("mpls", "u32", "mpls.label"))
_M_EXP = cython.declare(cython.Py_ssize_t, _s.item("mpls", "u8", "mpls.exp"))
_M_TTL = cython.declare(cython.Py_ssize_t, _s.item("mpls", "u8", "mpls.ttl"))
_MOST_TAGS = cython.declare(cython.int, next(g.most for g in PACKETS.groups if g.name == "vlan"))
_MOST_LABELS = cython.declare(cython.int, next(g.most for g in PACKETS.groups if g.name == "mpls"))

_ETH = cython.declare(cython.int, LAYER_ID["eth"])
_ETHERTYPE = cython.declare(cython.int, LAYER_ID["ethertype"])
_LLC = cython.declare(cython.int, LAYER_ID["llc"])
_VLAN = cython.declare(cython.int, LAYER_ID["vlan"])
_SVLAN = cython.declare(cython.int, LAYER_ID["ieee8021ad"])
_IP = cython.declare(cython.int, LAYER_ID["ip"])
_IPV6 = cython.declare(cython.int, LAYER_ID["ipv6"])
_ARP = cython.declare(cython.int, LAYER_ID["arp"])
_MPLS = cython.declare(cython.int, LAYER_ID["mpls"])
_PPPOED = cython.declare(cython.int, LAYER_ID["pppoed"])
_PPPOES = cython.declare(cython.int, LAYER_ID["pppoes"])
_PPP = cython.declare(cython.int, LAYER_ID["ppp"])
_CFP = cython.declare(cython.int, LAYER_ID["cfp"])
_ETAG = cython.declare(cython.int, LAYER_ID["etag"])
_MACSEC = cython.declare(cython.int, LAYER_ID["macsec"])
_NSH = cython.declare(cython.int, LAYER_ID["nsh"])
_AVSP = cython.declare(cython.int, LAYER_ID["avsp"])
_GRE = cython.declare(cython.int, LAYER_ID["gre"])
_VNTAG = cython.declare(cython.int, LAYER_ID["vntag"])
_ITAG = cython.declare(cython.int, LAYER_ID["ieee8021ah"])
_CMD = cython.declare(cython.int, LAYER_ID["cmd"])
_LLDP = cython.declare(cython.int, LAYER_ID["lldp"])
_EAPOL = cython.declare(cython.int, LAYER_ID["eapol"])
_STP = cython.declare(cython.int, LAYER_ID["stp"])
_DATA = cython.declare(cython.int, LAYER_ID["data"])


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def by_ethertype(p: Packet, kind: cython.int) -> cython.int:
    """The layer for an EtherType (IEEE's registry)."""
    layer: cython.int = _DATA
    if kind == 0x0800:
        layer = _IP
    elif kind == 0x86DD:
        layer = _IPV6
    elif kind == 0x8100 or kind == 0x9100:
        layer = _VLAN
    elif kind == 0x88A8:
        layer = _SVLAN
    elif kind == 0x0806 or kind == 0x8035:
        layer = _ARP
    elif kind == 0x8847 or kind == 0x8848:
        layer = _MPLS
    elif kind == 0x8864:
        layer = _PPPOES
    elif kind == 0x8863:
        layer = _PPPOED
    elif kind == 0x880B:
        layer = _PPP
    elif kind == 0x6558:
        layer = _ETH
    elif kind == 0x893F:
        layer = _ETAG
    elif kind == 0x88E5:
        layer = _MACSEC
    elif kind == 0x894F:
        layer = _NSH
    elif kind == 0x8926:
        layer = _VNTAG
    elif kind == 0x88E7:
        layer = _ITAG
    elif kind == 0xD28B:
        layer = _AVSP
    elif kind == 0x8909:
        layer = _CMD
    elif kind == 0x88CC:
        layer = _LLDP
    elif kind == 0x888E:
        layer = _EAPOL
    return layer


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ethernet(p: Packet) -> cython.int:
    """IEEE 802.3, clause 3: addresses, then an EtherType (from 1536) or a length (up to 1500)."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    inner: cython.bint = p.lane[_L_ETH, row] != 0
    if not need(p, 12):
        return 0
    kind = u16(p, at + 12) if p.end - at >= 14 else -1
    if kind == 0x8903:  # Cisco FabricPath: an outer MAC header of its own kind, a tag, then the Ethernet frame
        p.at = at + 16
        narrow(p, p.full - p.at - 4)  # its frame check sequence comes with the frame inside
        return _CFP
    if inner:
        p.u64[_IN_DST, row] = mac(p, at)
        p.u64[_IN_SRC, row] = mac(p, at + 6)
        p.lane[_L_IN, row] = 2
    else:
        p.u64[_DST, row] = mac(p, at)
        p.u64[_SRC, row] = mac(p, at + 6)
        p.lane[_L_ETH, row] = 2
    if kind < 0:
        need(p, 14)
        return 0
    p.at = at + 14
    if 0 < kind <= 1500:
        p.u16[_IN_LEN if inner else _LEN, row] = kind
        p.lane[_L_IN_LEN if inner else _L_LEN, row] = 1
        narrow(p, kind)
        if p.end - p.at >= 2 and u16(p, p.at) == 0xFFFF:  # Novell's raw IPX
            return _DATA
        return _LLC
    if 0 < kind < 1536:
        mark(p, True)
        return _DATA
    if inner:
        p.u16[_IN_TYPE, row] = kind
        p.lane[_L_IN_TYPE, row] = 1
    else:
        p.u16[_TYPE, row] = kind
        p.lane[_L_TYPE, row] = 1
    p.next = kind
    return _ETHERTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ethertype(p: Packet) -> cython.int:
    """What follows by the EtherType that the layer before left in `p.next`."""
    return by_ethertype(p, p.next)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def vlan(p: Packet) -> cython.int:
    """IEEE 802.1Q, clause 9: one tag."""
    at: cython.Py_ssize_t = p.at
    bits: cython.int
    kind: cython.int
    if not need(p, 4):
        return 0
    bits = u16(p, at)
    kind = u16(p, at + 2)
    if p.row_vlans < _MOST_TAGS:
        p.vlan_u16[_V_ID, p.vlans] = bits & 0xFFF
        p.vlan_u8[_V_PRIORITY, p.vlans] = bits >> 13
        p.vlan_u8[_V_DEI, p.vlans] = (bits >> 12) & 1
        p.vlan_u16[_V_ETYPE, p.vlans] = kind
        p.vlans += 1
        p.row_vlans += 1
    p.at = at + 4
    if kind <= 1500:
        narrow(p, kind)
        return _LLC
    p.next = kind
    return _ETHERTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def llc(p: Packet) -> cython.int:
    """IEEE 802.2, clause 3, and the SNAP header (RFC 1042)."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    dsap: cython.int
    control: cython.int
    size: cython.int
    if not need(p, 3):
        return 0
    dsap = p.data[at]
    control = p.data[at + 2]
    size = 3
    if control & 3 != 3:  # information and supervisory frames have two bytes
        if not need(p, 4):
            return 0
        control = (p.data[at + 3] << 8) | control
        size = 4
    p.u8[_DSAP, row] = dsap
    p.u8[_SSAP, row] = p.data[at + 1]
    p.u16[_CONTROL, row] = control
    p.lane[_L_LLC, row] = 3
    p.at = at + size
    if dsap == 0xAA and p.data[at + 1] == 0xAA:
        return _snap(p)
    if dsap == 0x06:
        return _IP
    if dsap == 0x42:
        return _STP
    return _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _snap(p: Packet) -> cython.int:
    at: cython.Py_ssize_t = p.at
    oui: cython.uint
    if not need(p, 5):
        return 0
    oui = u32(p, at) >> 8
    p.u32[_OUI, p.row] = oui
    p.lane[_L_SNAP, p.row] = 1
    p.at = at + 5
    if oui == 0 or oui == 0xF8:
        p.u16[_SNAP_TYPE, p.row] = u16(p, at + 3)
        p.lane[_L_SNAP_TYPE, p.row] = 1
        return by_ethertype(p, u16(p, at + 3))
    return _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def mpls(p: Packet) -> cython.int:
    """RFC 3032, section 2.1: the label stack; what follows is told by its first nibble (RFC 4928)."""
    bottom: cython.int = 0
    word: cython.uint
    nibble: cython.int
    while not bottom:
        if not need(p, 4):
            return 0
        word = u32(p, p.at)
        if p.row_labels < _MOST_LABELS:
            p.mpls_u32[_M_LABEL, p.labels] = word >> 12
            p.mpls_u8[_M_EXP, p.labels] = (word >> 9) & 7
            p.mpls_u8[_M_TTL, p.labels] = word & 0xFF
            p.labels += 1
            p.row_labels += 1
        bottom = (word >> 8) & 1
        p.at += 4
    if p.at >= p.end:
        return 0
    nibble = p.data[p.at] >> 4
    if nibble == 4:
        return _IP
    if nibble == 6:
        return _IPV6
    if nibble == 0 and p.end - p.at >= 18:  # a pseudowire's control word, then Ethernet (RFC 4448)
        p.at += 4
        return _ETH
    if nibble == 1:
        return _DATA
    return _ETH


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def tag(p: Packet) -> cython.int:
    """E-tag (802.1BR), VN-tag, I-tag (802.1ah), MACsec in clear (802.1AE), NSH (RFC 8300), Arista's and Cisco's."""
    at: cython.Py_ssize_t = p.at
    size: cython.int
    kind: cython.int
    if p.layer == _ETAG:
        if not need(p, 8):
            return 0
        p.at = at + 8
        p.next = u16(p, at + 6)
        return _ETHERTYPE
    if p.layer == _VNTAG:
        if not need(p, 6):
            return 0
        p.at = at + 6
        p.next = u16(p, at + 4)
        return _ETHERTYPE
    if p.layer == _ITAG:
        if not need(p, 4):
            return 0
        p.at = at + 4
        return _ETH
    if p.layer == _MACSEC:
        if not need(p, 6):
            return 0
        if p.data[at] & 0x0C:  # encrypted or changed: nothing to be read
            return _DATA
        size = 14 if p.data[at] & 0x20 else 6
        if not need(p, size + 2):
            return 0
        p.at = at + size + 2
        p.next = u16(p, at + size)
        if p.full - p.at >= 16:  # the integrity check value
            narrow(p, p.full - p.at - 16)
        return _ETHERTYPE
    if p.layer == _NSH:
        if not need(p, 4):
            return 0
        size = (p.data[at + 1] & 0x3F) * 4
        kind = p.data[at + 3]
        if size < 8 or not need(p, size):
            return 0
        p.at = at + size
        if kind == 1:
            return _IP
        if kind == 2:
            return _IPV6
        if kind == 3:
            return _ETH
        if kind == 5:
            return _MPLS
        return _DATA
    if p.layer == _AVSP:
        if not need(p, 4):
            return 0
        if u16(p, at) != 1:
            return _DATA
        kind = p.data[at + 3]  # a time stamp of 64 or of 48 bits
        if kind == 0x10:
            size = 12
        elif kind == 0x20:
            size = 10
        else:
            return _DATA
        if not need(p, size + 2):
            return 0
        p.at = at + size + 2
        p.next = u16(p, at + size)
        return _ETHERTYPE
    if p.layer == _CMD:  # in GRE the EtherType stands before the metadata, in Ethernet behind it
        if not need(p, 8):
            return 0
        p.at = at + 8
        p.next = u16(p, at if p.depth > 1 and p.layers[p.depth - 2] == _GRE else at + 6)
        return by_ethertype(p, p.next)
    return _DATA
