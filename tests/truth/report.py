"""`python -m tests.truth.report [--seeds 1-5]`: play every scenario and write docs/truth.md. Needs root, minutes."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

from tests.netlab.lab import LabError
from tests.truth.measure import Compared, compare
from tests.truth.scenarios import NO_TIMESTAMPS, SCENARIOS, play

PAGE = Path("docs/truth.md")
MODES = (
    ("timestamps and IP IDs", (), False),
    ("timestamps, IP IDs of zero", (), True),
    ("IP IDs, no timestamps", NO_TIMESTAMPS, False),
    ("neither", NO_TIMESTAMPS, True),
)
Row = tuple[str, str, int, Compared]
"""Mode, scenario, seed, and one direction of that run."""

_TEXT = """# What Shoal tells, beside what happened

This page is made by `make truth`: the kernel's TCP at both ends of a link that loses, holds back and duplicates
segments as a seed says, every scenario of `tests/truth/scenarios.py` with TCP timestamps on and off. IP IDs of zero are
the same captures read as if all were zero (over IPv6 there are none at all). [Causes of segments](causes.md) says how
each cause is told.

- **Sent again**: what the sending kernel counts (`tcpi_total_retrans`), and `resent` and `resent_needlessly` at the
  sender's end.
- **Late**: what the link delivered behind a segment sent after it, and `reordered` at the receiver's end.
- **Duplicated**: second copies that the link delivered, and `duplicated_by_network` at the receiver's end.
- **Dropped**: what the link dropped, and what Shoal counts as lost beyond the sender's end. That one can be too high:
  where the receiver does not tell that it got a segment twice, needless resending looks like loss.
- **Right**: of all segments with payload that reached the receiver, those that have the very cause that the link knows.
  Most of the others were sent again after the loss of the last segment in flight: at the receiver's end they look new.
- **Wireshark** stands for its marks on the same captures: retransmissions of all kinds, and out-of-order.
"""


def played(seeds: list[int], names: list[str]) -> Iterator[Row]:
    """Play the scenarios; a row for each mode and direction that carried more than an opening and an end."""
    for seed in seeds:
        for name in names:
            for settings in ((), NO_TIMESTAMPS):
                with tempfile.TemporaryDirectory() as folder:
                    outcome = play(SCENARIOS[name], seed, Path(folder), settings)
                    for mode, of, zero in MODES:
                        if of == settings:
                            yield from ((mode, name, seed, c) for c in compare(outcome, zero) if c.judged)


_NONE = Compared(*[0] * 12)


def _total(rows: list[Compared]) -> Compared:
    return Compared(*(sum(column) for column in zip(*map(astuple, [_NONE, *rows]), strict=True)))


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)" if whole else "none"


def summary(rows: list[Row]) -> list[str]:
    """A line for each mode: how often the counts are exact, and how far off they are in all, beside Wireshark's."""
    lines = [
        "| evidence | sent again: exact | off by (Wireshark) | late: within 10 % | off by (Wireshark) "
        "| duplicated: exact | off by | right |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for mode, _, _ in MODES:
        mine = [c for m, _, _, c in rows if m == mode]
        total = _total(mine)
        lines.append(
            f"| {mode} | {_of(sum(c.resent == c.told_resent for c in mine), len(mine))} "
            f"| {sum(abs(c.resent - c.told_resent) for c in mine)} of {total.resent} "
            f"({sum(abs(c.resent - c.marked_resent) for c in mine)}) "
            f"| {_of(sum(abs(c.late - c.told_late) <= 0.1 * c.late for c in mine), len(mine))} "
            f"| {sum(abs(c.late - c.told_late) for c in mine)} of {total.late} "
            f"({sum(abs(c.late - c.marked_late) for c in mine)}) "
            f"| {_of(sum(c.duplicated == c.told_duplicated for c in mine), len(mine))} "
            f"| {sum(abs(c.duplicated - c.told_duplicated) for c in mine)} of {total.duplicated} "
            f"| {_of(total.right, total.judged)} |"
        )
    return lines


def table(rows: list[Row], mode: str) -> list[str]:
    """A line for each scenario, its seeds added up."""
    lines = [
        "| scenario | sent again: true, told, Wireshark | late: true, told, Wireshark | duplicated: true, told "
        "| dropped: true, told | right |",
        "|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(n for _, n, _, _ in rows):
        t = _total([c for m, n, _, c in rows if m == mode and n == name])
        lines.append(
            f"| {name} | {t.resent}, {t.told_resent}, {t.marked_resent} | {t.late}, {t.told_late}, {t.marked_late} "
            f"| {t.duplicated}, {t.told_duplicated} | {t.dropped}, {t.told_dropped} | {t.right} of {t.judged} |"
        )
    return lines


def page(rows: list[Row], seeds: list[int]) -> str:
    """The text of docs/truth.md."""
    made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    system = f"a machine of {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}"
    lines = [_TEXT, f"Made on {made} with seeds {seeds[0]} to {seeds[-1]} on {system}.", "", "## In all",
             "A run is one scenario, seed and direction; off by is added up over runs.", "", *summary(rows)]
    for mode, _, _ in MODES:
        lines += ["", f"## With {mode}" if mode != "neither" else "## With neither", "", *table(rows, mode)]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Play, print each count that is off, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-3", help="first and last seed (default: %(default)s)")
    parser.add_argument("--match", default="", help="only scenarios with this text in their name; the page stays")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = list(range(int(first), int(last or first) + 1))
    rows = []
    try:
        for row in played(seeds, [n for n in SCENARIOS if arguments.match in n]):
            rows.append(row)
            mode, name, seed, c = row
            exact = c.resent == c.told_resent and c.duplicated == c.told_duplicated
            if not exact or abs(c.late - c.told_late) > 0.1 * c.late:
                print(f"{name}, seed {seed}, {mode}: {c}", flush=True)
    except LabError as error:
        print(f"truth: {error}", file=sys.stderr)
        return 1
    print("\n".join(summary(rows)))
    if not arguments.match:
        PAGE.write_text(page(rows, seeds), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
