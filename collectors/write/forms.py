"""The capture formats that are written: their headers, and records of whole batches."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collectors.sources.batch import cells
from collectors.sources.frames import Frames
from collectors.write.assemble import pcap_records, pcapng_packets

_SECTION = 0x0A0D0D0A
_BYTE_ORDER = 0x1A2B3C4D
_INTERFACE, _STATISTICS = 1, 5
_SHB_USERAPPL = 4
_IF_NAME, _IF_TSRESOL, _IF_FILTER = 2, 9, 11
_ISB_STARTTIME, _ISB_ENDTIME, _ISB_IFRECV, _ISB_IFDROP = 2, 3, 4, 5
_NANOSECONDS = b"\x09"


@dataclass(frozen=True, slots=True)
class Captured:
    """An interface that frames in a file come from; `filter` is the capture filter, empty for none."""

    name: str
    linktype: int
    snaplen: int
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """What an interface's statistics block tells: packets since the capture began, and times in nanoseconds."""

    received: int
    dropped: int
    began: int
    ended: int


class Form(Protocol):
    """A capture format."""

    def header(self) -> bytes:
        """What a file begins with."""

    def fill(self, frames: Frames, first: int, size: int, limit: int, out: bytearray) -> tuple[int, int]:
        """Write records of `frames` from row `first` on into `out`; how many rows and bytes, as `assemble` says."""

    def trailer(self, counts: Sequence[Counts]) -> bytes:
        """What a complete file ends with."""

    def whole(self, data: memoryview) -> int:
        """Bytes of the whole records that `data` begins with."""


class Pcapng:
    """pcapng (draft-ietf-opsawg-pcapng): one section, times in nanoseconds, `epb_flags` where the direction is known,
    an interface statistics block for each interface at the end. `frames.interface` indexes `interfaces`."""

    def __init__(self, interfaces: Sequence[Captured], application: str) -> None:
        self._interfaces = interfaces
        self._application = application

    def header(self) -> bytes:
        """The section header, and a description of each interface."""
        options = _option(_SHB_USERAPPL, self._application.encode())
        blocks = [_block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1), options)]
        for each in self._interfaces:
            options = _option(_IF_NAME, each.name.encode()) + _option(_IF_TSRESOL, _NANOSECONDS)
            if each.filter:
                options += _option(_IF_FILTER, b"\0" + each.filter.encode("utf-8", "surrogateescape"))
            blocks.append(_block(_INTERFACE, struct.pack("<HHI", each.linktype, 0, each.snaplen), options))
        return b"".join(blocks)

    def fill(self, frames: Frames, first: int, size: int, limit: int, out: bytearray) -> tuple[int, int]:
        """Enhanced packet blocks."""
        state = np.zeros(1, np.int64)
        known = frames.flags
        # The low byte has all that a live frame tells, and is never 255, which stands for none.
        flags: NDArray[np.uint8] = (
            np.full(len(frames), 255, np.uint8) if known is None else known.astype(np.uint8)
        )
        rows = pcapng_packets(
            memoryview(frames.buffer), *_arrays(frames), _cells(frames.interface), _cells(flags), first, len(frames),
            size, limit, out, cells(state),
        )  # fmt: skip
        return rows, int(state[0])

    def trailer(self, counts: Sequence[Counts]) -> bytes:
        """The interfaces' statistics."""
        blocks = []
        for i, each in enumerate(counts):
            options = b"".join((
                _option(_ISB_STARTTIME, _time(each.began)), _option(_ISB_ENDTIME, _time(each.ended)),
                _option(_ISB_IFRECV, struct.pack("<Q", each.received)),
                _option(_ISB_IFDROP, struct.pack("<Q", each.dropped)),
            ))  # fmt: skip
            blocks.append(_block(_STATISTICS, struct.pack("<I", i) + _time(each.ended), options))
        return b"".join(blocks)

    def whole(self, data: memoryview) -> int:
        """Bytes of the whole blocks."""
        return _whole(data, 8, lambda at: int(struct.unpack_from("<I", data, at + 4)[0]))


class Pcap:
    """pcap (draft-ietf-opsawg-pcap) with nanoseconds; one link type a file."""

    def __init__(self, linktype: int, snaplen: int) -> None:
        self._linktype = linktype
        self._snaplen = snaplen

    def header(self) -> bytes:
        """The file header."""
        return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, self._snaplen, self._linktype)

    def fill(self, frames: Frames, first: int, size: int, limit: int, out: bytearray) -> tuple[int, int]:
        """Packet records."""
        state = np.zeros(1, np.int64)
        rows = pcap_records(
            memoryview(frames.buffer), *_arrays(frames), first, len(frames), size, limit, out, cells(state)
        )
        return rows, int(state[0])

    def trailer(self, counts: Sequence[Counts]) -> bytes:
        """Nothing: the format has no place for it."""
        return b""

    def whole(self, data: memoryview) -> int:
        """Bytes of the whole records."""
        return _whole(data, 16, lambda at: 16 + int(struct.unpack_from("<I", data, at + 8)[0]))


def _cells(array: NDArray[Any]) -> Any:
    return cells(np.ascontiguousarray(array))


def _arrays(frames: Frames) -> tuple[Any, Any, Any, Any]:
    return _cells(frames.offset), _cells(frames.cap_len), _cells(frames.length), _cells(frames.time)


def _whole(data: memoryview, head: int, length: Any) -> int:
    at = 0
    while at + head <= len(data) and at + length(at) <= len(data):
        at += length(at)
    return at


def _time(nanoseconds: int) -> bytes:
    return struct.pack("<II", nanoseconds >> 32, nanoseconds & 0xFFFFFFFF)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes, options: bytes) -> bytes:
    total = 12 + len(body) + len(options) + 4
    return struct.pack("<II", kind, total) + body + options + bytes(4) + struct.pack("<I", total)
