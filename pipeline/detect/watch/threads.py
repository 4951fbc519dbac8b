"""Alerts of several sensors that tell of one thing are one thread: of one rule and entity, and open at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.detect.watch.board import Alert


def _overlap(one: Alert, other: Alert) -> bool:
    """Whether both were open at one time."""
    return (other.open or one.opened <= other.closed) and (one.open or other.opened <= one.closed)


def threads(alerts: Iterable[Alert], known: Mapping[str, str]) -> dict[str, str]:
    """The thread of each alert, which is named by the alert that began it.

    `alerts` are in the order of their opening. An alert whose thread is `known` (it was told so) stays in it; another
    joins the first thread of which some alert was open at once with it, or begins one.
    """
    found: dict[str, str] = {}
    by_about: dict[tuple[str, str, str], list[tuple[Alert, str]]] = {}
    for alert in sorted(alerts, key=lambda a: (a.id not in known, a.opened, a.id)):
        others = by_about.setdefault(alert.about, [])
        thread = known.get(alert.id) or next(
            (name for other, name in others if _overlap(alert, other)), alert.id
        )
        others.append((alert, thread))
        found[alert.id] = thread
    return found
