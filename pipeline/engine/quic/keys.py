"""Initial keys (RFC 9001, section 5): derived from the connection id that the client made up, so anyone has them."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

import cython
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.engine.quic.versions import Keying

_SIDES = (b"client in", b"server in")
SAMPLE = 16
"""Bytes of the sample that the header is protected with."""


# `hmac.digest` sets up a context of OpenSSL for each call, which takes longer than the hashing of so few bytes (2.4 us,
# this 1.0 us), and a side takes five; with `cryptography`'s HKDFExpand it is 2.9 us.
_OUTER, _INNER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x5C, 0x36))
_ECB = modes.ECB()
_MOST = cython.declare(cython.longlong, 1 << 62)


@lru_cache(64)
def _salted(salt: bytes) -> tuple[bytes, bytes]:
    return _pads(salt)


def _pads(secret: bytes) -> tuple[bytes, bytes]:
    """What HMAC-SHA-256 (RFC 2104) hashes before a message and before that hash; of a secret of up to 64 bytes."""
    block = secret.ljust(64, b"\0")
    return block.translate(_INNER), block.translate(_OUTER)


def _hmac(pads: tuple[bytes, bytes], message: bytes) -> bytes:
    return sha256(pads[1] + sha256(pads[0] + message).digest()).digest()


@lru_cache(64)
def _info(label: bytes, size: int) -> bytes:
    """What HKDF-Expand-Label of RFC 8446, section 7.1, takes the HMAC of, for up to 32 bytes."""
    label = b"tls13 " + label
    return size.to_bytes(2, "big") + bytes((len(label),)) + label + b"\0\1"


class Keys:
    """The keys of one direction of Initial packets. `iv` is a number; `header` takes samples of SAMPLE bytes."""

    __slots__ = ("_aead", "header", "iv")

    def __init__(self, keying: Keying, connection: bytes, side: int) -> None:
        initial = _hmac(_salted(keying.salt), connection)
        pads = _pads(_hmac(_pads(initial), _info(_SIDES[side], 32)))
        self._aead = AESGCM(_hmac(pads, _info(keying.key, 16))[:16])
        self.iv = int.from_bytes(_hmac(pads, _info(keying.iv, 12))[:12], "big")
        self.header = Cipher(algorithms.AES(_hmac(pads, _info(keying.header, 16))[:16]), _ECB).encryptor()

    def opened(self, data: bytes, begin: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t,
               highest: cython.longlong) -> tuple[int, bytes] | None:
        """Number and payload of the packet from `begin` to `end`, whose protected packet number is at `at`; `highest`
        is the highest number seen of its direction. None where the keys are not its keys, or it is too short."""
        size: cython.Py_ssize_t
        k: cython.Py_ssize_t
        first: cython.int
        low: cython.longlong = 0
        if at + 4 + SAMPLE > end:
            return None
        mask: bytes = self.header.update(data[at + 4 : at + 4 + SAMPLE])
        first = data[begin] ^ mask[0] & 0x0F
        size = (first & 3) + 1
        for k in range(size):
            low = low << 8 | data[at + k] ^ mask[1 + k]
        number: cython.longlong = _whole_number(low, 8 * size, highest + 1)
        head = bytes((first,)) + data[begin + 1 : at] + low.to_bytes(size, "big")
        nonce = (self.iv ^ number).to_bytes(12, "big")
        try:
            return number, self._aead.decrypt(nonce, data[at + size : end], head)
        except (InvalidTag, ValueError):
            return None


def _whole_number(low: cython.longlong, bits: cython.int, expected: cython.longlong) -> cython.longlong:
    """A packet number of which `bits` bits were sent (RFC 9000, appendix A.3)."""
    window: cython.longlong = 1
    number: cython.longlong
    window <<= bits
    number = expected & ~(window - 1) | low
    if number <= expected - (window >> 1) and number + window < _MOST:
        return number + window
    if number > expected + (window >> 1) and number >= window:
        return number - window
    return number
