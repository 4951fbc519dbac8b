"""`make fuzz`: frames of the corpus, mutated by the batch, through decoder and engine until N have been decoded.

python -m tests.decode.fuzz [--frames 100000000] [--seed 1]

Each batch takes 65,536 frames of the corpus, flips bytes, cuts lengths short or lies about them, and gives some frames
another link type. What can go wrong is a crash, an exception, a hang or a missing row; all four end the run.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from collectors.decode import decode
from collectors.sources import open_capture
from collectors.sources.frames import NO_INTERFACE, Frames
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import BATCH_ROWS, Columns
from tests.decode.corpus import SHARED, made, pcap_frames

LINKTYPES = np.array([0, 1, 7, 9, 10, 12, 50, 51, 100, 101, 104, 105, 107, 108, 109, 113, 117, 119, 127, 129, 138, 147,
                      163, 192, 226, 228, 229, 239, 242, 258, 276], np.uint16)
ENGINE_BATCHES = 40
"""Batches that one engine sees, before a new one begins."""


def seeds() -> list[tuple[int, bytes]]:
    """(link type, frame) of every capture made here and, where it is there, of the oracle's; frames up to 400 bytes."""
    found = [seed for data in made().values() for seed in pcap_frames(data)]
    for path in sorted(SHARED.iterdir()) if SHARED.is_dir() else []:
        with open_capture(str(path)) as reader:
            for batch in reader:
                view = memoryview(batch.buffer)
                for k in range(min(len(batch), 60)):
                    at, size = int(batch.offset[k]), min(400, int(batch.cap_len[k]))
                    found.append((int(batch.linktype[k]), bytes(view[at : at + size])))
    return found


class Fuzzer:
    """Mutated batches of `rows` frames; the same seed gives the same ones."""

    def __init__(self, seed: int, rows: int = BATCH_ROWS) -> None:
        self._draw = np.random.default_rng(seed)
        frames = seeds()
        self._rows = rows
        self._links = np.array([link for link, _ in frames], np.uint16)
        self._lengths = np.array([len(data) for _, data in frames], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self._lengths)[:-1]])
        self._bytes: NDArray[np.uint8] = np.frombuffer(b"".join(data for _, data in frames), np.uint8)

    def batch(self) -> Frames:
        """The next batch."""
        draw, n = self._draw, self._rows
        pick = draw.integers(0, len(self._links), n)
        lengths = self._lengths[pick]
        offset = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        total = int(lengths.sum())
        index = np.repeat(self._starts[pick] - offset, lengths) + np.arange(total)
        data = self._bytes[index]
        share = draw.choice([0.0, 0.002, 0.02, 0.2])
        hit = draw.integers(0, max(1, total), int(total * share))
        data[hit] = draw.integers(0, 256, len(hit), dtype=np.uint8)
        cut = draw.random(n) < 0.2
        caps = np.where(cut, (lengths * draw.random(n)).astype(np.int64), lengths)
        wire = np.where(draw.random(n) < 0.2, draw.integers(0, 1 << 18, n), lengths)
        links = np.where(draw.random(n) < 0.05, draw.choice(LINKTYPES, n), self._links[pick])
        return Frames(
            data.tobytes(), offset.astype(np.int64), caps.astype(np.uint32), wire.astype(np.uint32),
            draw.integers(-(2**40), 2**60, n), np.full(n, NO_INTERFACE, np.uint16), links.astype(np.uint16), 1,
        )


def run(frames: int, seed: int, rows: int = BATCH_ROWS) -> int:
    """Decode at least `frames` mutated frames; how many it were."""
    fuzzer, columns, done = Fuzzer(seed, rows), Columns(PACKETS, rows), 0
    engine = Engine()
    while done < frames:
        if done // rows % ENGINE_BATCHES == 0:
            engine = Engine()
        batch = fuzzer.batch()
        decode(batch, columns)
        engine.process(columns)
        assert columns.rows == len(batch)
        done += columns.rows
    return done


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--frames", type=int, default=100_000_000)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    start = time.monotonic()
    print(f"{run(a.frames, a.seed):,} mutated frames, no finding, {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
