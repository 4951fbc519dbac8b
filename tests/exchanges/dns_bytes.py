"""Messages of DNS, made by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def name(text: str) -> bytes:
    """A name without compression; empty for the root."""
    labels = [label.encode() for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner: bytes, kind: int, data: bytes, *, ttl: int = 300, klass: int = 1) -> bytes:
    """A record of any section."""
    return owner + struct.pack(">HHIH", kind, klass, ttl, len(data)) + data


def query(text: str, kind: int = 1, *, ident: int = 0x1234, flags: int = 0x0100, klass: int = 1,
          additional: Sequence[bytes] = ()) -> bytes:  # fmt: skip
    """A query of one name."""
    head = struct.pack(">6H", ident, flags, 1, 0, 0, len(additional))
    return head + name(text) + struct.pack(">HH", kind, klass) + b"".join(additional)


def response(text: str, *answers: bytes, kind: int = 1, ident: int = 0x1234, flags: int = 0x8180, klass: int = 1,
             authority: Sequence[bytes] = (), additional: Sequence[bytes] = ()) -> bytes:  # fmt: skip
    """The response to such a query; records may point to its name by ASKED."""
    head = struct.pack(">6H", ident, flags, 1, len(answers), len(authority), len(additional))
    question = name(text) + struct.pack(">HH", kind, klass)
    return head + question + b"".join((*answers, *authority, *additional))


ASKED = b"\xc0\x0c"
"""A pointer to the name of the first question."""


def opt(size: int = 1232, *, do: bool = False, options: bytes = b"", rcode: int = 0) -> bytes:
    """An OPT record; `rcode` are the higher bits of the response code."""
    return record(b"\0", 41, options, ttl=rcode << 24 | (0x8000 if do else 0), klass=size)


def texts(*strings: bytes) -> bytes:
    """Data of a TXT record."""
    return b"".join(bytes([len(string)]) + string for string in strings)


def framed(*messages: bytes) -> bytes:
    """Messages as they stand in a TCP conversation."""
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)
