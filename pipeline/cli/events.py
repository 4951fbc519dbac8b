"""`shoal events`: what happened, each under a name."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.listing import SEVERITY, Table, as_json, as_tsv, format_option, maybe_database_options, print_rows
from pipeline.cli.times import SINCE
from pipeline.schema.times import SECOND, read_time, spoken, utc

if TYPE_CHECKING:
    from pipeline.cli.event_rows import Wanted

_HEADINGS = ("TIME (UTC)", "SEVERITY", "NAME", "COUNT", "ENTITY", "SENSOR", "SAID")


@click.command(short_help="List events: anomalies, and what had to be given up.")
@maybe_database_options
@click.option("--name", default="", metavar="PATTERN", help="Those of the name, as 'arp-*'.")
@click.option("--severity", type=SEVERITY, default=(), metavar="SEVERITY",
              help="info, warning or critical; warning+ is that and above.")
@click.option("--sensor", default="", metavar="PATTERN", help="Those of the sensor.")
@click.option("--capture", default="", metavar="PATTERN", help="Those of the capture: a file, or a run of a collector.")
@click.option("--since", type=SINCE, metavar="WHEN", 
              help="Those that happened since: 90s, 24h, 7d, or a time (ISO 8601).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N, the newest.")
@click.option("--follow", "-f", is_flag=True, help="Go on with those that come, until interrupted.")
@click.option("--names", "only_names", is_flag=True, help="List the names that there are, without a database.")
@format_option
def events(
    db: str | None, user: str, password: str, name: str, severity: tuple[str, ...], sensor: str, capture: str,
    since: int | None, limit: int | None, follow: bool, only_names: bool, fmt: str,
) -> None:
    """List events, the oldest first: anomalies that were seen, and what the engine had to give up.

    Patterns have * for any text and ? for any character. Times are those of the capture.

    \b
    shoal events --names
    shoal events --db DIR --severity warning+ --since 24h --follow
    """
    from pipeline.cli.event_rows import Wanted

    if only_names:
        _print_names(fmt)
        return
    if db is None:
        raise click.UsageError("Missing option '--db'.")
    wanted = Wanted(name, sensor, capture, severity, since, limit)
    tell = _teller(fmt)
    if follow:
        from pipeline.cli.event_follow import follow_events

        follow_events(db, user, password, wanted, tell)
    elif not _once(db, user, password, wanted, tell) and fmt == "table":
        click.echo(f"no events{_hint(name)}")


def _print_names(fmt: str) -> None:
    from pipeline.cli.event_rows import names

    rows = names()
    if fmt != "table":
        print_rows(fmt, rows, tuple(rows[0]))
        return
    listed = Table(("NAME", "ACTION", "SEVERITY", "TOLD ONCE IN", "MEANING"), right=("TOLD ONCE IN",), cut=False)
    cells = [
        (row["name"], row["action"], row["severity"],
         spoken(row["suppression"] * SECOND) if row["suppression"] is not None else "-", row["meaning"])
        for row in rows
    ]
    click.echo("\n".join(listed.lines(cells)))


def _hint(name: str) -> str:
    from pipeline.schema.events import EVENTS

    if not name or any(fnmatchcase(each, name) for each in EVENTS):
        return ""
    return f"; no name that is known matches '{name}' (shoal events --names lists them)"


def _teller(fmt: str) -> Callable[[list[dict[str, Any]]], None]:
    """What prints rows in a format, the headings before the first."""
    from pipeline.cli.event_rows import COLUMNS

    listed = Table(_HEADINGS, right=("COUNT",))
    if fmt == "tsv":
        click.echo("\t".join(COLUMNS))

    def tell(rows: list[dict[str, Any]]) -> None:
        if fmt == "json":
            lines = list(map(as_json, rows))
        elif fmt == "tsv":
            lines = [as_tsv(row[name] for name in COLUMNS) for row in rows]
        else:
            lines = listed.lines(map(_cells, rows))
        # One write, so that a reader gets whole lines at once.
        click.echo("\n".join(lines))

    return tell


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    from pipeline.schema.events import EVENTS

    name = row["shoal.event.name"]
    return (
        utc(read_time(row["shoal.event.time"])), row["shoal.event.severity"], name, f"{row['shoal.event.count']:,}",
        row["shoal.event.entity"], row["sensor"], row["shoal.event.said"] or EVENTS.get(name, ""),
    )


def _once(db: str, user: str, password: str, wanted: Wanted, tell: Callable[[list[dict[str, Any]]], None]) -> bool:
    """Prints the events; whether there was one."""
    from pipeline.cli.alert_rows import opened
    from pipeline.cli.event_rows import batches

    found = False
    with opened(db, user, password) as database:
        for rows in batches(database, wanted.sql()):
            tell(rows)
            found = True
    return found
