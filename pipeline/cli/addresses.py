"""Addresses given on the command line."""

from __future__ import annotations

import click


def host_port(text: str, option: str) -> tuple[str, int]:
    """`HOST:PORT`, or `[ADDRESS]:PORT` for IPv6. Raises click.UsageError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise click.UsageError(f"{option} {text}: not HOST:PORT")
    return host.strip("[]"), int(port)
