"""`shoal read`: the frames of capture files, as text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from collectors.sources.frames import Frames
    from pipeline.render.fields import FieldWriter
    from pipeline.render.options import FieldOptions
    from pipeline.statistics import Statistic

BATCH_ROWS = 8192
"""Frames taken at a time: their columns stay in the processor's cache."""


@click.command("read", short_help="Print fields of the frames of capture files, as tshark does.")
@click.option("-r", "paths", metavar="FILE", multiple=True, required=True,
              help="Capture file (pcap, pcapng, also gzipped; - is standard input). Several are read in turn.")
@click.option("-T", "form", type=click.Choice(["fields"]), help="Print the fields given by -e instead of a summary.")
@click.option("-e", "names", metavar="FIELD", multiple=True, help="A field to print; shoal fields lists them.")
@click.option("-E", "settings", metavar="KEY=VALUE", multiple=True,
              help="header=y|n, separator=/t|/s|CHARACTER, occurrence=f|l|a, aggregator=/s|CHARACTER, quote=d|s|n.")
@click.option("-z", "statistics", metavar="STATISTIC", multiple=True,
              help="After the frames print conv,tcp or udp, ip, ipv6, eth (Wireshark's conversation table), expert, "
                   "io,phs (the protocols, each in what carries it), tcp,flows (how each ended), dns,tree or "
                   "http,tree.")
@click.option("-q", "quiet", is_flag=True, help="Print no frames, only what -z asks for.")
@click.option("-c", "count", metavar="N", type=click.IntRange(min=1), help="Stop after N frames were read.")
@click.argument("expression", nargs=-1, metavar="[BPF...]")
def read(paths: tuple[str, ...], form: str | None, names: tuple[str, ...], settings: tuple[str, ...],
         statistics: tuple[str, ...], quiet: bool, count: int | None, expression: tuple[str, ...]) -> None:
    """Print one line a frame: a summary, or with -T fields what tshark -T fields prints.

    Arguments after the options are a filter in tcpdump's language; only frames that match are printed, with the
    numbers, streams and times that they have in the whole file. -c counts the frames read, matching or not, over all
    files. Each file is a capture of its own: frame numbers and streams begin anew, and statistics are printed after
    each. They count the frames that match. A file that is cut gives its whole frames and a warning; the exit code is 0
    then.
    """
    make_writer, header = _writers(form, names, settings, quiet)
    make_statistics = _statistics(statistics)
    out = sys.stdout.buffer
    out.write(header)
    left = count
    for path in paths:
        counted = make_statistics()
        left = _read_capture(path, make_writer(), counted, " ".join(expression), left,
                             causes="shoal.tcp.cause" in names, details=_details(names, statistics),
                             named=(form is None and not quiet) or _needs_names(statistics))
        # The last asked for first, as tshark has it.
        for statistic in reversed(counted):
            for text in statistic.lines():
                out.write(text)
        if left == 0:
            break


def _statistics(names: tuple[str, ...]) -> Callable[[], list[Statistic]]:
    """What makes the statistics of each capture."""
    if not names:
        return list
    from pipeline.statistics import UnknownStatistic, known

    try:
        all_known = [known(name) for name in names]
    except UnknownStatistic as error:
        raise click.UsageError(str(error)) from None
    return lambda: [statistic.make() for statistic in all_known]


def _writers(form: str | None, names: tuple[str, ...], settings: tuple[str, ...], quiet: bool
             ) -> tuple[Callable[[], FieldWriter | None], bytes]:
    """What makes a writer for each capture, and the line that stands before all of them; none where frames are not
    printed."""
    if form is None:
        if names or settings:
            raise click.UsageError("-e and -E need -T fields")
        if quiet:
            return lambda: None, b""
        from pipeline.render.summary import summary_writer

        return summary_writer, b""
    if not names:
        raise click.UsageError("-T fields needs at least one -e FIELD")
    from pipeline.render.options import OptionError, parse_options
    from pipeline.schema.shown import UnknownField

    try:
        made = _field_writers(names, parse_options(settings))
    except (OptionError, UnknownField) as error:
        raise click.UsageError(str(error)) from None
    return (lambda: None, b"") if quiet else made


def _field_writers(names: tuple[str, ...], options: FieldOptions) -> tuple[Callable[[], FieldWriter], bytes]:
    from pipeline.render.fields import FieldWriter, PrintedField
    from pipeline.schema import PACKETS
    from pipeline.schema.shown import sources

    planned = [name for name in names if not sources(PACKETS, name)]
    if planned:
        click.echo(f"shoal: warning: not decoded yet, and printed empty: {', '.join(planned)}", err=True)
    fields = [
        PrintedField(sources(PACKETS, name), options.occurrence, options.aggregator, options.separator if i else "")
        for i, name in enumerate(names)
    ]
    header = f"{options.separator.join(names)}\n".encode() if options.header else b""
    return lambda: FieldWriter(fields, options.quote), header


def _read_capture(path: str, writer: FieldWriter | None, statistics: list[Statistic], expression: str,
                  left: int | None, *, causes: bool, details: bool, named: bool) -> int | None:
    """Print and count the frames of one capture, `left` at most; how many are left then."""
    from collectors.sources import open_capture
    from pipeline.embedded import decoded
    from pipeline.engine import Engine
    from pipeline.schema import PACKETS
    from pipeline.schema.columns import Columns
    from pipeline.statistics import TakesFlows

    out = sys.stdout.buffer
    rows = BATCH_ROWS if left is None else min(left, BATCH_ROWS)
    takers = [statistic for statistic in statistics if isinstance(statistic, TakesFlows)]

    def take(rows: Columns) -> None:
        for taker in takers:
            taker.take(rows)

    engine = Engine(take if takers else None, causes=causes, details=details, names=named)
    with open_capture(path, batch_rows=rows) as reader:
        for frames, columns in decoded(reader, Columns(PACKETS, rows), engine, left):
            if left is not None:
                left -= columns.rows
            keep = _matching(expression, frames)[: columns.rows] if expression else None
            for statistic in statistics:
                statistic.add(columns, engine, keep)
            if writer is not None:
                for text in writer.lines(columns, keep):
                    out.write(text)
                out.flush()
        if reader.warning:
            click.echo(f"shoal: warning: {reader.warning}", err=True)
    return left


def _details(names: tuple[str, ...], statistics: tuple[str, ...]) -> bool:
    """Whether any of the fields, or of what is counted, is of what is said in the frames."""
    from pipeline.schema.exchanges import DETAILS

    if statistics:
        from pipeline.statistics import known

        if any(known(name).details for name in statistics):
            return True
    return "_ws.col.Protocol" in names or not DETAILS.keys().isdisjoint(names)


def _needs_names(statistics: tuple[str, ...]) -> bool:
    """Whether any of the statistics counts what frames are named."""
    from pipeline.statistics import known

    return any("exchanges" in known(name).needs for name in statistics)


def _matching(expression: str, frames: Frames) -> NDArray[np.bool_]:
    from collectors.filters import FilterError, matches

    try:
        return matches(expression, frames)
    except FilterError as error:
        raise click.UsageError(str(error)) from None
