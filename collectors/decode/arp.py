"""ARP and reverse ARP (RFC 826, RFC 903)."""

from __future__ import annotations

import cython

if not cython.compiled:
    from collectors.decode.packet import Packet, mac, need, u16, u32

from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots

_s = Slots(PACKETS)
_HW_TYPE = cython.declare(cython.Py_ssize_t, _s.u16("arp.hw.type"))
_PROTO_TYPE = cython.declare(cython.Py_ssize_t, _s.u16("arp.proto.type"))
_HW_SIZE = cython.declare(cython.Py_ssize_t, _s.u8("arp.hw.size"))
_PROTO_SIZE = cython.declare(cython.Py_ssize_t, _s.u8("arp.proto.size"))
_OPCODE = cython.declare(cython.Py_ssize_t, _s.u16("arp.opcode"))
_L_ARP = cython.declare(cython.Py_ssize_t, _s.lane("arp"))
_TO_OPCODE = cython.declare(cython.int, _s.upto("arp.opcode"))
_SRC_HW = cython.declare(cython.Py_ssize_t, _s.u64("arp.src.hw_mac"))
_SRC_IP = cython.declare(cython.Py_ssize_t, _s.u32("arp.src.proto_ipv4"))
_DST_HW = cython.declare(cython.Py_ssize_t, _s.u64("arp.dst.hw_mac"))
_DST_IP = cython.declare(cython.Py_ssize_t, _s.u32("arp.dst.proto_ipv4"))
_L_SRC_HW = cython.declare(cython.Py_ssize_t, _s.lane("arp.src.hw"))
_L_SRC_IP = cython.declare(cython.Py_ssize_t, _s.lane("arp.src.proto"))
_L_DST_HW = cython.declare(cython.Py_ssize_t, _s.lane("arp.dst.hw"))
_L_DST_IP = cython.declare(cython.Py_ssize_t, _s.lane("arp.dst.proto"))
_GRATUITOUS = cython.declare(cython.Py_ssize_t, _s.u8("arp.isgratuitous"))
_L_GRATUITOUS = cython.declare(cython.Py_ssize_t, _s.lane("arp.isgratuitous"))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def arp(p: Packet) -> cython.int:
    """The fixed part, then addresses of the lengths that it tells; those of six and four bytes become columns."""
    row: cython.Py_ssize_t = p.row
    at: cython.Py_ssize_t = p.at
    hw: cython.int
    proto: cython.int
    opcode: cython.int
    hw_mac: cython.bint
    ipv4: cython.bint
    if not need(p, 8):
        return 0
    hw = p.data[at + 4]
    proto = p.data[at + 5]
    opcode = u16(p, at + 6)
    p.u16[_HW_TYPE, row] = u16(p, at)
    p.u16[_PROTO_TYPE, row] = u16(p, at + 2)
    p.u8[_HW_SIZE, row] = hw
    p.u8[_PROTO_SIZE, row] = proto
    p.u16[_OPCODE, row] = opcode
    p.lane[_L_ARP, row] = _TO_OPCODE
    # Ethernet (1), experimental Ethernet (2) and IEEE 802 (6) have MAC addresses.
    hw_mac = hw == 6 and (u16(p, at) == 1 or u16(p, at) == 2 or u16(p, at) == 6)
    ipv4 = proto == 4 and u16(p, at + 2) == 0x0800
    p.at = at + 8
    if not need(p, 2 * (hw + proto)):
        return 0
    at += 8
    if hw_mac:
        p.u64[_SRC_HW, row] = mac(p, at)
        p.u64[_DST_HW, row] = mac(p, at + hw + proto)
        p.lane[_L_SRC_HW, row] = 1
        p.lane[_L_DST_HW, row] = 1
    if ipv4:
        p.u32[_SRC_IP, row] = u32(p, at + hw)
        p.u32[_DST_IP, row] = u32(p, at + 2 * hw + proto)
        p.lane[_L_SRC_IP, row] = 1
        p.lane[_L_DST_IP, row] = 1
        if (opcode == 1 or opcode == 2) and u32(p, at + hw) == u32(p, at + 2 * hw + proto) and u32(p, at + hw) != 0:
            p.u8[_GRATUITOUS, row] = 1
            p.lane[_L_GRATUITOUS, row] = 1
    p.at = at + 2 * (hw + proto)
    return 0
