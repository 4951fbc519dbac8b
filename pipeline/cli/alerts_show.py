"""`shoal alerts show`."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import click

from pipeline.cli.listing import as_json, database_options

_JSON = ("shoal.alert.counts", "shoal.alert.members")
"""Columns that hold JSON."""


@click.command("show", short_help="Show an alert with its evidence.")
@click.argument("id")
@database_options
@click.option("--format", "fmt", type=click.Choice(("text", "json")), default="text", show_default=True,
              help="json: one object, with all fields, states, deliveries and what is pinned.")
def show(id: str, db: str, user: str, password: str, fmt: str) -> None:
    """Show an alert with its evidence: what is wrong, counts before and during, the worst flows, the display filter and
    the SQL that show the packets, how many of them are pinned, its states in time, and who was told of it.

    ID is the alert's, or as many of its first digits as tell it from others.
    """
    from pipeline.cli.alert_page import page
    from pipeline.cli.alert_rows import acks_of, deliveries_of, one_alert, opened, pinned_of, states_of
    from pipeline.detect.watch.query import find_alert

    with opened(db, user, password) as database:
        found = find_alert(database, id)
        alert = one_alert(database, found)
        beside = {
            "states": states_of(database, found), "acknowledgements": acks_of(database, found),
            "deliveries": deliveries_of(database, found), "pinned": pinned_of(database, found),
        }
    for name in _JSON:
        alert[name] = _parsed(alert[name])
    click.echo(as_json(alert | beside) if fmt == "json" else "\n".join(page(alert | beside, time.time_ns())))


def _parsed(text: str) -> Any:
    """What a column holds as JSON; the text itself where it is none."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    return text
