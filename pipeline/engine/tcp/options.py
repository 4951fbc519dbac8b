"""What the analysis needs to know of a segment's options beyond their columns."""

from __future__ import annotations

import cython

_EOL = cython.declare(cython.int, 0)
_NOP = cython.declare(cython.int, 1)
_SACK = cython.declare(cython.int, 5)
_MPTCP = cython.declare(cython.int, 30)
_CAPABLE = cython.declare(cython.int, 0)
_LAST_COUNTED = cython.declare(cython.int, 7)
_IS_MULTIPATH = cython.declare(cython.int, 0x100)
_EDGES = cython.declare(cython.Py_ssize_t, 10)
_HALF = cython.declare(cython.uint, 0x80000000)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def given_up(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t,
             captured: cython.Py_ssize_t, ack: cython.uint) -> cython.int:
    """Whether Wireshark's dissector gives the segment up in its options, so that it shows no analysis of it (1 or 0).

    They stand from `at` up to `end`; the bytes before `captured` are there. It does where they go on beyond that, and
    at a SACK option without a block, unless `ack`, the relative acknowledgment number, is beyond half the range. An
    option whose length is wrong ends them in peace, and so does another behind their end, if what is left was captured.
    """
    kind: cython.int
    size: cython.Py_ssize_t
    ended: cython.bint = False
    while at < end:
        if at < 0 or at >= captured:
            return 1
        kind = raw[at]
        if ended and kind != _EOL:
            return captured < end
        ended = kind == _EOL
        if kind <= _NOP:
            at += 1
            continue
        if at + 1 >= end:
            return 0
        if at + 1 >= captured:
            return 1
        size = raw[at + 1]
        if size < 2:
            return 0
        if at + size > end:
            return captured < end - 2
        if at + size > captured or (kind == _SACK and size < _EDGES and ack < _HALF):
            return 1
        at += size
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def multipath(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """The kinds of multipath options (RFC 8684, section 3) from `at` up to `end`, a bit each, from bit 0 on.

    Bit 8 is set where one of them makes the conversation a multipath one: any, but for an MP_CAPABLE without a key.
    """
    kinds: cython.int = 0
    kind: cython.int
    size: cython.Py_ssize_t
    if at < 0 or end > raw.shape[0]:
        return 0
    while at + 1 < end:
        kind = raw[at]
        if kind == _NOP:
            at += 1
            continue
        size = raw[at + 1]
        if kind == _EOL or size < 2 or at + size > end:
            break
        if kind == _MPTCP and size > 2:
            kind = raw[at + 2] >> 4
            if kind <= _LAST_COUNTED:
                kinds |= 1 << kind
            if kind != _CAPABLE or size == 12 or size == 20 or size == 22 or size == 24:
                kinds |= _IS_MULTIPATH
        at += size
    return kinds
