"""A message: its fixed fields and its options, wherever they stand (RFC 2131 section 2, RFC 2132, RFC 3396)."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.engine.dhcp.options import MESSAGE_TYPE, OVERLOAD

COOKIE = b"\x63\x82\x53\x63"
"""What options begin with (RFC 1497)."""

REQUEST, REPLY = 1, 2
"""`dhcp.type`."""

FIXED = 236
"""Bytes before the options."""

_FILE, _SNAME = 1, 2
_SNAME_AT, _FILE_AT = 44, 108
_PAD, _END = 0, 255
_MOST_OPTIONS = 1024

Found = tuple[int, int, int]
"""An option: number, where its value begins, and the value's length as it says; of padding and the end mark their own
bytes. The length is -1 where the message ends before it."""


@dataclass(slots=True)
class Message:
    """A message of `data`, of which `length` bytes were sent.

    `options` are in the order in which Wireshark shows them: those of the overloaded fields, sname first, follow the
    option that says so. `kind` is the DHCP message type, where it is `typed`. `sound` is whether a walk over the
    options finds their end.
    """

    data: bytes
    length: int
    options: list[Found] = field(default_factory=list)
    overload: int = 0
    kind: int = 0
    typed: bool = False
    sound: bool = False
    cookie: bool = False

    def number(self, at: int, size: int) -> int:
        """A field of the fixed part; 0 where it is not captured."""
        return int.from_bytes(self.data[at : at + size], "big") if at + size <= len(self.data) else 0

    @property
    def hardware(self) -> bytes:
        """The client's hardware address."""
        return self.data[28 : 28 + min(self.number(2, 1), 16)]

    def whole(self) -> dict[int, bytes]:
        """Each option's value, its parts joined (RFC 3396 section 7): of the options, then of file, then of sname."""
        parts: list[tuple[int, int, int, int]] = []
        for code, at, size in self.options:
            if code in (_PAD, _END) or size < 0:
                continue
            place = 0 if at >= FIXED else 1 if at >= _FILE_AT else 2
            parts.append((place, at, code, size))
        parts.sort()
        found: dict[int, bytes] = {}
        for _, at, code, size in parts:
            value = self.data[at : at + size]
            if len(value) == size:
                found[code] = found.get(code, b"") + value
        return found


def parse(data: bytes, length: int) -> Message:
    """The message in `data`, which is of `length` bytes and may be cut."""
    message = Message(data, max(length, len(data)))
    message.cookie = data[FIXED : FIXED + 4] == COOKIE
    start = FIXED + 4 if message.cookie else FIXED + 64
    options, message.sound = _walk(data, start, message.length)
    for code, at, size in options:
        if size < 0 or at + size > len(data):
            continue
        value = data[at] if at < len(data) else 0
        if code == OVERLOAD:
            message.overload = value
        elif code == MESSAGE_TYPE:
            message.kind, message.typed = value, True
    over = 1 <= message.overload <= 3
    for code, at, size in options:
        message.options.append((code, at, size))
        if code == OVERLOAD and over and size >= 1 and at < len(data):
            for bit, first, end in ((_SNAME, _SNAME_AT, _FILE_AT), (_FILE, _FILE_AT, FIXED)):
                if data[at] & bit and end <= len(data):
                    message.options += _walk(data, first, end)[0]
            over = False
    return message


def _walk(data: bytes, at: int, end: int) -> tuple[list[Found], bool]:
    """The options from `at` to `end`, and whether all that the walk had to read is captured."""
    found: list[Found] = []
    while at < end and len(found) < _MOST_OPTIONS:
        if at >= len(data):
            return found, False
        code = data[at]
        if code == _PAD:
            size = _padding(data, at, end)
            found.append((code, at, size))
            at += size
            if at >= len(data) and at < end:
                return found, False
        elif code == _END:
            found.append((code, at, 1))
            return found, True
        elif at + 1 >= min(end, len(data)):
            found.append((code, at + 1, -1))
            return found, end <= len(data)
        else:
            found.append((code, at + 2, data[at + 1]))
            at += 2 + data[at + 1]
    return found, at >= end


def _padding(data: bytes, at: int, end: int) -> int:
    """How many bytes of padding there are."""
    area = data[at:end]
    return len(area) - len(area.lstrip(b"\0"))
