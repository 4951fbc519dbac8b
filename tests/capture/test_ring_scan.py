"""The walk over the ring trusts nothing that it reads there."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from collectors.sources.batch import cells
from collectors.sources.ring_scan import give_back, walk

BLOCK, BLOCKS, ROWS = 4096, 4, 64


class Made:
    """A ring in plain memory, as the kernel would lay it out."""

    def __init__(self) -> None:
        self.data = bytearray(BLOCK * BLOCKS)
        self.offset, self.time = np.zeros(ROWS, np.int64), np.zeros(ROWS, np.int64)
        self.cap_len, self.length = np.zeros(ROWS, np.uint32), np.zeros(ROWS, np.uint32)
        self.direction = np.zeros(ROWS, np.uint8)
        self.state = np.zeros(6, np.int64)

    def fill(self, block: int, frames: list[bytes], tci: int = 0, mac: int = 82) -> None:
        """Let a block hold `frames`, and be ours."""
        at = 48
        for i, frame in enumerate(frames):
            size = (mac + len(frame) + 15) // 16 * 16
            following = size if i + 1 < len(frames) else 0
            header = struct.pack("=6I2HIIHH8x", following, 5, 6, len(frame), len(frame), 1, mac, mac + 14, 0, tci,
                                 0x88A8 if tci else 0, 0)  # fmt: skip
            address = struct.pack("=HHiHBB8s", 17, 0x0008, 3, 1, 4, 6, b"\x02abcde\0\0")
            start = block * BLOCK + at
            self.data[start : start + 68] = header + address
            self.data[start + mac : start + mac + len(frame)] = frame
            at += size
        self.data[block * BLOCK : block * BLOCK + 20] = struct.pack("=5I", 1, 48, 1, len(frames), 48)

    def walk(self, *, ethernet: bool = True, cooked: bool = False, snaplen: int = 262_144, most: int = BLOCKS) -> int:
        return int(walk(
            memoryview(self.data), BLOCK, BLOCKS, most, ethernet, cooked, snaplen, 0, cells(self.offset),
            cells(self.cap_len), cells(self.length), cells(self.time), cells(self.direction), cells(self.state),
        ))  # fmt: skip

    def frame(self, row: int) -> bytes:
        at = int(self.offset[row])
        return bytes(self.data[at : at + int(self.cap_len[row])])


def test_frames_of_several_blocks() -> None:
    made = Made()
    made.fill(0, [b"a" * 60, b"b" * 61])
    made.fill(1, [b"c" * 62])
    assert made.walk() == 3
    assert [made.frame(row) for row in range(3)] == [b"a" * 60, b"b" * 61, b"c" * 62]
    assert made.time[:3].tolist() == [5_000_000_006] * 3
    assert made.direction[:3].tolist() == [4] * 3
    assert made.state.tolist() == [2, 0, 0, 2, 0, 0]
    give_back(memoryview(made.data), 0, 2, BLOCK, BLOCKS)
    assert [made.data[block * BLOCK + 8] for block in range(BLOCKS)] == [0] * BLOCKS


def test_tags_and_cooked_headers_are_set_in_place() -> None:
    made = Made()
    made.fill(0, [bytes(range(40))], tci=0x2005)
    assert made.walk() == 1
    assert made.frame(0) == bytes(range(12)) + b"\x88\xa8\x20\x05" + bytes(range(12, 40))
    made = Made()
    made.fill(0, [b"packet"], tci=0x2005, mac=104)
    assert made.walk(ethernet=False, cooked=True) == 1
    header = bytes.fromhex("88a8 0000 00000003 0001 04 06") + b"\x02abcde\0\0"
    assert made.frame(0) == header + b"\x20\x05\x08\x00packet"
    assert made.length[0] == 30


def test_a_block_that_makes_no_sense_is_given_up() -> None:
    for at, value in ((48, 1), (48 + 12, 1 << 31), (48 + 24, 5), (16, 4), (16, 1 << 31), (12, 1 << 31)):
        made = Made()
        made.fill(0, [b"a" * 60, b"b" * 60])
        made.fill(1, [b"next" * 15])
        struct.pack_into("=H" if at == 48 + 24 else "=I", made.data, at, value)
        n = made.walk()
        assert made.frame(n - 1) == b"next" * 15
        assert made.state[5] >= 1


@pytest.mark.parametrize("cooked", [False, True])
def test_no_content_of_the_ring_does_harm(cooked: bool) -> None:
    """Every frame told lies inside the ring, whatever stands there, and each walk gets on."""
    luck = random.Random(5)
    for _ in range(2000):
        made = Made()
        for block in range(BLOCKS):
            made.fill(block, [luck.randbytes(luck.randrange(200)) for _ in range(luck.randrange(1, 8))], 5, 104)
        for _ in range(luck.randrange(1, 30)):
            at = luck.randrange(BLOCKS) * BLOCK + luck.choice((luck.randrange(24), luck.randrange(BLOCK)))
            made.data[at] = luck.randrange(256)
        while True:
            before = made.state.tolist()
            n = made.walk(cooked=cooked, most=BLOCKS)
            assert ((made.offset[:n] >= 0) & (made.offset[:n] + made.cap_len[:n] <= len(made.data))).all()
            if not n and made.state.tolist() == before:
                break
            if made.state[3] >= BLOCKS:
                break
