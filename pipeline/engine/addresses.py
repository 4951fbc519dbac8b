"""Halves of addresses, as the engine keeps them: two numbers of 64 bits, IPv4 as ::ffff:a.b.c.d."""

from __future__ import annotations

import cython


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
