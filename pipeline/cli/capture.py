"""`shoal capture`: frames of interfaces into capture files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from pipeline.cli.signals import stop_on_signals

if TYPE_CHECKING:
    from collectors.sources.ring import Ring
    from collectors.write.files import SaveFiles
    from collectors.write.forms import Form
    from collectors.write.session import Session

_MEGABYTE = 1_000_000
_MOST_SNAPLEN = 262_144


@click.command("capture", short_help="Capture frames of interfaces into a file.")
@click.option("-i", "interfaces", metavar="IFACE", multiple=True, required=True,
              help="Interface to capture on (shoal interfaces lists them; any is all). Several are captured at once.")
@click.option("-w", "path", metavar="FILE", required=True,
              help="File to write; - is standard output. With -G it may hold strftime's conversions (%H%M%S).")
@click.option("-F", "form", type=click.Choice(["pcapng", "pcap"]), default="pcapng", show_default=True,
              help="File format; times are nanoseconds in both.")
@click.option("-s", "snaplen", metavar="BYTES", type=click.IntRange(0, _MOST_SNAPLEN), default=0,
              help=f"Keep so many bytes of a frame ({_MOST_SNAPLEN:,}, as 0 does).")
@click.option("-c", "count", metavar="N", type=click.IntRange(min=1), help="End after N frames.")
@click.option("-C", "size", metavar="MB", type=click.IntRange(min=1),
              help="Begin another file, with a number behind its name, when one has grown over so many million bytes.")
@click.option("-G", "seconds", metavar="SECONDS", type=click.IntRange(min=1),
              help="Begin another file after so many seconds.")
@click.option("-W", "files", metavar="N", type=click.IntRange(min=1),
              help="With -C: keep N files and write over the oldest. With -G alone: end after N files.")
@click.option("-B", "buffer_mib", metavar="MIB", type=click.IntRange(2, 4096), default=64, show_default=True,
              help="Memory shared with the kernel, for each interface.")
@click.option("-p", "no_promiscuous", is_flag=True, help="Don't put the interface into promiscuous mode.")
@click.option("-Z", "--user", metavar="USER", help="Become USER after the interfaces were opened (only as root).")
@click.argument("expression", nargs=-1, metavar="[BPF...]")
def capture(interfaces: tuple[str, ...], path: str, form: str, snaplen: int, count: int | None, size: int | None,
            seconds: int | None, files: int | None, buffer_mib: int, no_promiscuous: bool, user: str | None,
            expression: tuple[str, ...]) -> None:
    """Capture frames into a file until Ctrl-C, and tell how many; options mean what they mean to tcpdump.

    Arguments after the options are a filter in tcpdump's language, which the kernel runs. With -C or -G a file bears
    .part behind its name until it is complete. Once the interfaces are open, all privileges are given up: the files are
    written with the rights of the user alone.
    """
    if path == "-" and (size or seconds):
        raise click.UsageError("-C and -G need a file, and -w - is none")
    if files and not (size or seconds):
        raise click.UsageError("-W needs -C or -G")
    from collectors.service.privileges import drop
    from collectors.sources.ring import Ring
    from collectors.write.files import SaveFiles
    from collectors.write.session import Session

    rings = [
        Ring(name, snaplen=snaplen, filter=" ".join(expression), buffer_bytes=buffer_mib << 20,
             promiscuous=not no_promiscuous, number=number)
        for number, name in enumerate(interfaces)
    ]  # fmt: skip
    try:
        _open(rings)
        drop(user)
        session = Session(rings, count, _tell)
        saved = SaveFiles(path, _form(form, rings), session.counts, size=(size or 0) * _MEGABYTE,
                          seconds=seconds or 0, files=files or 0)
        _begin(saved, user)
        stop_on_signals(session.stop)
        for ring in rings:
            _tell(f"listening on {ring.interface}, link type {ring.linktype}, snapshot length {ring.snaplen} bytes")
        try:
            try:
                session.run(saved)
            finally:
                saved.close()
        finally:
            _closing(session)
    finally:
        for ring in rings:
            ring.close()


def _begin(files: SaveFiles, user: str | None) -> None:
    from collectors.write.files import WriteError

    try:
        files.open(time.time_ns())
    except WriteError as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
        name = user or "this user"
        raise WriteError(f"{error}; it is written with the rights of {name} alone") from error


def _open(rings: list[Ring]) -> None:
    from collectors.filters import FilterError

    for ring in rings:
        try:
            ring.open()
        except FilterError as error:
            raise click.UsageError(str(error)) from None


def _form(name: str, rings: list[Ring]) -> Form:
    from collectors.write.forms import Captured, Pcap, Pcapng
    from pipeline import __version__

    if name == "pcapng":
        described = [Captured(ring.interface, ring.linktype, ring.snaplen, ring.filter) for ring in rings]
        return Pcapng(described, f"shoal {__version__}")
    if len({ring.linktype for ring in rings}) > 1:
        raise click.UsageError("a pcap file has one link type, and these interfaces have several; use -F pcapng")
    return Pcap(rings[0].linktype, rings[0].snaplen)


def _tell(line: str) -> None:
    click.echo(f"shoal: {line}", err=True)


def _closing(session: Session) -> None:
    """tcpdump's counters."""
    counts = session.counts()
    for number, what in (
        (session.captured, "captured"),
        (sum(each.received for each in counts), "received by filter"),
        (sum(each.dropped for each in counts), "dropped by kernel"),
    ):
        click.echo(f"{number} packet{'' if number == 1 else 's'} {what}", err=True)
