"""The record layer (RFC 8446, section 5.1; SSL 2: RFC 6101, appendix E): where records are, by Wireshark's rules."""

from __future__ import annotations

from pipeline.engine.tls.names import CHANGE_CIPHER_SPEC, CONNECTION_ID, GMTLS, SSL3, TLS12, is_version

HEADER = 5
"""Bytes of a record's header: content type, version, length."""

MOST_RECORD = 16_384 + 2048
"""Bytes of a record (RFC 5246, section 6.2.3); what looks like a longer one in the first bytes is none."""


def is_content_type(value: int) -> bool:
    """Whether a number is a record's content type."""
    return CHANGE_CIPHER_SPEC <= value <= CONNECTION_ID


def looks_like_record(data: bytes, at: int) -> bool:
    """Whether a record of SSL 3 to TLS 1.3 may begin there: by its type and version."""
    return CHANGE_CIPHER_SPEC <= data[at] <= CONNECTION_ID and _spoken(data[at + 1] << 8 | data[at + 2])


def _spoken(version: int) -> bool:
    return SSL3 <= version <= TLS12 or version == GMTLS


def looks_like_ssl2(data: bytes, at: int) -> bool:
    """Whether a message of SSL 2 in clear may begin there: a length without padding, and the type of a message."""
    return data[at] >= 0x80 and data[at + 2] in (0, 1, 2, 4)


def is_ssl2_client_hello(data: bytes, at: int) -> bool:
    """Whether a CLIENT-HELLO of SSL 2 may begin there."""
    return data[at] >= 0x80 and data[at + 2] == 1


def is_ssl2_message(data: bytes, at: int, end: int) -> bool:
    """Whether the message behind a record header of SSL 2 is in clear: its version or its lengths are sound."""
    kind = data[at] if at < end else -1
    if kind == 1 and at + 3 <= end:
        return is_version(data[at + 1] << 8 | data[at + 2])
    if kind == 4 and at + 5 <= end:
        return is_version(data[at + 3] << 8 | data[at + 4])
    if kind == 2 and at + 10 <= end:
        return sum(int.from_bytes(data[i : i + 2], "big") for i in (at + 4, at + 6, at + 8)) <= end - at
    return False


def begins(data: bytes) -> bool:
    """Whether a side of a conversation that begins so speaks TLS: on any port, as Wireshark's heuristic finds it."""
    if len(data) < HEADER:
        return False
    if data[0] in (22, 23) and _spoken(data[1] << 8 | data[2]):
        return 0 < (data[3] << 8 | data[4]) < MOST_RECORD
    return _begins_ssl2(data)


def _begins_ssl2(data: bytes) -> bool:
    """A CLIENT-HELLO of SSL 2 of under 256 bytes, whose lengths fit (RFC 5246, appendix E.2)."""
    if len(data) < 46 or data[0] != 0x80 or data[2] != 1:
        return False
    specs, session = data[5] << 8 | data[6], data[7] << 8 | data[8]
    return specs != 0 and specs % 3 == 0 and session in (0, 16) and data[9] == 0 and data[10] == 32


_MOST_BEFORE = 16


def first_record(data: bytes) -> int:
    """Where the first record of a side begins: behind the answer to a request for TLS that is a few bytes without an
    end (PostgreSQL's `S`); 0 where none is found."""
    if len(data) < HEADER or looks_like_record(data, 0):
        return 0
    for at in range(1, min(_MOST_BEFORE, len(data) - HEADER) + 1):
        if begins(data[at : at + 64]):
            return at
    return 0


OTHERS_PORTS = frozenset((80, 631, 2869, 3128, 3132, 5985, 8009, 8080, 8088, 11371))
"""TCP ports at which Wireshark takes what a conversation begins with for HTTP or AJP, even TLS."""

TPKT_PORTS = frozenset((102, 3389))
"""TCP ports at which Wireshark takes everything for TPKT, even the TLS of remote desktops."""


def is_text(data: bytes) -> bool:
    """Whether the first four bytes can be printed: then Wireshark takes it for no TLS, at any port."""
    return len(data) > 4 and all(0x20 <= b < 0x7F for b in data[:4])
