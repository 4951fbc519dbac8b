"""`make parity`: what agrees with tshark and what does not, and why, as docs/parity.md."""

from __future__ import annotations

import collections
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.schema import PACKETS
from tests.oracle.conformance import ORACLE, STATELESS_TCP, Result, comparer, conform, known
from tests.oracle.reasons import REASONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parity.md"
NOW = ("frame", "icmp", "ip", "link", "tcp-stateless", "udp")
"""Groups that are complete: each is to agree in 0.999 of its values."""
AT_LEAST = {
    "tcp-analysis": 0.9995, "tcp-header": 0.9995, "dns": 0.998, "dhcp": 0.998, "text": 0.998, "oicq": 0.998,
    "http": 0.99, "tls": 0.99, "protocol": 0.98,
}
"""Groups that have a bound of their own."""
MARK_AT_LEAST = 0.995
"""F1 of each mark of the TCP analysis."""
_NAMED = (
    "Name of a frame alone: of a protocol that Shoal does not dissect it is told by port, first bytes and lengths, "
    "so where one of its messages ends, or what is no message of it, may be missed."
)
_MARKS = frozenset(c.name for c in PACKETS.columns if c.kind == "mark") - {"tcp.analysis.flags"}


def fields_by_group() -> dict[str, list[str]]:
    """The fields that are compared, by the oracle's groups; TCP's of a single header are a group of their own."""
    compare = comparer()
    names = [n for n in pq.read_schema(ORACLE / "golden.parquet").names if n not in ("capture", "frame.number")]
    groups: dict[str, list[str]] = collections.defaultdict(list)
    for name in known([n for n in names if n not in compare.SKIP_FIELDS]):
        groups["tcp-stateless" if name in STATELESS_TCP else compare.group_of(name)].append(name)
    return dict(groups)


def marks(groups: dict[str, list[str]]) -> list[str]:
    """The marks of the TCP analysis among the fields."""
    return [f for fields in groups.values() for f in fields if f in _MARKS]


def page(result: Result, groups: dict[str, list[str]]) -> str:
    """The whole page."""
    lines = [
        "# Agreement with tshark", "",
        "What `shoal read -T fields` prints against tshark 4.0 over the oracle's 1,808 captures (134,393 frames),",
        "value by value. A value counts where either side has one. `make parity` measures and writes this page.", "",
        "| group | values | agree |", "|---|---:|---:|",
    ]
    for group in sorted(groups):
        seen = sum(result.seen[f] for f in groups[group])
        lines.append(f"| {group} | {seen:,} | {result.ratio(groups[group]):.6f} |")
    lines += ["", "## Marks of the TCP analysis", "",
              "How often both have a mark, only Shoal, only tshark.", "",
              "| mark | both | only Shoal | only tshark | precision | recall | F1 |",
              "|---|---:|---:|---:|---:|---:|---:|"]
    for f in marks(groups):
        if result.seen[f]:
            m = result.mark(f)
            counts = f"{m.both:,} | {m.extra:,} | {m.missed:,}"
            lines.append(f"| `{f}` | {counts} | {m.precision:.5f} | {m.recall:.5f} | {m.f1:.5f} |")
    lines += ["", "## By field", "", "| field | values | differ | agree |", "|---|---:|---:|---:|"]
    for group in sorted(groups):
        for f in groups[group]:
            if result.seen[f]:
                differ = result.seen[f] - result.same[f]
                lines.append(f"| `{f}` | {result.seen[f]:,} | {differ:,} | {result.ratio([f]):.5f} |")
    by_capture: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for f, differences in result.different.items():
        for name, *_ in differences:
            by_capture[name][f] += 1
    by_reason: dict[str, list[str]] = collections.defaultdict(list)
    for name, fields in sorted(by_capture.items()):
        told = ", ".join(f"`{f}`" + (f" {n}" if n > 1 else "") for f, n in fields.most_common(6))
        more = f" and {len(fields) - 6} fields more" if len(fields) > 6 else ""
        only_named = fields.keys() == {"_ws.col.Protocol"}
        by_reason[REASONS.get(name, _NAMED if only_named else "Not explained yet.")].append(f"- {name}: {told}{more}")
    lines += ["", "## What differs, and why", ""]
    for reason, captures in sorted(by_reason.items()):
        lines += [f"**{reason}**", "", *captures, ""]
    lines.append(f"{result.missing_frames} frames are missing.")
    return "\n".join(lines) + "\n"


def main() -> None:
    groups = fields_by_group()
    result = conform([f for fields in groups.values() for f in fields])
    PAGE.write_text(page(result, groups))
    for group in sorted(groups):
        print(f"{group:16s} {result.ratio(groups[group]):.6f}")
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main()
