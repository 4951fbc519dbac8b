"""`shoal alerts deliveries`: what sinks were not told, and another try."""

from __future__ import annotations

import click


@click.command(short_help="List what sinks could not be told, and try it again.")
@click.option("--db", required=True, metavar="DIR|URL", help="The database's directory, or a server's URL.")
@click.option("--sink", "sinks", multiple=True, metavar="NAME", help="Of this sink only; may be given again.")
@click.option("--retry", is_flag=True, help="Try again what was given up.")
@click.option("--user", default="", metavar="USER", envvar="SHOAL_USER", help="A server's user. Also SHOAL_USER.")
@click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
              help="Their password. Better given as SHOAL_PASSWORD, which other users don't see.")
def deliveries(db: str, sinks: tuple[str, ...], retry: bool, user: str, password: str) -> None:
    """List deliveries that wait for another attempt, were refused by the sink, or were given up (dead letters).

    \b
    shoal alerts deliveries --db DIR
    shoal alerts deliveries --db DIR --retry --sink oncall
    """
    from pipeline.detect.watch.told import redeem, troubled
    from pipeline.store.connect import connect

    with connect(db, readonly=not retry, user=user, password=password) as store:
        if retry:
            count = redeem(store, sinks)
            click.echo(f"{count} {'delivery' if count == 1 else 'deliveries'} will be tried again")
            return
        for row in troubled(store, sinks):
            click.echo("  ".join(str(value) for value in row.values()))
