"""Holds what `shoal read -T fields` prints against tshark's answers, in this process: every capture of the oracle.

`python -m tests.oracle.conformance` prints agreement by field and group; `--report FILE` writes it as a page. The rules
of comparison are those of the oracle's own `compare.py`, which is loaded, not copied.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq

from collectors.decode import decode
from collectors.sources import CaptureError, open_capture
from pipeline.engine import Engine
from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.shown import UnknownField, sources

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "oracle"
STATELESS_TCP = tuple(
    "tcp." + name
    for name in ("srcport", "dstport", "seq_raw", "ack_raw", "len", "hdr_len", "flags", "window_size_value",
                 "options.mss_val", "options.wscale.shift", "options.sack_perm", "options.sack_le", "options.sack_re",
                 "options.timestamp.tsval", "options.timestamp.tsecr")
)


def comparer() -> ModuleType:
    """The oracle's own `compare.py`."""
    spec = importlib.util.spec_from_file_location("oracle_compare", ORACLE / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def known(names: list[str]) -> list[str]:
    """Those of the fields `names` that Shoal prints."""
    found = []
    for name in names:
        try:
            if sources(PACKETS, name):
                found.append(name)
        except UnknownField:
            continue
    return found


@dataclass
class Result:
    """Values seen on either side, and those that agree, by field; the captures and frames that differ."""

    seen: collections.Counter[str] = field(default_factory=collections.Counter)
    same: collections.Counter[str] = field(default_factory=collections.Counter)
    different: dict[str, list[tuple[str, int, str, str]]] = field(default_factory=dict)
    missing_frames: int = 0

    def ratio(self, fields: list[str] | tuple[str, ...]) -> float:
        """Agreement over `fields` together."""
        seen = sum(self.seen[f] for f in fields)
        return sum(self.same[f] for f in fields) / seen if seen else 1.0


    def mark(self, name: str) -> Mark:
        """How the field `name`, which is there or not, was found."""
        differ = self.different.get(name, ())
        return Mark(self.same[name], sum(not want for *_, want, _ in differ), sum(not got for *_, got in differ))


@dataclass(frozen=True)
class Mark:
    """How often both sides have a mark, only Shoal, only tshark."""

    both: int
    extra: int
    missed: int

    @property
    def precision(self) -> float:
        """Of Shoal's marks, those that tshark has."""
        return self.both / (self.both + self.extra) if self.both + self.extra else 1.0

    @property
    def recall(self) -> float:
        """Of tshark's marks, those that Shoal has."""
        return self.both / (self.both + self.missed) if self.both + self.missed else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        of = 2 * self.both + self.extra + self.missed
        return 2 * self.both / of if of else 1.0


def printed(path: Path, fields: list[str]) -> dict[int, list[str]]:
    """Frame number to the text of each of `fields`, as `shoal read -T fields -E occurrence=a` prints them."""
    shown = [PrintedField(sources(PACKETS, name), "a", "\x1f", "\t" if i else "")
             for i, name in enumerate(["frame.number", *fields])]
    writer, columns, engine = FieldWriter(shown, ""), Columns(PACKETS, 16_384), Engine(details=True)
    rows: dict[int, list[str]] = {}
    with open_capture(str(path), batch_rows=16_384) as reader:
        for frames in reader:
            decode(frames, columns)
            engine.process(columns)
            for text in writer.lines(columns, None):
                for line in bytes(text).decode("utf-8", "replace").split("\n")[:-1]:
                    cells = line.split("\t")
                    rows[int(cells[0])] = cells[1:]
    return rows


def conform(fields: list[str], match: str = "") -> Result:
    """Compare `fields` of every frame of every capture whose name contains `match`."""
    agrees = comparer().agrees
    table = pq.read_table(ORACLE / "golden.parquet", columns=["capture", "frame.number", *fields]).to_pydict()
    golden: dict[str, list[int]] = collections.defaultdict(list)
    for i, name in enumerate(table["capture"]):
        if match in name:
            golden[name].append(i)
    result = Result()
    for name, indices in golden.items():
        try:
            rows = printed(ORACLE / "captures" / name, fields)
        except CaptureError:
            rows = {}
        for i in indices:
            number = int(table["frame.number"][i])
            got = rows.get(number)
            if got is None:
                result.missing_frames += 1
                got = [""] * len(fields)
            for f, value in zip(fields, got, strict=True):
                want = table[f][i]
                if not want and not value:
                    continue
                result.seen[f] += 1
                if want == value or agrees(f, want, value):
                    result.same[f] += 1
                else:
                    result.different.setdefault(f, []).append((name, number, want or "", value))
    return result


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--field", action="append")
    ap.add_argument("--match", default="")
    ap.add_argument("--show", type=int, default=0, help="differences to print of each field")
    a = ap.parse_args()
    group_of = comparer().group_of
    names = [n for n in pq.read_schema(ORACLE / "golden.parquet").names if n not in ("capture", "frame.number")]
    fields = known(a.field or [n for n in names if n not in comparer().SKIP_FIELDS])
    result = conform(fields, a.match)
    groups: dict[str, list[str]] = collections.defaultdict(list)
    for f in fields:
        if not result.seen[f]:
            continue
        groups["tcp-stateless" if f in STATELESS_TCP else group_of(f)].append(f)
        print(f"{f:45s} {result.same[f]:8d} of {result.seen[f]:8d}  {result.ratio([f]):.5f}")
        by_capture = collections.Counter(d[0] for d in result.different.get(f, ()))
        for d in result.different.get(f, ())[: a.show]:
            print("   ", *d[:2], f"tshark {d[2]!r}, shoal {d[3]!r}")
        if a.show and by_capture:
            print("   ", dict(by_capture.most_common(12)))
    for g, fs in sorted(groups.items()):
        print(f"== {g:20s} {result.ratio(fs):.6f} of {sum(result.seen[f] for f in fs)}")
    print(f"{result.missing_frames} frames missing")


if __name__ == "__main__":
    main()
