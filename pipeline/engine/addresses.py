"""Halves of addresses, as the engine keeps them: two numbers of 64 bits, IPv4 as ::ffff:a.b.c.d."""

from __future__ import annotations

import cython

_BYTES = cython.declare(cython.ulonglong, 0x00FF00FF00FF00FF)
_PAIRS = cython.declare(cython.ulonglong, 0x0000FFFF0000FFFF)
_HALF = cython.declare(cython.ulonglong, 0xFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def half(b: cython.uchar[:, :, ::1], slot: cython.Py_ssize_t, row: cython.Py_ssize_t,
         at: cython.Py_ssize_t) -> cython.ulonglong:
    """Eight bytes of an address cell, big-endian."""
    value: cython.ulonglong = 0
    k: cython.Py_ssize_t
    for k in range(at, at + 8):
        value = (value << 8) | b[slot, row, k]
    return value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def turned(value: cython.ulonglong) -> cython.ulonglong:
    """What `half` has read, as a word whose bytes in memory (little-endian) are those of the cell."""
    value = (value >> 8 & _BYTES) | (value & _BYTES) << 8
    value = (value >> 16 & _PAIRS) | (value & _PAIRS) << 16
    return value >> 32 | (value & _HALF) << 32
