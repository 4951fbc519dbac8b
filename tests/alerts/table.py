"""`python -m tests.alerts.table [--seeds 1-3] [--kept]`: what alerts are raised in each scenario beside what ought to
be; writes docs/alerts-measured.md.

The transfers are played anew, as root, for each seed (half a minute); with --kept those of the repository are taken.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.alerts.imported import Imported, import_all
from tests.alerts.judge import FEW_SEGMENTS, MAY_SHARE, MUST_SEGMENTS, MUST_SHARE, Verdict, judge
from tests.alerts.library import FOLDER, PLAYS, perform
from tests.alerts.spikes import MAKERS
from tests.netlab.lab import LabError

PAGE = Path("docs/alerts-measured.md")
_TEXT = f"""# Alerts, beside what happened

This page is made by `make alerts`. Two kernels play some fifty transfers over a switch that loses, holds back and
copies segments as a seed says, captured at both ends; scenarios of ten minutes are made of them, each transfer moved to
addresses, ports and a time (`tests/alerts/spikes.py`), and imported with `shoal import`. Of each segment it is known
whether its sender's kernel had sent it before: both captures tell it, and it is checked against what the kernels count.

**What ought to be raised** was laid down before the first alert was seen (`tests/alerts/judge.py`). In windows of
ten seconds of a service's segments with payload, and of a pair of hosts where none of the services between them has a
spike of its own:

- a spike is to be raised where in a window, or in two that adjoin, at least {MUST_SEGMENTS} segments were sent and at
  least {MUST_SHARE:.0%} of them had been sent before. That is one transfer of 400 kB with a loss of 5 %, less what
  chance may take off so few segments;
- none may be raised where no window of {FEW_SEGMENTS} segments and more had {MAY_SHARE:.1%} of them sent before;
- in between either is right; the number of segments was 150 at first, and became that of the smallest transfer which is
  promised to be told when the rule's least count was known: with 150 the same spikes of seed 1 are found, all of them;
  with 100 two of 61 are missed, both of the scenario of few packets. The table says how many windows of services are in
  between, and of how many of them an alert tells.

An alert is right where enough was sent again of its entity in its time. A spike is found where an alert of its time is
about its service or pair, or about a host, a pair or the sensor that most of what was sent again goes through.
**Precision** is the share of alerts that are right, **recall** the share of spikes that are found. Any alert counts, of
whatever rule. Delay is the capture's time from the end of the first window that makes a spike one until an alert is
open.
"""
_REST = """
## Evidence

The SQL of an alert selects just the segments that were sent again, and its display filter the same ones when tshark
applies it to the capture, with two exceptions that `tests/alerts/test_spike_scenarios.py` knows:

- at the receiver's end a segment that was lost at the end of a flight looks new when it is sent again, so it is neither
  counted nor selected (in these scenarios less than one in fifty, in most none);
- where a path also overtakes and copies segments, more frames than a filter can name may bear Wireshark's marks without
  having been sent again. The alert then says that its filter is near; the SQL is exact all the same.

## Live

`tests/alerts/test_alerts_live.py` plays a lossy upload between namespaces beside clean ones. The time is from the
window's end until the alert was read by `shoal sql`, which itself takes most of a second:

| path | open after | made |
|---|---|---|
LIVE
"""
_LIVE = """| `shoal run` | 1.3 to 1.8 s | 2026-11-22, 2 busy cores |
| collector, Kafka, two workers, served database | 2.1 to 2.7 s | 2026-11-22, 2 busy cores |"""


def _line(name: str, of: Verdict) -> str:
    late = f"{max(of.late):.0f}" if of.late else ""
    return (f"| {name} | {of.alerts} | {of.right} | {of.spikes} | {of.told} | {of.between} | {of.between_told}"
            f" | {late} |")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f} ({part} of {whole})" if whole else "none"


def page(verdicts: dict[str, Verdict], seeds: list[int]) -> str:
    """The text of docs/alerts-measured.md."""
    whole = total(verdicts)
    made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    late = sum(seconds == 0 for seconds in whole.late)
    lines = [
        _TEXT,
        f"Made on {made} with seeds {seeds[0]} to {seeds[-1]} of {len(verdicts)} scenarios on Linux"
        f" {platform.release().split('-')[0]}, {os.cpu_count()} cores:\n"
        f"precision {_share(whole.right, whole.alerts)}, recall {_share(whole.told, whole.spikes)};\n"
        f"{late} of {len(whole.late)} were open as soon as their first window had ended.",
        "",
        "| scenario | alerts | right | spikes | found | windows in between | told | longest delay (s) |",
        "|---|---|---|---|---|---|---|---|",
        *(_line(name, of) for name, of in verdicts.items()),
        _line("all", whole),
    ]
    if whole.wrong:
        lines += ["", "What was not as it ought to be:", "", *(f"- {said}" for said in whole.wrong)]
    return "\n".join(lines) + "\n" + _REST.replace("LIVE", _LIVE)


def total(verdicts: dict[str, Verdict]) -> Verdict:
    """All of them added up."""
    whole = Verdict()
    for of in verdicts.values():
        whole += of
    return whole


def judged(imported: list[Imported]) -> dict[str, Verdict]:
    """The verdicts by the names of scenarios, those of several seeds added up."""
    found: dict[str, Verdict] = {}
    for one in imported:
        verdict = found.setdefault(one.name, Verdict())
        verdict += judge(one.truth, one.alerts)
    return found


def main() -> int:
    """The command. Returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-3", help="first and last seed (default: %(default)s)")
    parser.add_argument("--kept", action="store_true", help="take the transfers of the repository")
    parser.add_argument("--match", default="", help="only scenarios with this text in their name; the page stays")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = list(range(int(first), int(last or first) + 1))
    names = [name for name in MAKERS if arguments.match in name]
    verdicts: dict[str, Verdict] = {name: Verdict() for name in names}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as temporary:
            folder = FOLDER
            try:
                if not arguments.kept:
                    folder = Path(temporary)
                    perform(list(PLAYS), folder, seed)
            except LabError as error:
                print(f"alerts: {error}", file=sys.stderr)
                return 1
            for name, of in judged(import_all([(name, seed) for name in names], Path(temporary), folder)).items():
                verdicts[name] += of
                for said in of.wrong:
                    print(f"seed {seed}, {name}: {said}", flush=True)
    whole = total(verdicts)
    print(f"precision {_share(whole.right, whole.alerts)}, recall {_share(whole.told, whole.spikes)}")
    if not arguments.match:
        PAGE.write_text(page(verdicts, seeds), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
