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

MOST_TALLIED = 16_384
"""Entities whose sightings are summed before they are taken; the sightings of more are told one by one."""


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
    """Sums sightings of one name, entity, tick and `value`, within spans of event time; the earliest one's words stay.

    So a flood gives few of them. What they sum to does not depend on when they are taken.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str, int, str, int], Sighting] = {}
        self._alone: list[Sighting] = []

    def add(self, seen: Sighting, span: int) -> None:
        """Take a sighting; those of one span (ns) are summed."""
        key = seen.name, seen.entity, seen.tick, seen.value, seen.time // span
        before = self._waiting.get(key)
        if before is None:
            if len(self._waiting) >= MOST_TALLIED:
                self._alone.append(seen)
            else:
                self._waiting[key] = seen
            return
        first = min(before, seen, key=lambda one: (one.time, one.frame, one.said, one.filter))
        self._waiting[key] = replace(first, count=before.count + seen.count)

    def take(self) -> list[Sighting]:
        """What was summed; it is forgotten here."""
        found = [*self._waiting.values(), *self._alone]
        self._waiting, self._alone = {}, []
        return found

    def state(self) -> Tree:
        """All that is known."""
        return {"waiting": [sighting_state(one) for one in (*self._waiting.values(), *self._alone)]}

    def restore(self, state: Tree, spans: dict[str, int]) -> None:
        """Know what `state` told; `spans` are those (ns) of the names."""
        self._waiting, self._alone = {}, []
        for one in state["waiting"]:
            seen = sighting_of(one)
            self.add(seen, spans[seen.name])


def sighting_state(seen: Sighting) -> list[Any]:
    """A sighting as a snapshot holds it."""
    return [seen.name, seen.tick, seen.frame, seen.time, seen.entity, seen.said, seen.filter, seen.count, seen.value]


def sighting_of(state: list[Any]) -> Sighting:
    """The sighting again."""
    return Sighting(*state)
