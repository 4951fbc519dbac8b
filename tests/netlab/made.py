"""What tshark and Shoal say of a scenario's captures, and the file that keeps it: tests/scenarios/made.toml."""

from __future__ import annotations

import json
import subprocess
import textwrap
import tomllib
from pathlib import Path
from typing import Any

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.shown import sources

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
MADE = FOLDER / "made.toml"
MARKS = tuple(c.name.removeprefix("tcp.analysis.") for c in PACKETS.columns
              if c.bits_of and c.bits_of[2] == 1 and c.name.startswith("tcp.analysis."))
FIELDS = ("frame.number", "tcp.stream", *("tcp.analysis." + mark for mark in MARKS), *("tcp." + name for name in (
    "seq", "nxtseq", "ack", "window_size", "window_size_scalefactor", "time_relative", "time_delta", "completeness",
    "connection.syn", "connection.synack", "connection.fin", "connection.rst", "analysis.duplicate_ack_num",
    "analysis.duplicate_ack_frame", "analysis.rto", "analysis.rto_frame", "analysis.acks_frame", "analysis.ack_rtt",
    "analysis.initial_rtt", "analysis.bytes_in_flight", "analysis.push_bytes_sent",
)))  # fmt: skip

Streams = dict[str, dict[str, Any]]
"""By stream index: the number of segments, and for each mark the frames (from 1) that have it."""


def by_tshark(path: Path) -> list[list[str]]:
    """The cells of FIELDS for each segment, as tshark prints them. (Not of the segment that an ICMP error quotes.)"""
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp and not icmp and not icmpv6", "-T", "fields"]
    command += ["-E", "occurrence=f", *(argument for name in FIELDS for argument in ("-e", name))]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in told.stdout.splitlines()]


def by_shoal(path: Path) -> list[list[str]]:
    """The same, as Shoal prints them."""
    shown = [PrintedField(sources(PACKETS, name), "f", "", "\t" if i else "") for i, name in enumerate(FIELDS)]
    writer, columns, engine = FieldWriter(shown, ""), Columns(PACKETS), Engine()
    text = b""
    with open_capture(str(path)) as reader:
        for frames in reader:
            decode(frames, columns)
            engine.process(columns)
            text += b"".join(bytes(piece) for piece in writer.lines(columns, None))
    return [cells for line in text.decode().splitlines() if (cells := line.split("\t"))[FIELDS.index("tcp.seq")]]


def marks(rows: list[list[str]]) -> Streams:
    """The marks that stand in the cells of FIELDS."""
    streams: Streams = {}
    for number, stream, *cells in rows:
        content = streams.setdefault(stream, {"segments": 0})
        content["segments"] += 1
        for mark, cell in zip(MARKS, cells[: len(MARKS)], strict=True):
            if cell:
                content.setdefault(mark, []).append(int(number))
    return streams


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
