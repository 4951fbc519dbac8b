"""Dumps over netlink sockets (rtnetlink(7), genetlink): requests and attributes."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

ROUTE, GENERIC = 0, 16
"""Families of netlink sockets."""
_ERROR, _DONE = 2, 3
_REQUEST, _DUMP = 1, 0x300
_MULTI = 2
_HEADER = 16


def request(family: int, kind: int, body: bytes, *, dump: bool = True) -> list[tuple[int, bytes]]:
    """Type and payload of each message that answers a request of type `kind`; raises OSError."""
    found: list[tuple[int, bytes]] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as sock:
        sock.bind((0, 0))
        flags = _REQUEST | (_DUMP if dump else 0)
        sock.send(struct.pack("=IHHII", _HEADER + len(body), kind, flags, 1, 0) + body)
        while True:
            data = sock.recv(1 << 18)
            for answer, several, payload in _messages(data):
                if answer == _ERROR and payload[:4] != bytes(4):
                    error = -struct.unpack_from("=i", payload)[0]
                    raise OSError(error, os.strerror(error))
                if answer in (_DONE, _ERROR):
                    return found
                found.append((answer, payload))
                if not several:
                    return found


def _messages(data: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """Type, whether others follow, and payload of each message of a datagram."""
    at = 0
    while at + _HEADER <= len(data):
        size, kind, flags = struct.unpack_from("=IHH", data, at)
        if size < _HEADER:
            return
        yield kind, bool(flags & _MULTI), data[at + _HEADER : at + size]
        at += (size + 3) // 4 * 4


def attributes(data: bytes) -> dict[int, bytes]:
    """Number and value of each attribute; of equal ones the last."""
    found = {}
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + size]
        at += (size + 3) // 4 * 4
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute, padded."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
