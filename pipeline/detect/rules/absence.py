"""Entities that had windows and have none any more."""

from __future__ import annotations

import numpy as np

from pipeline.detect.rules.declared import Rule
from pipeline.detect.rules.entities import Entity
from pipeline.detect.rules.judge import SECOND, Rows
from pipeline.detect.rules.memory import Memory
from pipeline.engine.snapshot import Tree
from pipeline.schema.columns import Columns

SEEN_LEAST = 3
"""Windows after which an entity is missed: who came once is no one to wait for."""


class Absence:
    """Holds one rule of kind `absence` against the windows of a capture, tick by tick."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._memory = Memory(0, 0, named=True)

    @property
    def forgotten(self) -> int:
        """Entities that were forgotten."""
        return self._memory.forgotten

    def begin_pass(self) -> None:
        """The capture's time fell back: who was seen before it is not missed."""
        self._memory.begin_pass()

    def take(self, columns: Columns, rows: Rows, now: int) -> list[tuple[Entity, int]]:
        """The rows of one tick, and the capture's time (ns) then: who is absent from now on, and since when (ns)."""
        memory = self._memory
        if len(rows.row):
            if not memory.room(rows.key):
                memory.forget()
            slots = memory.slots(rows.key)
            np.maximum.at(memory.last, slots, rows.time + self.rule.window * SECOND)
            np.add.at(memory.learnt, slots, 1.0)
            cells = [columns.values(f"shoal.window.{name}")[rows.row] for name in ("host", "peer")]
            small = [
                np.ascontiguousarray(columns.values(f"shoal.window.{name}")[rows.row]).astype("<u2")[:, None].view("u1")
                for name in ("port", "proto", "kind")
            ]
            memory.who[slots] = np.concatenate([*cells, small[0], small[1][:, :1], small[2][:, :1]], axis=1)
        gone = (memory.learnt >= SEEN_LEAST) & (memory.last > 0) & (memory.last <= now - self.rule.seconds * SECOND)
        found = []
        # Room that nobody has holds zeros, so nobody is missed there.
        for slot in np.flatnonzero(gone).tolist():
            who = memory.who[slot].tobytes()
            entity = Entity(who[35], who[:16], who[16:32], who[34], int.from_bytes(who[32:34], "little"))
            found.append((entity, int(memory.last[slot])))
            memory.learnt[slot] = 0.0
        return sorted(found)

    def state(self) -> Tree:
        """All that is known between two calls, for a snapshot."""
        return {"memory": self._memory.state()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._memory.restore(state["memory"])
