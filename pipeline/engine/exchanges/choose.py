"""Which protocol a TCP conversation speaks: by the first bytes of a side, and by its ports where these tell nothing.

A line a protocol, in the order in which they are asked. A protocol that no tracker knows is passed over.
"""

from __future__ import annotations

from collections.abc import Callable

Ports = tuple[int, int]
UNDECIDED = "?"
"""There are too few bytes yet to tell."""
_FEW = 16

HTTP_PORTS = frozenset({80, 3128, 3132, 3689, 5985, 8080, 8088, 11371, 1900, 2710, 2869, 631})
"""TCP ports at which Wireshark takes everything for HTTP."""
HTTP_METHODS = frozenset(
    b"GET POST HEAD PUT DELETE OPTIONS CONNECT TRACE PATCH LINK UNLINK PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK "
    b"BCOPY BMOVE MKWORKSPACE BDELETE BPROPFIND BPROPPATCH SEARCH SUBSCRIBE UNSUBSCRIBE POLL NOTIFY M-SEARCH "
    b"CHECKOUT CHECKIN UNCHECKOUT REPORT MERGE LABEL UPDATE VERSION-CONTROL MKACTIVITY BASELINE-CONTROL "
    b"RPC_CONNECT RPC_IN_DATA RPC_OUT_DATA CCM_POST SSTP_DUPLEX_POST SOURCE PURGE".split()
)
"""Methods of requests, of HTTP (RFC 9110), WebDAV, SSDP and others, that Wireshark knows too."""
TLS_PORTS = frozenset({
    324, 443, 465, 636, 802, 853, 989, 990, 992, 993, 994, 995, 1300, 2221, 2443, 3249, 3250, 3251, 3252, 3496, 5061,
    5671, 5684, 5868, 8883, 11207, 19999, 27017,
})
"""TCP ports at which Wireshark expects TLS, whatever is said there."""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def protocol_of(data: bytes, ports: Ports) -> str:
    """The tracker's name for a conversation of which a side's bytes, or a segment's, begin with `data`.

    `ports` are those of sender and receiver. Empty where none is to follow it, UNDECIDED where more bytes may tell.
    """
    if not data:
        return UNDECIDED
    # Most conversations that nobody follows are told by the first byte of each of their segments.
    first = data[0]
    for name, is_it in _BY_FIRST[first]:
        if is_it(data, ports):
            return name
    if len(data) < _FEW and _may_become(data):
        return UNDECIDED
    return _PORT_NAMES[min(_PORT_RANKS.get(ports[0], _NO_PORT), _PORT_RANKS.get(ports[1], _NO_PORT))]


def _tls(data: bytes, ports: Ports) -> bool:
    """A TLS record (RFC 8446 section 5.1), or the hello of SSL 2 that offers more (RFC 5246 appendix E.2)."""
    if len(data) < 6:
        return False
    if 20 <= data[0] <= 23 and data[1] == 3 and data[2] <= 4:
        size = data[3] << 8 | data[4]
        return 0 < size <= 18_432 and (data[0] != 22 or data[5] <= 24 or data[5] == 254 or size >= 40)
    return data[0] & 0x80 != 0 and data[2] == 1 and (data[3:5] in (b"\0\2", b"\3\0", b"\3\1", b"\3\2", b"\3\3"))


def _http2(data: bytes, ports: Ports) -> bool:
    return data.startswith(_PREFACE)


def _http(data: bytes, ports: Ports) -> bool:
    """A request line or a status line (RFC 9112 sections 3 and 4)."""
    if data.startswith((b"HTTP/1.", b"HTTP/0.", b"HTTP/2 ", b"HTTP/2.")):
        return True
    method, space, _ = data[:20].partition(b" ")
    return space != b"" and method in HTTP_METHODS


def _ssh(data: bytes, ports: Ports) -> bool:
    return data.startswith(b"SSH-")


def _smtp(data: bytes, ports: Ports) -> bool:
    """A greeting that names the protocol, or a client's (RFC 5321 section 4.1.1.1)."""
    return data[:5].upper() in (b"EHLO ", b"HELO ") or (data[:3] == b"220" and b"SMTP" in data[:512].upper())


def _imap(data: bytes, ports: Ports) -> bool:
    return data[:5].upper() == b"* OK " and b"IMAP" in data[:512].upper()


def _pop(data: bytes, ports: Ports) -> bool:
    return data.startswith(b"+OK ") and b"POP" in data[:512].upper()


def _xmpp(data: bytes, ports: Ports) -> bool:
    return (data.startswith((b"<?xml", b"<stream:"))) and b"stream:stream" in data[:512]


def _proxy(data: bytes, ports: Ports) -> bool:
    """The header that a proxy puts before what its client says (HAProxy's PROXY protocol)."""
    return data.startswith((b"PROXY TCP", b"PROXY UNKNOWN", b"\r\n\r\n\0\r\nQUIT\n"))


_BY_CONTENT: tuple[tuple[str, Callable[[bytes, Ports], bool]], ...] = (
    ("tls", _tls),
    ("http2", _http2),
    ("http", _http),
    ("ssh", _ssh),
    ("smtp", _smtp),
    ("imap", _imap),
    ("pop", _pop),
    ("xmpp", _xmpp),
    ("proxy", _proxy),
)
_BY_PORT: tuple[tuple[str, frozenset[int]], ...] = (
    ("dns", frozenset({53, 5353, 5355})),
    ("ssh", frozenset({22, 29418})),
    ("smtp", frozenset({25, 587})),
    ("ftp", frozenset({21})),
    ("kerberos", frozenset({88})),
    ("imap", frozenset({143})),
    ("pop", frozenset({110})),
    ("xmpp", frozenset({5222, 5269})),
    ("ftp", frozenset({21})),
    ("ldap", frozenset({389, 3268})),
    ("http", HTTP_PORTS),
    ("tls", TLS_PORTS),
)
_PORT_NAMES = (*(name for name, _ in _BY_PORT), "")
_NO_PORT = len(_BY_PORT)
_PORT_RANKS: dict[int, int] = {}
for _rank, (_, _ports) in enumerate(_BY_PORT):
    for _port in _ports:
        _PORT_RANKS.setdefault(_port, _rank)

_WORDS = (_PREFACE, b"HTTP/", b"SSH-", b"EHLO ", b"HELO ", b"220", *(m + b" " for m in sorted(HTTP_METHODS)))
_BEGINNINGS = tuple(tuple(word for word in _WORDS if word[0] == byte) for byte in range(256))
"""By first byte, what content tells by a word."""

_FIRSTS: dict[str, bytes] = {
    "tls": bytes((20, 21, 22, 23, *range(0x80, 0x100))),
    "http2": b"P",
    "http": b"H" + bytes(sorted({method[0] for method in HTTP_METHODS})),
    "ssh": b"S",
    "smtp": b"EeHh2",
    "imap": b"*",
    "pop": b"+",
    "xmpp": b"<",
    "proxy": b"P\r",
}
"""Bytes with which each begins that content tells."""
_BY_FIRST = tuple(tuple(line for line in _BY_CONTENT if byte in _FIRSTS[line[0]]) for byte in range(256))


def _may_become(data: bytes) -> bool:
    """Whether so few bytes, one at least, may be the beginning of something that content tells."""
    first = data[0]
    return any(whole.startswith(data) for whole in _BEGINNINGS[first]) or (
        len(data) < 6 and (20 <= first <= 23 or first & 0x80 != 0) and data[1:2] in (b"", b"\3")
    )
