"""Makes what TLS and QUIC send: hellos, records, certificates, and Initial packets that are really sealed."""

from __future__ import annotations

import datetime
import hmac
from collections.abc import Sequence
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

RANDOM = bytes(range(32))
HRR = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def sized(data: bytes, width: int = 2) -> bytes:
    """The bytes behind their length."""
    return len(data).to_bytes(width, "big") + data


def words(*values: int) -> bytes:
    """Numbers of 16 bits."""
    return b"".join([v.to_bytes(2, "big") for v in values])


def extension(kind: int, body: bytes) -> bytes:
    """An extension of a hello."""
    return words(kind) + sized(body)


def server_name(name: bytes) -> bytes:
    """The extension of a ClientHello that names the server."""
    return extension(0, sized(b"\0" + sized(name)))


def alpn(*names: bytes) -> bytes:
    """The extension ALPN."""
    return extension(16, sized(b"".join([sized(n, 1) for n in names])))


def versions(*offered: int) -> bytes:
    """The extension supported_versions of a ClientHello."""
    return extension(43, sized(words(*offered), 1))


def groups(*offered: int) -> bytes:
    """The extension supported_groups."""
    return extension(10, sized(words(*offered)))


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes((kind,)) + sized(body, 3)


def client_hello(*extensions: bytes, ciphers: Sequence[int] = (0xC02F, 0x002F), version: int = 0x0303,
                 session: bytes = b"") -> bytes:  # fmt: skip
    """A ClientHello."""
    body = words(version) + RANDOM + sized(session, 1) + sized(words(*ciphers)) + b"\1\0"
    return message(1, body + (sized(b"".join(extensions)) if extensions else b""))


def server_hello(*extensions: bytes, cipher: int = 0xC02F, version: int = 0x0303, session: bytes = b"",
                 random: bytes = RANDOM) -> bytes:  # fmt: skip
    """A ServerHello."""
    body = words(version) + random + sized(session, 1) + words(cipher) + b"\0"
    return message(2, body + (sized(b"".join(extensions)) if extensions else b""))


def record(kind: int, data: bytes, version: int = 0x0303) -> bytes:
    """A record."""
    return bytes((kind,)) + words(version) + sized(data)


def handshake(*messages: bytes, version: int = 0x0303) -> bytes:
    """A record with handshake messages."""
    return record(22, b"".join(messages), version)


CCS = record(20, b"\1")
FINISHED = handshake(bytes(range(100, 140)))
"""A Finished, encrypted."""
DATA = record(23, bytes(range(200, 232)))
TLS13 = extension(43, words(0x0304))
"""A server's choice of TLS 1.3."""
KEY_SHARE = extension(51, words(29) + sized(bytes(32)))


@cache
def certificate(name: str = "example.com", issuer: str = "") -> bytes:
    """A certificate of a key on P-256 as DER; signed by itself unless it has an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(_name(issuer) if issuer else subject)
        .public_key(key.public_key()).serial_number(0xABCDEF)
        .not_valid_before(day).not_valid_after(day + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.DNSName("www." + name)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.DER)


def _name(common: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ä & Co"),
        x509.NameAttribute(NameOID.COMMON_NAME, common),
    ])  # fmt: skip


def certificates(*chain: bytes) -> bytes:
    """A Certificate message up to TLS 1.2."""
    return message(11, sized(b"".join([sized(c, 3) for c in chain]), 3))


V1_SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
V2_SALT = bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")


def _expand(secret: bytes, label: str, size: int) -> bytes:
    info = size.to_bytes(2, "big") + sized(b"tls13 " + label.encode(), 1) + b"\0\1"
    return hmac.digest(secret, info, "sha256")[:size]


def initial(frames: bytes, dcid: bytes, *, keys_of: bytes = b"", scid: bytes = b"", number: int = 0, version: int = 1,
            from_server: bool = False, token: bytes = b"", size: int = 1162) -> bytes:  # fmt: skip
    """An Initial packet (RFC 9001, section 5), padded to `size` bytes of payload."""
    prefix, salt = ("quicv2", V2_SALT) if version == 0x6B3343CF else ("quic", V1_SALT)
    secret = hmac.digest(salt, keys_of or dcid, "sha256")
    secret = _expand(secret, "server in" if from_server else "client in", 32)
    key, iv, hp = (_expand(secret, f"{prefix} {n}", s) for n, s in (("key", 16), ("iv", 12), ("hp", 16)))
    frames = frames.ljust(size, b"\0")
    first = 0xD1 if version == 0x6B3343CF else 0xC1
    head = bytes((first,)) + version.to_bytes(4, "big") + sized(dcid, 1) + sized(scid, 1) + varint(len(token)) + token
    head += (0x4000 | (len(frames) + 18)).to_bytes(2, "big")
    shown = number.to_bytes(2, "big")
    nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")
    sealed = AESGCM(key).encrypt(nonce, frames, head + shown)
    mask = Cipher(algorithms.AES(hp), modes.ECB()).encryptor().update(sealed[2:18])
    hidden = bytes((head[0] ^ mask[0] & 0x0F,)) + head[1:] + bytes(a ^ b for a, b in zip(shown, mask[1:3], strict=True))
    return hidden + sealed


def varint(value: int) -> bytes:
    """A number of QUIC, in two bytes."""
    return (0x4000 | value).to_bytes(2, "big")


def crypto(offset: int, data: bytes) -> bytes:
    """A CRYPTO frame."""
    return b"\6" + varint(offset) + varint(len(data)) + data
