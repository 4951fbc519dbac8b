"""Cut and damaged captures: every whole frame before the damage, then one line that tells where and what."""

from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path

import pytest

from collectors.sources import CaptureError
from tests.sources.makecap import Section, Seen, pcap, pcap_header, pcap_record, read

FRAMES = [(i * 10**9, bytes([i]) * (3 * i)) for i in range(6)]
LE, BE = Section("<"), Section(">")
NG_HEAD = LE.header() + LE.interface()
NG_PARTS = [LE.packet(d, t // 1000) for t, d in FRAMES] + [BE.header(), BE.interface(), BE.packet(b"other end")]


def bounds(parts: list[bytes], start: int) -> list[int]:
    """Where each part ends in a file that has `start` bytes before them."""
    ends = []
    for part in parts:
        start += len(part)
        ends.append(start)
    return ends


def test_pcap_cut_at_every_byte(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.pcap", pcap(FRAMES)
    ends = bounds([pcap_record(d, t) for t, d in FRAMES], 24)
    for size in range(24, len(whole) + 1):
        path.write_bytes(whole[:size])
        found, warning = read(path)
        assert [f.data for f in found] == [d for (_, d), end in zip(FRAMES, ends, strict=True) if end <= size]
        if size in (24, *ends):
            assert warning is None
        else:
            last = max([24, *(e for e in ends if e <= size)])
            assert warning is not None
            assert f"cut at byte {size}, inside a record" in warning
            assert f"that begins at byte {last}; read up to there: {len(found)} frame" in warning
            assert "\n" not in warning


def test_pcapng_cut_at_every_byte(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.pcapng", NG_HEAD + b"".join(NG_PARTS)
    ends = bounds(NG_PARTS, len(NG_HEAD))
    frame_ends = ends[: len(FRAMES)] + ends[-1:]
    for size in range(len(LE.header()), len(whole) + 1):
        path.write_bytes(whole[:size])
        found, warning = read(path)
        assert len(found) == sum(end <= size for end in frame_ends)
        if size in (len(LE.header()), len(NG_HEAD), *ends):
            assert warning is None
        else:
            assert warning is not None
            assert f"cut at byte {size}, inside a " in warning
            assert "\n" not in warning


@pytest.mark.parametrize("whole", [pcap(FRAMES), NG_HEAD + b"".join(NG_PARTS)])
def test_files_cut_inside_their_header_are_no_captures(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "a"
    for size in range(24):
        path.write_bytes(whole[:size])
        with pytest.raises(CaptureError):
            read(path)


def test_gzip_cut_at_every_byte(tmp_path: Path) -> None:
    path, frames = tmp_path / "a.pcap.gz", [(0, random.Random(i).randbytes(300)) for i in range(8)]
    whole = gzip.compress(pcap(frames))
    most = -1
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        try:
            found, warning = read(path)
        except CaptureError:
            assert most == -1
            continue
        assert [f.data for f in found] == [d for _, d in frames[: len(found)]]
        assert warning is not None
        assert f"gzip data ends early, at byte {size} of the file" in warning
        assert len(found) >= most
        most = len(found)
    assert most == len(frames)


def test_gzip_damaged_in_the_middle(tmp_path: Path) -> None:
    path, frames = tmp_path / "a.pcap.gz", [(0, random.Random(i).randbytes(500)) for i in range(400)]
    whole = bytearray(gzip.compress(pcap(frames)))
    whole[-6] ^= 1
    path.write_bytes(whole)
    found, warning = read(path)
    assert len(found) == len(frames), "a wrong checksum at the end takes no frame"
    assert warning is not None
    assert "gzip data is damaged at byte" in warning


def test_a_frame_that_is_too_big(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(FRAMES) + struct.pack("<IIII", 0, 0, 262_145, 262_145) + bytes(400_000))
    found, warning = read(path)
    assert len(found) == len(FRAMES)
    assert warning is not None
    assert f"damaged at byte {len(pcap(FRAMES))}: a frame of 262145 bytes" in warning


@pytest.mark.parametrize("network", [231, 249])
def test_link_types_with_long_frames(tmp_path: Path, network: int) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_header(network=network) + pcap_record(bytes(3_000_000)))
    found, warning = read(path)
    assert [f.length for f in found] == [3_000_000]
    assert warning is None
    path.write_bytes(pcap_header(network=network) + struct.pack("<IIII", 0, 0, 1 << 27, 1 << 27) + b"abc")
    assert "cut at byte" in str(read(path)[1])


def patched(block: bytes, at: int, value: int) -> bytes:
    """`block` with a little-endian 32-bit number at `at` replaced."""
    return block[:at] + struct.pack("<I", value) + block[at + 4 :]


PACKET = LE.packet(b"abcdefgh")


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (patched(PACKET, 4, 8), "its length as 8 bytes, too few"),
        (patched(PACKET, 4, 28), "its length as 28 bytes, too few"),
        (patched(PACKET, 4, 1 << 31), "its length as 2147483648 bytes, more than any real one"),
        (patched(PACKET, len(PACKET) - 4, 44), "two lengths differ (the second is 44)"),
        (patched(PACKET, 8, 1), "a packet of interface 1, which"),
        (patched(PACKET, 20, 9), "a packet of 9 bytes, more than its block holds"),
        (LE.packet(bytes(262_145)), "a frame of 262145 bytes"),
        (LE.packet(b"abcd", options=b"\2\0\7\0" + bytes(8)), "malformed options"),
        (LE.packet(b"abcd", options=b"\1\0\x40\0" + bytes(8)), "malformed options"),
        (LE.packet(b"abcd", options=LE.option(4, bytes(4))), "malformed options"),
        (LE.packet(b"abcd", options=LE.option(7, b"\1abc")), "malformed options"),
        (LE.packet(b"abcd", options=LE.option(2988, b"abc")), "malformed options"),
        (LE.interface(tsresol=20), "resolution 10^-20 s"),
        (LE.interface(tsresol=0xC0), "resolution 2^-64 s"),
        (patched(LE.interface(), 4, 16), "its length as 16 bytes, too few"),
        (patched(LE.interface(), 16, 24), "two lengths differ"),
        (LE.interface(options=b"\2\0\x40\0")[:-8] + LE.interface()[-4:], "malformed options"),
        (patched(LE.header(), 8, 0x01020304), "unknown byte-order magic 0x01020304"),
        (LE.header(version=(3, 0)), "unknown version 3.0"),
        (patched(LE.block(0xABC, b"abcd"), 12, 0), "two lengths differ"),
    ],
)
def test_damaged_blocks(tmp_path: Path, block: bytes, says: str) -> None:
    path = tmp_path / "a.pcapng"
    before = NG_HEAD + PACKET * 3
    path.write_bytes(before + block + bytes(64) + PACKET)
    found, warning = read(path)
    assert found == [Seen(0, b"abcdefgh", 8)] * 3
    assert warning is not None
    assert f"{path}: damaged at byte {len(before)}: " in warning
    assert says in warning
    assert warning.endswith("read up to there: 3 frames")


def test_bytes_flipped_anywhere(tmp_path: Path) -> None:
    path, rnd = tmp_path / "a", random.Random(3)
    wholes = [pcap(FRAMES * 5), pcap(FRAMES * 5, ">", 0xA1B23C4D), NG_HEAD + b"".join(NG_PARTS) * 3]
    wholes.append(gzip.compress(wholes[0]))
    lines: list[str | None] = []
    for i in range(1500):
        data = bytearray(wholes[i % len(wholes)])
        for _ in range(rnd.choice((1, 3, len(data) // 50))):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        path.write_bytes(data)
        try:
            found, warning = read(path, batch_rows=rnd.choice((1, 5, 100)))
        except CaptureError as error:
            lines.append(str(error))
            continue
        lines.append(warning)
        assert sum(len(f.data) for f in found) <= 70_000
    warned = [line for line in lines if line is not None]
    assert len(warned) > 500
    assert not any("\n" in line for line in warned)


def test_reading_that_fails() -> None:
    with pytest.raises(CaptureError, match="reading fails at byte 0: Input/output error"):
        read("/proc/self/mem")
