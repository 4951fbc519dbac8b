"""`shoal import`: capture files into a database."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.detection import detection_of, detection_options
from pipeline.cli.errors import EXIT_USAGE, CommandError
from pipeline.render.terminal import one_line, os_error

if TYPE_CHECKING:
    from pipeline.run.importer import Imported


@click.command("import", short_help="Import capture files into a database.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@click.option("--db", required=True, metavar="DIR|URL",
              help="The database: a directory, made if need be, or a server's URL.")
@click.option("--sensor", default="file", show_default=True, metavar="NAME", help="Name that the rows bear as sensor.")
@click.option("--user", default="", metavar="USER", envvar="SHOAL_USER", help="A server's user. Also SHOAL_USER.")
@click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
              help="Their password. Better given as SHOAL_PASSWORD, which other users don't see.")
@detection_options
@click.pass_context
def import_files(
    ctx: click.Context, /, files: tuple[str, ...], db: str, sensor: str, user: str, password: str, **detection: Any
) -> None:
    """Import capture files (pcap, pcapng, also gzipped; - is standard input) into a database.

    The database is a directory, also one that `shoal serve` holds, or a ClickHouse server (http://HOST:PORT).

    Every frame becomes a row of table packets. A file that is stored already adds nothing; one whose import was
    interrupted is completed. Of a file that is cut, the whole frames are stored and a warning says where it is cut.
    """
    # Before the database is made, so that a slip of the pen leaves nothing behind.
    for path in files:
        if path != "-" and not os.path.exists(path):
            raise CommandError(f"{path}: no such file", EXIT_USAGE)
    from collectors.sources.frames import CaptureError
    from pipeline.run.importer import import_capture
    from pipeline.store.connect import connect
    from pipeline.store.migrate import migrate

    settings = detection_of(detection)
    failed = 0
    with connect(db, create=True, user=user, password=password) as database:
        migrate(database)
        for path in files:
            try:
                with _bar(path) as progress:
                    done = import_capture(database, path, sensor=sensor, progress=progress, detection=settings)
            except (CaptureError, OSError) as error:
                # The other files are imported all the same.
                said = os_error(error) if isinstance(error, OSError) else one_line(str(error))
                click.echo(f"shoal: {said}", err=True)
                failed = EXIT_USAGE
                continue
            click.echo(summary(done))
            if done.warning:
                click.echo(f"shoal: warning: {done.warning}", err=True)
    ctx.exit(failed)


def summary(done: Imported) -> str:
    """The line that is printed for a file."""
    if done.was_complete:
        return f"{done.path}: {done.frames:,} frames are stored already (capture {done.capture}, sensor {done.sensor})"
    rate = done.frames / done.seconds if done.seconds else 0.0
    before = done.frames - done.stored
    resumed = f", {before:,} of them were stored already" if before else ""
    return f"{done.path}: {done.frames:,} frames in {done.seconds:.1f} s ({rate:,.0f} frames/s){resumed}"


@contextlib.contextmanager
def _bar(path: str) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A progress bar on a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(path, total=None)

        def update(stage: str, done: int, total: int | None) -> None:
            said = "checking " if stage == "hash" else ""
            bar.update(task, description=said + path, completed=done, total=total)

        yield update
