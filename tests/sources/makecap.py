"""Writes captures: pcap in every variant, pcapng block by block; and reads them back into plain tuples."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from collectors.sources import CaptureReader, open_capture
from collectors.sources.frames import NO_INTERFACE

SECOND = 10**9


@dataclass(frozen=True)
class Seen:
    """One frame as a reader gives it."""

    time: int
    data: bytes
    length: int
    interface: int = 0
    linktype: int = 1


def pcap_header(order: str = "<", magic: int = 0xA1B2C3D4, *, version: tuple[int, int] = (2, 4), snaplen: int = 65_535,
                network: int = 1) -> bytes:  # fmt: skip
    """The 24 bytes at the front of a pcap file; `order` is that of struct."""
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, network)


def pcap_record(data: bytes, time: int = 0, *, order: str = "<", unit: int = 1000, length: int | None = None,
                extra: bytes = b"", swapped: bool = False) -> bytes:  # fmt: skip
    """A record; `time` in ns, stored in units of `unit` ns; `extra` follows its 16-byte header."""
    lengths = (len(data), len(data) if length is None else length)
    first, second = reversed(lengths) if swapped else lengths
    return struct.pack(order + "IIII", time // SECOND, time % SECOND // unit, first, second) + extra + data


def pcap(frames: Iterable[tuple[int, bytes]], order: str = "<", magic: int = 0xA1B2C3D4, network: int = 1) -> bytes:
    """A whole pcap file of `(time, data)` frames."""
    unit = 1 if magic == 0xA1B23C4D else 1000
    records = (pcap_record(data, time, order=order, unit=unit) for time, data in frames)
    return pcap_header(order, magic, network=network) + b"".join(records)


class Section:
    """The blocks of a pcapng section in one byte order."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def block(self, kind: int, body: bytes) -> bytes:
        """A block with its two lengths; `body` is padded to 32 bits."""
        body += b"\0" * (-len(body) % 4)
        total = struct.pack(self.order + "I", len(body) + 12)
        return struct.pack(self.order + "I", kind) + total + body + total

    def option(self, code: int, value: bytes) -> bytes:
        """An option, padded to 32 bits."""
        return struct.pack(self.order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)

    def header(self, options: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
        """A section header block of unknown section length."""
        return self.block(0x0A0D0D0A, struct.pack(self.order + "IHHq", 0x1A2B3C4D, *version, -1) + options)

    def interface(self, linktype: int = 1, snaplen: int = 0, *, tsresol: int | None = None, tsoffset: int | None = None,
                  options: bytes = b"") -> bytes:  # fmt: skip
        """An interface description block."""
        if tsresol is not None:
            options += self.option(9, bytes([tsresol]))
        if tsoffset is not None:
            options += self.option(14, struct.pack(self.order + "q", tsoffset))
        if options:
            options += self.option(0, b"")
        return self.block(1, struct.pack(self.order + "HHI", linktype, 0, snaplen) + options)

    def packet(self, data: bytes, ticks: int = 0, interface: int = 0, *, length: int | None = None,
               options: bytes = b"") -> bytes:  # fmt: skip
        """An enhanced packet block."""
        head = struct.pack(self.order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data),
                           len(data) if length is None else length)  # fmt: skip
        return self.block(6, head + data + b"\0" * (-len(data) % 4) + options)

    def simple(self, data: bytes, length: int | None = None) -> bytes:
        """A simple packet block."""
        return self.block(3, struct.pack(self.order + "I", len(data) if length is None else length) + data)

    def obsolete(self, data: bytes, ticks: int = 0, interface: int = 0, length: int | None = None) -> bytes:
        """An obsolete packet block."""
        head = struct.pack(self.order + "HHIIII", interface, 0xFFFF, ticks >> 32, ticks & 0xFFFFFFFF, len(data),
                           len(data) if length is None else length)  # fmt: skip
        return self.block(2, head + data)


def read(path: Path | str, **limits: int) -> tuple[list[Seen], str | None]:
    """All frames of a capture, and the reader's warning."""
    reader = open_capture(path, **limits)
    return seen(reader), reader.warning


def seen(reader: CaptureReader) -> list[Seen]:
    """The frames of a reader; also holds that they are numbered from 1 without a gap."""
    found: list[Seen] = []
    for frames in reader:
        assert frames.first == len(found) + 1
        for i in range(len(frames)):
            start = int(frames.offset[i])
            data = bytes(frames.buffer[start : start + int(frames.cap_len[i])])
            assert len(data) == int(frames.cap_len[i])
            found.append(Seen(int(frames.time[i]), data, int(frames.length[i]), int(frames.interface[i]) % NO_INTERFACE,
                              int(frames.linktype[i])))  # fmt: skip
    return found
