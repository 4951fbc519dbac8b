"""`shoal interfaces`: what can be captured on, and what it has counted."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collectors.sources.interfaces import Interface

_HEADINGS = ("Interface", "Link type", "State", "MTU", "RX-OK", "RX-ERR", "RX-DRP", "RX-OVR", "TX-OK", "TX-ERR",
             "TX-DRP", "TX-OVR", "Addresses")  # fmt: skip


@click.command("interfaces", short_help="List the network interfaces that can be captured on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def interfaces(as_json: bool) -> None:
    """List interfaces with link type, state, MTU, the counters of netstat -i, and addresses; of wireless ones mode and
    channel too. any stands for all interfaces at once."""
    from collectors.sources.interfaces import interfaces as all_interfaces

    found = all_interfaces()
    if as_json:
        for each in found:
            click.echo(json.dumps(dataclasses.asdict(each) | {"linktype_name": each.linktype_name}))
        return
    rows = [_HEADINGS, *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if 3 <= at < len(row) - 1 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        click.echo("  ".join(cells).rstrip())


def _row(one: Interface) -> tuple[str, ...]:
    state = one.state
    if one.wireless is not None:
        channel = f", channel {one.wireless.channel}" if one.wireless.channel is not None else ""
        state += f" ({one.wireless.mode}{channel})"
    addresses = " ".join(filter(None, (one.address, *one.addresses)))
    if one.index == 0:
        return one.name, one.linktype_name, state, *[""] * 9, addresses
    counters = dataclasses.astuple(one.counters)
    return one.name, one.linktype_name, state, str(one.mtu or ""), *map(str, counters), addresses
