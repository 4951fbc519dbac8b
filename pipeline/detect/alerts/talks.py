"""Conversations of a span of time, with what the shards counted of them: who is behind an entity's figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.rules.entities import Entity
from pipeline.detect.rules.expression import Get, Values, part_values
from pipeline.schema.columns import Columns
from pipeline.schema.windows import KINDS

Bools = NDArray[np.bool_]


def _halves(columns: Columns, name: str, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(columns.values(name)[rows]).view(np.uint64)


class Talks:
    """Parts of `flows` in windows that begin from `begin` until before `end` (ns), told up to tick `tick`, or at that
    tick alone (`at`). Arrays have one cell for each part. `coarse`: they are of pairs of hosts, without ports; all that
    goes to a service's host is then taken for the service's."""

    def __init__(
        self, flows: Sequence[Columns], begin: int, end: int, tick: int, *, at: bool = False, coarse: bool = False
    ) -> None:
        self._coarse = coarse
        self._of: list[tuple[Columns, NDArray[np.int64]]] = []
        for columns in flows:
            ticks = columns.values("shoal.window.tick")
            # They ascend by tick.
            first = int(np.searchsorted(ticks, tick)) if at else 0
            last = int(np.searchsorted(ticks, tick, side="right"))
            times = columns.values("shoal.window.time")[first:last].view(np.int64)
            rows = np.flatnonzero((times >= begin) & (times < end)) + first
            if len(rows):
                self._of.append((columns, rows))
        self.size = sum(len(rows) for _, rows in self._of)
        self._cells: dict[str, NDArray[np.generic]] = {}

    def cells(self, name: str) -> NDArray[np.generic]:
        """A column of the parts; of an address its halves, shape (parts, 2)."""
        if name not in self._cells:
            address = name.endswith(".address")
            pieces = [_halves(c, name, rows) if address else c.values(name)[rows] for c, rows in self._of]
            empty = np.zeros((0, 2) if address else 0, np.uint64)
            self._cells[name] = np.concatenate(pieces) if pieces else empty
        return self._cells[name]

    def get(self) -> Get:
        """Gives counts by their names, both sides together, shape (parts,)."""
        kept: dict[str, Values] = {}

        def get(name: str) -> Values:
            if name not in kept:
                pieces = [part_values(columns, rows)(name) for columns, rows in self._of]
                kept[name] = np.concatenate(pieces) if pieces else np.zeros(0)
            return kept[name]

        return get

    def among(self, entity: Entity) -> Bools:
        """Which parts are of the entity."""
        kind = KINDS[entity.kind] if entity.kind < len(KINDS) else ""
        if kind == "sensor":
            return np.ones(self.size, bool)
        if not kind:
            return np.zeros(self.size, bool)
        a, b = self._is("a", entity.host), self._is("b", entity.host)
        if kind == "host" or (kind == "service" and self._coarse):
            return a | b
        if kind == "pair":
            return (a & self._is("b", entity.peer)) | (b & self._is("a", entity.peer))
        server, proto = self.cells("shoal.server"), self.cells("ip.proto") == entity.proto
        a &= (server == 1) & (self.cells("shoal.a.port") == entity.port)
        b &= (server == 2) & (self.cells("shoal.b.port") == entity.port)
        return np.asarray((a | b) & proto)

    def _is(self, side: str, address: bytes) -> Bools:
        halves = np.frombuffer(address, np.uint64)
        cells = self.cells(f"shoal.{side}.address")
        return np.asarray((cells[:, 0] == halves[0]) & (cells[:, 1] == halves[1]))

    def ends(self, part: int) -> tuple[bytes, int, bytes, int]:
        """Client's address and port, and the server's; where the server is not known, of side a and of side b."""
        sides = [
            (self.cells(f"shoal.{s}.address")[part : part + 1].tobytes(), int(self.cells(f"shoal.{s}.port")[part]))
            for s in ("a", "b")
        ]
        client, server = reversed(sides) if int(self.cells("shoal.server")[part]) == 1 else sides
        return (*client, *server)

    def odd(self, which: Bools) -> list[tuple[int, int]]:
        """Frames of those parts of which mark and cause differ: time (ns), and 1 where it was sent again."""
        found: list[tuple[int, int]] = []
        at = 0
        for columns, rows in self._of:
            lists = columns.lists["odd"]
            group = {c.name: c for c in lists.group.columns}
            times = lists.values(group["shoal.odd.time"], columns.rows).view(np.int64)
            resent = lists.values(group["shoal.odd.resent"], columns.rows)
            offsets = lists.offsets
            mine = rows[which[at : at + len(rows)]]
            at += len(rows)
            for row in mine[offsets[mine + 1] > offsets[mine]].tolist():
                first, last = int(offsets[row]), int(offsets[row + 1])
                found += zip(times[first:last].tolist(), resent[first:last].tolist(), strict=True)
        return found

    def full_lists(self, which: Bools) -> bool:
        """Whether one of those parts may have more such frames than it could hold."""
        at = 0
        for columns, rows in self._of:
            offsets = columns.lists["odd"].offsets
            mine = rows[which[at : at + len(rows)]]
            at += len(rows)
            if bool((np.diff(offsets)[mine] >= columns.lists["odd"].group.most).any()):
                return True
        return False
