"""What tshark and Shoal say of a scenario's captures, and the file that keeps it: tests/scenarios/made.toml."""

from __future__ import annotations

import json
import subprocess
import textwrap
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
MADE = FOLDER / "made.toml"
_WORD = "shoal.tcp.analysis"
MARKS = {c.name.removeprefix("tcp.analysis."): c.bits_of[1] for c in PACKETS.columns
         if c.bits_of and c.bits_of[0] == _WORD and c.bits_of[2] == 1 and c.name.startswith("tcp.analysis.")}
"""The bit of each mark."""

Streams = dict[str, dict[str, Any]]
"""By stream index: the number of segments, and for each mark the frames (from 1) that have it."""


def by_tshark(path: Path) -> Streams:
    """What tshark says."""
    fields = ("frame.number", "tcp.stream", *(f"tcp.analysis.{mark}" for mark in MARKS))
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f"]
    command += [argument for name in fields for argument in ("-e", name)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    streams: Streams = defaultdict(lambda: {"segments": 0})
    for line in told.stdout.splitlines():
        number, stream, *marks = line.split("\t")
        if stream:
            _add(streams[stream], int(number), [mark for mark, text in zip(MARKS, marks, strict=True) if text])
    return dict(streams)


def by_shoal(path: Path) -> Streams:
    """What Shoal says."""
    columns, engine = Columns(PACKETS), Engine()
    streams: Streams = defaultdict(lambda: {"segments": 0})
    number = 0
    with open_capture(str(path)) as reader:
        for frames in reader:
            decode(frames, columns)
            engine.process(columns)
            present = columns.present("tcp.stream")
            assert present is not None
            rows = (present.tolist(), columns.values("tcp.stream").tolist(), columns.values(_WORD).tolist())
            for there, stream, word in zip(*rows, strict=True):
                number += 1
                if there:
                    _add(streams[str(stream)], number, [mark for mark, bit in MARKS.items() if word >> bit & 1])
    return dict(streams)


def _add(stream: dict[str, Any], number: int, marks: list[str]) -> None:
    stream["segments"] += 1
    for mark in marks:
        stream.setdefault(mark, []).append(number)


def recorded() -> dict[str, Any]:
    """The file: by scenario, the `truth` and, by the place of the capture, its streams."""
    return tomllib.loads(MADE.read_text()) if MADE.exists() else {}


def record(kept: dict[str, Any]) -> None:
    """Write the file."""
    lines = ["# What tshark 4.0 marks in each capture, and what the switch and the kernels counted meanwhile.",
             "# Written by `make scenarios`; by capture and TCP stream: segments, and the frames that have each mark."]
    for name, parts in kept.items():
        for part, content in parts.items():
            for key, values in content.items():
                lines += ["", f"[{name}.{part}.{key}]"]
                for what, value in values.items():
                    lines += textwrap.wrap(f"{what} = {json.dumps(value)}", 120, subsequent_indent="  ")
    MADE.write_text("\n".join(lines) + "\n")
