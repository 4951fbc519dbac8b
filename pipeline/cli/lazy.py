"""A group of commands that are loaded when they are called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

Commands = Mapping[str, tuple[str, str]]
"""Subcommand to where it is (`module:attribute`) and what it does, in the order of `--help`."""


class LazyGroup(click.Group):
    """A group that knows its subcommands by name, and loads the one that is called."""

    def __init__(self, *args: Any, table: Commands, **kwargs: Any) -> None:
        """`table` lists the subcommands."""
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the subcommands."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads a subcommand; None for a name that is none."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, but a name that is none is answered with those that come near."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.table:
            import difflib

            near = difflib.get_close_matches(name, self.table, n=2)
            meant = f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(self.table)}"
            raise click.UsageError(f"no command '{name}'{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of subcommands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in self.table.items()])
