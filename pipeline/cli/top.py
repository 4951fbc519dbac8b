"""`shoal top`: sensors, services and alerts, live."""

from __future__ import annotations

import os
import sys
import time

import click

from pipeline.cli.errors import CommandError
from pipeline.cli.listing import database_options
from pipeline.cli.times import DURATION
from pipeline.schema.times import SECOND, read_time

SORTED_BY = ("resent", "bytes", "packets", "rtt", "unanswered")
_WIDTH = 160
"""Columns of a frame that is not for a terminal, unless COLUMNS says otherwise."""


def _at(_context: object, _parameter: object, text: str | None) -> str | int | None:
    if text is None or text == "latest":
        return text
    try:
        return read_time(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; or latest") from None


@click.command(short_help="Watch sensors, services and alerts as they are now.")
@database_options
@click.option("--interval", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, metavar="SECONDS",
              help="Between two looks at the database.")
@click.option("--sort", type=click.Choice(SORTED_BY), default="resent", show_default=True,
              help="What services are sorted by: the share of segments sent again, or of SYNs unanswered, and others.")
@click.option("--over", type=DURATION, default="60s", show_default=True, metavar="DURATION",
              help="Services and rates are of the windows that began in so long.")
@click.option("--least", type=click.IntRange(min=0), default=50, show_default=True, metavar="SEGMENTS",
              help="Services with fewer segments, and fewer SYNs, are left out: of few, one is a great share.")
@click.option("--at", callback=_at, metavar="TIME",
              help="As it was at a time (ISO 8601); latest: at the end of the newest window, as of an imported file.")
@click.option("--once", is_flag=True, help="Print one frame, and end.")
def top(
    db: str, user: str, password: str, interval: float, sort: str, over: int, least: int, at: str | int | None,
    once: bool,
) -> None:
    """Watch sensors, the services that lose most, and open alerts, as they are now.

    HEARD is how long ago a sensor sent a heartbeat, WINDOW how long ago its newest window ended. Keys: q quits, s sorts
    by something else, p pauses. A directory is held for moments alone, so that others can open it.

    \b
    shoal top --db DIR
    shoal top --db DIR --once --at latest
    """
    try:
        from rich.console import Console
    except ImportError:
        raise CommandError("shoal top needs the package rich: pip install 'shoal[embedded]'") from None

    from pipeline.cli.alert_rows import lacking, named
    from pipeline.top.looks import Looks
    from pipeline.top.rows import Asked, look
    from pipeline.top.screen import Around, frame

    if not once and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("a live view needs a terminal; --once prints one frame")

    def asked() -> Asked:
        when = time.time_ns() if at is None else None if isinstance(at, str) else at
        return Asked(when, sort, max(1, over // SECOND), least, past=at is not None)

    looks = Looks(db, user, password)
    with lacking(db):
        first = looks.take(lambda database: look(database, asked()))
    assert first is not None
    if once:
        looks.close()
        console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH)
        with console.capture() as drawn:
            console.print(frame(first, Around(named(db), time.time_ns(), at is None, keys=""), console.width))
        click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))
        return
    from pipeline.top.live import Top

    Top(looks, first, asked, interval, db=named(db), live=at is None).run()
