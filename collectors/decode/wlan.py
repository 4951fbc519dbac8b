"""IEEE 802.11 data frames in clear, down to LLC, and the capture headers before them: radiotap, PPI, Prism, AVS."""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.packet import Packet, mark, narrow, need, u16, u32

from pipeline.schema import LAYER_ID

_WLAN = cython.declare(cython.int, LAYER_ID["wlan"])
_AVS = cython.declare(cython.int, LAYER_ID["avs"])
_ETH = cython.declare(cython.int, LAYER_ID["eth"])
_LLC = cython.declare(cython.int, LAYER_ID["llc"])
_RADIO = cython.declare(cython.int, LAYER_ID["wlan_radio"])
_DATA = cython.declare(cython.int, LAYER_ID["data"])


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _le16(p: Packet, at: cython.Py_ssize_t) -> cython.int:
    return p.data[at] | (p.data[at + 1] << 8)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def radiotap(p: Packet) -> cython.int:
    """radiotap.org: the length, and the flags: is the MAC header padded, does an FCS end the frame."""
    at: cython.Py_ssize_t = p.at
    size: cython.int
    k: cython.Py_ssize_t = at + 4
    present: cython.int
    flags: cython.int = 0
    if not need(p, 8):
        return 0
    size = _le16(p, at + 2)
    if size < 8:
        mark(p, True)
        return 0
    present = p.data[at + 4]
    while p.data[k + 3] & 0x80:  # more words of the bitmap
        k += 4
        if k + 4 > at + size or k + 4 > p.end:
            mark(p, k + 4 > p.full or k + 4 > at + size)
            return 0
    k += 4
    if present & 1:  # TSFT: eight bytes, aligned to eight from the header's start
        k = at + ((k - at + 7) & ~7) + 8
    if present & 2 and k < at + size and k < p.end:
        flags = p.data[k]
    if not need(p, size):
        return 0
    p.at = at + size
    if flags & 0x10 and p.full - p.at >= 4:
        narrow(p, p.full - p.at - 4)
    p.next = flags & 0x20
    return _RADIO


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ppi(p: Packet) -> cython.int:
    """CACE's Per-Packet Information: the length, the link type inside, and the FCS flag of its 802.11-Common field."""
    at: cython.Py_ssize_t = p.at
    size: cython.int
    link: cython.int
    k: cython.Py_ssize_t
    fcs: cython.bint = False
    if not need(p, 8):
        return 0
    size = _le16(p, at + 2)
    link = _le16(p, at + 4)
    if size < 8:
        mark(p, True)
        return 0
    if not need(p, size):
        return 0
    k = at + 8
    while k + 4 <= at + size:
        if _le16(p, k) == 2 and _le16(p, k + 2) >= 10 and k + 14 <= at + size:
            fcs = p.data[k + 12] & 1
        k += 4 + _le16(p, k + 2)
    p.at = at + size
    p.next = 0
    if link == 1:
        return _ETH
    if link != 105:
        return _DATA
    if fcs and p.full - p.at >= 4:
        narrow(p, p.full - p.at - 4)
    return _WLAN


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def prism(p: Packet) -> cython.int:
    """The Prism monitoring header of 144 bytes; AVS headers come under the same link type."""
    at: cython.Py_ssize_t = p.at
    size: cython.Py_ssize_t
    if not need(p, 8):
        return 0
    if u32(p, at) >> 12 == 0x80211:
        return _AVS
    size = _le16(p, at + 4)
    if size < 8 or p.data[at + 6] or p.data[at + 7]:
        size = (p.data[at + 6] << 8) | p.data[at + 7]  # written by a big-endian host
    if size < 8:
        mark(p, True)
        return 0
    if not need(p, size):
        return 0
    p.at = at + size
    p.next = 0
    return _RADIO


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def avs(p: Packet) -> cython.int:
    """The AVS capture header: its length stands in the second word."""
    size: cython.Py_ssize_t
    if not need(p, 8):
        return 0
    size = u32(p, p.at + 4)
    if size < 8:
        mark(p, True)
        return 0
    if not need(p, size):
        return 0
    p.at += size
    p.next = 0
    return _RADIO


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def wlan(p: Packet) -> cython.int:
    """IEEE 802.11, clause 9.3.2: data frames that are not encrypted; `p.next` tells whether the header is padded."""
    at: cython.Py_ssize_t = p.at
    control: cython.int
    flags: cython.int
    size: cython.int = 24
    amsdu: cython.bint = False
    padded: cython.bint = p.next == 0x20
    p.next = 0
    if not need(p, 2):
        return 0
    control = p.data[at]
    flags = p.data[at + 1]
    if (control >> 2) & 3 != 2:
        return 0
    if flags & 3 == 3:
        size = 30
    if control & 0x80:
        if p.end - at >= size + 2:
            amsdu = (p.data[at + size] & 0x80) != 0
        size += 2
        if flags & 0x80:
            size += 4
    if padded:
        size = (size + 3) & ~3
    if not need(p, size):
        return 0
    p.at = at + size
    if control & 0x40 or p.at >= p.end:  # no data
        return 0
    if flags & 0x40:
        return _DATA
    if amsdu:  # the first subframe: addresses, length, then LLC
        if not need(p, 14):
            return 0
        narrow(p, 14 + u16(p, p.at + 12))
        p.at += 14
    return _LLC
