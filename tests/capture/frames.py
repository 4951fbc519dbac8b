"""Frames to send, and those that are found in files."""

from __future__ import annotations

import struct
from pathlib import Path

from collectors.sources import open_capture

HERE = bytes.fromhex("020000000001")
THERE = bytes.fromhex("020000000002")
BROADCAST = b"\xff" * 6


def ethernet(payload: bytes, ethertype: int = 0x88B5, destination: bytes = THERE, vlans: tuple[int, ...] = ()) -> bytes:
    """A frame; `vlans` are tags (type << 16 | VLAN), the outermost first."""
    tags = b"".join(struct.pack("!HH", tag >> 16, tag & 0xFFFF) for tag in vlans)
    return destination + HERE + tags + struct.pack("!H", ethertype) + payload


def ipv4(protocol: int, source_port: int, port: int, size: int, address: str = "10.9.0.2") -> bytes:
    """An IPv4 packet with TCP (6) or UDP (17) in it and `size` bytes of data; checksums are 0."""
    numbers = bytes(map(int, address.split(".")))
    if protocol == 6:
        inner = struct.pack("!HHIIBBHHH", source_port, port, 1, 0, 5 << 4, 2, 1000, 0, 0)
    else:
        inner = struct.pack("!HHHH", source_port, port, 8 + size, 0)
    inner += bytes(i & 0xFF for i in range(size))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inner), 7, 0, 64, protocol, 0)
    return head + bytes((10, 9, 0, 1)) + numbers + inner


def assorted() -> list[bytes]:
    """Frames of all kinds that a wire shows: VLANs, short and long ones, LLC, unicast, group and foreign addresses."""
    found = [ethernet(bytes([i]) * (3 * i)) for i in range(40)]
    found += [ethernet(ipv4(6, 1000 + i, 80 if i % 2 else 443, i), 0x0800) for i in range(20)]
    found += [ethernet(ipv4(17, 53, 1000 + i, 10, f"10.9.0.{i}"), 0x0800, BROADCAST) for i in range(20)]
    for vlan in (5, 6, 0x6005, 0):
        found.append(ethernet(ipv4(6, 1, 80, 30), 0x0800, vlans=(0x8100 << 16 | vlan,)))
        found.append(ethernet(ipv4(17, 1, 80, 30), 0x0800, vlans=(0x88A8 << 16 | 7, 0x8100 << 16 | vlan)))
        found.append(ethernet(b"x" * 50, vlans=(0x8100 << 16 | 5, 0x8100 << 16 | vlan, 0x8100 << 16 | 9)))
    found += [ethernet(b"\x42\x42\x03" + b"y" * 35, 38), ethernet(b"m" * 60, destination=b"\x01\x00\x5e\x00\x00\x01")]
    found += [ethernet(b"z" * 1500), ethernet(b"o" * 100, destination=b"\x02\x11\x22\x33\x44\x55")]
    return found


def captured(path: Path) -> list[tuple[int, bytes]]:
    """Length on the wire and bytes kept of each frame in a file, which may still be growing."""
    if not path.exists() or not path.stat().st_size:
        return []
    found = []
    with open_capture(path) as reader:
        for batch in reader:
            view = memoryview(batch.buffer)
            rows = zip(batch.offset.tolist(), batch.cap_len.tolist(), batch.length.tolist(), strict=True)
            found += [(length, bytes(view[at : at + size])) for at, size, length in rows]
    return found
