"""`shoal alerts list`."""

from __future__ import annotations

import time
from typing import Any

import click

from pipeline.cli.listing import SEVERITY, database_options, format_option, print_rows, table
from pipeline.cli.times import SINCE
from pipeline.schema.alerts import STATES
from pipeline.schema.times import read_time, spoken, utc

_HEADINGS = ("ID", "OPENED (UTC)", "LASTS", "SEVERITY", "STATE", "RULE", "ENTITY", "SENSOR", "SAID")


@click.command("list", short_help="List alerts, the newest first.")
@database_options
@click.option("--all", "every", is_flag=True, help="Closed ones too.")
@click.option("--state", type=click.Choice(STATES), help="Those in this state.  [default: open]")
@click.option("--rule", default="", metavar="PATTERN", help="Those of the rule, as 'retransmission-*'.")
@click.option("--entity", default="", metavar="PATTERN", help="Those about the entity, as '192.0.2.*:443'.")
@click.option("--sensor", default="", metavar="PATTERN", help="Those of the sensor.")
@click.option("--severity", type=SEVERITY, default=(), metavar="SEVERITY",
              help="info, warning or critical; warning+ is that and above.")
@click.option("--since", type=SINCE, metavar="WHEN", help="Those opened since: 90s, 24h, 7d, or a time (ISO 8601).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N, the newest.")
@format_option
def list_(
    db: str, user: str, password: str, every: bool, state: str | None, rule: str, entity: str, sensor: str,
    severity: tuple[str, ...], since: int | None, limit: int | None, fmt: str,
) -> None:
    """List alerts, the newest first: those that are open, unless told otherwise.

    Patterns have * for any text and ? for any character. Times are those of the capture, so an alert of a file that was
    imported (past) is as old as the file.

    \b
    shoal alerts list --db DIR
    shoal alerts list --db DIR --all --severity warning+ --since 24h
    """
    from pipeline.cli.alert_rows import COLUMNS, Wanted, alerts_of, opened, short_ids

    if every and state:
        raise click.UsageError("--all is alerts in every state; leave --state away")
    state = None if every else state or "open"
    with opened(db, user, password) as database:
        wanted = Wanted((state,) if state else (), rule, entity, sensor, severity, since, limit)
        rows = alerts_of(database, wanted.sql())
        short = short_ids(database, [row["shoal.alert.id"] for row in rows]) if fmt == "table" else {}
    if fmt != "table":
        print_rows(fmt, rows, COLUMNS)
        return
    now = time.time_ns()
    if not rows:
        click.echo(f"no {state} alerts" if state else "no alerts")
        return
    lines = table(_HEADINGS, [_cells(row, short, now) for row in rows], right=("LASTS",))
    click.echo("\n".join(lines))


def _cells(row: dict[str, Any], short: dict[str, str], now: int) -> tuple[object, ...]:
    from pipeline.cli.alert_rows import lasts, state_words

    return (
        short[row["shoal.alert.id"]], utc(read_time(row["shoal.alert.opened"])), spoken(lasts(row, now)),
        row["shoal.alert.severity"], state_words(row), row["shoal.alert.rule"], row["shoal.alert.entity"],
        row["sensor"], row["shoal.alert.said"],
    )
