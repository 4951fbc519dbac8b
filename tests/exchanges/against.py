"""Frames made by hand: what Shoal and what tshark print of them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.exchanges.hear import Frame, write
from tests.oracle.conformance import printed

Cells = dict[int, list[str]]
"""The text of each field, by frame."""


def both(frames: Sequence[Frame], folder: Path, fields: Sequence[str]) -> tuple[Cells, Cells]:
    """What Shoal prints of `fields`, and what tshark prints; all occurrences, by 0x1f."""
    path = folder / "made.pcap"
    path.write_bytes(write(frames))
    return printed(path, list(fields)), tshark(path, fields)


def tshark(path: Path, fields: Sequence[str]) -> Cells:
    """What tshark prints of `fields`."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1f"]
    for name in ("frame.number", *fields):
        command += ["-e", name]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return {int(line.split("\t")[0]): line.split("\t")[1:] for line in told.split("\n") if line}
