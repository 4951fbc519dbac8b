"""Options that say how long rows are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.schema.retention import Retention

_TTLS = (
    ("raw", "bytes of frames"), ("packets", "rows of frames"), ("flows", "rows of conversations"),
    ("windows", "windows of hosts and services"), ("events", "events, alerts and dead letters"),
    ("sensors", "heartbeats"), ("pinned", "frames that alerts show"),
)


def _read(reader: str) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """A click callback that reads an option's text by a function of pipeline.schema.retention."""

    def read(_: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
        if text is None:
            return None
        from pipeline.schema import retention

        try:
            value: int = getattr(retention, reader)(text)
        except ValueError as error:
            raise click.UsageError(f"{parameter.opts[0]}: {error}") from error
        return value

    return read


def retention_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--ttl-...` and `--size-budget`; the command takes them as keywords, for `retention_of`."""
    budget = click.option(
        "--size-budget", "--budget", "budget", metavar="SIZE", callback=_read("read_size"),
        help="Most bytes of table packets, as 500G; the oldest weeks are dropped. 0 for no budget.",
    )
    command = budget(command)
    for name, of in reversed(_TTLS):
        said = f"How long {of} are kept."
        command = click.option(f"--ttl-{name}", metavar="DAYS", callback=_read("read_duration"), help=said)(command)
    return command


def retention_of(given: dict[str, Any]) -> Retention:
    """What the options say."""
    from pipeline.schema.retention import Retention

    return Retention(**{name.removeprefix("ttl_"): value for name, value in given.items()})
