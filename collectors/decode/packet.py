"""`Packet`: the state that the layers of one frame share, and the one checked way to its bytes.

A layer function reads at `p.at`, writes cells of `p.row`, moves `p.at` past its header, narrows the ends where the
header tells a length, and answers the layer that follows (an id of `pipeline.schema.layers`, 0 for none).
Positions count from the front of the batch's buffer.
Two ends are kept, as in Wireshark: `p.end` is where the captured bytes end, `p.full` where the layer ends on the wire.
A header that does not fit before `p.end` but before `p.full` was cut by the snap length; otherwise it is malformed.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

_slots = Slots(PACKETS)
_SHORT = cython.declare(cython.Py_ssize_t, _slots.u8("shoal.short"))
_MALFORMED = cython.declare(cython.Py_ssize_t, _slots.u8("shoal.malformed"))
_MIX_A = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)
_MIX_B = cython.declare(cython.ulonglong, 0x94D049BB133111EB)
_SEED = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


def _view(array: Any) -> Any:
    """What a layer indexes: the array itself compiled, a memoryview of Python integers otherwise."""
    return array if cython.compiled else memoryview(array)


@cython.cclass
class Packet:
    """The frame being decoded, and views of the columns that it goes into."""

    def bind(self, out: Columns) -> None:
        """Take the columns of `out` as the ones to write to."""
        self.layers = _view(np.zeros(256, np.uint8))
        self.u8 = _view(out.u8)
        self.u16 = _view(out.u16)
        self.u32 = _view(out.u32)
        self.u64 = _view(out.u64)
        self.b16 = _view(out.b16)
        self.lane = _view(out.lane)
        lists = out.lists
        self.vlan_u8 = _view(lists["vlan"].u8)
        self.vlan_u16 = _view(lists["vlan"].u16)
        self.mpls_u8 = _view(lists["mpls"].u8)
        self.mpls_u32 = _view(lists["mpls"].u32)
        self.sack_u32 = _view(lists["sack"].u32)
        self.outer_u8 = _view(lists["outer"].u8)
        self.outer_u16 = _view(lists["outer"].u16)
        self.outer_u32 = _view(lists["outer"].u32)
        self.outer_b16 = _view(lists["outer"].b16)
        self.vlans = self.labels = self.blocks = self.outers = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def mark(p: Packet, malformed: cython.bint) -> cython.int:
    """Note that the current layer is malformed, or cut by the snap length; the first such layer of a frame stays."""
    if p.u8[_MALFORMED, p.row] == 0 and p.u8[_SHORT, p.row] == 0:
        p.u8[_MALFORMED if malformed else _SHORT, p.row] = p.layer
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def need(p: Packet, n: cython.Py_ssize_t) -> cython.int:
    """Whether `n` captured bytes stand at `p.at` (1 or 0); marks the current layer where they don't."""
    if p.at + n <= p.end:
        return 1
    mark(p, p.at + n > p.full)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def narrow(p: Packet, length: cython.Py_ssize_t) -> cython.int:
    """Let the rest of the frame end `length` bytes after `p.at`, where that is before its present end."""
    if p.at + length < p.full:
        p.full = p.at + length
        if p.end > p.full:
            p.end = p.full
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(0xFFFFFFFF, check=True)
def u16(p: Packet, at: cython.Py_ssize_t) -> cython.uint:
    """Two bytes at `at`, big-endian."""
    if cython.compiled and at >= 0 and at + 2 <= p.data.shape[0]:
        return big_u16(cython.address(p.data[at]))  # type: ignore[name-defined]  # noqa: F821
    return (p.data[at] << 8) | p.data[at + 1]


@cython.cfunc
@cython.nogil
@cython.exceptval(0xFFFFFFFF, check=True)
def u32(p: Packet, at: cython.Py_ssize_t) -> cython.uint:
    """Four bytes at `at`, big-endian."""
    if cython.compiled and at >= 0 and at + 4 <= p.data.shape[0]:
        return big_u32(cython.address(p.data[at]))  # type: ignore[name-defined]  # noqa: F821
    return (
        (cython.cast(cython.uint, p.data[at]) << 24) | (p.data[at + 1] << 16) | (p.data[at + 2] << 8) | p.data[at + 3]
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(0xFFFFFFFFFFFFFFFF, check=True)
def mac(p: Packet, at: cython.Py_ssize_t) -> cython.ulonglong:
    """Six bytes at `at`, big-endian: a hardware address."""
    if cython.compiled and at >= 0 and at + 6 <= p.data.shape[0]:
        return (
            cython.cast(cython.ulonglong, big_u16(cython.address(p.data[at]))) << 32  # type: ignore[name-defined]  # noqa: F821
        ) | big_u32(cython.address(p.data[at + 2]))  # type: ignore[name-defined]  # noqa: F821
    return (
        (cython.cast(cython.ulonglong, p.data[at]) << 40)
        | (cython.cast(cython.ulonglong, p.data[at + 1]) << 32)
        | (cython.cast(cython.ulonglong, p.data[at + 2]) << 24)
        | (p.data[at + 3] << 16)
        | (p.data[at + 4] << 8)
        | p.data[at + 5]
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mix(x: cython.ulonglong) -> cython.ulonglong:
    """A 64-bit finalizer (splitmix64's): every bit of the input moves about half of the output's."""
    x = (x + _SEED) & _MASK
    x = ((x ^ (x >> 30)) * _MIX_A) & _MASK
    x = ((x ^ (x >> 27)) * _MIX_B) & _MASK
    return x ^ (x >> 31)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def pair(a: cython.ulonglong, b: cython.ulonglong, proto: cython.ulonglong) -> cython.ulonglong:
    """Symmetric hash of two endpoints and a protocol: `shoal.flow_id`."""
    if a > b:
        a, b = b, a
    return mix(mix(mix(proto) ^ a) ^ b)
