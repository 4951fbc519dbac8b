"""Fingerprints of hellos: JA3 and JA3S (salesforce/ja3), JA4 of clients (FoxIO, as its open specification says)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import md5, sha256

from pipeline.engine.tls.names import SSL2, SSL3, TLS10, TLS11, TLS12, TLS13, is_grease

_SERVER_NAME, _ALPN = 0, 16
_NOTHING = "000000000000"
_JA4_VERSIONS = {TLS13: "13", TLS12: "12", TLS11: "11", TLS10: "10", SSL3: "s3", SSL2: "s2"}


def _dashed(values: Iterable[int]) -> str:
    return "-".join([str(v) for v in values if not is_grease(v)])


def ja3_text(version: int, ciphers: Sequence[int], extensions: Sequence[int], groups: Sequence[int],
             formats: Sequence[int]) -> str:
    """What JA3 is the MD5 of (Wireshark: tls.handshake.ja3_full)."""
    points = "-".join(map(str, formats))
    return f"{version},{_dashed(ciphers)},{_dashed(extensions)},{_dashed(groups)},{points}"


def ja3s_text(version: int, cipher: int, extensions: Sequence[int]) -> str:
    """What JA3S is the MD5 of (Wireshark: tls.handshake.ja3s_full)."""
    return f"{version},{cipher},{_dashed(extensions)}"


def hashed(text: str) -> str:
    """JA3 or JA3S of its text: 32 hexadecimal digits."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def ja4(transport: str, version: int, ciphers: Sequence[int], extensions: Sequence[int], signatures: Sequence[int],
        alpn: Sequence[bytes]) -> str:
    """JA4 of a client hello: `transport` is t (TCP), q (QUIC) or d (DTLS); `version` the highest one offered."""
    said = [c for c in ciphers if not is_grease(c)]
    types = [e for e in extensions if not is_grease(e)]
    schemes = [s for s in signatures if not is_grease(s)]
    name = "d" if _SERVER_NAME in types else "i"
    head = f"{transport}{_JA4_VERSIONS.get(version, '00')}{name}{min(99, len(said)):02d}{min(99, len(types)):02d}"
    kept = sorted([f"{e:04x}" for e in types if e not in (_SERVER_NAME, _ALPN)])
    c = sha256(",".join(sorted([f"{v:04x}" for v in said])).encode()).hexdigest()[:12] if said else _NOTHING
    if not kept:
        return f"{head}{_ends(alpn)}_{c}_{_NOTHING}"
    text = ",".join(kept)
    if schemes:
        text += "_" + ",".join([f"{s:04x}" for s in schemes])
    return f"{head}{_ends(alpn)}_{c}_{sha256(text.encode()).hexdigest()[:12]}"


def _ends(alpn: Sequence[bytes]) -> str:
    """First and last character of the first protocol that ALPN offers; its hexadecimal digits where it is no text."""
    if not alpn or not alpn[0]:
        return "00"
    first = alpn[0]
    ends = bytes((first[0], first[-1]))
    if ends.isalnum():
        return ends.decode("ascii")
    digits = first.hex()
    return digits[0] + digits[-1]
