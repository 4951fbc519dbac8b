"""What a sink is to be told next: a function of the alerts and of what it was told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.detect.watch.board import Alert
from pipeline.detect.watch.told import Told
from pipeline.schema.alerts import SEVERITIES


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern with * and ? as a regular expression for `fullmatch`; all else stands for itself."""
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts a sink wants: from a severity on, of rules and sensors (patterns), those of imports or not."""

    min_severity: str = "info"
    rules: tuple[str, ...] = ("*",)
    sensors: tuple[str, ...] = ("*",)
    past: bool = False

    def takes(self, alert: Alert) -> bool:
        """Whether the sink wants it."""
        return (
            alert.rank >= SEVERITIES.index(self.min_severity)
            and (self.past or not alert.past)
            and any(glob(rule).fullmatch(alert.rule) for rule in self.rules)
            and any(glob(sensor).fullmatch(alert.sensor) for sensor in self.sensors)
        )


@dataclass(frozen=True, slots=True)
class Due:
    """A notification to be made: the thread, its alerts, and which states of them are news."""

    thread: str
    alerts: tuple[Alert, ...]
    news: tuple[Alert, ...]
    event: str


@dataclass(slots=True)
class Plan:
    """What is to be told, and what never will be: alerts that ended before anyone was to hear of them."""

    due: list[Due] = field(default_factory=list)
    passed: list[tuple[Alert, str]] = field(default_factory=list)


def _is_news(alert: Alert, told: Told | None) -> bool:
    if told is None or alert.version > told.version:
        return True
    return alert.version == told.version and not told.final


def plan(
    alerts: Sequence[Alert], thread_of: Mapping[str, str], told: Mapping[str, Told], wanted: Wanted
) -> Plan:
    """What one sink is to be told.

    Silenced alerts wait: one that was told before closes there when the silence is over, one that was not and has ended
    is passed over. Of an acknowledged alert that was told, only the closing is; another is passed over in the end.
    """
    found = Plan()
    by_thread: dict[str, list[Alert]] = {}
    news: dict[str, list[Alert]] = {}
    for alert in alerts:
        if not wanted.takes(alert):
            continue
        before = told.get(alert.id)
        heard = before is not None and before.delivered
        if not alert.silenced:
            by_thread.setdefault(thread_of[alert.id], []).append(alert)
        if not _is_news(alert, before):
            continue
        if (alert.silenced or alert.acknowledged) and not alert.open and not heard:
            found.passed.append((alert, "silenced" if alert.silenced else "acknowledged before it was told"))
        elif not alert.silenced and not (alert.acknowledged and (alert.open or not heard)):
            news.setdefault(thread_of[alert.id], []).append(alert)
    for thread, changed in news.items():
        members = by_thread[thread]
        known = any(before.delivered for a in members if (before := told.get(a.id)) is not None)
        event = "closed" if not any(a.open for a in members) else "updated" if known else "opened"
        found.due.append(Due(thread, tuple(members), tuple(changed), event))
    return found


def open_threads(
    alerts: Iterable[Alert], thread_of: Mapping[str, str], told: Mapping[str, Told], wanted: Wanted
) -> list[Due]:
    """The threads that a sink was told and that are open, for those that want to hear of them again and again."""
    by_thread: dict[str, list[Alert]] = {}
    for alert in alerts:
        before = told.get(alert.id)
        if wanted.takes(alert) and alert.open and not alert.silenced and before is not None and before.delivered:
            by_thread.setdefault(thread_of[alert.id], []).append(alert)
    return [Due(thread, tuple(members), (), "open") for thread, members in by_thread.items()]
