"""Data of records as text, as zone files write them (RFC 1035, section 5.1), names without their last point."""

from __future__ import annotations

import struct
from base64 import b32hexencode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from socket import AF_INET6, inet_ntop

import cython

from pipeline.engine.dns import registry as r
from pipeline.engine.dns.names import Fault, Names

_TWO = struct.Struct(">H").unpack_from
_SRV = struct.Struct(">HHH").unpack_from
_SOA = struct.Struct(">5I").unpack_from
_KEY = struct.Struct(">HBB").unpack_from
_RRSIG = struct.Struct(">HBBIIIH").unpack_from
_NSEC3 = struct.Struct(">BBHB").unpack_from

_A = cython.declare(cython.Py_ssize_t, r.A)

Text = Callable[[Names, int, int], str]
"""Takes where data begin and how long they are; raises Fault where they are not what their type has."""


def data_text(names: Names, kind: cython.Py_ssize_t, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> str:
    """The data of a record of type `kind` as text: those that don't fit it, or of a type not known, as RFC 3597 has
    it (`\\# 4 0a000001`)."""
    data: bytes = names.data
    if at + length > len(data):
        return ""
    if kind == _A and length == 4:
        # Most records are of this type.
        return f"{data[at]}.{data[at + 1]}.{data[at + 2]}.{data[at + 3]}"
    text = _TEXTS.get(kind)
    if text is not None:
        try:
            return text(names, at, length)
        except (Fault, struct.error):
            pass
    if not length:
        return ""
    return f"\\# {length} {data[at : at + length].hex()}"


def _aaaa(names: Names, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> str:
    if length != 16:
        raise Fault("data cut")
    return inet_ntop(AF_INET6, names.data[at : at + 16])


def _name(names: Names, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> str:
    if not length:
        raise Fault("data cut")
    return _within(names, at, at + length)


def _within(names: Names, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> str:
    """The name at `at`, which ends at `end` at the latest."""
    name = names.read(at)
    if names.after > end:
        raise Fault("data cut")
    return name


def _mx(names: Names, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> str:
    if length < 3:
        raise Fault("data cut")
    (preference,) = _TWO(names.data, at)
    return f"{preference} {_within(names, at + 2, at + length)}"


def _srv(names: Names, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> str:
    if length < 7:
        raise Fault("data cut")
    priority, weight, port = _SRV(names.data, at)
    return f"{priority} {weight} {port} {_within(names, at + 6, at + length)}"


def _soa(names: Names, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> str:
    end = at + length
    primary = _within(names, at, end)
    mailbox = _within(names, names.after, end)
    if names.after + 20 > end:
        raise Fault("data cut")
    serial, refresh, retry, expire, minimum = _SOA(names.data, names.after)
    return f"{primary} {mailbox} {serial} {refresh} {retry} {expire} {minimum}"


# Of text that is ASCII what cannot be printed, and of bytes that are no text all, as zone files write them.
_CONTROLS = {c: f"\\{c:03d}" for c in (*range(32), 127)}
_BYTES = [f"\\{c:03d}" if c < 32 or c >= 127 else '\\"' if c == 34 else chr(c) for c in range(256)]


def quoted(raw: bytes) -> str:
    """A character string as zone files write it: in quotes, what is not printable ASCII as \\DDD; UTF-8 is kept."""
    if not (raw.isascii() and (text := raw.decode("ascii")).isprintable() and '"' not in text and "\\" not in text):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = "".join([_BYTES[b] for b in raw])
        else:
            text = text.replace("\\", "\\\\").replace('"', '\\"')
            if text.isascii():
                text = text.translate(_CONTROLS)
            elif not text.isprintable():
                text = "".join([c if c.isprintable() else "".join([f"\\{b:03d}" for b in c.encode()]) for c in text])
    return f'"{text}"'


def _texts(names: Names, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> str:
    data: bytes = names.data
    end: cython.Py_ssize_t = at + length
    after: cython.Py_ssize_t
    found = []
    while at < end:
        after = at + 1 + data[at]
        if after > end:
            raise Fault("data cut")
        found.append(quoted(data[at + 1 : after]))
        at = after
    return " ".join(found)


def _naptr(names: Names, at: int, length: int) -> str:
    data, end = names.data, at + length
    if length < 8:
        raise Fault("data cut")
    order, preference, _ = _SRV(data, at)
    at += 4
    parts = []
    for _ in range(3):
        after = at + 1 + data[at]
        if after >= end:
            raise Fault("data cut")
        parts.append(quoted(data[at + 1 : after]))
        at = after
    return f"{order} {preference} {' '.join(parts)} {_within(names, at, end)}"


def _caa(names: Names, at: int, length: int) -> str:
    data = names.data
    if length < 2 or 2 + data[at + 1] > length:
        raise Fault("data cut")
    value = at + 2 + data[at + 1]
    return f"{data[at]} {data[at + 2 : value].decode('ascii', 'replace')} {quoted(data[value : at + length])}"


def _ds(names: Names, at: int, length: int) -> str:
    if length < 4:
        raise Fault("data cut")
    tag, algorithm, digest = _KEY(names.data, at)
    return f"{tag} {algorithm} {digest} {names.data[at + 4 : at + length].hex()}"


def _dnskey(names: Names, at: int, length: int) -> str:
    if length < 4:
        raise Fault("data cut")
    flags, protocol, algorithm = _KEY(names.data, at)
    return f"{flags} {protocol} {algorithm} {b64encode(names.data[at + 4 : at + length]).decode()}"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")


def _rrsig(names: Names, at: int, length: int) -> str:
    end = at + length
    if length < 19:
        raise Fault("data cut")
    kind, algorithm, labels, ttl, expires, begins, tag = _RRSIG(names.data, at)
    signer = _within(names, at + 18, end)
    signature = b64encode(names.data[names.after : end]).decode()
    return (f"{r.type_name(kind)} {algorithm} {labels} {ttl} {_moment(expires)} {_moment(begins)} {tag} {signer} "
            f"{signature}")  # fmt: skip


def listed_types(data: bytes, at: int, end: int) -> list[int]:
    """The types in a bit map (RFC 4034, section 4.1.2). Raises Fault."""
    found = []
    while at < end:
        if at + 2 > end or at + 2 + data[at + 1] > end:
            raise Fault("data cut")
        first, size = data[at] << 8, data[at + 1]
        at += 2
        for i in range(size):
            bits = data[at + i]
            while bits:
                high = bits.bit_length() - 1
                found.append(first + 8 * i + 7 - high)
                bits ^= 1 << high
        at += size
    return found


def _types(data: bytes, at: int, end: int) -> str:
    return "".join(f" {r.type_name(kind)}" for kind in listed_types(data, at, end))


def _nsec(names: Names, at: int, length: int) -> str:
    end = at + length
    following = _within(names, at, end)
    return following + _types(names.data, names.after, end)


def _nsec3(names: Names, at: int, length: int) -> str:
    end, data = at + length, names.data
    if length < 6:
        raise Fault("data cut")
    algorithm, flags, iterations, salt = _NSEC3(data, at)
    hashed = at + 5 + salt
    if hashed >= end or hashed + 1 + data[hashed] > end:
        raise Fault("data cut")
    after = hashed + 1 + data[hashed]
    following = b32hexencode(data[hashed + 1 : after]).decode().rstrip("=")
    salted = data[at + 5 : hashed].hex() or "-"
    return f"{algorithm} {flags} {iterations} {salted} {following}{_types(data, after, end)}"


def _nsec3param(names: Names, at: int, length: int) -> str:
    if length < 5:
        raise Fault("data cut")
    algorithm, flags, iterations, salt = _NSEC3(names.data, at)
    if 5 + salt > length:
        raise Fault("data cut")
    return f"{algorithm} {flags} {iterations} {names.data[at + 5 : at + 5 + salt].hex() or '-'}"


def _tlsa(names: Names, at: int, length: int) -> str:
    data = names.data
    if length < 3:
        raise Fault("data cut")
    return f"{data[at]} {data[at + 1]} {data[at + 2]} {data[at + 3 : at + length].hex()}"


def _sshfp(names: Names, at: int, length: int) -> str:
    data = names.data
    if length < 2:
        raise Fault("data cut")
    return f"{data[at]} {data[at + 1]} {data[at + 2 : at + length].hex()}"


def _svcb(names: Names, at: int, length: int) -> str:
    data, end = names.data, at + length
    if length < 3:
        raise Fault("data cut")
    (priority,) = _TWO(data, at)
    found = [f"{priority} {_within(names, at + 2, end)}"]
    at = names.after
    while at < end:
        if at + 4 > end:
            raise Fault("data cut")
        key, size = _TWO(data, at)[0], _TWO(data, at + 2)[0]
        at += 4
        if at + size > end:
            raise Fault("data cut")
        name = r.SVCB_KEYS.get(key) or f"key{key}"
        value = _parameter(key, data[at : at + size])
        found.append(f"{name}={value}" if value else name)
        at += size
    return " ".join(found)


def _parameter(key: int, value: bytes) -> str:
    """A parameter's value (RFC 9460, section 7)."""
    if key == 1:
        protocols, at = [], 0
        while at < len(value):
            protocols.append(value[at + 1 : at + 1 + value[at]].decode("ascii", "replace"))
            at += 1 + value[at]
        return ",".join(protocols)
    if key == 3 and len(value) == 2:
        return str(int.from_bytes(value, "big"))
    if key == 4 and len(value) % 4 == 0:
        return ",".join(".".join(map(str, value[i : i + 4])) for i in range(0, len(value), 4))
    if key == 6 and len(value) % 16 == 0:
        return ",".join(inet_ntop(AF_INET6, value[i : i + 16]) for i in range(0, len(value), 16))
    if key == 0 and len(value) % 2 == 0:
        keys = [int.from_bytes(value[i : i + 2], "big") for i in range(0, len(value), 2)]
        return ",".join(r.SVCB_KEYS.get(k) or f"key{k}" for k in keys)
    if key == 7:
        return value.decode("utf-8", "replace")
    return b64encode(value).decode()


_TEXTS: dict[int, Text] = {
    r.AAAA: _aaaa, r.NS: _name, r.CNAME: _name, r.PTR: _name, r.DNAME: _name, r.MX: _mx, r.SRV: _srv,
    r.SOA: _soa, r.TXT: _texts, r.SPF: _texts, r.HINFO: _texts, r.NAPTR: _naptr, r.CAA: _caa, r.DS: _ds, r.CDS: _ds,
    r.DLV: _ds, r.DNSKEY: _dnskey, r.CDNSKEY: _dnskey, r.RRSIG: _rrsig, r.NSEC: _nsec, r.NSEC3: _nsec3,
    r.NSEC3PARAM: _nsec3param, r.TLSA: _tlsa, r.SSHFP: _sshfp, r.SVCB: _svcb, r.HTTPS: _svcb,
}  # fmt: skip
