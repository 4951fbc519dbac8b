"""Number, time and lengths of every frame as tshark gives them, where the shared captures are at hand."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "oracle"
SUNATM = 123
PSEUDO_HEADER = 4
"""Bytes before each SunATM frame that tshark does not count as its own."""


def nanoseconds(printed: str) -> int:
    """The time of a `frame.time_epoch`; tshark prints a negative fraction as a sign before the seconds."""
    seconds, _, fraction = printed.lstrip("-").partition(".")
    return int(seconds) * 10**9 + (-int(fraction) if printed.startswith("-") else int(fraction))


if ORACLE.is_dir():

    def test_all_shared_captures() -> None:
        import pyarrow.parquet as pq

        from tests.sources.makecap import read

        columns = ["capture", "frame.time_epoch", "frame.len", "frame.cap_len"]
        golden: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for capture, time, length, captured in zip(
            *(pq.read_table(ORACLE / "golden.parquet", columns=columns)[c].to_pylist() for c in columns), strict=True
        ):
            golden[capture].append((nanoseconds(time), int(length), int(captured)))
        different = []
        for path in sorted((ORACLE / "captures").iterdir()):
            found = []
            for frame in read(path)[0]:
                over = PSEUDO_HEADER if frame.linktype == SUNATM else 0
                # tshark prints lengths as signed numbers, up to their largest.
                found.append((frame.time, min(frame.length - over, (1 << 31) - 1), len(frame.data) - over))
            if found != golden[path.name]:
                different.append(path.name)
        assert different == []
