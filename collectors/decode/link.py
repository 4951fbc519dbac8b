"""Link types (LINKTYPE_ registry) other than Ethernet and 802.11: what stands before the network layer."""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.ether import by_ethertype
    from collectors.decode.packet import Packet, mac, mark, need, u16, u32

from pipeline.schema import LAYER_ID, PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_PKTTYPE = cython.declare(cython.Py_ssize_t, _s.u16("sll.pkttype"))
_HATYPE = cython.declare(cython.Py_ssize_t, _s.u16("sll.hatype"))
_L_SLL = cython.declare(cython.Py_ssize_t, _s.lane("sll"))
_SLL_SRC = cython.declare(cython.Py_ssize_t, _s.u64("sll.src.eth"))
_L_SLL_SRC = cython.declare(cython.Py_ssize_t, _s.lane("sll.src"))
_SLL_TYPE = cython.declare(cython.Py_ssize_t, _s.u16("sll.etype"))
_L_SLL_TYPE = cython.declare(cython.Py_ssize_t, _s.lane("sll.etype"))

_ETH = cython.declare(cython.int, LAYER_ID["eth"])
_ETHERTYPE = cython.declare(cython.int, LAYER_ID["ethertype"])
_LLC = cython.declare(cython.int, LAYER_ID["llc"])
_IP = cython.declare(cython.int, LAYER_ID["ip"])
_IPV6 = cython.declare(cython.int, LAYER_ID["ipv6"])
_ARP = cython.declare(cython.int, LAYER_ID["arp"])
_PPP = cython.declare(cython.int, LAYER_ID["ppp"])
_GRE = cython.declare(cython.int, LAYER_ID["gre"])
_WLAN = cython.declare(cython.int, LAYER_ID["wlan"])
_RADIOTAP = cython.declare(cython.int, LAYER_ID["radiotap"])
_PRISM = cython.declare(cython.int, LAYER_ID["prism"])
_AVS = cython.declare(cython.int, LAYER_ID["avs"])
_PPI = cython.declare(cython.int, LAYER_ID["ppi"])
_SLL = cython.declare(cython.int, LAYER_ID["sll"])
_RAW = cython.declare(cython.int, LAYER_ID["raw"])
_NULL = cython.declare(cython.int, LAYER_ID["null"])
_CHDLC = cython.declare(cython.int, LAYER_ID["chdlc"])
_FR = cython.declare(cython.int, LAYER_ID["fr"])
_FDDI = cython.declare(cython.int, LAYER_ID["fddi"])
_ARCNET = cython.declare(cython.int, LAYER_ID["arcnet"])
_IPOIB = cython.declare(cython.int, LAYER_ID["ipoib"])
_NFLOG = cython.declare(cython.int, LAYER_ID["nflog"])
_PKTAP = cython.declare(cython.int, LAYER_ID["pktap"])
_IPNET = cython.declare(cython.int, LAYER_ID["ipnet"])
_PPPOES = cython.declare(cython.int, LAYER_ID["pppoes"])
_FRAME = cython.declare(cython.int, LAYER_ID["frame"])
_DATA = cython.declare(cython.int, LAYER_ID["data"])


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def first_layer(linktype: cython.int) -> cython.int:
    """The layer that a link type starts with; `frame` where none of ours does."""
    layer: cython.int = _FRAME
    if linktype == 1:
        layer = _ETH
    elif linktype == 113 or linktype == 276:
        layer = _SLL
    elif linktype == 101 or linktype == 12 or linktype == 14:
        layer = _RAW
    elif linktype == 228:
        layer = _IP
    elif linktype == 229:
        layer = _IPV6
    elif linktype == 0 or linktype == 108:
        layer = _NULL
    elif linktype == 9 or linktype == 50 or linktype == 166:
        layer = _PPP
    elif linktype == 51:
        layer = _PPPOES
    elif linktype == 127:
        layer = _RADIOTAP
    elif linktype == 105:
        layer = _WLAN
    elif linktype == 119:
        layer = _PRISM
    elif linktype == 163:
        layer = _AVS
    elif linktype == 192:
        layer = _PPI
    elif linktype == 104:
        layer = _CHDLC
    elif linktype == 107:
        layer = _FR
    elif linktype == 10:
        layer = _FDDI
    elif linktype == 7 or linktype == 129:
        layer = _ARCNET
    elif linktype == 242:
        layer = _IPOIB
    elif linktype == 239:
        layer = _NFLOG
    elif linktype == 258 or linktype == 149:
        layer = _PKTAP
    elif linktype == 226 or linktype == 109 or linktype == 117 or linktype == 138:
        layer = _IPNET
    elif linktype == 100:
        layer = _LLC
    return layer


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def cooked(p: Packet, linktype: cython.int) -> cython.int:
    """LINKTYPE_LINUX_SLL (113) and LINKTYPE_LINUX_SLL2 (276): Linux cooked captures."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    hatype: cython.int
    size: cython.int
    if linktype == 276:
        if not need(p, 20):
            return 0
        kind = u16(p, at)
        hatype = u16(p, at + 8)
        p.u16[_PKTTYPE, row] = p.data[at + 10]
        size = p.data[at + 11]
        if size == 6:
            p.u64[_SLL_SRC, row] = mac(p, at + 12)
        p.at = at + 20
    else:
        if not need(p, 16):
            return 0
        kind = u16(p, at + 14)
        hatype = u16(p, at + 2)
        p.u16[_PKTTYPE, row] = u16(p, at)
        size = u16(p, at + 4)
        if size == 6:
            p.u64[_SLL_SRC, row] = mac(p, at + 6)
        p.at = at + 16
    p.u16[_HATYPE, row] = hatype
    p.lane[_L_SLL, row] = 2
    if size == 6:
        p.lane[_L_SLL_SRC, row] = 1
    p.u16[_SLL_TYPE, row] = kind
    p.lane[_L_SLL_TYPE, row] = 1
    if hatype == 778:  # ARPHRD_IPGRE: the field is GRE's protocol
        return by_ethertype(p, kind)
    if hatype == 803:  # ARPHRD_IEEE80211_RADIOTAP
        return _RADIOTAP
    if kind == 1:
        return _ETH
    if kind == 4:
        return _LLC
    if kind < 1536:
        return _DATA
    p.next = kind
    return _ETHERTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def raw(p: Packet) -> cython.int:
    """LINKTYPE_RAW: the first nibble tells the version of IP."""
    if not need(p, 1):
        return 0
    if p.data[p.at] >> 4 == 4:
        return _IP
    if p.data[p.at] >> 4 == 6:
        return _IPV6
    return _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def null(p: Packet, linktype: cython.int) -> cython.int:
    """LINKTYPE_NULL (0) and LINKTYPE_LOOP (108): an address family, of either byte order, in four bytes."""
    at: cython.Py_ssize_t = p.at
    word: cython.uint
    low: cython.uint
    if not need(p, 4):
        return 0
    word = u32(p, at)
    p.at = at + 4
    if linktype == 0 and word >> 16 == 0xFF03:  # PPP under a wrong link type
        p.at = at
        return _PPP
    low = word
    if word >> 16:  # written by a little-endian host
        low = p.data[at] | (p.data[at + 1] << 8)
        if p.data[at + 2] or p.data[at + 3]:
            low = u16(p, at)  # 16 bits at the front, as IRIX writes it
    if low == 2:
        return _IP
    if low == 10 or low == 23 or low == 24 or low == 28 or low == 30:
        return _IPV6
    if low > 1500 and low <= 0xFFFF:
        return by_ethertype(p, low)
    return _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def serial(p: Packet, linktype: cython.int) -> cython.int:
    """Cisco HDLC (104), and frame relay (107; RFC 2427 and Cisco's encapsulation)."""
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    if p.layer == _CHDLC:
        if not need(p, 4):
            return 0
        kind = u16(p, at + 2)
        p.at = at + 4
        if kind == 0xFEFE or kind == 0x2000 or kind == 0x8035:  # OSI, CDP, SLARP
            return _DATA
        return by_ethertype(p, kind)
    while True:  # address bytes up to the one whose lowest bit is set
        if not need(p, 1):
            return 0
        p.at += 1
        if p.data[p.at - 1] & 1:
            break
        if p.at - at >= 4:
            mark(p, True)
            return 0
    at = p.at
    if not need(p, 2):
        return 0
    if p.data[at] != 3:
        kind = u16(p, at)
        p.at = at + 2
        return by_ethertype(p, kind)
    kind = p.data[at + 1]
    p.at = at + 2
    if kind == 0 and p.at < p.end:  # a pad byte
        kind = p.data[p.at]
        p.at += 1
    if kind == 0xCC:
        return _IP
    if kind == 0x8E:
        return _IPV6
    if kind == 0x80 and need(p, 5):
        kind = u16(p, p.at + 3)
        if u32(p, p.at) >> 8 == 0:
            p.at += 5
            return by_ethertype(p, kind)
    return _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def local(p: Packet, linktype: cython.int) -> cython.int:
    """Headers of other media: FDDI, ARCNET, IP over InfiniBand, NFLOG, PKTAP, and headers of systems' own captures."""
    at: cython.Py_ssize_t = p.at
    kind: cython.int
    size: cython.int
    if p.layer == _FDDI:
        if not need(p, 13):
            return 0
        p.at = at + 13
        return _LLC if p.data[at] & 0xF0 == 0x50 else _DATA
    if p.layer == _ARCNET:
        return _arcnet(p, linktype)
    if p.layer == _IPOIB:
        if not need(p, 44):
            return 0
        p.at = at + 44
        return by_ethertype(p, u16(p, at + 40))
    if p.layer == _NFLOG:
        return _nflog(p)
    if p.layer == _PKTAP:
        if not need(p, 12):
            return 0
        size = p.data[at] | (p.data[at + 1] << 8)
        kind = p.data[at + 8] | (p.data[at + 9] << 8)
        if size < 12 or not need(p, size):
            return 0
        p.at = at + size
        p.next = 0
        return first_layer(kind) if kind != 258 and kind != 149 else _DATA
    if linktype == 226:  # Solaris ipnet
        if not need(p, 24):
            return 0
        p.at = at + 24
        return raw(p)
    if linktype == 109:  # OpenBSD's enc
        if not need(p, 12):
            return 0
        p.at = at + 12
        return raw(p)
    if linktype == 138:  # Apple's IP over IEEE 1394
        if not need(p, 18):
            return 0
        p.at = at + 18
        return by_ethertype(p, u16(p, at + 16))
    if not need(p, 1):  # OpenBSD's pflog tells its length, not padded
        return 0
    size = (p.data[at] + 3) & ~3
    if size < 4 or not need(p, size):
        return 0
    p.at = at + size
    return raw(p)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _arcnet(p: Packet, linktype: cython.int) -> cython.int:
    """ARCNET with the protocol of RFC 1051 (no more header) or of RFC 1201 (split flag and sequence number)."""
    at: cython.Py_ssize_t = p.at + (4 if linktype == 129 else 2)
    kind: cython.int
    p.at = at
    if not need(p, 1):
        return 0
    kind = p.data[at]
    if kind == 240 or kind == 241:
        p.at = at + 1
        return _IP if kind == 240 else _ARP
    if not need(p, 4):
        return 0
    p.at = at + 4
    if p.data[at + 1] == 0xFF and need(p, 4):  # an exception frame: the same four bytes once more
        p.at += 4
    if kind == 212:
        return _IP
    if kind == 213:
        return _ARP
    if kind == 196:
        return _IPV6
    return _DATA


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _nflog(p: Packet) -> cython.int:
    """LINKTYPE_NFLOG: attributes in host byte order (taken as little-endian), of which number 9 is the packet."""
    at: cython.Py_ssize_t = p.at
    family: cython.int
    size: cython.int
    kind: cython.int
    if not need(p, 4):
        return 0
    family = p.data[at]
    p.at = at + 4
    while p.at < p.end:
        if not need(p, 4):
            return 0
        size = p.data[p.at] | (p.data[p.at + 1] << 8)
        kind = (p.data[p.at + 2] | (p.data[p.at + 3] << 8)) & 0x7FFF
        if size < 4:
            mark(p, True)
            return 0
        if kind == 9:
            p.at += 4
            if p.at + size - 4 < p.full:
                p.full = p.at + size - 4
                if p.end > p.full:
                    p.end = p.full
            if family == 2:
                return _IP
            return _IPV6 if family == 10 else _DATA
        p.at += (size + 3) & ~3
    return 0
