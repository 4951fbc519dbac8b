"""Small capture files of UDP frames."""

from __future__ import annotations

import struct
from pathlib import Path

FRAME = 16 + 14 + 20 + 8 + 4
"""Bytes of a record of the file: its header, Ethernet, IPv4, UDP, payload."""
FILE_HEADER = 24


def udp_frame(number: int) -> bytes:
    """Frame `number`: 10.0.0.(number % 250) asks 10.1.0.1, the payload is the number."""
    ethernet = bytes.fromhex("020000000001020000000002") + struct.pack(">H", 0x0800)
    source = bytes((10, 0, 0, number % 250))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 32, number & 0xFFFF, 0, 64, 17, 0) + source + bytes((10, 1, 0, 1))
    return ethernet + ip + struct.pack(">HHHHI", 40_000, 53, 12, 0, number)


def write_pcap(path: Path, frames: int, seconds: int = 1_700_000_000) -> Path:
    """A pcap file of `frames` such frames, a millisecond apart."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        for number in range(1, frames + 1):
            frame = udp_frame(number)
            file.write(struct.pack("<IIII", seconds + number // 1000, number % 1000 * 1000, len(frame), len(frame)))
            file.write(frame)
    return path
