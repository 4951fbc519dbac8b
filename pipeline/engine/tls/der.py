"""Texts in the names of certificates, as Wireshark finds them: a walk over DER (X.690) that knows where names stand.

Wireshark shows a name's value by the syntax of its attribute: those of a DirectoryString (X.520) are
`x509sat.printableString` or `x509sat.uTF8String`, by their tag. Countries, serial numbers and mail addresses have other
syntaxes, and fields of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

MOST_DEPTH = 24
"""Levels of nested values that are looked into."""

MOST_TEXTS = 512
"""Texts of one message that are told."""

_SEQUENCE, _SET, _OID, _OCTETS, _PRINTABLE, _UTF8 = 0x30, 0x31, 0x06, 0x04, 0x13, 0x0C

FIELDS = {_PRINTABLE: "x509sat.printableString", _UTF8: "x509sat.uTF8String"}
"""Tag of a text to Wireshark's field."""


def _oid(*arcs: int) -> bytes:
    found = bytearray((arcs[0] * 40 + arcs[1],))
    for arc in arcs[2:]:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(arc & 0x7F | 0x80)
        found += bytes(reversed(digits))
    return bytes(found)


# Of 2.5.4 those whose syntax is a DirectoryString, or a list of them (postal and registered address).
_X520 = (2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 26, 41, 42, 43, 44, 51, 54, 65)
_DIRECTORY_STRINGS = frozenset((
    *(_oid(2, 5, 4, n) for n in _X520),
    *(_oid(2, 5, 4, n, 1) for n in (7, 8, 9, 10, 11, 17, 18, 19)),
    *(_oid(1, 2, 840, 113549, 1, 9, n) for n in (7, 8, 13)),
    *(_oid(2, 16, 840, 1, 113730, 3, 1, n) for n in (1, 2, 3, 4, 39, 241)),
    _oid(1, 3, 6, 1, 5, 5, 7, 9, 2),
    *(_oid(1, 3, 6, 1, 4, 1, 311, 60, 2, 1, n) for n in (1, 2)),
))


def elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Tag, begin and end of each value between two places, up to the first whose length does not fit."""
    while at + 2 <= end:
        tag, size = data[at], data[at + 1]
        at += 2
        if tag & 0x1F == 0x1F:
            return
        if size & 0x80:
            digits = size & 0x7F
            if digits == 0 or digits > 4 or at + digits > end:
                return
            size = int.from_bytes(data[at : at + digits], "big")
            at += digits
        if at + size > end:
            return
        yield tag, at, at + size
        at += size


def name_texts(data: bytes, at: int, end: int) -> list[tuple[str, str]]:
    """Field and text of each DirectoryString in the names of the DER between two places, in their order."""
    found: list[tuple[str, str]] = []
    _walk(data, at, end, 0, found)
    return found


def _walk(data: bytes, at: int, end: int, depth: int, found: list[tuple[str, str]]) -> None:
    """Look for attributes: a sequence of an object identifier and one value."""
    if depth > MOST_DEPTH:
        return
    for tag, begin, stop in elements(data, at, end):
        if len(found) >= MOST_TEXTS:
            return
        if tag == _SEQUENCE and begin < stop and data[begin] == _OID:
            parts = list(_first(data, begin, stop, 4))
            if len(parts) >= 2 and _attribute(data, parts, depth, found):
                continue
            _walk(data, begin, stop, depth + 1, found)
        elif tag & 0x20:
            _walk(data, begin, stop, depth + 1, found)


def _first(data: bytes, at: int, end: int, most: int) -> Iterator[tuple[int, int, int]]:
    for n, element in enumerate(elements(data, at, end)):
        if n == most:
            return
        yield element


def _attribute(data: bytes, parts: list[tuple[int, int, int]], depth: int, found: list[tuple[str, str]]) -> bool:
    """Whether it is an attribute of a name, or an extension; its texts are told."""
    _, begin, stop = parts[0]
    kind = data[begin:stop]
    if kind in _DIRECTORY_STRINGS:
        _texts(data, parts[1:], found)
        return True
    tag, begin, stop = parts[-1]
    if tag == _OCTETS and kind in _WITH_NAMES:
        _walk(data, begin, stop, depth + 1, found)
        return True
    return False


# Extensions that hold names: SAN, IAN, CRL distribution points, issuing distribution point, authority key id,
# certificate issuer, name constraints; and the basic response of OCSP.
_WITH_NAMES = frozenset((
    *(_oid(2, 5, 29, n) for n in (17, 18, 28, 29, 30, 31, 35, 46)), _oid(1, 3, 6, 1, 5, 5, 7, 48, 1, 1),
))


def _texts(data: bytes, parts: list[tuple[int, int, int]], found: list[tuple[str, str]]) -> None:
    for tag, begin, stop in parts:
        field = FIELDS.get(tag)
        if field is not None:
            found.append((field, shown_text(data[begin:stop], utf8=tag == _UTF8)))
        elif tag in (_SEQUENCE, _SET):
            _texts(data, [e for e in elements(data, begin, stop) if e[0] in FIELDS], found)


def shown_text(data: bytes, *, utf8: bool = False) -> str:
    """A text as Wireshark holds it: up to a NUL, bytes that are no character replaced by U+FFFD."""
    data = data.partition(b"\0")[0]
    if utf8:
        return data.decode("utf-8", "replace")
    return data.decode("ascii") if data.isascii() else "".join([chr(b) if b < 0x80 else "\ufffd" for b in data])
