"""`shoal sql`: SQL over a database."""

from __future__ import annotations

import sys

import click


@click.command(short_help="Query a database in SQL.")
@click.argument("statement", required=False, metavar="[SQL]")
@click.option("--db", required=True, metavar="DIR", type=click.Path(), help="Directory of the database.")
@click.option("--format", "fmt", metavar="FORMAT",
              help="Any output format of ClickHouse. Default: PrettyCompactMonoBlock on a terminal, else TSVWithNames.")
def sql(statement: str | None, db: str, fmt: str | None) -> None:
    """Run SQL (given, or from standard input) on the database in DIR and print the answer. Nothing can be changed.

    \b
    shoal sql --db DIR "SHOW TABLES"
    shoal sql --db DIR "SELECT ip.src, count() FROM packets GROUP BY ip.src ORDER BY 2 DESC LIMIT 10"
    """
    from pipeline.store.database import Database

    if statement is None or statement == "-":
        statement = click.get_text_stream("stdin").read()
    statement = statement.strip().rstrip(";")
    if not statement:
        raise click.UsageError("no SQL given")
    fmt = fmt or ("PrettyCompactMonoBlock" if sys.stdout.isatty() else "TSVWithNames")
    out = click.get_binary_stream("stdout")
    with Database(db).open() as database:
        database.query("SET readonly = 2")
        for piece in database.stream(statement, fmt):
            out.write(piece)
        out.flush()
