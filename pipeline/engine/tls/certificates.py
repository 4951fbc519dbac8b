"""Certificates (RFC 5280), parsed by the library `cryptography`; the same come again and again, so they are kept."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

MOST_KEPT = 4096
"""Certificates whose parts are kept; all are forgotten when there are more."""

MOST_BYTES = 65_536
"""Bytes of a certificate that is parsed; of a longer one only the fingerprint is told."""

MOST_NAMES = 100
"""Subject alternative names that are told of a certificate."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = (1 << 63) - 1


class Certificate(NamedTuple):
    """What is told of a certificate. Times in ns since 1970; `names` has the subject's alternative names, each behind
    a comma; texts are empty, and times 0, where the certificate cannot be parsed."""

    subject: str
    issuer: str
    names: str
    serial: str
    not_before: int
    not_after: int
    key_type: str
    key_size: int
    signature: str
    fingerprint: str
    self_signed: bool


class Certificates:
    """Knows certificates by their fingerprint. It holds no state of a capture: what it keeps only saves time."""

    def __init__(self) -> None:
        self._known: dict[bytes, Certificate] = {}

    def parse(self, der: bytes) -> Certificate:
        """The parts of a certificate."""
        digest = sha256(der).digest()
        found = self._known.get(digest)
        if found is None:
            found = parsed(der, digest.hex())
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[digest] = found
        return found


def in_message(data: bytes, at: int, end: int, *, tls13: bool) -> Iterator[bytes]:
    """The certificates of a Certificate message's body (RFC 5246, section 7.4.2; RFC 8446, section 4.4.2)."""
    if tls13 and at < end:
        at += 1 + data[at]
    if at + 3 > end:
        return
    end = min(end, at + 3 + int.from_bytes(data[at : at + 3], "big"))
    at += 3
    while at + 3 <= end:
        size = int.from_bytes(data[at : at + 3], "big")
        at += 3
        if at + size > end:
            return
        yield data[at : at + size]
        at += size
        if tls13 and at + 2 <= end:
            at += 2 + int.from_bytes(data[at : at + 2], "big")


def parsed(der: bytes, fingerprint: str) -> Certificate:
    """The parts of a certificate, which are those of a hostile one too: nothing is raised."""
    nothing = Certificate("", "", "", "", 0, 0, "", 0, "", fingerprint, False)
    if len(der) > MOST_BYTES:
        return nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _parts(x509.load_der_x509_certificate(der), nothing)
    except Exception:  # the library raises many kinds for bytes that are no certificate
        return nothing


def _parts(cert: x509.Certificate, nothing: Certificate) -> Certificate:
    subject, issuer = cert.subject, cert.issuer
    key_type, key_size = _key(cert)
    return nothing._replace(
        subject=subject.rfc4514_string(), issuer=issuer.rfc4514_string(), names=",".join(_names(cert)),
        serial=f"{cert.serial_number:x}", not_before=_time(cert.not_valid_before_utc),
        not_after=_time(cert.not_valid_after_utc), key_type=key_type, key_size=key_size,
        signature=_signature(cert), self_signed=subject == issuer and _signs_itself(cert),
    )  # fmt: skip


def _time(at: datetime) -> int:
    since = at - _EPOCH
    ns = (since.days * 86_400 + since.seconds) * 1_000_000_000
    return min(max(ns, 0), _LAST)


def _key(cert: x509.Certificate) -> tuple[str, int]:
    try:
        key = cert.public_key()
    except Exception:
        return "", 0
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    return ("Ed448", 456) if isinstance(key, ed448.Ed448PublicKey) else (type(key).__name__, 0)


def _signature(cert: x509.Certificate) -> str:
    oid = cert.signature_algorithm_oid
    known: str = oid._name
    return oid.dotted_string if known == "Unknown OID" else known


def _signs_itself(cert: x509.Certificate) -> bool:
    """Whether its own key made its signature; of algorithms that the library has not, the equal names decide."""
    try:
        cert.verify_directly_issued_by(cert)
    except (TypeError, ValueError):
        return True
    except Exception:
        return False
    return True


def _names(cert: x509.Certificate) -> list[str]:
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:
        return []
    found = []
    for name in list(names)[:MOST_NAMES]:
        if isinstance(name, x509.DNSName | x509.RFC822Name | x509.UniformResourceIdentifier | x509.IPAddress):
            found.append(str(name.value))
        elif isinstance(name, x509.DirectoryName):
            found.append(name.value.rfc4514_string())
    return found
