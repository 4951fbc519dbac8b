"""`shoal serve`: ClickHouse's HTTP interface over a database."""

from __future__ import annotations

import click

from pipeline.cli.errors import EXIT_USAGE, CommandError


@click.command(short_help="Serve a database over ClickHouse's HTTP interface.")
@click.option("--db", required=True, metavar="DIR", type=click.Path(),
              help="The database; --read-write makes it if need be.")
@click.option("--http", default="127.0.0.1:8123", show_default=True, metavar="HOST:PORT",
              help="Where to listen; port 0 takes a free one.")
@click.option("--read-write", is_flag=True, help="Let clients change data.")
@click.option("--user", default="", metavar="USER", envvar="SHOAL_USER", help="Who may ask. Also SHOAL_USER.")
@click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
              help="Their password. Better given as SHOAL_PASSWORD, which other users don't see.")
def serve(db: str, http: str, read_write: bool, user: str, password: str) -> None:
    """Serve the database in DIR over ClickHouse's HTTP interface: for clickhouse-connect, notebooks, Grafana.

    Clients can't change anything unless --read-write is given. To be reached from other machines, a user and a
    password are needed. Ends on SIGINT or SIGTERM, after the requests under way; on a second one at once.

    \b
    shoal serve --db DIR
    SHOAL_PASSWORD=... shoal serve --db DIR --http 0.0.0.0:8123 --user shoal
    """
    host, port = address(http)
    from pipeline.serve.access import Access
    from pipeline.serve.main import run

    run(db, host, port, Access(user, password, read_write))


def address(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT. Raises CommandError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise CommandError(f"--http {text}: give HOST:PORT, as in 127.0.0.1:8123", EXIT_USAGE)
    return host.removeprefix("[").removesuffix("]"), int(port)
