"""What people and sinks did about alerts."""

from __future__ import annotations

from typing import Any

from pipeline.store.store import Store


def marked(_database: Store, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The alerts with `acknowledged` and `silenced`."""
    return [alert | {"acknowledged": False, "silenced": False} for alert in alerts]
