"""Captures to try the decoder on: those of `../shared` where it is there, and always some made here.

The ones made here put every frame of the zoo, whole and cut, behind each link type that can carry it.
"""

from __future__ import annotations

import random
import struct
from functools import cache
from pathlib import Path

SHARED = Path(__file__).resolve().parents[3] / "shared" / "oracle" / "captures"
_LINKS = {
    0: b"\x02\x00\x00\x00", 9: b"\xff\x03\x00\x21", 12: b"", 101: b"", 104: b"\x0f\x00\x08\x00",
    107: b"\x18\x41\x03\xcc",
    108: b"\x00\x00\x00\x02", 113: b"\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00",
    276: b"\x08\x00\x00\x00\x00\x00\x00\x03\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00",
    105: b"\x08\x01\x00\x00" + bytes(20) + b"\xaa\xaa\x03\x00\x00\x00\x08\x00",
    127: b"\x00\x00\x08\x00\x00\x00\x00\x00\x08\x01\x00\x00" + bytes(20) + b"\xaa\xaa\x03\x00\x00\x00\x08\x00",
    192: b"\x00\x00\x08\x00\x69\x00\x00\x00\x08\x01\x00\x00" + bytes(20) + b"\xaa\xaa\x03\x00\x00\x00\x08\x00",
    226: bytes(24), 228: b"", 242: bytes(40) + b"\x08\x00\x00\x00",
    10: b"\x50" + bytes(12) + b"\xaa\xaa\x03\x00\x00\x00\x08\x00",
    129: b"\x01\x02\x00\x00\xf0", 147: b"\x01\x02",
}


def pcap(linktype: int, frames: list[bytes], cut: int = 1 << 18) -> bytes:
    """A pcap file of `frames`, each captured up to `cut` bytes."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, linktype)]
    for i, frame in enumerate(frames):
        out.append(struct.pack("<IIII", 1_700_000_000 + i, i, min(cut, len(frame)), len(frame)) + frame[:cut])
    return b"".join(out)


def pcap_frames(data: bytes) -> list[tuple[int, bytes]]:
    """(link type, frame) of each frame of what `pcap` wrote."""
    found, at = [], 24
    linktype = struct.unpack_from("<I", data, 20)[0]
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        found.append((linktype, data[at + 16 : at + 16 + size]))
        at += 16 + size
    return found


@cache
def made() -> dict[str, bytes]:
    """Name to bytes of the captures made here."""
    from tests.render.zoo import frames

    whole = [bytes(frame) for frame in frames()]
    packets = [frame[14:] for frame in whole if frame[12:14] == b"\x08\x00"]
    captures = {"ethernet": pcap(1, whole), "ethernet-cut": pcap(1, whole, 60)}
    for linktype, head in _LINKS.items():
        captures[f"link-{linktype}"] = pcap(linktype, [head + packet for packet in packets])
    return captures


def captures(most: int, most_bytes: int) -> dict[str, bytes]:
    """Up to `most` captures of at most `most_bytes`, spread over the names; the same ones at every run."""
    found = dict(made())
    if SHARED.is_dir():
        paths = [p for p in sorted(SHARED.iterdir()) if p.stat().st_size <= most_bytes]
        random.Random(7).shuffle(paths)
        found.update((p.name, p.read_bytes()) for p in paths[: most - len(found)])
    return found
