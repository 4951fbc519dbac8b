"""How many windows in a row an entity was raised, for rules that want more than one."""

from __future__ import annotations

import json

from pipeline.detect.rules.declared import Rule
from pipeline.detect.rules.entities import Entity
from pipeline.engine.snapshot import Tree

SECOND = 10**9


class Streaks:
    """Of one rule: entity to how many windows, the begin (ns) of the first and of the last."""

    def __init__(self, rule: Rule) -> None:
        self._needed = rule.open_after
        self._size = rule.window * SECOND
        self._of: dict[Entity, tuple[int, int, int]] = {}

    @property
    def any(self) -> bool:
        """Whether one is known."""
        return bool(self._of)

    def add(self, entity: Entity, time: int, begins: int) -> int | None:
        """A window that begins at `time` is raised, which is about all since `begins`: the begin of the streak where it
        is long enough; else None."""
        if self._needed == 1:
            return begins
        count, first, last = self._of.get(entity, (0, begins, time))
        if count and time == last + self._size:
            count += 1
        elif not count or time > last:
            count, first = 1, begins
        self._of[entity] = (count, first, max(last, time))
        return first if count >= self._needed else None

    def forget(self, now: int) -> None:
        """Streaks that a window did not go on with."""
        if self._of:
            self._of = {entity: of for entity, of in self._of.items() if of[2] >= now - 3 * self._size}

    def clear(self) -> None:
        """Forget all."""
        self._of.clear()

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"of": [
            json.dumps([[of.hex() if isinstance(of, bytes) else of for of in entity], *streak])
            for entity, streak in self._of.items()
        ]}  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.clear()
        for text in state["of"]:
            (kind, host, peer, proto, port, name), *streak = json.loads(text)
            entity = Entity(kind, bytes.fromhex(host), bytes.fromhex(peer), proto, port, name)
            self._of[entity] = (streak[0], streak[1], streak[2])
