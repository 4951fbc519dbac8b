"""`shoal alerts`: what is wrong, or was, and what is done about it."""

from __future__ import annotations

import click

from pipeline.cli.lazy import Commands, LazyGroup

COMMANDS: Commands = {
    "list": ("pipeline.cli.alerts_list:list_", "List alerts, the newest first."),
    "show": ("pipeline.cli.alerts_show:show", "Show an alert with its evidence."),
    "ack": ("pipeline.cli.alerts_ack:ack", "Acknowledge an alert."),
    "silence": ("pipeline.cli.alerts_silence:silence", "Silence alerts for a while."),
    "watch": ("pipeline.cli.alerts_watch:watch", "Tell alerts to sinks, pin their packets, look after sensors."),
    "deliveries": ("pipeline.cli.alerts_deliveries:deliveries", "List what sinks could not be told, and try it again."),
    "test": ("pipeline.cli.alerts_test:test", "Try rules on what is stored, without telling anyone."),
}
"""Subcommand to where it is and what it does, in the order of `--help`."""


@click.group(cls=LazyGroup, table=COMMANDS, short_help="Look at alerts, and look after them.")
def alerts() -> None:
    """Look at alerts and their evidence, and look after them."""
