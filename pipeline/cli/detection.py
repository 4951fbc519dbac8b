"""Options of the commands that make windows and alerts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.detect.detection import Settings


def _sizes(_: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """The lengths of windows in an option's text."""
    from pipeline.schema.windows import read_sizes

    try:
        return read_sizes(text)
    except ValueError as error:
        raise click.UsageError(f"{parameter.opts[0]}: {error}") from error


def windows_option(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--windows`; the command takes `sizes`, lengths of windows in seconds."""
    return click.option(
        "--windows", "sizes", metavar="SECONDS,...", default="10,60", show_default=True, callback=_sizes,
        help="Lengths of the windows in which frames are counted.",
    )(command)


def detection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--windows` and `--rules`; the command takes them as keywords, for `detection_of`."""
    command = click.option(
        "--rules", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Rules of alerts (TOML), beside those that are built in.",
    )(command)
    return windows_option(command)


def detection_of(given: dict[str, Any]) -> Settings:
    """What the options say; takes them out of `given`. Raises RuleError."""
    from pipeline.detect.detection import Settings
    from pipeline.detect.rules import load_rules

    return Settings(given.pop("sizes"), rules=load_rules(given.pop("rules")))
