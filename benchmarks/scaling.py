"""What the engine costs a frame as a capture grows: one endless stream with a hole, and ever more conversations.

python -m benchmarks.scaling [--segments N] [--flows N]

The frames are made in memory, headers only. A line is printed for a tenth of the size and for the full one: were any
cost to grow with the square, the second would show ten times the nanoseconds a frame.
"""

from __future__ import annotations

import argparse
import resource
import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collectors.decode import decode
from collectors.sources.frames import NO_INTERFACE, Frames
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns

ROWS = 8192
HEADERS = 54
PAYLOAD = 100
"""Bytes of a segment that are on the wire, but not captured."""
HOLE = 1000
SYN, ACK = 2, 16
_ETHERNET = 1
_START = 1_700_000_000_000_000_000


def _template(src: int, dst: int, srcport: int, dstport: int, length: int) -> NDArray[np.uint8]:
    head = b"\2" * 12 + b"\x08\0" + struct.pack(">BBHHHBBHII", 0x45, 0, 40 + length, 0, 0, 64, 6, 0, src, dst)
    return np.frombuffer(head + struct.pack(">HHIIBBHHH", srcport, dstport, 1, 0, 0x50, ACK, 8192, 0, 0), np.uint8)


def _u32(values: NDArray[Any]) -> NDArray[np.uint8]:
    return values.astype(">u4").view(np.uint8).reshape(-1, 4)


def _batch(data: NDArray[np.uint8], first: int, length: NDArray[np.int64]) -> Frames:
    n = len(data)
    return Frames(
        memoryview(data).cast("B"), np.arange(n, dtype=np.int64) * HEADERS, np.full(n, HEADERS, np.uint32),
        (HEADERS + length).astype(np.uint32), _START + np.arange(first, first + n, dtype=np.int64) * 1000,
        np.full(n, NO_INTERFACE, np.uint16), np.full(n, _ETHERNET, np.uint16), first + 1,
    )  # fmt: skip


def stream_with_a_hole(segments: int) -> Iterator[Frames]:
    """Data of one side, of which segment HOLE never comes; the other side acknowledges what stood before it."""
    data, answer = _template(1, 2, 4000, 80, PAYLOAD), _template(2, 1, 80, 4000, 0)
    for first in range(0, segments, ROWS):
        k = np.arange(first, min(first + ROWS, segments), dtype=np.int64)
        answers = k % 2 == 1
        batch = np.where(answers[:, None], answer, data)
        seq = 1 + PAYLOAD * (k // 2 + (k // 2 >= HOLE))
        batch[:, 38:42] = np.where(answers[:, None], _u32(np.ones(len(k))), _u32(seq))
        there = np.minimum(seq + PAYLOAD, 1 + PAYLOAD * HOLE)
        batch[:, 42:46] = np.where(answers[:, None], _u32(there), _u32(np.ones(len(k))))
        yield _batch(batch, first, np.where(answers, 0, PAYLOAD))


def conversations(flows: int) -> Iterator[Frames]:
    """A SYN of every conversation, then the answer to each, then data of each, and its acknowledgment."""
    for turn in range(4):
        back = turn % 2
        length = PAYLOAD if turn == 2 else 0
        template = _template(*((2, 1, 80, 4000) if back else (1, 2, 4000, 80)), length).copy()
        template[47] = (SYN, SYN | ACK, ACK, ACK)[turn]
        for first in range(0, flows, ROWS):
            k = np.arange(first, min(first + ROWS, flows), dtype=np.int64)
            batch = np.repeat(template[None], len(k), 0)
            batch[:, 30 if back else 26 : 34 if back else 30] = _u32(0x0A000000 + k)
            batch[:, 38:42] = _u32(np.full(len(k), int(turn >= 2)))
            batch[:, 42:46] = _u32(np.full(len(k), (0, 1, 1, 1 + PAYLOAD)[turn]))
            yield _batch(batch, turn * flows + first, np.full(len(k), length))


def measure(name: str, batches: Iterator[Frames], *, flows: bool = False) -> None:
    """Print what the engine took for the frames, and what it forgot; with `flows`, rows of conversations too."""
    engine, columns = Engine((lambda rows: None) if flows else None), Columns(PACKETS, ROWS)
    frames, spent, slowest = 0, 0.0, 0.0
    for batch in batches:
        decode(batch, columns)
        start = time.process_time()
        engine.process(columns)
        took = time.process_time() - start
        spent, slowest, frames = spent + took, max(slowest, took), frames + len(batch)
    start = time.process_time()
    engine.finish()
    spent += time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name:36s} {frames:12,d} frames {spent:8.3f} s CPU {1e9 * spent / frames:6.1f} ns a frame, slowest batch "
          f"{1e3 * slowest:7.1f} ms, peak {peak:5d} MiB, forgotten: {engine.streams.evicted} conversations, "
          f"{engine.tcp.segments_evicted} segments", flush=True)


def run(segments: int, flows: int) -> None:
    """Both captures, at a tenth of the size and at the full one."""
    for part in (10, 1):
        measure("one stream with a hole left open", stream_with_a_hole(segments // part))
    for part in (10, 1):
        measure(f"{flows // part:,d} concurrent conversations", conversations(flows // part))
    for part in (10, 1):
        measure(f"{flows // part:,d}, and their rows", conversations(flows // part), flows=True)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--segments", type=int, default=10_000_000)
    ap.add_argument("--flows", type=int, default=1_000_000)
    a = ap.parse_args()
    run(a.segments, a.flows)


if __name__ == "__main__":
    main()
