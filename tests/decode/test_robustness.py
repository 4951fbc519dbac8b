"""Cut anywhere and with bytes flipped, a capture gives a row for each whole frame, and nothing breaks."""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors.decode import decode
from collectors.sources import CaptureError, open_capture
from collectors.sources.frames import Frames
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.decode import fuzz
from tests.decode.corpus import captures
from tests.decode.digest import digest

CAPTURES = 200
RANDOM_CUTS = 50
COLUMNS = Columns(PACKETS, 8192)


def rows(path: Path) -> tuple[int, str | None]:
    """Rows decoded of a file, and the reader's warning; no rows and the error where it is no capture."""
    engine, total = Engine(), 0
    try:
        with open_capture(str(path), batch_rows=8192) as reader:
            for frames in reader:
                decode(frames, COLUMNS)
                engine.process(COLUMNS)
                assert COLUMNS.rows == len(frames)
                total += COLUMNS.rows
        return total, reader.warning
    except CaptureError as error:
        return 0, str(error)


def ends(data: bytes) -> list[int]:
    """Where in a pcap or pcapng file each frame's record ends: a reader of its own, as plain as can be."""
    found, at = [], 24
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        at = 0
        order = "<"
        while at + 12 <= len(data):
            if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
                order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            kind, size = struct.unpack_from(order + "II", data, at)
            if size < 12 or at + size > len(data):
                break
            at += size
            if kind in (2, 3, 6):
                found.append(at)
        return found
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1", b"\x34\xcd\xb2\xa1") else ">"
    head = 24 if data[:4] in (b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34") else 16
    while at + head <= len(data):
        at += head + struct.unpack_from(order + "I", data, at + 8)[0]
        if at > len(data):
            break
        found.append(at)
    return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, list[int]]]:
    """Captures that are whole: bytes, and where each of their frames ends."""
    path = tmp_path_factory.mktemp("whole") / "capture"
    whole = {}
    for name, data in captures(CAPTURES + 60, 200_000).items():
        path.write_bytes(data)
        count, warning = rows(path)
        if warning is None and not data.startswith(b"\x1f\x8b"):
            known = ends(data)
            if len(known) == count and len(whole) < CAPTURES:
                whole[name] = data, known
    return whole


def test_every_capture_cut_anywhere(corpus: dict[str, tuple[bytes, list[int]]], tmp_path: Path) -> None:
    path = tmp_path / "cut"
    wrong = []
    for name, (data, known) in corpus.items():
        draw = random.Random(name)
        cuts = [*range(min(400, len(data))), *(draw.randrange(len(data)) for _ in range(RANDOM_CUTS))]
        for cut in cuts:
            path.write_bytes(data[:cut])
            count, said = rows(path)
            expected = int(np.searchsorted(known, cut, side="right"))
            if count != expected or (said is None and cut not in known and cut > 28 and not _between(data, cut)):
                wrong.append(f"{name} cut at {cut}: {count} rows of {expected}, {said}")
    assert wrong == []


def _between(data: bytes, cut: int) -> bool:
    """Whether a pcapng file ends between two blocks at `cut`, or a pcap file with its header."""
    if data[:4] != b"\x0a\x0d\x0d\x0a":
        return cut == 24
    at, order = 0, "<"
    while at < cut:
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        at += struct.unpack_from(order + "I", data, at + 4)[0]
    return at == cut


@pytest.mark.parametrize("share", [0.02, 0.002])
def test_every_capture_with_bytes_flipped(corpus: dict[str, tuple[bytes, list[int]]], tmp_path: Path,
                                          share: float) -> None:
    path = tmp_path / "flipped"
    for name, (data, known) in corpus.items():
        draw = np.random.default_rng(zlib.crc32(f"{name}{share}".encode()))
        for where in ("anywhere", "frames"):
            noise = np.frombuffer(data, np.uint8).copy()
            hit = draw.random(len(noise)) < share
            if where == "frames":
                hit &= _inside(data, known)
            noise[hit] ^= draw.integers(1, 256, int(hit.sum()), dtype=np.uint8)
            path.write_bytes(noise.tobytes())
            count, said = rows(path)
            if where == "frames":
                assert (count, said) == (len(known), None), name


def _inside(data: bytes, known: list[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which bytes of the file are frames' own, not the format's (the last 32 bytes of a pcapng block are left out)."""
    inside = np.zeros(len(data), np.bool_)
    previous = 24
    ng = data[:4] == b"\x0a\x0d\x0d\x0a"
    for end in known:
        if ng:
            order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
            start = end - struct.unpack_from(order + "I", data, end - 4)[0]
            if data[start : start + 4] in (b"\x06\0\0\0", b"\0\0\0\x06"):
                inside[start + 28 : start + 28 + struct.unpack_from(order + "I", data, start + 20)[0]] = True
        else:
            inside[previous + 24 : end] = True
        previous = end
    return inside


def test_mutated_batches() -> None:
    assert fuzz.run(500_000, seed=int.from_bytes(b"shoal")) >= 500_000


def apart(batch: Frames, fill: int) -> Frames:
    """The frames with 64 bytes of `fill` between them."""
    view, size = memoryview(batch.buffer), batch.cap_len.astype(np.int64)
    gap = bytes([fill]) * 64
    pieces = [gap]
    for at, n in zip(batch.offset.tolist(), size.tolist(), strict=True):
        pieces += [bytes(view[at : at + n]), gap]
    offset = 64 * np.arange(1, len(size) + 1) + np.concatenate([[0], np.cumsum(size)[:-1]])
    return replace(batch, buffer=b"".join(pieces), offset=offset)


def test_nothing_is_read_beside_a_frame() -> None:
    fuzzer, engines = fuzz.Fuzzer(seed=7, rows=4096), (Engine(), Engine())
    for _ in range(30):
        batch, found = fuzzer.batch(), []
        for engine, fill in zip(engines, (0, 255), strict=True):
            decode(apart(batch, fill), COLUMNS)
            engine.process(COLUMNS)
            found.append(digest(COLUMNS))
        assert found[0] == found[1]
