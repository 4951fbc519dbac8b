"""How long a message over TCP is: by a count in its header, by its lines, by a tag and a length of ASN.1."""

from __future__ import annotations

import re
from typing import Literal

import cython

from pipeline.engine.names.declare import Length

MOST_MESSAGE = 1 << 30
"""Bytes; a count above it is not believed."""
_MOST_HEADERS = 16_384
_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})", re.IGNORECASE)


class Counted:
    """What `counted` makes; `need` bytes must be there, and a message has `least` to `most`."""

    def __init__(self, at: int, size: int, add: int, order: Literal["big", "little"], starts: bytes, least: int,
                 most: int, need: int) -> None:  # fmt: skip
        self.at, self.size, self.add, self.order = at, size, add, order
        self.little = order == "little"
        self.starts, self.least, self.most, self.need = starts, least, most, need

    def __call__(self, data: bytes, begin: cython.Py_ssize_t) -> int:
        """How long the message is that begins at an offset, as `declare.Length`."""
        starts = self.starts
        found: cython.longlong
        at: cython.Py_ssize_t = begin + self.at
        k: cython.Py_ssize_t
        if starts and not data.startswith(starts[: len(data) - begin], begin):
            return -1
        if len(data) - begin < self.need:
            return 0
        if self.size > 7:
            found = min(int.from_bytes(data[at : at + self.size], self.order), 1 << 62)
        else:
            found = 0
            for k in range(self.size):
                found = found << 8 | data[at + (self.size - 1 - k if self.little else k)]
        found += self.add
        return found if self.least <= found <= self.most else -1


def counted(at: int, size: int, *, add: int = 0, order: Literal["big", "little"] = "big", starts: bytes = b"",
            least: int = 0, most: int = MOST_MESSAGE, head: int = 0) -> Length:  # fmt: skip
    """Messages whose length, less `add` bytes, stands in `size` bytes at offset `at`, and that begin with `starts`.

    A message shorter than `least` or longer than `most` is none; before it is asked, `head` bytes must be there.
    """
    need = max(at + size, len(starts), head)
    return Counted(at, size, add, order, starts, max(1, least, need if not head else at + size), most, need)


def asn1(data: bytes, begin: int) -> int:
    """X.690, section 8.1: a tag, a length, as many bytes."""
    if len(data) - begin < 2:
        return 0
    size = data[begin + 1]
    if size < 0x80:
        return 2 + size
    count = size & 0x7F
    if not 1 <= count <= 4:
        return -1
    if len(data) - begin < 2 + count:
        return 0
    found = 2 + count + int.from_bytes(data[begin + 2 : begin + 2 + count], "big")
    return found if found <= MOST_MESSAGE else -1


def line(data: bytes, begin: int) -> int:
    """Up to a line's end."""
    end = data.find(b"\n", begin)
    if end < 0:
        return 0 if len(data) - begin < _MOST_HEADERS else -1
    return end + 1 - begin


def headers(data: bytes, begin: int) -> int:
    """Lines up to an empty one, then as many bytes as Content-Length tells."""
    found = data.find(b"\r\n\r\n", begin)
    size = 4
    if found < 0:
        found, size = data.find(b"\n\n", begin), 2
    if found < 0:
        return 0 if len(data) - begin < _MOST_HEADERS else -1
    told = _LENGTH.search(data, begin, found + 2)
    return found + size - begin + (int(told.group(1)) if told else 0)
