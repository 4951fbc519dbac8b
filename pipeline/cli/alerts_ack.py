"""`shoal alerts ack`: says that someone takes care of an alert."""

from __future__ import annotations

import click


def me() -> str:
    """The user of this process, for rows that say who did something."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@click.command(short_help="Acknowledge an alert.")
@click.argument("alerts", nargs=-1, required=True, metavar="ID...")
@click.option("--db", required=True, metavar="DIR|URL", help="The database's directory, or a server's URL.")
@click.option("--note", default="", metavar="TEXT", help="What there is to say about it.")
@click.option("--by", default="", metavar="NAME", help="Who does.  [default: the user]")
@click.option("--user", default="", metavar="USER", envvar="SHOAL_USER", help="A server's user. Also SHOAL_USER.")
@click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
              help="Their password. Better given as SHOAL_PASSWORD, which other users don't see.")
def ack(alerts: tuple[str, ...], db: str, note: str, by: str, user: str, password: str) -> None:
    """Say that someone takes care of alerts; of each ID, 4 digits or more, as far as no other begins so.

    Sinks hear no more of it but its end.

    \b
    shoal alerts ack --db DIR 3f9c --note "switch 7 is being replaced"
    """
    from pipeline.detect.watch.hands import acknowledge
    from pipeline.detect.watch.query import find_alert
    from pipeline.store.connect import connect

    with connect(db, user=user, password=password) as store:
        # All are looked up before the first is changed.
        for alert in [find_alert(store, prefix) for prefix in alerts]:
            acknowledge(store, alert, by or me(), note)
            click.echo(f"{alert} acknowledged")
