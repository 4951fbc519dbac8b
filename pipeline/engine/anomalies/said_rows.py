"""What detectors over rows of exchanges have in common: who the row is of, in words, and sightings that are summed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting

Row = dict[str, Any]
"""A row of an exchange as trackers tell it: column to value, as `pipeline.engine.exchanges.rows.fill` takes them."""

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def ipv4(number: int) -> str:
    """An address as columns hold it, in words."""
    return str(IPv4Address(number))


def client(row: Row) -> str:
    """Address of who asked; empty where it is not known."""
    return _address(row, "src")


def server(row: Row) -> str:
    """Address of who was asked; empty where it is not known."""
    return _address(row, "dst")


def service(row: Row) -> str:
    """Address and port of who was asked: `192.0.2.1:443`, `[2001:db8::1]:443`."""
    port = row.get("tcp.dstport", row.get("udp.dstport", 0))
    host = server(row)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(row: Row, end: str) -> str:
    if f"ip.{end}" in row:
        return ipv4(row[f"ip.{end}"])
    found = row.get(f"ipv6.{end}")
    return str(IPv6Address(bytes(found[:16]))) if found else ""


def is_of(address: str) -> str:
    """Display filter for the packets of an address."""
    return f"{'ipv6' if ':' in address else 'ip'}.addr == {address}"


def stream(row: Row) -> str:
    """Display filter for the packets of the row's conversation."""
    protocol = "tcp" if "tcp.stream" in row else "udp"
    return f"{protocol}.stream == {row[f'{protocol}.stream']}"


class Tally:
    """Sums sightings of one name, entity, tick and `value`, within spans of event time: the first one's words stay, and
    the last one's time.

    So a flood gives few of them. What they sum to does not depend on when they are taken; that is behind each batch,
    so that there are no more than it has rows.
    """

    def __init__(self) -> None:
        # The first and the last one, and how many there are besides the last.
        self._waiting: dict[tuple[str, str, int, str, int], tuple[Sighting, Sighting, int]] = {}

    def add(self, seen: Sighting, span: int) -> None:
        """Take a sighting of one; those of one span (ns) are summed."""
        key = seen.name, seen.entity, seen.tick, seen.value, seen.time // span
        before = self._waiting.get(key)
        if before is None:
            self._waiting[key] = seen, seen, 0
            return
        first, last, count = before
        self._waiting[key] = min(first, seen, key=_order), max(last, seen, key=_order), count + 1

    def take(self) -> list[Sighting]:
        """What was summed, of each sum two sightings at the most; it is forgotten here."""
        found, self._waiting = self._waiting, {}
        return [
            one for first, last, count in found.values()
            for one in ((replace(first, count=count), last) if count else (first,))
        ]  # fmt: skip

    def state(self) -> Tree:
        """All that is known."""
        return {"waiting": [
            [*key, sighting_state(first), sighting_state(last), count]
            for key, (first, last, count) in self._waiting.items()
        ]}  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` told."""
        self._waiting = {
            (name, entity, tick, value, span): (sighting_of(first), sighting_of(last), count)
            for name, entity, tick, value, span, first, last, count in state["waiting"]
        }


def _order(seen: Sighting) -> tuple[int, int, str, str]:
    return seen.time, seen.frame, seen.said, seen.filter


def sighting_state(seen: Sighting) -> list[Any]:
    """A sighting as a snapshot holds it."""
    return [seen.name, seen.tick, seen.frame, seen.time, seen.entity, seen.said, seen.filter, seen.count, seen.value]


def sighting_of(state: list[Any]) -> Sighting:
    """The sighting again."""
    return Sighting(*state)
