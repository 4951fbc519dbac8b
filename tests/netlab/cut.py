"""What a capture may lack: its beginning, frames amid it, one direction.

Each function takes and gives a little-endian pcap file of Ethernet frames with nanosecond stamps, as tcpdump writes it.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator

_SERVER_PORT = (5001).to_bytes(2, "big")
_FLAGS = 16 + 47
_SECOND = 1_000_000_000


def begin_later(count: int) -> Callable[[bytes], bytes]:
    """The file without its first `count` frames."""
    return lambda data: _joined(data, [record for i, record in enumerate(_records(data)) if i >= count])


def with_gaps(odds: float) -> Callable[[bytes], bytes]:
    """The file as a sniffer that is too slow writes it: without some frames, by chance (odds of 0 to 1 a frame). Those
    with SYN or FIN stay, so that any making tells the same ending."""

    def cut(data: bytes) -> bytes:
        chance = random.Random(1)
        return _joined(data, [record for record in _records(data) if chance.random() >= odds or record[_FLAGS] & 3])

    return cut


def forward_only(data: bytes) -> bytes:
    """The file without the segments of the server, which is on port 5001."""
    return _joined(data, [record for record in _records(data) if record[16 + 34 : 16 + 36] != _SERVER_PORT])


def backward_only(data: bytes) -> bytes:
    """The file without the segments of the client."""
    return _joined(data, [record for record in _records(data) if record[16 + 36 : 16 + 38] != _SERVER_PORT])


def stretched(pause: float, by: float) -> Callable[[bytes], bytes]:
    """The file with each pause of more than `pause` seconds made `by` seconds longer."""

    def cut(data: bytes) -> bytes:
        kept, last, added = [], 0, 0
        for record in _records(data):
            seconds, nanoseconds = struct.unpack_from("<II", record)
            at = seconds * _SECOND + nanoseconds
            if last and at - last > pause * _SECOND:
                added += int(by * _SECOND)
            last = at
            kept.append(struct.pack("<II", *divmod(at + added, _SECOND)) + record[8:])
        return _joined(data, kept)

    return cut


def _records(data: bytes) -> Iterator[bytes]:
    """Each record with its header."""
    at = 24
    while at < len(data):
        (kept,) = struct.unpack_from("<I", data, at + 8)
        yield data[at : at + 16 + kept]
        at += 16 + kept


def _joined(data: bytes, records: list[bytes]) -> bytes:
    return data[:24] + b"".join(records)
