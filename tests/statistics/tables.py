"""The tables that Shoal and tshark print of a capture."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.statistics import STATISTICS, Statistic

CONVERSATIONS = tuple(name for name in STATISTICS if name.startswith("conv,"))
SEVERITIES = ("Errors", "Warns", "Notes", "Chats", "Comments")


def ours(path: Path, names: tuple[str, ...] = CONVERSATIONS, batch_rows: int = 4096,
         keep: NDArray[np.bool_] | None = None) -> list[str]:
    """Each statistic as Shoal prints it, of the frames that `keep`, shape (frames,), marks, or all."""
    statistics: list[Statistic] = [STATISTICS[name].make() for name in names]
    columns, engine, first = Columns(PACKETS, batch_rows), Engine(), 0
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for frames in reader:
            decode(frames, columns)
            engine.process(columns)
            kept = None if keep is None else keep[first : first + columns.rows]
            first += columns.rows
            for statistic in statistics:
                statistic.add(columns, engine, kept)
    return [b"".join(bytes(text) for text in statistic.lines()).decode() for statistic in statistics]


def tshark(path: Path, names: tuple[str, ...] = CONVERSATIONS) -> list[str]:
    """Each conversation table as tshark prints it, all in one run."""
    asked = [option for name in names for option in ("-z", name)]
    done = subprocess.run(["tshark", "-n", "-q", "-r", str(path), *asked], capture_output=True, text=True, check=False)
    rule = "=" * 80 + "\n"
    parts = done.stdout.split(rule)
    # The last asked for comes first.
    return [f"{rule}{table}{rule}" for table in reversed(parts[1::2])]


def tshark_expert(path: Path) -> str:
    """What tshark's expert summary says."""
    command = ["tshark", "-n", "-q", "-r", str(path), "-z", "expert"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def differences(path: Path) -> list[str]:
    """Which of the conversation tables of a capture are not tshark's."""
    pairs = zip(CONVERSATIONS, ours(path), tshark(path), strict=True)
    return [f"{path.name}: {name}" for name, mine, theirs in pairs if mine != theirs]


def expert(text: str) -> dict[str, list[str]]:
    """The lines of TCP and Ethernet in an expert summary, by severity."""
    found: dict[str, list[str]] = {}
    severity = ""
    for line in text.splitlines():
        if line.startswith(SEVERITIES) and line.endswith(")"):
            severity = line.partition(" ")[0]
        elif line[24:42].strip() in ("TCP", "Ethernet"):
            found.setdefault(severity, []).append(line)
    return found
