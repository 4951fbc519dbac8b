"""An alert as a page of text."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from pipeline.cli.alert_rows import lasts, state_words
from pipeline.cli.listing import table
from pipeline.render.terminal import shown
from pipeline.schema.times import read_time, spoken, utc

_WIDTH = 100


def page(alert: dict[str, Any], now: int) -> list[str]:
    """The lines of the page: the alert as `pipeline.cli.alert_rows` gives it, with what it gives beside: `states`,
    `acknowledgements`, `deliveries`, `pinned`."""
    parts = (_head(alert, now), _counts(alert), _worst(alert), _evidence(alert), _states(alert["states"]),
             _deliveries(alert["deliveries"]))
    return [line.rstrip() for part in parts for line in part]


def _head(alert: dict[str, Any], now: int) -> Iterator[str]:
    at = {name: alert[f"shoal.alert.{name}"] for name in ("begins", "ends", "opened", "closed")}
    yield f"{shown(alert['shoal.alert.severity'])} {shown(alert['shoal.alert.rule'])}: {state_words(alert)}"
    yield from textwrap.wrap(shown(alert["shoal.alert.said"]), _WIDTH)
    yield ""
    members = alert["shoal.alert.members"]
    facts = [
        ("id", alert["shoal.alert.id"]),
        (alert["shoal.alert.kind"] if alert["shoal.alert.kind"] != "other" else "about", alert["shoal.alert.entity"]),
        ("with", ", ".join(map(str, members)) if isinstance(members, list) else members),
        ("sensor", alert["sensor"]),
        ("capture", alert["capture"]),
        ("windows", f"{_utc(at['begins'])} to {_utc(at['ends'])} UTC"),
        ("opened", f"{_utc(at['opened'])} UTC"),
        ("closed", f"{_utc(at['closed'])} UTC" if at["closed"] is not None else ""),
        ("lasts", spoken(lasts(alert, now))),
        ("pinned", _pinned(alert["pinned"])),
        *(("seen by", f"{ack['shoal.ack.by']}, {_utc(ack['shoal.ack.time'])} UTC: {ack['shoal.ack.note']}".rstrip(": "))
          for ack in alert["acknowledgements"]),
        ("silenced", ", ".join(alert["shoal.alert.silenced"])),
    ]
    for name, value in facts:
        if value:
            yield f"{name:<8} {shown(value)}"


def _utc(text: str) -> str:
    return utc(read_time(text))


def _pinned(found: dict[str, Any]) -> str:
    if not found["packets"]:
        return ""
    span = f"{_utc(found['first'])} to {_utc(found['last'])} UTC"
    return f"{found['packets']:,} packets, {found['bytes']:,} bytes, {span}"


def _counts(alert: dict[str, Any]) -> Iterator[str]:
    counts = alert["shoal.alert.counts"]
    if not isinstance(counts, dict):
        if counts:
            yield from ("", f"counts   {shown(counts)}")
        return
    before, during = _span(counts, "before"), _span(counts, "during")
    names = list(dict.fromkeys((*during, *before)))
    if names:
        yield ""
        rows = [(name, _number(before.get(name)), _number(during.get(name))) for name in names]
        yield from table(("COUNT", "BEFORE", "DURING"), rows, right=("BEFORE", "DURING"))


def _span(counts: dict[str, Any], name: str) -> dict[str, Any]:
    found = counts.get(name)
    return found if isinstance(found, dict) else {}


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else "-" if value is None else json.dumps(value)


def _worst(alert: dict[str, Any]) -> Iterator[str]:
    flows = list(zip(*(alert[f"worst.{name}"] for name in ("flow", "resent", "segments", "flow_id")), strict=True))
    if flows:
        yield ""
        rows = [
            (flow, f"{resent:,}", f"{segments:,}", f"{resent / segments:.1%}" if segments else "-", flow_id)
            for flow, resent, segments, flow_id in flows
        ]
        yield from table(("WORST FLOW", "RESENT", "SEGMENTS", "SHARE", "FLOW_ID"), rows,
                         right=("RESENT", "SEGMENTS", "SHARE", "FLOW_ID"))


def _evidence(alert: dict[str, Any]) -> Iterator[str]:
    # As they are, each from the margin on, to be copied.
    for heading, name in ("Display filter", "filter"), ("SQL", "sql"):
        if text := alert[f"shoal.alert.{name}"]:
            yield from ("", f"{heading}:", *map(shown, text.splitlines()))


def _states(states: list[dict[str, Any]]) -> Iterator[str]:
    if states:
        yield ""
        rows = [
            (row["shoal.alert.version"], _utc(row["shoal.alert.ends"]), row["shoal.alert.state"],
             row["shoal.alert.severity"], row["shoal.alert.said"]) for row in states
        ]
        yield from table(("VERSION", "WINDOWS UNTIL (UTC)", "STATE", "SEVERITY", "SAID"), rows, right=("VERSION",))


def _deliveries(rows: list[dict[str, Any]]) -> Iterator[str]:
    if rows:
        yield ""
        cells = [
            (row["shoal.alert.version"], row["shoal.delivery.sink"], row["shoal.delivery.outcome"],
             _utc(row["shoal.delivery.time"]), row["shoal.delivery.attempts"], row["shoal.delivery.said"])
            for row in rows
        ]
        yield from table(("VERSION", "TOLD TO", "OUTCOME", "AT (UTC)", "ATTEMPTS", "SAID"), cells,
                         right=("VERSION", "ATTEMPTS"))
