"""Names of what is enciphered over UDP: DTLS, QUIC, IPsec's keys, WireGuard."""

from __future__ import annotations

from pipeline.engine.names.look import Look

_DTLS_VERSIONS = {0xFEFF: "DTLSv1.0", 0xFEFD: "DTLSv1.2", 0xFEFC: "DTLSv1.3",
                  0x0100: "DTLS 1.0 (OpenSSL pre 0.9.8f)"}  # fmt: skip
DTLS_NAMES = ("DTLS", *_DTLS_VERSIONS.values())
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_WIREGUARD = {1: 148, 2: 92, 3: 64}


def dtls_heard(data: bytes, look: Look) -> str:
    """RFC 6347, section 4.1: a record of a known kind and version that is not longer than what there is."""
    if len(data) < 13 or not 20 <= data[0] <= 26:
        return ""
    if int.from_bytes(data[1:3], "big") not in _DTLS_VERSIONS or int.from_bytes(data[11:13], "big") + 13 > look.size:
        return ""
    return dtls(data, look)


def dtls(data: bytes, look: Look) -> str:
    """The version is known from the first record on that is not a client's greeting."""
    at = 0
    for _ in range(16):
        if at + 13 > len(data):
            break
        kind, version = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
        if not 20 <= kind <= 26 or version not in _DTLS_VERSIONS:
            break
        first = data[at + 13] if at + 13 < len(data) else 0
        if kind == 22 and first == _SERVER_HELLO and at + 27 <= len(data):
            told = int.from_bytes(data[at + 25 : at + 27], "big")
            look.memo["dtls"] = told if told in _DTLS_VERSIONS else version
        elif not (kind == 22 and first == _CLIENT_HELLO):
            look.memo.setdefault("dtls", version)
        at += 13 + int.from_bytes(data[at + 11 : at + 13], "big")
    return _DTLS_VERSIONS.get(look.memo.get("dtls", 0), "DTLS")


def quic(data: bytes, look: Look) -> str:
    """RFC 9000, section 17.2: a long header that tells a known version, and a connection's name of 20 bytes at most."""
    if len(data) < 13 or data[0] & 0xC0 != 0xC0 or data[5] > 20:
        return ""
    version = data[1:5]
    number = int.from_bytes(version, "big")
    known = number in (1, 0x709A50C4, 0x6B3343CF) or number >> 8 == 0xFF0000 or number >> 4 == 0xFACEB00
    known = known or version in (b"T050", b"T051", b"Q050", b"Q051") or number & 0x0F0F0F0F == 0x0A0A0A0A
    return "QUIC" if known else ""


def gquic(data: bytes, look: Look) -> str:
    """Google's QUIC before it: a first packet that tells its version."""
    if len(data) < 13:
        return ""
    if data[0] & 0xC0 == 0xC0:
        return "GQUIC" if data[1:2] == b"Q" and data[2:5].isdigit() and data[1:5] < b"Q050" else ""
    told = data[0] & 0x0D in (0x09, 0x0D) and data[0] < 0x40
    return "GQUIC" if told and data[9:10] == b"Q" and data[10:13].isdigit() else ""


def udpencap(data: bytes, look: Look) -> str:
    """RFC 3948, section 2: a keep-alive, a marker before IKE, or else ESP."""
    if look.size == 1:
        return "UDPENCAP"
    return "ISAKMP" if data[:4] == b"\0\0\0\0" else "ESP"


def wireguard(data: bytes, look: Look) -> str:
    """The four kinds of messages, each of its own length, and three bytes that are 0."""
    if len(data) < 32 or data[1] or data[2] or data[3]:
        return ""
    if data[0] == 4:
        return "WireGuard"
    return "WireGuard" if _WIREGUARD.get(data[0]) == look.size else ""
