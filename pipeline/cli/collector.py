"""`shoal collector`: frames of interfaces or files to Kafka."""

from __future__ import annotations

import contextlib
import importlib
import os
import pwd
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.addresses import host_port
from pipeline.cli.detection import windows_option
from pipeline.cli.errors import CommandError
from pipeline.cli.signals import stop_on_signals

if TYPE_CHECKING:
    from collectors.service.tap import Counts, Tap
    from collectors.sources.ring import Ring
    from pipeline.schema.exporter import Exporter

_MIB = 1 << 20


@click.command("collector", short_help="Capture, decode, and publish to Kafka.")
@click.option("-i", "interfaces", metavar="IFACE", multiple=True,
              help="Interface to capture on (any is all); repeatable.")
@click.option("-r", "files", metavar="FILE", multiple=True, type=click.Path(allow_dash=True),
              help="Capture file to read instead; - is standard input. Repeatable.")
@click.option("--kafka", "brokers", metavar="HOST:PORT", required=True, help="Kafka's brokers, by commas.")
@click.option("--sensor", metavar="NAME", default=socket.gethostname, show_default="this host's name",
              help="Name that the rows bear.")
@click.option("--prefix", default="shoal", show_default=True, help="What the topics' names begin with.")
@click.option("--partitions", type=click.IntRange(1, 1024), default=4, show_default=True,
              help="Partitions of the packets' topic, where it is still to be made.")
@click.option("--keep", type=click.Choice(["headers", "smart", "full"]), default="smart", show_default=True,
              help="What bytes of frames travel: the headers; those, and all that some tracker can use; all.")
@click.option("--keep-first", metavar="BYTES", type=click.IntRange(0), default=16_384, show_default=True,
              help="With --keep smart: how much of the beginning of each TCP direction travels.")
@click.option("-s", "snaplen", metavar="BYTES", type=click.IntRange(0, 262_144), default=0,
              help="Capture so many bytes of a frame (0: 262,144).")
@click.option("-B", "buffer_mib", metavar="MIB", type=click.IntRange(2, 4096), default=64, show_default=True,
              help="Memory shared with the kernel, for each ring.")
@click.option("--block-timeout", metavar="MS", type=click.IntRange(1, 10_000), default=100, show_default=True,
              help="After this time the kernel hands over a block that is not full.")
@click.option("--fanout", metavar="N", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Rings, each with a thread, over which an interface's conversations are spread.")
@click.option("--time-stamps", type=click.Choice(["software", "hardware"]), default="software", show_default=True)
@click.option("-p", "no_promiscuous", is_flag=True, help="Don't put the interface into promiscuous mode.")
@click.option("--spool", metavar="DIR", type=click.Path(path_type=Path),
              help="Where messages wait while Kafka is away. Without it they wait in memory alone.")
@click.option("--spool-size", metavar="MIB", type=click.IntRange(1), default=1024, show_default=True,
              help="Most that the spool holds, for each ring or file; then the oldest messages are dropped.")
@windows_option
@click.option("--metrics", metavar="HOST:PORT", help="Serve counters to Prometheus.")
@click.option("-Z", "--user", metavar="USER", help="Become USER once all is open. [default: nobody, when root]")
@click.argument("expression", nargs=-1, metavar="[BPF...]")
def collector(
    interfaces: tuple[str, ...], files: tuple[str, ...], brokers: str, sensor: str, prefix: str, partitions: int,
    keep: str, keep_first: int, snaplen: int, buffer_mib: int, block_timeout: int, fanout: int, time_stamps: str,
    no_promiscuous: bool, spool: Path | None, spool_size: int, sizes: tuple[int, ...], metrics: str | None,
    user: str | None, expression: tuple[str, ...],
) -> None:  # fmt: skip
    """Capture on interfaces (or read files), decode, and publish record batches to Kafka until Ctrl-C.

    Arguments after the options are a filter in tcpdump's language. Once all is open, all privileges are given up. The
    ring is drained whatever Kafka does: while it is away, messages go to the spool. At the end it is told what became
    of every frame: seen = published + still in the spool + dropped by the kernel + dropped by the spool.
    """
    if bool(interfaces) == bool(files):
        raise click.UsageError("name interfaces by -i, or files by -r")
    address = host_port(metrics, "--metrics") if metrics else None
    _check(brokers, prefix, sensor, files)
    _load()
    rings = open_rings(interfaces, fanout, snaplen, buffer_mib, block_timeout, time_stamps, not no_promiscuous,
                   " ".join(expression))  # fmt: skip
    try:
        _give_up_privileges(spool, "nobody" if user is None and not files else user)
        from collectors.publish.publisher import Limits
        from collectors.service.collector import Collector, Settings

        service = Collector(Settings(
            brokers, sensor, prefix, partitions, keep, keep_first, spool,  # type: ignore[arg-type]
            Limits(spool=spool_size * _MIB), sizes=sizes,
        ), tell)
        service.add_rings(rings)
        for file in files:
            service.add_file(file, " ".join(expression))
        exporter = exporter_of(service.taps, address)
        stop_on_signals(service.stop)
        service.start()
    except BaseException as error:
        for ring in rings:
            ring.close()
        from collectors.publish.spool import SpoolError

        if isinstance(error, SpoolError):
            who = pwd.getpwuid(os.geteuid()).pw_name
            raise CommandError(f"{error} (as user {who}; --spool names a directory that it can use)") from None
        raise
    for tap in service.taps:
        tell(f"sensor {sensor}: {tap.name}, capture {tap.route.capture}")
    service.wait()
    counts = service.close()
    if exporter is not None:
        exporter.close()
    _closing(service.taps, counts)


def _load() -> None:
    """Import all that is used, while the files of Python can still be read, and without a thread of any library."""
    # Each thread has privileges of its own to give up, and Arrow's allocator would start one.
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    for name in ("collectors.service.collector", "collectors.service.gauges", "collectors.sources.ring", "xxhash",
                 "pyarrow.compute", "aiokafka.admin", "aiokafka.record.default_records", "encodings.idna",
                 "concurrent.futures.thread", "collectors.filters.apart", "collectors.filters.bpf"):
        importlib.import_module(name)
    # Only --metrics and filters need them, and say so where they are missing.
    for name in ("prometheus_client.core", "scapy.libs.winpcapy", "scapy.libs.structures"):
        with contextlib.suppress(ImportError, OSError):
            importlib.import_module(name)


def _check(brokers: str, prefix: str, sensor: str, files: tuple[str, ...]) -> None:
    from pipeline.schema.topics import check_prefix

    for broker in brokers.split(","):
        host_port(broker, "--kafka")
    try:
        check_prefix(prefix)
    except ValueError as error:
        raise click.UsageError(f"--prefix: {error}") from None
    if not 0 < len(sensor) <= 200:
        raise click.UsageError("--sensor: a name has 1 to 200 characters")
    for path in files:
        if path != "-" and not os.path.exists(path):
            raise CommandError(f"{path}: no such file", 2)


def open_rings(
    interfaces: tuple[str, ...], fanout: int, snaplen: int, buffer_mib: int, block_timeout: int, time_stamps: str,
    promiscuous: bool, filter: str,
) -> list[Ring]:  # fmt: skip
    """The rings, open. Raises CaptureError and click.UsageError; then none is open."""
    from collectors.filters import FilterError
    from collectors.sources.ring import Ring

    rings: list[Ring] = []
    try:
        for k, name in enumerate(interfaces):
            for _ in range(fanout):
                group = (os.getpid() + k & 0xFFFF, "hash") if fanout > 1 else None
                ring = Ring(name, snaplen=snaplen, filter=filter, buffer_bytes=buffer_mib * _MIB,
                            timeout_ms=block_timeout, promiscuous=promiscuous, fanout=group, time_stamps=time_stamps,
                            number=len(rings))  # fmt: skip
                rings.append(ring)
                ring.open(keep_compiler=True)
    except FilterError as error:
        for ring in rings:
            ring.close()
        raise click.UsageError(str(error)) from None
    except BaseException:
        for ring in rings:
            ring.close()
        raise
    return rings


def exporter_of(taps: Sequence[Tap[Any]], address: tuple[str, int] | None) -> Exporter | None:
    """Metrics of these at an address, where one is given, and says so."""
    if address is None:
        return None
    from collectors.service.gauges import told
    from pipeline.schema.exporter import Exporter, Metrics
    from pipeline.schema.metrics import COLLECTOR

    exporter = Exporter(Metrics(COLLECTOR), *address, refresh=lambda metrics: told(taps, metrics)).start()
    tell(f"metrics at http://{address[0]}:{exporter.port}/metrics")
    return exporter


def _give_up_privileges(spool: Path | None, user: str | None) -> None:
    """Files are read with the rights of who started this; capabilities are given up all the same."""
    from collectors.service.privileges import drop, hand_over

    try:
        if spool is not None:
            hand_over(spool, user)
    except OSError as error:
        raise CommandError(f"--spool {error.filename}: {error.strerror}") from None
    drop(user)


def tell(line: str) -> None:
    """A message of `shoal` on standard error."""
    click.echo(f"shoal: {line}", err=True)


def _closing(taps: list[Tap[Any]], counts: list[Counts]) -> None:
    """What became of the frames; a failure of a tap is the command's."""
    for tap, of in zip(taps, counts, strict=True):
        if len(taps) > 1:
            click.echo(f"{tap.name}:", err=True)
        for number, what in (
            (of.seen, "seen"), (of.recovered, "found in the spool at the start"), (of.published, "published"),
            (of.spooled + of.waiting, "left in the spool"), (of.dropped_kernel, "dropped by kernel"),
            (of.dropped_spool, "dropped by spool"),
        ):  # fmt: skip
            if number or what != "found in the spool at the start":
                click.echo(f"{number} packet{'' if number == 1 else 's'} {what}", err=True)
        if tap.warning:
            tell(f"warning: {tap.warning}")
    for tap in taps:
        if tap.error is not None:
            raise tap.error
