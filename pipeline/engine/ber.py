"""ASN.1 as BER has it (X.690), as far as SNMP and Kerberos need it: one element at a time, safe for any bytes.

Tags are of one byte, lengths are definite. A length that goes beyond what is there is cut to it: what stands before a
fault is read, what stands behind it is not there. Nothing here raises.
"""

from __future__ import annotations

SEQUENCE = 0x30
INTEGER = 0x02
OCTETS = 0x04
OID = 0x06

Element = tuple[int, int, int]
"""Tag, and where the content begins and ends."""

NOTHING: Element = (-1, 0, 0)
MOST_ARCS = 128
"""Numbers of an object identifier (RFC 2578 section 3.5)."""


def element(data: bytes, at: int, end: int) -> Element:
    """The element at `at` of `data`, within `end`; NOTHING where there is none."""
    if at + 2 > min(end, len(data)) or data[at] & 0x1F == 0x1F:
        return NOTHING
    tag, size = data[at], data[at + 1]
    at += 2
    if size >= 0x80:
        count = size & 0x7F
        if count == 0 or count > 8 or at + count > min(end, len(data)):
            return NOTHING
        size = int.from_bytes(data[at : at + count], "big")
        at += count
    return tag, at, min(at + size, end)


def elements(data: bytes, at: int, end: int, most: int) -> list[Element]:
    """The elements from `at` to `end`, up to `most`."""
    found: list[Element] = []
    while len(found) < most:
        one = element(data, at, end)
        if one[0] < 0:
            break
        found.append(one)
        at = one[2]
    return found


def integer(data: bytes, of: Element) -> int:
    """A signed number of up to 8 bytes; 0 where it is none."""
    _, at, end = of
    return int.from_bytes(data[at:end], "big", signed=True) if 0 < end - at <= 8 else 0


def identifier(data: bytes, of: Element) -> str:
    """An object identifier, its numbers by dots, up to where it is no more."""
    _, at, end = of
    arcs: list[int] = []
    number = size = 0
    for byte in data[at : min(end, at + 5 * MOST_ARCS)]:
        number = number << 7 | byte & 0x7F
        size += 1
        if byte & 0x80:
            if size > 5:
                break
            continue
        if not arcs:
            first = min(number // 40, 2)
            arcs = [first, number - 40 * first]
        else:
            arcs.append(number)
        number = size = 0
        if len(arcs) >= MOST_ARCS:
            break
    return ".".join(map(str, arcs))
