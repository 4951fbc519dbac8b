"""`shoal alerts watch`: tells alerts to sinks, for as long as it runs."""

from __future__ import annotations

import click


@click.command(short_help="Tell alerts to sinks, pin their packets, look after sensors.")
@click.option("--db", required=True, metavar="DIR|URL", help="The database's directory, or a server's URL.")
@click.option("--config", required=True, metavar="FILE", type=click.Path(),
              help="The sinks, in TOML (docs/sinks.md).")
@click.option("--rules", metavar="FILE", type=click.Path(), help="Rules, of which those in SQL are asked.")
@click.option("--check", is_flag=True, help="Read the configuration, say what it is, and end.")
@click.option("--user", default="", metavar="USER", envvar="SHOAL_USER", help="A server's user. Also SHOAL_USER.")
@click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
              help="Their password. Better given as SHOAL_PASSWORD, which other users don't see.")
def watch(db: str, config: str, rules: str | None, check: bool, user: str, password: str) -> None:
    """Look at the alerts of a database each second, and tell the sinks of each that opens, changes or closes.

    One watch does it for a fleet: `shoal run` has its own. It may be ended or killed at any time; the next goes on
    where it was. Ends on SIGINT or SIGTERM.

    \b
    shoal alerts watch --db http://db:8123 --config sinks.toml
    """
    from pipeline.detect.watch.service import run

    run(db, config, rules, check=check, user=user, password=password)
