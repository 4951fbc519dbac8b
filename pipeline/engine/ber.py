"""ASN.1 as BER has it (X.690), as far as SNMP and Kerberos need it: one element at a time, safe for any bytes.

Tags are of one byte, lengths are definite. A length that goes beyond what is there is cut to it: what stands before a
fault is read, what stands behind it is not there. Nothing here raises.
"""

from __future__ import annotations

import cython

SEQUENCE = 0x30
INTEGER = 0x02
OCTETS = 0x04
OID = 0x06

MOST_ARCS = 128
"""Numbers of an object identifier (RFC 2578 section 3.5)."""


class Element:
    """An element: its tag, and where its content begins and ends."""

    __slots__ = ("at", "end", "tag")

    def __init__(self, tag: cython.int = -1, at: cython.Py_ssize_t = 0, end: cython.Py_ssize_t = 0) -> None:
        self.tag = tag
        self.at = at
        self.end = end


NOTHING = Element()
"""Where there is no element: its tag is -1."""


def element(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> Element:
    """The element at `at` of `data`, within `end`; NOTHING where there is none."""
    have: cython.Py_ssize_t = min(end, len(data))
    tag: cython.int
    size: cython.ulonglong
    left: cython.ulonglong
    count: cython.int
    k: cython.Py_ssize_t
    if at + 2 > have or data[at] & 0x1F == 0x1F:
        return NOTHING
    tag = data[at]
    size = data[at + 1]
    at += 2
    if size >= 0x80:
        count = size & 0x7F
        if count == 0 or count > 8 or at + count > have:
            return NOTHING
        size = 0
        for k in range(at, at + count):
            size = size << 8 | data[k]
        at += count
    # Without a call of the constructor, which would make objects of the numbers.
    found: Element = Element.__new__(Element)
    found.tag = tag
    found.at = at
    left = end - at
    found.end = end if size > left else at + size
    return found


def elements(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t, most: cython.Py_ssize_t) -> list[Element]:
    """The elements from `at` to `end`, up to `most`."""
    found: list[Element] = []
    one: Element
    while len(found) < most:
        one = element(data, at, end)
        if one.tag < 0:
            break
        found.append(one)
        at = one.end
    return found


def integer(data: bytes, of: Element) -> cython.longlong:
    """A signed number of up to 8 bytes; 0 where it is none."""
    size: cython.Py_ssize_t = of.end - of.at
    found: cython.longlong
    k: cython.Py_ssize_t
    if not 0 < size <= 8:
        return 0
    if of.end > len(data):
        return 0
    found = data[of.at] - 256 if data[of.at] & 0x80 else data[of.at]
    for k in range(of.at + 1, of.end):
        found = found * 256 + data[k]
    return found


def identifier(data: bytes, of: Element) -> str:
    """An object identifier, its numbers by dots, up to where it is no more."""
    arcs: list[str] = []
    number: cython.longlong = 0
    first: cython.longlong
    byte: cython.int
    size: cython.int = 0
    k: cython.Py_ssize_t
    for k in range(of.at, min(of.end, of.at + 5 * MOST_ARCS, len(data))):
        byte = data[k]
        number = number << 7 | byte & 0x7F
        size += 1
        if byte & 0x80:
            if size > 5:
                break
            continue
        if not arcs:
            first = min(number // 40, 2)
            arcs.append(str(first))
            number -= 40 * first
        arcs.append(str(number))
        number = size = 0
        if len(arcs) >= MOST_ARCS:
            break
    return ".".join(arcs)
