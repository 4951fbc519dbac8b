"""A message's head: its first line and the header fields that are asked for (RFC 9112 sections 2 to 6)."""

from __future__ import annotations

import re

import cython

from pipeline.engine.exchanges.choose import HTTP_METHODS
from pipeline.engine.snapshot import Tree

MOST_HEAD = 1 << 16
"""Bytes of a head; a longer one is not taken for one."""
MOST_LINES = 512
"""Lines of a head that are looked at."""
MOST_DNS = 1 << 16
"""Bytes of a message of DNS that is carried."""
DNS_MESSAGE = b"application/dns-message"
"""The media type of such a message (RFC 8484 section 6)."""

FIELDS: dict[bytes, str] = {
    b"host": "http.host", b"user-agent": "http.user_agent", b"content-type": "http.content_type",
    b"content-length": "http.content_length", b"transfer-encoding": "http.transfer_encoding",
    b"connection": "http.connection", b"server": "http.server", b"location": "http.location",
    b"referer": "http.referer", b"cookie": "http.cookie", b"set-cookie": "http.set_cookie", b"upgrade": "http.upgrade",
    b"content-encoding": "http.content_encoding", b"x-forwarded-for": "http.x_forwarded_for",
}  # fmt: skip
"""Header fields that are kept, in small letters: to Wireshark's field."""
NOTIFICATIONS = frozenset((b"NOTIFY", b"SUBSCRIBE", b"UNSUBSCRIBE"))
"""Requests that Wireshark does not wait for an answer to."""

# As Wireshark has it, a lone CR ends a line too.
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?=[^\n]))")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_WORD = re.compile(rb"[^ \r\n]*")
_DIGITS = re.compile(rb"[0-9]*")
# The last of a list; Wireshark looks at how the value begins.
_CHUNKED = re.compile(rb"chunked|[a-z-]+ *, *chunked$", re.IGNORECASE)
_MOST_VALUE = 1 << 62
_LONGEST = cython.declare(cython.Py_ssize_t, max(len(name) for name in FIELDS))

# By length and first letter of a name: 1 where one of FIELDS is such.
_MAYBE = bytearray(256 * (_LONGEST + 1))
for _field in FIELDS:
    for _letter in (_field[0], _field[0] - 32):
        _MAYBE[256 * len(_field) + _letter] = 1
_WANTED = cython.declare(bytes, bytes(_MAYBE))

REQUEST, RESPONSE = 0, 1


@cython.cclass
class Message:
    """`line` holds the three parts of the first line, as bytes: method, target and version of a request, version, code
    and phrase of a response. `fields` are (name among FIELDS, value) in their order. `length` is that of the body, -1
    where none is given. `counted` says whether Wireshark waits for so many. `shown` counts the fields before a line
    that is none: Wireshark shows no more.
    """

    def __init__(self, kind: int, line: tuple[bytes, bytes, bytes], head: int) -> None:
        self.kind = kind
        self.line = line
        self.head = head
        self.code = number(line[1][:3]) if kind == RESPONSE else 0
        self.fields: list[tuple[str, bytes]] = []
        self.length = -1
        self.chunked = False
        self.counted = False
        self.shown = 0

    def get(self, name: str) -> bytes | None:
        """The first value of a field."""
        for known, value in self.fields:
            if known == name:
                return value
        return None

    def carries_dns(self) -> cython.bint:
        """Whether the body is a message of DNS."""
        if not (0 < self.length < MOST_DNS and self.counted) or self.chunked:
            return False
        media = self.get("http.content_type")
        return media is not None and media.partition(b";")[0].strip().lower() == DNS_MESSAGE

    def has(self, name: str, token: bytes) -> bool:
        """Whether a value of a field has `token` (small letters) in it."""
        return any(known == name and token in value.lower() for known, value in self.fields)

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "kind": self.kind, "line": list(self.line), "head": self.head, "fields": [list(f) for f in self.fields],
            "length": self.length, "chunked": self.chunked, "shown": self.shown,
            "counted": self.counted,
        }  # fmt: skip


def restored(state: Tree) -> Message:
    """The message that `Message.state` was taken from."""
    method, target, version = state["line"]
    message = Message(state["kind"], (method, target, version), state["head"])
    message.fields = [(name, value) for name, value in state["fields"]]
    message.counted = state["counted"]
    message.length, message.chunked, message.shown = state["length"], state["chunked"], state["shown"]
    return message


def number(text: bytes) -> int:
    """The decimal digits that `text` begins with, as a number below 2^62; 0 without any."""
    if text.isdigit():
        return min(int(text[:19]), _MOST_VALUE)
    digits = _DIGITS.match(text)
    found = digits.group() if digits else b""
    return min(int(found[:19] or b"0"), _MOST_VALUE)


def kind_of(data: bytes) -> cython.int:
    """REQUEST or RESPONSE, -1 where the first line is neither (as Wireshark tells them)."""
    if data.startswith(b"HTTP/"):
        return RESPONSE
    end: cython.Py_ssize_t = data.find(b" ", 0, 20)
    if data[: end if end >= 0 else 20] in HTTP_METHODS:
        return REQUEST
    word = _WORD.match(data[:20])
    method = word.group() if word else b""
    if method in HTTP_METHODS or (method.startswith(b"M-") and method[2:] in HTTP_METHODS):
        return REQUEST
    return RESPONSE if method == b"ICY" else -1


def end_of_head(data: bytes) -> cython.Py_ssize_t:
    """Where the head ends, behind its empty line; -1 where it is not there yet."""
    first = data.find(b"\r\n\r\n")
    if first >= 0:
        # Nearly all heads have no other end of a line than this one: then it is the first that stands twice.
        ends = data.count(b"\r\n", 0, first)
        if ends == data.count(b"\n", 0, first) and ends == data.count(b"\r", 0, first):
            return first + 4
    end = _END.search(data)
    return end.end() if end else -1


def parse(data: bytes, end: cython.Py_ssize_t) -> Message | None:
    """The message whose head is `data[:end]`, maybe cut off; None where its first line is that of no message."""
    kind: cython.int = kind_of(data)
    if kind < 0:
        return None
    lines: list[bytes] = _lines(data[:end])
    message: Message = Message(kind, _first_line(kind, lines[0]), end)
    fields: list[tuple[str, bytes]] = message.fields
    shown: cython.Py_ssize_t = -1
    k: cython.Py_ssize_t
    colon: cython.Py_ssize_t
    line: bytes
    for k in range(1, min(len(lines), MOST_LINES)):
        line = lines[k]
        if not line:
            break
        colon = line.find(b":")
        if colon < 0:
            if shown < 0:
                shown = len(fields)
        elif colon <= _LONGEST and _WANTED[256 * colon + line[0]]:
            field = FIELDS.get(line[:colon].lower())
            if field is not None:
                _take_field(message, field, line[colon + 1 :].strip(b" \t"))
    message.shown = shown if shown >= 0 else len(fields)
    return message


def _lines(head: bytes) -> list[bytes]:
    """The lines without their ends. Nearly all heads have but one kind of these."""
    lines = head.split(b"\r\n", MOST_LINES)
    ends = len(lines) - 1
    if head.count(b"\n") == ends and head.count(b"\r") == ends:
        return lines
    return _LINE_END.split(head, MOST_LINES)


def _take_field(message: Message, field: str, value: bytes) -> None:
    if field == "http.content_length":
        digits = _DIGITS.match(value)
        size = digits.end() if digits else 0
        if not size or (size < len(value) and value[size : size + 1] not in b" \t"):
            return
        message.length = number(value)
        message.counted = size == len(value)
        value = b"%d" % message.length
    elif field == "http.transfer_encoding" and _CHUNKED.match(value):
        message.chunked = True
    message.fields.append((field, value))


def _first_line(kind: int, line: bytes) -> tuple[bytes, bytes, bytes]:
    """Words are parted by any number of blanks, but two blanks behind the method stand for an empty target."""
    words = line.split(b" ", 2)
    if len(words) == 3 and words[1] and not words[2].startswith(b" "):
        return words[0], words[1], words[2]
    one, blank, rest = line.partition(b" ")
    if kind == REQUEST and rest.startswith(b" ") and blank:
        return one, b"", rest.lstrip(b" ")
    two, _, three = rest.lstrip(b" ").partition(b" ")
    return one, two, three.lstrip(b" ")


def text(value: bytes) -> str:
    """A value as Wireshark prints it: it ends at a zero, and a byte that is not ASCII becomes U+FFFD."""
    return value.partition(b"\0")[0].decode("ascii", "replace")
