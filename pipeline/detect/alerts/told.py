"""What an alert says: a sentence with the numbers, and the counts before and during."""

from __future__ import annotations

import math
from typing import Any

from pipeline.detect.alerts.evidence import filter_of, spoken, sql_of
from pipeline.detect.alerts.life import Alert
from pipeline.detect.rules.declared import Rule
from pipeline.schema.alerts import ENTITIES


def counts(rule: Rule, alert: Alert) -> dict[str, Any]:
    """Means of the rule's columns in a window: `before`, as learnt, and `during`; `windows` is of how many."""
    during = {"windows": alert.windows} | {
        name: _short(of / max(1, alert.windows)) for name, of in zip(rule.columns, alert.during, strict=False)
    }
    if not alert.learnt:
        return {"before": {"windows": 0}, "during": during}
    before = {"windows": round(alert.learnt)} | {
        name: _short(of) for name, of in zip(rule.columns, alert.before, strict=False)
    }
    return {"before": before, "during": during}


def _short(value: float) -> float:
    return float(f"{value:.6g}") if math.isfinite(value) else 0.0


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def _single(rule: Rule, values: list[float]) -> tuple[float, float]:
    """Numerator and denominator of the sums of the rule's columns."""
    import numpy as np

    assert rule.numerator is not None
    assert rule.denominator is not None
    get = lambda name: np.array([values[rule.columns.index(name)]])  # noqa: E731
    return float(rule.numerator.of(get)[0]), float(rule.denominator.of(get)[0])


def _numbers(rule: Rule, alert: Alert) -> str:
    if rule.kind == "absence":
        return f"without a window since {spoken(alert.begins)}"
    if rule.kind == "ratio":
        part, whole = _single(rule, alert.during)
        said = f"{_number(part)} of {_number(whole)} ({100 * part / whole:.1f} %)" if whole > 0 else "of nothing"
        if alert.learnt >= 1 and (usual := _single(rule, alert.before))[1] > 0:
            said += f", where {100 * usual[0] / usual[1]:.2g} % was usual"
        return said
    assert rule.value is not None
    if rule.kind == "change":
        return f"{rule.value.text} at {alert.figure:.3g} times that of before"
    return f"{rule.value.text} at {'the lowest' if rule.falls else 'up to'} {_number(alert.figure)}"


def tell(rule: Rule, alert: Alert, sensor: str, capture: str, lost: bool = False) -> None:
    """Write sentence, filter and SQL of the alert as it stands; with `lost` it turned out that the sensor failed."""
    alert.filter, near = filter_of(rule, alert.entity, alert.begins, alert.ends, alert.evidence)
    alert.sql = sql_of(rule, sensor, capture, alert.entity, alert.begins, alert.ends)
    kind = ENTITIES[alert.entity.kind]
    who = f"sensor {sensor}" if kind == "sensor" else f"{kind} {alert.entity.text}"
    said = f"{rule.meaning}: {who}, {_numbers(rule, alert)}"
    if rule.kind != "absence":
        said += f", {spoken(alert.begins)} to {spoken(alert.ends)} UTC"
    if kind != "service" and len(alert.members) > 1:
        said += f"; {len(alert.members)} entities are concerned"
    if lost:
        said += "; taken back: the sensor lost packets meanwhile"
    if near:
        said += "; the display filter is near, the SQL is exact"
    alert.said = said
