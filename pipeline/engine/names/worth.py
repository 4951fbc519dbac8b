"""Whether the first bytes of a payload may be something that is heard at any port: the others are not looked at."""

from __future__ import annotations

import cython


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _capitals(a: cython.int, b: cython.int) -> cython.bint:
    return 65 <= a <= 90 and 65 <= b <= 90


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_stun(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.bint:
    """Whether STUN's cookie is where it has to be in a payload of `size` bytes at `at`."""
    if size < 20 or at < 0 or at + size > raw.shape[0]:
        return False
    return raw[at + 4] == 0x21 and raw[at + 5] == 0x12 and raw[at + 6] == 0xA4 and raw[at + 7] == 0x42


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def datagram_worth(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.bint:
    """Of a datagram's payload of `size` bytes at `at`, all of which `raw` has."""
    a: cython.int
    b: cython.int
    c: cython.int
    if size < 8 or at < 0 or at + size > raw.shape[0]:
        return False
    a = raw[at]
    b = raw[at + 1]
    c = raw[at + 2]
    if is_stun(raw, at, size):
        return True
    if size >= 24 and raw[at + 4] | raw[at + 5] | raw[at + 6] == 0 and raw[at + 7] <= 1 and raw[at + 8] == 0:
        return True
    if a <= 1 and size >= 20 and (b == 1 or b == 2 or b == 0x11 or b == 0x12) and (c << 8 | raw[at + 3]) + 20 == size:
        return True
    if 20 <= a <= 26:
        return b == 0xFE or (b == 1 and c == 0)
    if a >= 0xC0:
        if b == 0:
            return c == 0 and raw[at + 3] == 0 and raw[at + 4] == 1
        return (
            (b == 0xFF and c == 0) or b == 81 or b == 84 or b == 0x6B or b == 0x70 or b == 0xFA
            or (b & 15 == 10 and c & 15 == 10)
        )  # fmt: skip
    if a >= 0x80:
        return 200 <= b <= 207 or (a == 0x80 and b == 1)
    if 1 <= a <= 4 and b == 0 and c == 0 and raw[at + 3] == 0:
        return True
    if a == 4 and b <= 10 and size >= 80:
        return True
    if size > 25 and ((b == 0 and c == 0xFF) or (raw[at + 9] == 0 and raw[at + 10] == 0xFF)):
        return True
    if size > 33 and raw[at + 17] == 0 and raw[at + 18] == 0xFF and raw[at + 19] == 0xFF:
        return True
    if a & 8 and a < 0x40 and size > 13 and raw[at + 9] == 81:
        return True
    if a == 100:
        return 48 <= b <= 57
    if a == 0x47:
        return size % 188 == 0
    return _capitals(a, b)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def segment_worth(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.bint:
    """Of a segment's payload of `size` bytes at `at`, all of which `raw` has."""
    a: cython.int
    b: cython.int
    c: cython.int
    if size < 8 or at < 0 or at + size > raw.shape[0]:
        return False
    a = raw[at]
    b = raw[at + 1]
    c = raw[at + 2]
    if a == 0x16 or a == 0x17:
        return False
    if _capitals(a, b):
        # Methods of HTTP that are none of SIP's.
        return not ((a == 71 and b == 69) or (a == 80 and b == 79) or (a == 72 and (b == 69 or b == 84)))
    if (a == 56 and b == 61) or (a == 5 and b == 0) or (a == 0x13 and b == 66) or (a == 0x63 and b == 0x65):
        return True
    if (a == 0x80 and b == 1) or (raw[at + 4] == 0x80 and raw[at + 5] == 1) or c == 0xD0:
        return True
    if size >= 20 and (
        (raw[at + 4] == 0x21 and raw[at + 5] == 0x12) or (raw[at + 6] == 0x21 and raw[at + 7] == 0x12)
    ):
        return True
    if size >= 28 and raw[at + 8] | raw[at + 9] | raw[at + 10] == 0 and raw[at + 11] <= 1 and raw[at + 12] == 0:
        return True
    if a <= 18 and b <= 0x1F and (c << 8 | raw[at + 3]) == size:
        return True
    return raw[at + 4] == 1 and raw[at + 5] == 65
