"""`shoal alerts silence`: keeps sinks from hearing of some alerts for a while."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import click

from pipeline.cli.alerts_ack import me
from pipeline.cli.times import DURATION
from pipeline.schema.times import SECOND

if TYPE_CHECKING:
    from pipeline.detect.watch.hands import Silence

_MOST = 366 * 86_400 * SECOND


def _check(duration: int) -> None:
    if not 0 < duration <= _MOST:
        raise click.UsageError("--for: a silence lasts a year at the most, and not nothing, as in 30m, 2h, 1d")


def _shown(of: Silence) -> str:
    ends = datetime.datetime.fromtimestamp(of.ends // 10**9, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    given = of.matchers
    patterns = (("rule", given.rule), ("entity", given.entity), ("sensor", given.sensor), ("severity", given.severity))
    what = " ".join(f"{name}={pattern}" for name, pattern in patterns if pattern != "*") or "everything"
    return f"{of.id}  until {ends}  {what}  by {of.by}{f': {of.note}' if of.note else ''}"


@click.command(short_help="Silence alerts for a while.")
@click.option("--db", required=True, metavar="DIR|URL", help="The database's directory, or a server's URL.")
@click.option("--rule", metavar="PATTERN", help="Of these rules; * is any text, ? any character.")
@click.option("--entity", metavar="PATTERN", help="About these: 192.0.2.1:443, '192.0.2.*'.")
@click.option("--sensor", metavar="PATTERN", help="Of these sensors.")
@click.option("--severity", metavar="PATTERN", help="Of this severity: info, warning, critical.")
@click.option("--for", "duration", type=DURATION, metavar="DURATION", help="For how long: 30m, 2h, 1d.")
@click.option("--note", default="", metavar="TEXT", help="Why.")
@click.option("--by", default="", metavar="NAME", help="Who does.  [default: the user]")
@click.option("--list", "listed", is_flag=True, help="List the silences that hold.")
@click.option("--end", metavar="ID", help="End the silence whose id begins so.")
@click.option("--user", default="", metavar="USER", envvar="SHOAL_USER", help="A server's user. Also SHOAL_USER.")
@click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
              help="Their password. Better given as SHOAL_PASSWORD, which other users don't see.")
def silence(
    db: str, rule: str | None, entity: str | None, sensor: str | None, severity: str | None, duration: int | None,
    note: str, by: str, listed: bool, end: str | None, user: str, password: str,
) -> None:
    """Keep sinks from hearing of alerts that match all the patterns given. The alerts stay in the database, marked.

    \b
    shoal alerts silence --db DIR --rule 'retransmission-*' --sensor lab-3 --for 2h --note "works at the uplink"
    shoal alerts silence --db DIR --list
    shoal alerts silence --db DIR --end 5d1e
    """
    patterns = {"rule": rule, "entity": entity, "sensor": sensor, "severity": severity}
    given = {name: pattern for name, pattern in patterns.items() if pattern is not None}
    if (listed or end is not None) and (given or duration is not None or (listed and end is not None)):
        raise click.UsageError("--list and --end stand alone")
    if not listed and end is None:
        if not given:
            raise click.UsageError("name what is to be silenced: --rule, --entity, --sensor or --severity; '*' is all")
        if duration is None:
            raise click.UsageError("say for how long: --for 2h")
    if duration is not None:
        _check(duration)
    from pipeline.detect.watch import hands
    from pipeline.store.connect import connect

    with connect(db, readonly=listed, user=user, password=password) as store:
        if listed:
            for one in hands.silences(store):
                click.echo(_shown(one))
        elif end is not None:
            click.echo(f"{hands.end_silence(store, end, by or me()).id} ended")
        else:
            seconds = (duration or 0) / SECOND
            click.echo(_shown(hands.silence(store, hands.Matchers(**given), seconds, by or me(), note)))
