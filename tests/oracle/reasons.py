"""Why captures of the oracle differ: capture to reason. Not used by anything but the report."""

from __future__ import annotations

REASONS: dict[str, str] = {}


def _because(reason: str, *captures: str) -> None:
    REASONS.update(dict.fromkeys(captures, reason))
