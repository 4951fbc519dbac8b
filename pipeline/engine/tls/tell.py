"""Fields of handshake messages, as `tshark -T fields` prints them of the frame that completes the message."""

from __future__ import annotations

from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.tls import fingerprint
from pipeline.engine.tls.der import MOST_TEXTS, name_texts, shown_text
from pipeline.engine.tls.hello import Hello


def hello(packet: Packet, found: Hello, *, from_server: bool) -> None:
    """A ClientHello or a ServerHello."""
    detail = packet.detail
    detail("tls.handshake.version", found.version)
    for value in found.ciphers:
        detail("tls.handshake.ciphersuite", value)
    for value in found.extensions:
        detail("tls.handshake.extension.type", value)
    for name in found.names:
        if name:
            detail("tls.handshake.extensions_server_name", shown_text(name))
    for name in found.alpn:
        detail("tls.handshake.extensions_alpn_str", shown_text(name))
    for value in found.versions:
        detail("tls.handshake.extensions.supported_version", value)
    for value in found.groups:
        detail("tls.handshake.extensions_supported_group", value)
    for value in found.signatures:
        detail("tls.handshake.sig_hash_alg", value)
    if from_server:
        text = fingerprint.ja3s_text(found.version, found.ciphers[0] if found.ciphers else 0, found.extensions)
        detail("tls.handshake.ja3s_full", text)
        detail("tls.handshake.ja3s", fingerprint.hashed(text))
    else:
        text = fingerprint.ja3_text(found.version, found.ciphers, found.extensions, found.groups, found.formats)
        detail("tls.handshake.ja3_full", text)
        detail("tls.handshake.ja3", fingerprint.hashed(text))


def names(packet: Packet, data: bytes, at: int, end: int) -> None:
    """Texts of the names in the DER between two places."""
    for field, text in name_texts(data, at, end):
        packet.detail(field, text)


def certificate_request(packet: Packet, data: bytes, at: int, end: int, *, with_algorithms: bool) -> None:
    """Names of the authorities of a CertificateRequest (RFC 5246, section 7.4.4)."""
    if at >= end:
        return
    at += 1 + data[at]
    if with_algorithms and at + 2 <= end:
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    at += 2
    told = 0
    while at + 2 <= end and told < MOST_TEXTS:
        size = int.from_bytes(data[at : at + 2], "big")
        names(packet, data, at + 2, min(end, at + 2 + size))
        at += 2 + size
        told += 1


def certificate_status(packet: Packet, data: bytes, at: int, end: int) -> None:
    """Names in the responses of OCSP of a CertificateStatus (RFC 6066, section 8; RFC 6961)."""
    if at >= end:
        return
    if data[at] == 1:
        names(packet, data, at + 4, end)
        return
    at += 4
    told = 0
    while at + 3 <= end and told < MOST_TEXTS:
        size = int.from_bytes(data[at : at + 3], "big")
        names(packet, data, at + 3, min(end, at + 3 + size))
        at += 3 + size
        told += 1
