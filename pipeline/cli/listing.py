"""What commands that list rows have in common: where the rows are, which are meant, and how they are printed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.ddl import literal

FORMATS = ("table", "json", "tsv")
_F = TypeVar("_F", bound=Callable[..., Any])


def database_options(command: _F) -> _F:
    """Adds `--db`, `--user` and `--password`, which the command takes as keywords."""
    for option in (
        click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
                     help="Their password. Better given as SHOAL_PASSWORD, which other users don't see."),
        click.option("--user", default="", metavar="USER", envvar="SHOAL_USER",
                     help="A server's user. Also SHOAL_USER."),
        click.option("--db", required=True, metavar="DIR|URL", help="The database's directory, or a server's URL."),
    ):
        command = option(command)
    return command


def format_option(command: _F) -> _F:
    """Adds `--format`, which the command takes as `fmt`."""
    return click.option(
        "--format", "fmt", type=click.Choice(FORMATS), default="table", show_default=True,
        help="json: an object a line, with all fields; tsv: the same, in columns.",
    )(command)


class _Severities(click.ParamType):
    name = "severity"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        found: set[str] = set()
        for word in str(value).split(","):
            name = word.strip().removesuffix("+")
            if name not in SEVERITIES:
                self.fail(f"'{word}' is none of {', '.join(SEVERITIES)}; warning+ is that and above", param, ctx)
            at = SEVERITIES.index(name)
            found.update(SEVERITIES[at:] if word.strip().endswith("+") else (name,))
        return tuple(severity for severity in SEVERITIES if severity in found)


SEVERITY = _Severities()
"""A click type: `critical`, `info,critical`, or `warning+` for that and above; a tuple of severities."""


def like(column: str, pattern: str) -> str:
    """The SQL condition that a column matches a pattern in which `*` is any text and `?` any character."""
    kept = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{column} LIKE {literal(kept.replace('*', '%').replace('?', '_'))}"


def one_of(column: str, values: Iterable[str]) -> str:
    """The SQL condition that a column has one of the values."""
    return f"{column} IN ({', '.join(map(literal, values))})"


def shown(value: object) -> str:
    """A value as a terminal may have it. Names and entities come out of packets: what a terminal would take as commands
    (escape sequences, line breaks, marks that turn the direction of writing) is shown as `?`."""
    text = "" if value is None else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()) -> list[str]:
    """Lines of a table under its headings; columns `right` are set to the right. On a terminal lines end with it."""
    cells = [tuple(headings), *(tuple(map(shown, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    to_right = [heading in set(right) for heading in headings]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    lines = []
    for row in cells:
        line = "  ".join(
            cell.rjust(wide) if turned else cell.ljust(wide)
            for cell, wide, turned in zip(row, widths, to_right, strict=True)
        ).rstrip()
        lines.append(line if not width or len(line) <= width else line[: width - 1] + "…")
    return lines


def as_json(row: dict[str, Any]) -> str:
    """A row as a JSON object in a line; ASCII, so that nothing in it moves a terminal."""
    return json.dumps(row)


def as_tsv(values: Iterable[object]) -> str:
    """A line of tab-separated values; lists, objects, true and false are JSON, nothing is empty."""
    return "\t".join(json.dumps(v) if isinstance(v, list | dict | bool) else shown(v) for v in values)


def print_rows(fmt: str, rows: Sequence[dict[str, Any]], names: Sequence[str], *, heading: bool = True) -> None:
    """Prints rows as `json` or `tsv`; `names` are the fields, for the heading of the latter."""
    if fmt == "tsv" and heading:
        click.echo("\t".join(names))
    for row in rows:
        click.echo(as_json(row) if fmt == "json" else as_tsv(row[name] for name in names))
