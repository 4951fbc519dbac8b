"""Handshakes of TLS 1.2 with certificates that are made to measure."""

from __future__ import annotations

import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.exchanges import tlsmake as make
from tests.exchanges.hear import BEGIN, SECOND, Frame, Talk

NOW = datetime.datetime.fromtimestamp(BEGIN // SECOND, datetime.UTC)


def _name(common: str, organisation: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, common),
    ])  # fmt: skip


@cache
def _key(kind: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)


@cache
def leaf(serial: int = 1, *, by: str = "Good CA", common: str = "R1", key: str = "ec", begins: int = -30,
         ends: int = 60) -> bytes:  # fmt: skip
    """A certificate of example.com that holds from so many days after `NOW` to so many; DER."""
    made = (
        x509.CertificateBuilder().subject_name(_name("example.com", "Example")).issuer_name(_name(common, by))
        .public_key(_key(key).public_key()).serial_number(serial)
        .not_valid_before(NOW + datetime.timedelta(days=begins)).not_valid_after(NOW + datetime.timedelta(days=ends))
        .sign(_key("ec"), hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.DER)


def shown(certificate: bytes, at: float, k: int = 0, *, name: bytes = b"example.com", server: str = "10.0.0.2",
          chain: tuple[bytes, ...] = ()) -> list[Frame]:  # fmt: skip
    """The k-th client's whole handshake, at which the server shows the certificate."""
    hello = make.client_hello(make.server_name(name), make.groups(29, 23))
    talk = Talk(443, at=at, srcport=40_000 + k, server=server).open().client(make.handshake(hello, version=0x0301))
    keys = make.message(12, b"\3" + make.words(29) + bytes(40))
    talk.server(make.handshake(make.server_hello(), make.certificates(certificate, *chain), keys,
                               make.message(14, b"")))  # fmt: skip
    talk.client(make.handshake(make.message(16, bytes(33))) + make.CCS + make.FINISHED)
    talk.server(make.CCS + make.FINISHED)
    return talk.client(make.DATA).server(make.DATA).close().frames
