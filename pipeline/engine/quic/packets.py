"""Packets of a datagram with their headers, and the CRYPTO frames of an Initial (RFC 9000, sections 17 and 19)."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.engine.quic.versions import INITIAL, RETRY, long_type

MOST_ID = 20
"""Bytes of a connection id."""
MOST_PACKETS = 16
"""Packets of a datagram that are looked at."""
MOST_FRAMES = 512
"""Frames of a packet that are looked at."""

NEGOTIATION, SHORT = 4, 5
"""Types of packets besides those of `versions`: Version Negotiation, and packets with a short header."""

_GOOGLE_ACK, _GOOGLE_PING, _GOOGLE_CRYPTO = 0x40, 7, 8
_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO, _CLOSE, _APPLICATION_CLOSE = 0, 1, 2, 3, 6, 0x1C, 0x1D


class Header(NamedTuple):
    """A packet: its type, version, connection ids, where its packet number begins (0: that is not known), and where it
    ends, both in the datagram."""

    kind: int
    version: int
    dcid: bytes
    scid: bytes
    begin: int
    payload: int
    end: int


def is_long(data: bytes) -> bool:
    """Whether a datagram has a long header whose connection ids are sound."""
    if len(data) < 13 or data[0] < 0x80 or data[5] > MOST_ID:
        return False
    at = 6 + data[5]
    return at < len(data) and data[at] <= MOST_ID


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of variable length (RFC 9000, section 16) and where it ends; -1 where it is cut."""
    if at >= end:
        return 0, -1
    size = 1 << (data[at] >> 6)
    if at + size > end:
        return 0, -1
    return int.from_bytes(data[at : at + size], "big") & ((1 << (8 * size - 2)) - 1), at + size


def headers(data: bytes) -> list[Header]:
    """The packets of a datagram, as far as they have long headers; the first that has not takes the rest."""
    found: list[Header] = []
    at = 0
    while at < len(data) and len(found) < MOST_PACKETS:
        header = _header(data, at)
        if header is None or (found and header.dcid != found[0].dcid and header.kind != SHORT):
            break
        found.append(header)
        at = header.end
    return found


def _header(data: bytes, at: int) -> Header | None:
    begin, whole = at, len(data)
    if data[at] < 0x80:
        return Header(SHORT, 0, b"", b"", begin, 0, whole)
    if at + 7 > whole:
        return None
    version = int.from_bytes(data[at + 1 : at + 5], "big")
    size = data[at + 5]
    dcid = data[at + 6 : at + 6 + size]
    at += 6 + size
    if size > MOST_ID or at >= whole:
        return None
    size = data[at]
    scid = data[at + 1 : at + 1 + size]
    at += 1 + size
    if size > MOST_ID or at > whole:
        return None
    if version == 0:
        return Header(NEGOTIATION, version, dcid, scid, begin, 0, whole)
    kind = long_type(data[begin], version)
    if kind == RETRY:
        return Header(RETRY, version, dcid, scid, begin, 0, whole)
    if kind == INITIAL:
        size, at = varint(data, at, whole)
        if at < 0 or at + size > whole:
            return Header(kind, version, dcid, scid, begin, 0, whole)
        at += size
    size, at = varint(data, at, whole)
    if at < 0:
        return Header(kind, version, dcid, scid, begin, 0, whole)
    return Header(kind, version, dcid, scid, begin, at if at + size <= whole else 0, min(whole, at + size))


def crypto(payload: bytes, *, google: bool = False) -> list[tuple[int, bytes]]:
    """Offset and bytes of each CRYPTO frame of an Initial's payload, up to the first frame that it may not have;
    `google` where the other frames are those of Google's QUIC."""
    found: list[tuple[int, bytes]] = []
    at, end = 0, len(payload)
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
            offset, at = varint(payload, at, end)
            size, at = varint(payload, at, end) if at >= 0 else (0, -1)
            if at < 0 or at + size > end:
                break
            found.append((offset, payload[at : at + size]))
            at += size
        elif kind in (_ACK, _ACK_ECN) and not google:
            at = _past_ack(payload, at, end, counts=kind == _ACK_ECN)
            if at < 0:
                break
        else:
            break
    return found


def _past_padding(payload: bytes, at: int, end: int) -> int:
    rest = payload[at:end].lstrip(b"\0")
    return end - len(rest)


def _past_ack(payload: bytes, at: int, end: int, *, counts: bool) -> int:
    """Where an ACK frame ends; -1 where it is cut."""
    ranges = 0
    for field in range(4):
        value, at = varint(payload, at, end)
        if at < 0:
            return -1
        if field == 2:
            ranges = value
    for _ in range(min(2 * ranges, 2 * end) + (3 if counts else 0)):
        _, at = varint(payload, at, end)
        if at < 0:
            return -1
    return at


def _past_google_ack(payload: bytes, at: int, end: int) -> int:
    """Where an ACK frame of Google's QUIC ends, whose type stands before `at`; -1 where it is cut."""
    kind = payload[at - 1]
    largest, block = _GOOGLE_SIZES[kind >> 2 & 3], _GOOGLE_SIZES[kind & 3]
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
