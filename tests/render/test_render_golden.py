"""The text of values held against the golden table of tshark's answers, where that is at hand."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.shown import shown, sources

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "oracle"
MOST = 150


def number(text: str) -> int | str:
    """The number that a text is one of, in any form."""
    try:
        return int(text, 0) if text == "0" or not text.startswith("0") or text[1:2] == "x" else text
    except ValueError:
        return text


def lines_of(path: Path, names: list[str]) -> list[list[str]]:
    """The named fields of every frame."""
    columns, text = Columns(PACKETS), b""
    fields = [PrintedField(sources(PACKETS, n), join="\x1f", gap="\t" if i else "") for i, n in enumerate(names)]
    writer = FieldWriter(fields)
    with open_capture(path) as reader:
        for frames in reader:
            decode(frames, columns)
            text += b"".join(bytes(piece) for piece in writer.lines(columns))
    return [line.split("\t") for line in text.decode().split("\n")[:-1]]


def test_values_are_written_as_tshark_writes_them() -> None:
    """Over small captures of all kinds, no value that is the same number is written in another form."""
    if not (ORACLE / "golden.parquet").exists():
        return
    known = shown(PACKETS)
    table = pq.read_table(ORACLE / "golden.parquet")
    names = [n for n in table.column_names if n in known and n != "frame.protocols"]
    counts = table["capture"].value_counts().to_pylist()
    small = [c["values"] for c in sorted(counts, key=lambda c: (c["counts"], c["values"]))][::8][:MOST]
    table = table.filter(pc.is_in(table["capture"], pa.array(small)))
    golden: dict[str, list[list[str | None]]] = defaultdict(list)
    for capture, *values in zip(*(table[n].to_pylist() for n in ("capture", *names)), strict=True):
        golden[capture].append(values)
    same = 0
    for capture in small:
        for expected, printed in zip(golden[capture], lines_of(ORACLE / "captures" / capture, names), strict=False):
            for name, theirs, ours in zip(names, expected, printed, strict=True):
                if ours == (theirs or ""):
                    same += bool(ours)
                else:
                    assert [*map(number, ours.split("\x1f"))] != [*map(number, (theirs or "").split("\x1f"))], (
                        capture, name, theirs, ours)
    assert same > 5_000
