"""A message as the spool's files have it: written, read, found again after a crash.

    header   magic, sent (1 byte, 0 until Kafka acked it), CRC-32 of what follows in header and meta, lengths of meta
             and value, CRC-32 of value
    meta     topic, capture, partition, frames and headers, as JSON
    value

All of it little-endian. `sent` is outside of the checksums: it is set in place.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from collectors.publish.message import Outgoing

_MAGIC = b"SHO1"
_START = struct.Struct("<4sBxxxI")
_LENGTHS = struct.Struct("<III")
_HEADER = _START.size + _LENGTHS.size
_SENT_AT = 4
_MOST_META = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A record of a file: `length` bytes from `offset` on, and its message without the value, which `read` gets. It is
    `whole` unless the file ends within the value. `size` is that of the message with its value, in bytes."""

    offset: int
    length: int
    message: Outgoing
    size: int
    value_sum: int
    sent: bool = False
    whole: bool = True


def pack(message: Outgoing) -> tuple[bytes, bytes]:
    """Header with meta, and value, as they stand in the file one after the other."""
    headers = [[name, value.decode("latin-1")] for name, value in message.headers]
    described = [message.topic, message.capture, message.partition, message.frames, headers]
    meta = json.dumps(described, separators=(",", ":")).encode()
    lengths = _LENGTHS.pack(len(meta), len(message.value), zlib.crc32(message.value))
    start = _START.pack(_MAGIC, 0, zlib.crc32(meta, zlib.crc32(lengths)))
    return start + lengths + meta, message.value


def find(fd: int, offset: int, end: int) -> Found | None:
    """The record at `offset` of a file that ends at `end`; None where there is none. OSError as the system has it."""
    header = os.pread(fd, _HEADER, offset)
    if len(header) < _HEADER:
        return None
    magic, sent, checksum = _START.unpack_from(header)
    meta_length, value_length, value_sum = _LENGTHS.unpack_from(header, _START.size)
    if magic != _MAGIC or meta_length > _MOST_META:
        return None
    meta = os.pread(fd, meta_length, offset + _HEADER)
    if len(meta) < meta_length or zlib.crc32(meta, zlib.crc32(header[_START.size:])) != checksum:
        return None
    topic, capture, partition, frames, headers = json.loads(meta)
    pairs = [(name, value.encode("latin-1")) for name, value in headers]
    message = Outgoing(topic, partition, b"", pairs, frames, capture)
    length = _HEADER + meta_length + value_length
    return Found(offset, length, message, message.size + value_length, value_sum, bool(sent), offset + length <= end)


def scan(fd: int, end: int) -> Iterator[Found]:
    """The records of a file, up to its end or to what is no record. OSError as the system has it."""
    offset = 0
    while offset < end and (found := find(fd, offset, end)):
        yield found
        offset += found.length


def read(fd: int, offset: int, end: int) -> Outgoing | None:
    """The message at `offset`; None where what stands there is not what was written, or can't be read."""
    try:
        found = find(fd, offset, end)
        if found is None or not found.whole:
            return None
        value_length = found.size - found.message.size
        value = os.pread(fd, value_length, offset + found.length - value_length)
    except OSError:
        return None
    if len(value) != value_length or zlib.crc32(value) != found.value_sum:
        return None
    return replace(found.message, value=value)


def mark_sent(fd: int, offset: int) -> None:
    """Marks the record at `offset` as acked by Kafka. OSError as the system has it."""
    os.pwrite(fd, b"\1", offset + _SENT_AT)
