"""`shoal migrate`: the schema of a server or database, and how long rows are kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pipeline.cli.retention import retention_of, retention_options

if TYPE_CHECKING:
    from pipeline.store.store import Store


@click.command(short_help="Make or upgrade the tables, and say how long rows are kept.")
@click.option("--clickhouse", "url", metavar="URL", help="A server: http://[USER[:PASSWORD]@]HOST[:PORT].")
@click.option("--db", metavar="DIR", type=click.Path(), help="An embedded database, made if need be.")
@click.option("--database", metavar="NAME", help="Database of the server, made if need be.  [default: the user's own]")
@click.option("--cluster", default="", metavar="NAME", help="Make replicated tables, spread over this cluster's hosts.")
@retention_options
@click.option("--dry-run", is_flag=True, help="Print what would be run, and change nothing.")
def migrate(
    url: str | None, db: str | None, database: str | None, cluster: str, dry_run: bool, **retention: int | None
) -> None:
    """Make the tables and views, or bring them to this version: compare, then apply only what differs.

    DAYS is a number of days, or as 12w, 6m (of 30 days), 1y; 0 keeps for ever, which is how it begins. What is not
    named stays as it was set before. Age is told by when frames were captured: with a TTL, an old capture that is
    imported is gone at once.

    \b
    shoal migrate --clickhouse http://db:8123 --ttl-raw 7 --ttl-packets 8w --ttl-flows 1y
    shoal migrate --db DIR --size-budget 500G
    """
    if bool(url) == bool(db):
        raise click.UsageError("name the database: either --clickhouse URL or --db DIR")
    if db and (cluster or database):
        raise click.UsageError(f"{'--cluster' if cluster else '--database'} is of a server, named by --clickhouse URL")
    from pipeline.store.migrate import migrate as run
    from pipeline.store.migrate import plan

    with _opened(url, db, database, cluster=cluster, create=not dry_run) as store:
        apply = plan if dry_run else run
        statements = apply(store, cluster=cluster, retention=retention_of(retention))
    if dry_run:
        click.echo("".join(f"{statement};\n" for statement in statements), nl=False)
    elif statements:
        click.echo(f"{len(statements)} statements run")
    else:
        click.echo("all stands already")


@contextlib.contextmanager
def _opened(url: str | None, db: str | None, name: str | None, *, cluster: str, create: bool) -> Iterator[Store]:
    """The server's database or the embedded one; with `create` it is made if need be."""
    if db:
        from pipeline.store.database import Database

        with Database(db).open(create=create) as database:
            yield database
        return
    from pipeline.store.remote import Remote

    assert url
    if name and create:
        from pipeline.schema.ddl import on_cluster, quote

        with Remote(url, database="default").open() as server:
            server.query(f"CREATE DATABASE IF NOT EXISTS {quote(name)}{on_cluster(cluster)}")
    with Remote(url, database=name or "").open() as remote:
        yield remote
