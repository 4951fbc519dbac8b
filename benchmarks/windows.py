"""What windows cost: the engine with and without them on a capture, and memory at their caps.

python -m benchmarks.windows [CAPTURE] [--runs N] [--entities N]

Each run is a process of its own, by turns without windows, with those anomalies that need none (of segments, claims
and endings), and with windows and all anomalies: machines that are busy slow all alike.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from collectors.decode import decode
from collectors.sources import open_capture
from collectors.sources.frames import NO_INTERFACE, Frames
from pipeline.engine import Engine
from pipeline.engine.windows.bundle import Bundle
from pipeline.engine.windows.merge import Merger
from pipeline.schema import PACKETS
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PARTS

_SECOND = 1_000_000_000
_BEGIN = 1_700_000_000 * _SECOND
_ROWS = 16_384


def _take(rows: Columns) -> None:
    """Rows that are handed out are dropped."""


def _timed(path: str, *, windows: bool = False, sightings: bool = False) -> dict[str, float]:
    """CPU seconds of the engine with all trackers, and what windows told."""
    # As `shoal` has it.
    gc.set_threshold(50_000, 20, 20)
    merger, told = Merger(), [0, 0]

    def merge(bundle: Bundle) -> None:
        closed = merging.call(merger.take, 0, bundle)
        if closed is not None:
            told[0] += closed.parts.rows
            told[1] += closed.windows.rows

    parting, merging, ticking = _Clock(), _Clock(), _Clock()
    engine = Engine(_take, _take, _take, windows=merge if windows else None, sightings=_seen if sightings else None)
    if engine.trackers.windows is not None:
        engine.trackers.windows = parting.around(engine.trackers.windows)
        engine.front.windows = ticking.around(engine.front.windows)
    columns = Columns(PACKETS)
    total = 0.0
    for frames in open_capture(path):
        decode(frames, columns)
        start = time.process_time()
        engine.process(columns)
        total += time.process_time() - start
    start = time.process_time()
    engine.finish()
    total += time.process_time() - start
    return {"seconds": total, "parts": told[0], "rows": told[1], "counted": parting.seconds, "merged": merging.seconds,
            "ticked": ticking.seconds}  # fmt: skip


class _Clock:
    """CPU seconds of calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """What the function returns."""
        start = time.process_time()
        try:
            return function(*args)
        finally:
            self.seconds += time.process_time() - start

    def around(self, part: Any) -> Any:
        """The same part of the engine, its `process` timed."""
        timed = {"process": partial(self.call, part.process)}

        class Around:
            def __getattr__(self, name: str) -> Any:
                return timed.get(name) or getattr(part, name)

        return Around()


def _seen(sightings: list[Sighting]) -> None:
    """Sightings that are handed out are dropped."""


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _merged(count: int) -> dict[str, float]:
    """Memory that the merger takes for parts of so many pairs of hosts in one window."""
    merger = Merger()
    before, start, rows = _peak(), time.process_time(), 0
    for first in range(0, count, _ROWS):
        parts = Columns(PARTS, _ROWS, {"times": _ROWS, "odd": 0})
        parts.rows = n = min(_ROWS, count - first)
        parts.values("shoal.window.tick")[:] = 1 + first // _ROWS
        parts.values("shoal.window.time").view("i8")[:] = _BEGIN
        parts.values("ip.proto")[:] = 6
        parts.values("shoal.server")[:] = 2
        numbers = np.arange(first, first + n, dtype=">u4")
        parts.values("shoal.a.address")[:, 12:] = numbers.view(np.uint8).reshape(n, 4)
        parts.values("shoal.b.address")[:, 11] = 1
        parts.values("shoal.b.address")[:, 12:] = numbers.view(np.uint8).reshape(n, 4)
        parts.values("shoal.b.port")[:] = 443
        parts.values("shoal.a.packets")[:] = 1
        times = parts.lists["times"]
        times.offsets[: n + 1] = np.arange(n + 1)
        times.u8[:] = 80
        times.u8[0] = 0
        times.u32[:] = 1
        closed = merger.take(0, Bundle(((1 + first // _ROWS, first + 1, _BEGIN + 1, 0),), parts))
        rows += closed.windows.rows if closed is not None else 0
    closed = merger.take(0, Bundle(((2 + (count - 1) // _ROWS, count, _BEGIN + 60 * _SECOND, 0),), None, ends=True))
    rows += closed.windows.rows if closed is not None else 0
    return {"MiB": _peak() - before, "seconds": time.process_time() - start, "rows": rows}


def _counted(count: int, *, windows: bool) -> dict[str, float]:
    """Memory of an engine that sees so many UDP conversations within a window, with and without windows."""
    # Flows are kept with and without: anomalies need them as well.
    engine = Engine(_take, None, _take, windows=_drop if windows else None)
    columns = Columns(PACKETS, _ROWS)
    head = bytes.fromhex("0200000000020200000000010800450000240000000040110000")
    body = bytes.fromhex("13880009001000000000000000000000")
    frame = np.frombuffer(head + bytes(8) + body, np.uint8)
    start = time.process_time()
    for first in range(0, count, _ROWS):
        n = min(_ROWS, count - first)
        data = np.tile(frame, (n, 1))
        data[:, 26:30] = np.arange(first, first + n, dtype=">u4").view(np.uint8).reshape(n, 4)
        data[:, 30:34] = (192, 0, 2, 1)
        size = np.full(n, len(frame), np.uint32)
        decode(Frames(
            memoryview(data.tobytes()), np.arange(n, dtype=np.int64) * len(frame), size, size,
            np.full(n, _BEGIN, np.int64) + np.arange(first, first + n), np.full(n, NO_INTERFACE, np.uint16),
            np.ones(n, np.uint16), first + 1,
        ), columns)  # fmt: skip
        engine.process(columns)
    engine.finish()
    return {"MiB": _peak(), "seconds": time.process_time() - start}


def _drop(bundle: Bundle) -> None:
    """Bundles that are handed out are dropped."""


def _child(*args: str) -> dict[str, float]:
    """A run of its own."""
    command = [sys.executable, "-m", "benchmarks.windows", *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Run what the arguments ask for."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("capture", nargs="?")
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--entities", type=int, default=1_000_000)
    legs = ("with", "seen", "without", "merge", "count", "uncounted")
    ap.add_argument("--only", choices=legs, help=argparse.SUPPRESS)
    args = ap.parse_args()
    alone: dict[str, Callable[[], dict[str, float]]] = {
        "with": lambda: _timed(args.capture, windows=True), "without": lambda: _timed(args.capture),
        "seen": lambda: _timed(args.capture, sightings=True),
        "merge": lambda: _merged(args.entities), "count": lambda: _counted(args.entities, windows=True),
        "uncounted": lambda: _counted(args.entities, windows=False),
    }  # fmt: skip
    if args.only:
        print(json.dumps(alone[args.only]()))
        return
    if args.capture:
        found: dict[str, list[dict[str, float]]] = {"with": [], "seen": [], "without": []}
        for _ in range(args.runs):
            for name, runs in found.items():
                runs.append(_child(args.capture, "--only", name))
        best = {name: min(run["seconds"] for run in runs) for name, runs in found.items()}
        print(f"engine with all trackers {best['without']:.3f} s CPU, the least of {args.runs}")
        for name, what in (("seen", "anomalies that need no windows"), ("with", "windows and all anomalies")):
            ratios = [w["seconds"] / o["seconds"] - 1 for w, o in zip(found[name], found["without"], strict=True)]
            print(f"with {what}: {best[name]:.3f} s, {100 * (best[name] / best['without'] - 1):.1f} % more (median of"
                  f" pairs {100 * statistics.median(ratios):.1f} %)")  # fmt: skip
        told = min(found["with"], key=lambda run: run["seconds"])
        stages = ("ticked", "counted", "merged")
        share = sum(told[stage] for stage in stages) / told["seconds"]
        print("windows alone: " + ", ".join(f"{stage} {told[stage]:.3f} s" for stage in stages)
              + f", {100 * share:.1f} % of the engine's time with windows and all anomalies")  # fmt: skip
        print(f"{told['parts']:.0f} parts, {told['rows']:.0f} rows of windows")
    size = str(args.entities)
    merged = _child("--only", "merge", "--entities", size)
    print(f"merger, {args.entities:,} pairs of hosts in a window: {merged['MiB']:.0f} MiB more, "
          f"{merged['seconds']:.2f} s CPU, {merged['rows']:.0f} rows")
    one_, other_ = (_child("--only", name, "--entities", size) for name in ("count", "uncounted"))
    print(f"shard, {args.entities:,} conversations in a window: {one_['MiB'] - other_['MiB']:.0f} MiB more, "
          f"{one_['seconds'] - other_['seconds']:.2f} s CPU more")


if __name__ == "__main__":
    main()
