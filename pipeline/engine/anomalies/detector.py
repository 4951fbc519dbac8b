"""What a detector of anomalies is given, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns

TickAt = Callable[[int], int]
"""Row of the batch to the number of the window tick behind which it comes."""


@dataclass(slots=True)
class Batch:
    """A batch of a shard's rows, with `Streams.conversation` and `.turn`; what is seen in it goes to `sightings`."""

    columns: Columns
    numbers: NDArray[np.int32]
    turns: NDArray[np.uint8]
    tick_at: TickAt
    sightings: list[Sighting] = field(default_factory=list)

    def see(self, name: str, row: int, entity: str, said: str, display: str, *, frame: int = 0, time: int = 0,
            count: int = 1, value: str = "") -> None:
        """An anomaly is sure with row `row`; `frame` and `time` (ns) are of the one that shows it, where it is
        another."""
        if not frame:
            frame = int(self.columns.values("frame.number")[row])
            time = int(self.columns.values("frame.time").view("i8")[row])
        self.sightings.append(
            Sighting(name, self.tick_at(row), frame, time, entity, said, display, count, value)
        )

    def addresses(self, row: int) -> tuple[str, str]:
        """Source and destination of a row; empty where it has none."""
        columns = self.columns
        there = columns.counts("ip.src")
        if there is not None and there[row]:
            return (str(IPv4Address(int(columns.values("ip.src")[row]))),
                    str(IPv4Address(int(columns.values("ip.dst")[row]))))
        there = columns.counts("ipv6.src")
        if there is not None and there[row]:
            return (str(IPv6Address(columns.values("ipv6.src")[row].tobytes())),
                    str(IPv6Address(columns.values("ipv6.dst")[row].tobytes())))
        return "", ""


class Detector(Protocol):
    """Looks for anomalies in the rows of a shard, batch after batch: what it sees does not depend on how they are
    cut."""

    def process(self, batch: Batch) -> None:
        """Take the rows of the next batch."""

    def state(self) -> Tree:
        """All that is known."""

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""


def field_of(address: str) -> str:
    """The display filter's field for an address: `ip.addr` or `ipv6.addr`."""
    return "ipv6.addr" if ":" in address else "ip.addr"


def mac(hardware: int) -> str:
    """A hardware address as it is written."""
    return hardware.to_bytes(6, "big").hex(":")
