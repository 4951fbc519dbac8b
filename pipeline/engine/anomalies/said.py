"""What is said over conversations, as anomalies: the detectors over rows of exchanges, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pipeline.engine.anomalies.said_dhcp import SaidDhcp
from pipeline.engine.anomalies.said_dns import SaidDns
from pipeline.engine.anomalies.said_rows import Row
from pipeline.engine.anomalies.said_tls import SaidTls
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting


class _Detector(Protocol):
    def row(self, name: str, row: Row, tick: int) -> None: ...
    def take(self) -> list[Sighting]: ...
    def state(self) -> Tree: ...
    def restore(self, state: Tree) -> None: ...


RECORDS: dict[str, Callable[[], _Detector]] = {
    "dhcp_states": SaidDhcp, "dns_states": SaidDns, "tls_states": SaidTls,
}  # fmt: skip
"""Detectors by the record whose rows they look at."""


class Said:
    """Is shown each row of an exchange when it is complete (`Outlet`), and knows of it until `take`."""

    def __init__(self) -> None:
        self._detectors: dict[str, _Detector] = {name: make() for name, make in RECORDS.items()}

    def row(self, name: str, row: Row, tick: int) -> None:
        """A row of `name`, one of `RECORDS`, complete behind the window tick `tick` (0: before the first)."""
        self._detectors[name].row(name, row, tick)

    def take(self) -> list[Sighting]:
        """What was seen since this was called last, by tick, frame and name."""
        found = [seen for detector in self._detectors.values() for seen in detector.take()]
        return sorted(found, key=lambda one: (one.tick, one.frame, one.name, one.entity, one.value))

    def state(self) -> Tree:
        """All that is known."""
        return {name: detector.state() for name, detector in self._detectors.items()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        for name, detector in self._detectors.items():
            detector.restore(state[name])
