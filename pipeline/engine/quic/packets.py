"""Packets of a datagram with their headers, and the CRYPTO frames of an Initial (RFC 9000, sections 17 and 19)."""

from __future__ import annotations

import cython

from pipeline.engine.quic.versions import INITIAL, RETRY, long_type

MOST_ID = 20
"""Bytes of a connection id."""
MOST_PACKETS = 16
"""Packets of a datagram that are looked at."""
MOST_FRAMES = 512
"""Frames of a packet that are looked at."""

NEGOTIATION, SHORT = 4, 5
"""Types of packets besides those of `versions`: Version Negotiation, and packets with a short header."""

_GOOGLE_ACK = cython.declare(cython.int, 0x40)
_GOOGLE_PING = cython.declare(cython.int, 7)
_GOOGLE_CRYPTO = cython.declare(cython.int, 8)
_PADDING = cython.declare(cython.int, 0)
_PING = cython.declare(cython.int, 1)
_ACK = cython.declare(cython.int, 2)
_ACK_ECN = cython.declare(cython.int, 3)
_CRYPTO = cython.declare(cython.int, 6)
_MOST_ID = cython.declare(cython.int, MOST_ID)
_INITIAL = cython.declare(cython.int, INITIAL)
_RETRY = cython.declare(cython.int, RETRY)


class Header:
    """A packet: its type, version, connection ids, where its packet number begins (0: that is not known), and where it
    ends, both in the datagram."""

    __slots__ = ("begin", "dcid", "end", "kind", "payload", "scid", "version")

    def __init__(self, kind: int, version: int, dcid: bytes, scid: bytes, begin: int, payload: int, end: int) -> None:
        self.kind = kind
        self.version = version
        self.dcid = dcid
        self.scid = scid
        self.begin = begin
        self.payload = payload
        self.end = end


def is_long(data: bytes) -> bool:
    """Whether a datagram has a long header whose connection ids are sound."""
    if len(data) < 13 or data[0] < 0x80 or data[5] > _MOST_ID:
        return False
    at = 6 + data[5]
    return at < len(data) and data[at] <= _MOST_ID


def past_varint(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Where a number of variable length (RFC 9000, section 16) ends; -1 where it is cut."""
    if at >= end:
        return -1
    after: cython.Py_ssize_t = at + (1 << (data[at] >> 6))
    return after if after <= end else -1


def varint(data: bytes, at: cython.Py_ssize_t, after: cython.Py_ssize_t) -> cython.longlong:
    """The number of variable length from `at` to `after`."""
    found: cython.longlong = data[at] & 0x3F
    k: cython.Py_ssize_t
    for k in range(at + 1, after):
        found = found << 8 | data[k]
    return found


def headers(data: bytes) -> list[Header]:
    """The packets of a datagram, as far as they have long headers; the first that has not takes the rest."""
    found: list[Header] = []
    at: cython.Py_ssize_t = 0
    header: Header | None
    while at < len(data) and len(found) < MOST_PACKETS:
        header = _header(data, at)
        if header is None or (found and header.dcid != found[0].dcid and header.kind != SHORT):
            break
        found.append(header)
        at = header.end
    return found


def _header(data: bytes, at: cython.Py_ssize_t) -> Header | None:
    begin: cython.Py_ssize_t = at
    whole: cython.Py_ssize_t = len(data)
    size: cython.longlong
    after: cython.Py_ssize_t
    if data[at] < 0x80:
        return Header(SHORT, 0, b"", b"", begin, 0, whole)
    if at + 7 > whole:
        return None
    version: cython.uint = number(data, at + 1, 4)
    size = data[at + 5]
    dcid = data[at + 6 : at + 6 + size]
    at += 6 + size
    if size > _MOST_ID or at >= whole:
        return None
    size = data[at]
    scid = data[at + 1 : at + 1 + size]
    at += 1 + size
    if size > _MOST_ID or at > whole:
        return None
    if version == 0:
        return Header(NEGOTIATION, version, dcid, scid, begin, 0, whole)
    kind: cython.int = long_type(data[begin], version)
    if kind == _RETRY:
        return Header(RETRY, version, dcid, scid, begin, 0, whole)
    if kind == _INITIAL:
        after = past_varint(data, at, whole)
        if after < 0:
            return Header(kind, version, dcid, scid, begin, 0, whole)
        size = varint(data, at, after)
        if after + size > whole:
            return Header(kind, version, dcid, scid, begin, 0, whole)
        at = after + size
    after = past_varint(data, at, whole)
    if after < 0:
        return Header(kind, version, dcid, scid, begin, 0, whole)
    size = varint(data, at, after)
    if after + size > whole:
        return Header(kind, version, dcid, scid, begin, 0, whole)
    return Header(kind, version, dcid, scid, begin, after, after + size)


def number(data: bytes, at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.longlong:
    """The number in up to 7 bytes from `at` on, all of which are there."""
    found: cython.longlong = 0
    k: cython.Py_ssize_t
    for k in range(at, at + size):
        found = found << 8 | data[k]
    return found


def crypto(payload: bytes, google: cython.bint = False) -> list[tuple[int, bytes]]:
    """Offset and bytes of each CRYPTO frame of an Initial's payload, up to the first frame that it may not have;
    `google` where the other frames are those of Google's QUIC."""
    found: list[tuple[int, bytes]] = []
    at: cython.Py_ssize_t = 0
    end: cython.Py_ssize_t = len(payload)
    kind: cython.int
    after: cython.Py_ssize_t
    offset: cython.longlong
    size: cython.longlong
    for _ in range(MOST_FRAMES):
        while at < end and payload[at] == _PADDING:
            at = _past_padding(payload, at, end)
        if at >= end:
            break
        kind = payload[at]
        at += 1
        if google:
            if kind & 0xC0 == _GOOGLE_ACK:
                at = _past_google_ack(payload, at, end)
                if at < 0:
                    break
                continue
            if kind == _GOOGLE_CRYPTO:
                kind = _CRYPTO
        if kind == (_GOOGLE_PING if google else _PING):
            continue
        if kind == _CRYPTO:
            after = past_varint(payload, at, end)
            if after < 0:
                break
            offset = varint(payload, at, after)
            at = after
            after = past_varint(payload, at, end)
            if after < 0:
                break
            size = varint(payload, at, after)
            if after + size > end:
                break
            at = after + size
            found.append((offset, payload[after:at]))
        elif (kind == _ACK or kind == _ACK_ECN) and not google:
            at = _past_ack(payload, at, end, kind == _ACK_ECN)
            if at < 0:
                break
        else:
            break
    return found


def _past_padding(payload: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    if not cython.compiled:
        return end - len(payload[at:end].lstrip(b"\0"))
    while at < end and payload[at] == 0:
        at += 1
    return at


def _past_ack(payload: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t, counts: cython.bint) -> cython.Py_ssize_t:
    """Where an ACK frame ends; -1 where it is cut."""
    ranges: cython.longlong = 0
    after: cython.Py_ssize_t
    field: cython.int
    _: cython.longlong
    for field in range(4):
        after = past_varint(payload, at, end)
        if after < 0:
            return -1
        if field == 2:
            ranges = varint(payload, at, after)
        at = after
    for _ in range(2 * min(ranges, end) + (3 if counts else 0)):
        at = past_varint(payload, at, end)
        if at < 0:
            return -1
    return at


def _past_google_ack(payload: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Where an ACK frame of Google's QUIC ends, whose type stands before `at`; -1 where it is cut."""
    kind: cython.int = payload[at - 1]
    largest: cython.Py_ssize_t = _GOOGLE_SIZES[kind >> 2 & 3]
    block: cython.Py_ssize_t = _GOOGLE_SIZES[kind & 3]
    stamps: cython.Py_ssize_t
    at += largest + 2
    if kind & 0x20:
        if at >= end:
            return -1
        at += 1 + payload[at] * (1 + block)
    at += block
    if at >= end:
        return -1
    stamps = payload[at]
    at += 1 + (5 + 3 * (stamps - 1) if stamps else 0)
    return at if at <= end else -1


_GOOGLE_SIZES = (1, 2, 4, 6)
