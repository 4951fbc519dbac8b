"""`shoal run`: capture, engine and database in one process."""

from __future__ import annotations

import contextlib
import importlib
import os
import pwd
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.addresses import host_port
from pipeline.cli.collector import exporter_of, open_rings, tell
from pipeline.cli.detection import detection_of, detection_options
from pipeline.cli.errors import EXIT_FAILED, CommandError
from pipeline.cli.retention import retention_of, retention_options
from pipeline.cli.signals import stop_on_signals

if TYPE_CHECKING:
    from collectors.service.tap import Counts
    from collectors.sources.ring import Ring
    from pipeline.detect.detection import Settings as DetectionSettings
    from pipeline.detect.watch.watch import Watch
    from pipeline.run.service import Service, Settings
    from pipeline.schema.retention import Retention
    from pipeline.serve.access import Access
    from pipeline.store.database import Database
    from pipeline.store.store import Store

_MIB = 1 << 20
_CHDB = "chdb.state.sqlitelike"
# What is imported late elsewhere; by then the files of Python need not be readable any more.
_LATE = (
    "collectors.service.gauges", "collectors.sources.ring", "concurrent.futures.thread", "encodings.idna",
    "pipeline.detect.watch.scheduled", "pipeline.detect.watch.service", "pipeline.run.service", "pipeline.run.web",
    "pipeline.store.database", "pipeline.store.migrate", "xxhash",
)


@click.command("run", short_help="Capture into a database, and serve it.")
@click.option("-i", "interfaces", metavar="IFACE", multiple=True, required=True,
              help="Interface to capture on (any is all); repeatable.")
@click.option("--db", required=True, metavar="DIR", type=click.Path(path_type=Path),
              help="The database's directory, made if need be.")
@click.option("--http", metavar="HOST:PORT", help="Serve the database over ClickHouse's HTTP interface.")
@click.option("--read-write", is_flag=True, help="With --http: let clients change data.")
@click.option("--http-user", default="", metavar="USER", envvar="SHOAL_USER",
              help="With --http: who may ask. Also SHOAL_USER.")
@click.option("--http-password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
              help="Their password. Better given as SHOAL_PASSWORD, which other users don't see.")
@click.option("--sensor", metavar="NAME", default=socket.gethostname, show_default="this host's name",
              help="Name that the rows bear.")
@click.option("--keep", type=click.Choice(["headers", "smart", "full"]), default="full", show_default=True,
              help="What bytes of frames are stored: the headers; those, and all that some tracker can use; all.")
@click.option("--keep-first", metavar="BYTES", type=click.IntRange(0), default=16_384, show_default=True,
              help="With --keep smart: how much of the beginning of each TCP direction is stored.")
@click.option("-s", "--snaplen", metavar="BYTES", type=click.IntRange(0, 262_144), default=0,
              help="Capture so many bytes of a frame (0: 262,144).")
@click.option("-B", "buffer_mib", metavar="MIB", type=click.IntRange(2, 4096), default=64, show_default=True,
              help="Memory shared with the kernel, for each ring.")
@click.option("--memory", "memory_mib", metavar="MIB", type=click.IntRange(16), default=256, show_default=True,
              help="Most rows that wait for the database; then frames stay in the ring.")
@click.option("--fanout", metavar="N", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Rings, each with a thread, over which an interface's conversations are spread.")
@click.option("--time-stamps", type=click.Choice(["software", "hardware"]), default="software", show_default=True)
@click.option("-p", "no_promiscuous", is_flag=True, help="Don't put the interface into promiscuous mode.")
@retention_options
@detection_options
@click.option("--sinks", metavar="FILE", type=click.Path(exists=True, dir_okay=False),
              help="Who is told of alerts (TOML; see docs/sinks.md).")
@click.option("--metrics", metavar="HOST:PORT", help="Serve counters to Prometheus.")
@click.option("-Z", "--user", metavar="USER",
              help="Become USER once the interfaces are open. [default, when root: who called sudo, or nobody]")
@click.argument("expression", nargs=-1, metavar="[BPF...]")
def run(
    interfaces: tuple[str, ...], db: Path, http: str | None, read_write: bool, http_user: str, http_password: str,
    sensor: str, keep: str, keep_first: int, snaplen: int, buffer_mib: int, memory_mib: int, fanout: int,
    time_stamps: str, no_promiscuous: bool, sinks: str | None, metrics: str | None, user: str | None,
    expression: tuple[str, ...], **given: Any,
) -> None:  # fmt: skip
    """Capture on interfaces into the database in DIR, until Ctrl-C: decoded, analysed, and there in SQL within 2 s.

    Arguments after the options are a filter in tcpdump's language. Meanwhile `shoal sql --db DIR` and `shoal import
    --db DIR` of the same user go through this process; with --http other clients of ClickHouse can ask as well.

    Once the interfaces are open, all privileges are given up; DIR belongs to the user that it becomes. At the end it is
    told what became of every frame: seen = stored + dropped by the kernel + not stored.

    \b
    sudo shoal run -i eth0 --db office.db
    sudo shoal run -i eth0 -i wlan0 --db office.db --http 127.0.0.1:8123 --budget 200G 'not port 22'
    """
    if read_write and not http:
        raise click.UsageError("--read-write is of what --http serves; give --http HOST:PORT as well")
    address = host_port(http, "--http") if http else None
    exported = host_port(metrics, "--metrics") if metrics else None
    if not 0 < len(sensor) <= 200:
        raise click.UsageError("--sensor: a name has 1 to 200 characters")
    _load()
    detection = detection_of(given)
    from pipeline.run.service import Settings
    from pipeline.serve.access import Access
    from pipeline.store.database import Database

    access = Access(http_user, http_password, read_write) if address else Access(token_only=True)
    access.check(address[0] if address else "127.0.0.1")
    # Resolved while all of the path can be seen; and nothing but a database is handed over to another user.
    database = Database(db.resolve())
    database.check(create=True)
    watch = _watch(database, sinks, detection)
    rings = open_rings(interfaces, fanout, snaplen, buffer_mib, 100, time_stamps, not no_promiscuous,
                       " ".join(expression))  # fmt: skip
    try:
        _give_up_privileges(database.path, user)
        settings = Settings(sensor, keep, keep_first, memory_mib * _MIB, detection=detection)  # type: ignore[arg-type]
        with database.open(create=True):
            _capture(database, rings, settings, retention_of(given), access, address, exported, watch)
    finally:
        for ring in rings:
            ring.close()


def _watch(database: Database, path: str | None, detection: DetectionSettings) -> Watch:
    """What tells sinks and pins packets, once the database is open; secrets are read while they can be."""
    from pipeline.detect.watch.config import of, read
    from pipeline.detect.watch.scheduled import Scheduled
    from pipeline.detect.watch.service import build

    def reader() -> Store:
        store = database.beside()
        store.query("SET readonly = 2")
        return store

    in_sql = [rule for rule in detection.rules if rule.kind == "sql"]
    config = read(path) if path else of({}, "", Path())
    return build(config, database.beside, tell, [Scheduled(in_sql, reader, tell)] if in_sql else [])


def _load() -> None:
    """Import all that is used later, but chDB, which starts threads of its own."""
    # Each thread has privileges of its own to give up, and Arrow's allocator would start one.
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    for name in _LATE:
        importlib.import_module(name)
    # For --metrics, and for clients that ask for these encodings; what is missing is told when it is asked for.
    for name in ("prometheus_client.core", "lz4.block", "backports.zstd", "brotli"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _give_up_privileges(path: Path, user: str | None) -> None:
    """Make the directory, hand it over, become its user without a capability left, and load chDB."""
    from collectors.service.privileges import drop, hand_over, seal

    if user is None:
        user = os.environ.get("SUDO_USER", "nobody")
    becomes_another = os.geteuid() == 0 and user in (entry.pw_name for entry in pwd.getpwall() if entry.pw_uid)
    try:
        hand_over(path, user)
        if becomes_another:
            # Its threads lose their capabilities when all become the user; afterwards its files might not be readable.
            seal()
            importlib.import_module(_CHDB)
        drop(user)
        importlib.import_module(_CHDB)
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            who = user if becomes_another else "this user"
            raise CommandError(f"{path}: {who} can't get there; choose another place, or another user by --user")
    except OSError as error:
        raise CommandError(f"--db {error.filename}: {error.strerror}") from None


def _capture(
    database: Database, rings: list[Ring], settings: Settings, retention: Retention, access: Access,
    address: tuple[str, int] | None, exported: tuple[str, int] | None, watch: Watch,
) -> None:  # fmt: skip
    from pipeline.detect.watch.alone import alone
    from pipeline.run.service import Service
    from pipeline.run.web import Web
    from pipeline.serve.server import Server
    from pipeline.store.errors import StoreError
    from pipeline.store.migrate import migrate

    migrate(database, retention=retention)
    service = Service(settings, database, tell)
    service.add_rings(rings)
    # Without --http it is there for processes of the same user alone, which find it by a file in the directory.
    web = Web(Server(database, *(address or ("127.0.0.1", 0)), access=access))
    web.start()
    held = contextlib.ExitStack()
    try:
        exporter = exporter_of(service.taps, exported)
        stop_on_signals(service.stop)
        service.start()
        try:
            held.enter_context(alone(str(database.path)))
            watch.start()
        except StoreError as error:
            # Whoever watches already goes on; frames are captured all the same.
            tell(f"warning: {error}")
        if address:
            tell(f"listening on {web.server.url}")
        for tap in service.taps:
            tell(f"sensor {settings.sensor}: {tap.name}, capture {tap.route.capture}")
        service.wait()
        counts = service.close()
        if exporter is not None:
            exporter.close()
    finally:
        watch.close()
        held.close()
        web.stop()
    _closing(service, counts)


def _closing(service: Service, counts: list[Counts]) -> None:
    """What became of the frames; where a capture failed, or rows could not be stored, the command has failed."""
    for tap, of in zip(service.taps, counts, strict=True):
        if len(counts) > 1:
            click.echo(f"{tap.name}:", err=True)
        for number, what in (
            (of.seen, "seen"), (of.published, "stored"), (of.dropped_kernel, "dropped by kernel"),
            (of.dropped_spool + of.waiting, "not stored"),
        ):  # fmt: skip
            click.echo(f"{number} packet{'' if number == 1 else 's'} {what}", err=True)
    for error in (service.sink.error, *(tap.error for tap in service.taps)):
        if error is not None:
            raise error
    if any(of.dropped_spool for of in counts):
        raise CommandError(f"not all rows could be stored: {service.sink.trouble}", EXIT_FAILED)
