"""Versions of QUIC: how each numbers its long packets, and what its Initial keys are derived with.

RFC 9000 and RFC 9001 (version 1), RFC 9369 (version 2), their drafts, and Facebook's mvfst, which follows drafts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

INITIAL, ZERO_RTT, HANDSHAKE, RETRY = 0, 1, 2, 3
"""Types of long packets, as version 1 numbers them."""

V1, V2, V2_DRAFT = 1, 0x6B3343CF, 0x709A50C4
_GOOGLE = (0x51303530, 0x54303530, 0x54303531)
_FACEBOOK = {0xFACEB001: 22, 0xFACEB002: 27, 0xFACEB00E: 27}
_FIRST_DRAFT, _LAST_DRAFT = 11, 34
_FIRST_WITH_KEYS = 21


class Keying(NamedTuple):
    """What the Initial keys of a version are derived with: RFC 9001, section 5.2; RFC 9369, section 3.3."""

    salt: bytes
    key: bytes
    iv: bytes
    header: bytes


def _keying(salt: str, prefix: bytes) -> Keying:
    return Keying(bytes.fromhex(salt), prefix + b" key", prefix + b" iv", prefix + b" hp")


_DRAFT_21 = _keying("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a", b"quic")
_DRAFT_23 = _keying("c3eef712c72ebb5a11a7d2432bb46365bef9f502", b"quic")
_DRAFT_29 = _keying("afbfec289993d24c9e9786f19c6111e04390a899", b"quic")
_VERSION_1 = _keying("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", b"quic")
_VERSION_2_DRAFT = _keying("a707c203a59b47184a1d62ca570406ea7ae3e5d3", b"quicv2")
_VERSION_2 = _keying("0dede3def700a6db819381be6e269dcbf9bd2ed9", b"quicv2")


_GOOGLE_SALTS = {
    0x54303530: _keying("7ff579e5acd072915580304c43a2367c60488310", b"quic"),
    0x54303531: _keying("7a4edef4e7ccee5fa4506c19124fc8ccda6e033d", b"quic"),
}


def has_google_frames(version: int) -> bool:
    """Whether TLS is spoken in frames of Google's QUIC (versions T050 and T051)."""
    return version in _GOOGLE_SALTS


def draft(version: int) -> int:
    """The draft of version 1 that a version is, or is made after; 0 for others."""
    if version >> 8 == 0xFF0000:
        return version & 0xFF
    return _FACEBOOK.get(version, 0)


def keying(version: int) -> Keying | None:
    """How the Initial keys of a version are derived; None where that is not known."""
    if version == V1:
        return _VERSION_1
    if version == V2:
        return _VERSION_2
    if version == V2_DRAFT:
        return _VERSION_2_DRAFT
    if is_reserved(version):
        # What clients of the time of draft 29 sent to see whether a server negotiates; Wireshark reads it so.
        return _DRAFT_29
    if version in _GOOGLE_SALTS:
        return _GOOGLE_SALTS[version]
    of = draft(version)
    if not _FIRST_WITH_KEYS <= of <= _LAST_DRAFT:
        return None
    return _DRAFT_21 if of < 23 else _DRAFT_23 if of < 29 else _DRAFT_29 if of < 33 else _VERSION_1


def is_reserved(version: int) -> bool:
    """Whether a version is one that asks for negotiation (RFC 9000, section 15)."""
    return version & 0x0F0F0F0F == 0x0A0A0A0A


def is_known(version: int) -> bool:
    """Whether a datagram that names the version is taken for QUIC."""
    return version in (V1, V2, V2_DRAFT, *_GOOGLE) or draft(version) >= _FIRST_DRAFT or is_reserved(version)


def are_known(versions: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """`is_known` of many."""
    found: NDArray[np.bool_] = np.isin(versions, np.array((V1, V2, V2_DRAFT, *_GOOGLE, *_FACEBOOK), np.uint32))
    found |= (versions >> 8 == 0xFF0000) & (versions & 0xFF >= _FIRST_DRAFT)
    found |= versions & 0x0F0F0F0F == 0x0A0A0A0A
    return found


def long_type(first: int, version: int) -> int:
    """The type of a long packet, as version 1 numbers them, by its first byte."""
    kind = first >> 4 & 3
    return (kind + 3) % 4 if version in (V2, V2_DRAFT) else kind
