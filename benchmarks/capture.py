"""A large capture out of the sample: its frames over and over, each copy with IPv4 addresses and a time of its own."""

from __future__ import annotations

import struct
from pathlib import Path

from collectors.sources import open_capture

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "demo.pcapng"
COPY_NS = 370_000_000


def _readdressed(frame: bytes, copy: int) -> bytes:
    """`frame` with the second byte of its IPv4 addresses moved by `copy`, behind at most one VLAN tag."""
    at = 18 if frame[12:14] == b"\x81\x00" else 14
    if frame[at - 2 : at] != b"\x08\x00" or len(frame) < at + 20:
        return frame
    changed = bytearray(frame)
    for byte in (at + 13, at + 17):
        changed[byte] = (changed[byte] + copy) & 255
    return bytes(changed)


def make(path: Path, frames: int) -> None:
    """Write a pcap (nanoseconds, Ethernet) of at least `frames` frames to `path`."""
    sample: list[tuple[int, int, bytes]] = []
    with open_capture(str(SAMPLE)) as reader:
        for batch in reader:
            view = memoryview(batch.buffer)
            for at, size, length, time in zip(batch.offset, batch.cap_len, batch.length, batch.time, strict=True):
                sample.append((int(time), int(length), bytes(view[int(at) : int(at) + int(size)])))
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 18, 1))
        for copy in range(-(-frames // len(sample))):
            for time, length, frame in sample:
                seconds, nanoseconds = divmod(time + copy * COPY_NS, 10**9)
                out.write(struct.pack("<IIII", seconds, nanoseconds, len(frame), length) + _readdressed(frame, copy))
