"""A notification in plain words, for sinks that people read."""

from __future__ import annotations

import json

from pipeline.detect.watch.notice import Notice, Shown

_MOST_FLOWS = 5


def when(shown: str) -> str:
    """A time to the second: `2026-11-22 10:00:00 UTC`."""
    return f"{shown[:19].replace('T', ' ')} UTC" if shown else ""


def worst(alert: Shown) -> list[str]:
    """The worst flows, a line each."""
    return [
        f"{flow['flow']}: {flow['resent']} of {flow['segments']} segments sent again"
        for flow in alert.worst[:_MOST_FLOWS]
    ]


def _alert(alert: Shown) -> list[str]:
    lines = [
        f"{alert.sensor}: {alert.said}",
        f"  state     {alert.state}, {alert.severity}",
        f"  opened    {when(alert.opened)}",
    ]
    if alert.closed:
        lines.append(f"  closed    {when(alert.closed)}")
    lines += [f"  flow      {line}" for line in worst(alert)]
    if alert.counts:
        lines.append(f"  counts    {alert.counts if isinstance(alert.counts, str) else json.dumps(alert.counts)}")
    if alert.filter:
        lines.append(f"  filter    {alert.filter}")
    if alert.sql:
        lines.append(f"  SQL       {alert.sql}")
    return [*lines, f"  alert     {alert.id}"]


def text(notice: Notice) -> str:
    """All of it, with the evidence of each alert."""
    parts = [[notice.title, ""], *([*_alert(alert), ""] for alert in notice.alerts)]
    return "\n".join(line for part in parts for line in part)
