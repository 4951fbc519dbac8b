"""`shoal sql`: SQL over a database."""

from __future__ import annotations

import sys

import click


@click.command(short_help="Query a database in SQL.")
@click.argument("statement", required=False, metavar="[SQL]")
@click.option("--db", required=True, metavar="DIR|URL", help="The database's directory, or a server's URL.")
@click.option("--format", "fmt", metavar="FORMAT",
              help="Any output format of ClickHouse. Default: PrettyCompactMonoBlock on a terminal, else TSVWithNames.")
@click.option("--user", default="", metavar="USER", envvar="SHOAL_USER", help="A server's user. Also SHOAL_USER.")
@click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
              help="Their password. Better given as SHOAL_PASSWORD, which other users don't see.")
def sql(statement: str | None, db: str, fmt: str | None, user: str, password: str) -> None:
    """Run SQL (given, or from standard input) on a database and print the answer. Nothing can be changed.

    The database is a directory, also one that `shoal serve` holds, or a ClickHouse server (http://HOST:PORT).

    \b
    shoal sql --db DIR "SHOW TABLES"
    shoal sql --db DIR "SELECT ip.src, count() FROM packets GROUP BY ip.src ORDER BY 2 DESC LIMIT 10"
    """
    from pipeline.store.connect import connect

    if statement is None or statement == "-":
        statement = click.get_text_stream("stdin").read()
    statement = statement.strip().rstrip(";")
    if not statement:
        raise click.UsageError("no SQL given")
    fmt = fmt or ("PrettyCompactMonoBlock" if sys.stdout.isatty() else "TSVWithNames")
    out = click.get_binary_stream("stdout")
    with connect(db, readonly=True, user=user, password=password) as database:
        for piece in database.stream(statement, fmt):
            out.write(piece)
        out.flush()
