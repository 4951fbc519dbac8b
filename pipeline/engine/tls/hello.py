"""Hellos: what a client offers and what a server chooses (RFC 8446, sections 4.1 and 4.2; RFC 5246; RFC 6101)."""

from __future__ import annotations

from collections.abc import Sequence

import cython

from pipeline.engine.tls.names import SSL2, draft, is_grease

MOST_EXTENSIONS = 256
"""Extensions of a hello that are looked at."""

RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446, section 4.1.3)."""

_SERVER_NAME, _STATUS_REQUEST, _GROUPS, _POINT_FORMATS, _SIGNATURES, _ALPN = 0, 5, 10, 11, 13, 16
_TICKET, _PSK, _EARLY_DATA, _VERSIONS, _KEY_SHARE = 35, 41, 42, 43, 51
_KEY_SHARE_BEFORE_DRAFT_23 = 40
_QUIC_PARAMETERS, _QUIC_PARAMETERS_OF_DRAFTS = 57, 0xFFA5


class Hello:
    """A ClientHello or a ServerHello. Lists have what is offered in its order; of a server, the one that is chosen."""

    __slots__ = ("alpn", "ciphers", "early_data", "extensions", "formats", "groups", "key_shares", "names", "psk",
                 "quic", "random", "retry", "session", "signatures", "ssl2", "status", "ticket", "version", "versions")

    def __init__(self) -> None:
        self.version = 0
        self.random = b""
        self.session = b""
        self.ciphers: list[int] = []
        self.extensions: list[int] = []
        self.names: list[bytes] = []
        self.alpn: list[bytes] = []
        self.groups: list[int] = []
        self.formats: list[int] = []
        self.signatures: list[int] = []
        self.versions: list[int] = []
        self.key_shares: list[int] = []
        self.ticket = -1
        self.psk = False
        self.early_data = False
        self.status = False
        self.retry = False
        self.ssl2 = False
        self.quic = b""

    @property
    def highest(self) -> int:
        """The highest version offered, drafts of TLS 1.3 as they are."""
        return highest_version(self.version, self.versions)


def highest_version(version: int, versions: Sequence[int]) -> int:
    """The highest of the versions that a hello offers; `version` is that of its own field."""
    offered = [v for v in versions if not is_grease(v)]
    return max(offered, key=lambda v: 0x0304 if draft(v) else v, default=version)


def _u16(data: bytes, at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


def _numbers(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> list[int]:
    """The 16-bit numbers between two places."""
    found: list[int] = []
    while at + 1 < end:
        found.append(data[at] << 8 | data[at + 1])
        at += 2
    return found


def client_hello(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> Hello:
    """The ClientHello whose body stands in `data[at:end]`; of one that is cut or faulty, what is before the fault."""
    hello = Hello()
    size: cython.Py_ssize_t
    if end - at < 35:
        return hello
    hello.version = _u16(data, at)
    hello.random = data[at + 2 : at + 34]
    at += 34
    size = data[at]
    hello.session = data[at + 1 : min(end, at + 1 + size)]
    at += 1 + size
    if at + 2 > end:
        return hello
    size = _u16(data, at)
    at += 2
    hello.ciphers = _numbers(data, at, min(end, at + size))
    at += size
    if at >= end:
        return hello
    at += 1 + data[at]
    if at + 2 <= end:
        _extensions(hello, data, at, end, False)
    return hello


def server_hello(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> Hello:
    """The ServerHello whose body stands in `data[at:end]`."""
    hello = Hello()
    size: cython.Py_ssize_t
    if end - at < 36:
        if end - at >= 2:
            hello.version = _u16(data, at)
        return hello
    hello.version = _u16(data, at)
    hello.random = data[at + 2 : at + 34]
    hello.retry = hello.random == RETRY_RANDOM
    at += 34
    if not 0 < draft(hello.version) < 22:
        size = data[at]
        hello.session = data[at + 1 : min(end, at + 1 + size)]
        at += 1 + size
        if at + 3 > end:
            return hello
        hello.ciphers = [_u16(data, at)]
        at += 3
    else:
        hello.ciphers = [_u16(data, at)]
        at += 2
    if at + 2 <= end:
        _extensions(hello, data, at, end, True)
    return hello


def hello_retry_request(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> Hello:
    """The HelloRetryRequest of drafts of TLS 1.3 up to 21, which is a message of its own."""
    hello = Hello()
    hello.retry = True
    if end - at < 4:
        return hello
    hello.version = _u16(data, at)
    at += 2
    if draft(hello.version) >= 19:
        hello.ciphers = [_u16(data, at)]
        at += 2
    if at + 2 <= end:
        _extensions(hello, data, at, end, True)
    return hello


def ssl2_client_hello(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> Hello:
    """The CLIENT-HELLO of SSL 2 behind its type: version, lengths, cipher specs of 24 bits, session id, challenge."""
    hello = Hello()
    hello.ssl2 = True
    if end - at < 8:
        return hello
    hello.version = _u16(data, at)
    specs, session = _u16(data, at + 2), _u16(data, at + 4)
    at += 8
    # Those of SSL 3 and TLS have a first byte of 0.
    hello.ciphers = [data[i + 1] << 8 | data[i + 2] for i in range(at, min(end, at + specs) - 2, 3) if data[i] == 0]
    at += specs
    hello.session = data[at : min(end, at + session)]
    return hello


def ssl2_server_hello(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> tuple[Hello, bytes]:
    """The SERVER-HELLO of SSL 2 behind its type, and its certificate."""
    hello = Hello()
    hello.ssl2 = True
    hello.version = SSL2
    if end - at < 10:
        return hello, b""
    size = _u16(data, at + 4)
    return hello, data[at + 10 : min(end, at + 10 + size)]


def _extensions(hello: Hello, data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t,
                from_server: cython.bint) -> None:  # fmt: skip
    end = min(end, at + 2 + _u16(data, at))
    at += 2
    types = hello.extensions
    kind: cython.Py_ssize_t
    size: cython.Py_ssize_t
    stop: cython.Py_ssize_t
    while at + 4 <= end and len(types) < MOST_EXTENSIONS:
        kind, size = _u16(data, at), _u16(data, at + 2)
        at += 4
        types.append(kind)
        stop = min(end, at + size)
        if kind == _ALPN:
            _alpn(hello, data, at, stop)
        elif kind == _VERSIONS:
            if from_server:
                hello.versions = _numbers(data, at, min(stop, at + 2))
            elif at < stop:
                hello.versions = _numbers(data, at + 1, min(stop, at + 1 + data[at]))
        elif kind in (_KEY_SHARE, _KEY_SHARE_BEFORE_DRAFT_23):
            _key_shares(hello, data, at, stop, from_server)
        elif kind == _QUIC_PARAMETERS or kind == _QUIC_PARAMETERS_OF_DRAFTS:
            hello.quic = data[at:stop]
        elif kind == _EARLY_DATA:
            hello.early_data = True
        elif kind == _PSK:
            hello.psk = True
        elif kind == _TICKET:
            hello.ticket = size
        elif kind == _STATUS_REQUEST:
            hello.status = True
        elif kind == _SERVER_NAME:
            _names(hello, data, at, stop)
        elif kind == _GROUPS and at + 2 <= stop:
            hello.groups = _numbers(data, at + 2, min(stop, at + 2 + _u16(data, at)))
        elif kind == _POINT_FORMATS and at < stop:
            hello.formats = list(data[at + 1 : min(stop, at + 1 + data[at])])
        elif kind == _SIGNATURES and at + 2 <= stop:
            hello.signatures = _numbers(data, at + 2, min(stop, at + 2 + _u16(data, at)))
        at += size


def _names(hello: Hello, data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> None:
    """server_name (RFC 6066, section 3); a server's is empty."""
    at += 2
    while at + 3 <= end:
        kind, size = data[at], _u16(data, at + 1)
        at += 3
        if kind == 0:
            hello.names.append(data[at : min(end, at + size)])
        at += size


def _alpn(hello: Hello, data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> None:
    """application_layer_protocol_negotiation (RFC 7301)."""
    at += 2
    while at < end:
        size = data[at]
        hello.alpn.append(data[at + 1 : min(end, at + 1 + size)])
        at += 1 + size


def _key_shares(hello: Hello, data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t,
                from_server: cython.bint) -> None:  # fmt: skip
    if from_server:
        hello.key_shares = _numbers(data, at, min(end, at + 2))
        return
    at += 2
    while at + 4 <= end:
        hello.key_shares.append(_u16(data, at))
        at += 4 + _u16(data, at + 2)
