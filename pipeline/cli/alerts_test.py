"""`shoal alerts test`: what rules would have raised."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.listing import as_json, database_options, table
from pipeline.cli.times import SINCE
from pipeline.schema.times import spoken, utc

if TYPE_CHECKING:
    from pipeline.schema.columns import Columns

_HEADINGS = ("OPENED (UTC)", "LASTS", "SEVERITY", "RULE", "ENTITY", "SENSOR", "SAID")


@click.command("test", short_help="Try rules on what is stored, without telling anyone.")
@click.argument("rules", required=False, type=click.Path(exists=True, dir_okay=False))
@database_options
@click.option("--since", type=SINCE, default="7d", show_default=True, metavar="WHEN",
              help="Windows that ended since: 90s, 24h, 7d, or a time (ISO 8601).")
@click.option("--until", type=SINCE, default="now", show_default=True, metavar="WHEN",
              help="Windows that ended by then.")
@click.option("--sensor", default="", metavar="NAME", help="Those of the sensor.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object a line, with all fields.")
def test(
    rules: str | None, db: str, user: str, password: str, since: int, until: int, sensor: str, wants_json: bool
) -> None:
    """Hold the rules of a file, and the built-in ones, against the windows of a database, and print what they would
    have raised. Nothing is stored and nobody is told. Without a file, the built-in rules.

    Times are those of the captures: a file that was imported may need an earlier --since. The database has no
    conversations of each window, so alerts are grouped by hosts; rules in SQL are checked, and not run.

    \b
    shoal alerts test my-rules.toml --db DIR --since 24h
    """
    from pipeline.cli.errors import CommandError
    from pipeline.cli.rule_history import captures, history
    from pipeline.detect.alerts import Alerts
    from pipeline.detect.rules import load_rules
    from pipeline.store.connect import connect

    loaded = load_rules(rules)
    if since >= until:
        raise CommandError(f"nothing lies between {utc(since)} and {utc(until)}")
    found: list[dict[str, Any]] = []
    windows = 0
    with connect(db, readonly=True, user=user, password=password) as database:
        of = captures(database, since, until, sensor)
        for capture in of:
            alerts = Alerts(loaded, capture["sensor"], capture["capture"], past=True, coarse=True)
            told: dict[str, dict[str, Any]] = {}
            for closed in history(database, capture, loaded, since, until):
                windows += closed.windows.rows
                _last(told, alerts.take(closed), capture)
            _last(told, alerts.finish(), capture)
            found += told.values()
    found.sort(key=lambda row: (row["shoal.alert.opened"], row["shoal.alert.id"]))
    if wants_json:
        for row in found:
            click.echo(as_json(row))
        return
    if found:
        cells = [
            (utc(row["shoal.alert.opened"]), spoken(row["shoal.alert.closed"] - row["shoal.alert.begins"]),
             row["shoal.alert.severity"], row["shoal.alert.rule"], row["shoal.alert.entity"], row["sensor"],
             row["shoal.alert.said"])
            for row in found
        ]  # fmt: skip
        click.echo("\n".join(table(_HEADINGS, cells)))
    by_rule = Counter(row["shoal.alert.rule"] for row in found)
    said = ", ".join(f"{rule.name} {by_rule[rule.name]}" for rule in loaded if rule.kind != "sql")
    click.echo(f"{len(found)} alerts from {windows:,} windows of {len(of)} captures: {said}")
    if not of:
        click.echo(f"no window ended between {utc(since)} and {utc(until)}; --since takes more", err=True)


def _last(told: dict[str, dict[str, Any]], columns: Columns | None, capture: dict[str, Any]) -> None:
    """Keep the newest state of each alert."""
    if columns is None:
        return
    shown = [c for c in columns.record.columns if c.kind not in ("label", "day", "ipv6")]
    for at in range(columns.rows):
        row: dict[str, Any] = {"sensor": capture["sensor"], "capture": capture["capture"]}
        for column in shown:
            value: Any = columns.values(column.name)[at].item()
            there = columns.present(column.name)
            if there is not None and not there[at]:
                value = None
            elif column.kind in ("string", "text"):
                value = columns.texts[value]
            elif column.kind == "enum":
                value = column.names[value]
            row[column.name] = value
        told[row["shoal.alert.id"]] = row


