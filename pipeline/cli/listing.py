"""What commands that list rows have in common: where the rows are, which are meant, and how they are printed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

from pipeline.render.terminal import shown
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.ddl import literal

FORMATS = ("table", "json", "tsv")
_F = TypeVar("_F", bound=Callable[..., Any])


def database_options(command: _F) -> _F:
    """Adds `--db`, `--user` and `--password`, which the command takes as keywords."""
    return _database(command, required=True)


def maybe_database_options(command: _F) -> _F:
    """As `database_options`, but `--db` may be left away: None."""
    return _database(command, required=False)


def _database(command: _F, *, required: bool) -> _F:
    for option in (
        click.option("--password", default="", metavar="PASSWORD", envvar="SHOAL_PASSWORD",
                     help="Their password. Better given as SHOAL_PASSWORD, which other users don't see."),
        click.option("--user", default="", metavar="USER", envvar="SHOAL_USER",
                     help="A server's user. Also SHOAL_USER."),
        click.option("--db", required=required, metavar="DIR|URL", help="The database's directory, or a server's URL."),
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


def conditions(
    patterns: Mapping[str, str], values: Mapping[str, Iterable[str]], since: int | None, time: str
) -> list[str]:  # fmt: skip
    """SQL conditions of those of `patterns` and `values`, by column, that are not empty, and of the column `time` from
    `since` on (ns since 1970)."""
    found = [like(f"`{column}`", pattern) for column, pattern in patterns.items() if pattern]
    found += [one_of(f"`{column}`", of) for column, of in values.items() if of]
    return found + ([f"`{time}` >= fromUnixTimestamp64Nano({since}, 'UTC')"] if since is not None else [])


class Table:
    """Lines of a table that may come in pieces: headings before the first, and columns only grow wider. `right` are set
    to the right; `cut` ends lines where a terminal's end."""

    def __init__(self, headings: Sequence[str], right: Iterable[str] = (), *, cut: bool = True) -> None:
        self._headings = tuple(headings)
        self._right = [heading in set(right) for heading in headings]
        self._widths = [0] * len(self._headings)
        self._cut = cut
        self._begun = False

    def lines(self, rows: Iterable[Sequence[object]]) -> list[str]:
        """The lines of these rows."""
        cells = [*([] if self._begun else [self._headings]), *(tuple(map(shown, row)) for row in rows)]
        self._begun = True
        for row in cells:
            self._widths = [max(wide, len(cell)) for wide, cell in zip(self._widths, row, strict=True)]
        end = shutil.get_terminal_size().columns if self._cut and sys.stdout.isatty() else 0
        lines = ("  ".join(self._padded(row)).rstrip() for row in cells)
        return [line if not end or len(line) <= end else line[: end - 1] + "…" for line in lines]

    def _padded(self, row: Sequence[str]) -> list[str]:
        return [
            cell.rjust(wide) if right else cell.ljust(wide)
            for cell, wide, right in zip(row, self._widths, self._right, strict=True)
        ]


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()) -> list[str]:
    """Lines of a table under its headings; columns `right` are set to the right. On a terminal lines end with it."""
    return Table(headings, right).lines(rows)


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
