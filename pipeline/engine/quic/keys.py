"""Initial keys (RFC 9001, section 5): derived from the connection id that the client made up, so anyone has them."""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.engine.quic.versions import Keying

_SIDES = (b"client in", b"server in")
SAMPLE = 16
"""Bytes of the sample that the header is protected with."""


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446, section 7.1, with SHA-256, for up to 32 bytes."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(label),)) + label + b"\0\1"
    return hmac.digest(secret, info, "sha256")[:size]


class Keys:
    """The keys of one direction of Initial packets."""

    __slots__ = ("_aead", "_header", "_iv")

    def __init__(self, keying: Keying, connection: bytes, side: int) -> None:
        initial = hmac.digest(keying.salt, connection, "sha256")
        secret = _expand(initial, _SIDES[side], 32)
        self._aead = AESGCM(_expand(secret, keying.key, 16))
        self._iv = int.from_bytes(_expand(secret, keying.iv, 12), "big")
        self._header = Cipher(algorithms.AES(_expand(secret, keying.header, 16)), modes.ECB())

    def opened(self, packet: bytes, at: int, highest: int) -> tuple[int, bytes] | None:
        """Number and payload of a packet whose protected packet number begins at `at`; `highest` is the highest number
        seen of its direction. None where the keys are not its keys, or it is too short."""
        sample = packet[at + 4 : at + 4 + SAMPLE]
        if len(sample) < SAMPLE:
            return None
        mask = self._header.encryptor().update(sample)
        first = packet[0] ^ mask[0] & 0x0F
        size = (first & 3) + 1
        low = int.from_bytes(packet[at : at + size], "big") ^ int.from_bytes(mask[1 : 1 + size], "big")
        number = _whole_number(low, 8 * size, highest + 1)
        head = bytes((first,)) + packet[1:at] + low.to_bytes(size, "big")
        nonce = (self._iv ^ number).to_bytes(12, "big")
        try:
            return number, self._aead.decrypt(nonce, packet[at + size :], head)
        except (InvalidTag, ValueError):
            return None


def _whole_number(low: int, bits: int, expected: int) -> int:
    """A packet number of which `bits` bits were sent (RFC 9000, appendix A.3)."""
    window = 1 << bits
    number = expected & ~(window - 1) | low
    if number <= expected - window // 2 and number + window < 1 << 62:
        return number + window
    if number > expected + window // 2 and number >= window:
        return number - window
    return number
