"""Rows that wait for what completes them: capped, and told as they stand when it does not come."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.column import Record

Key = tuple[int, ...]
"""What a row waits under."""


class Waiting:
    """Rows of `record` by key, in the order in which they began: at most `most`, each for `patience` ns of the capture.

    At the cap the oldest is told, and `event` noted.
    """

    def __init__(self, notes: Notes, out: Outlet, record: Record, event: str, *, most: int, patience: int) -> None:
        self._notes = notes
        self._out = out
        self._record = record
        self._event = event
        self._most = most
        self._patience = patience
        self._rows: dict[Key, Row] = {}
        self._forgotten = 0

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, key: Key, row: Row, at: int) -> None:
        """`row` waits under `key`, told before if one waits there; `at` is the row of the batch that brought it."""
        old = self._rows.pop(key, None)
        if old is not None:
            self._out.row(self._record, old)
        elif len(self._rows) >= self._most:
            self.tell(next(iter(self._rows)))
            self._forgotten += 1
            self._notes.note(self._event, at, self._forgotten)
        self._rows[key] = row

    def get(self, key: Key) -> Row | None:
        """The row under `key`, which goes on waiting."""
        return self._rows.get(key)

    def take(self, key: Key) -> Row | None:
        """The row under `key`, which waits no more."""
        return self._rows.pop(key, None)

    def tell(self, key: Key) -> None:
        """The row under `key`, if it waits, is as complete as it gets."""
        row = self._rows.pop(key, None)
        if row is not None:
            self._out.row(self._record, row)

    def tick(self, now: int) -> None:
        """It is `now` (ns since 1970): tell what has waited too long."""
        late = []
        for key, row in self._rows.items():
            if row["shoal.first_time"] > now - self._patience:
                break
            late.append(key)
        for key in late:
            self.tell(key)

    def finish(self) -> None:
        """Nothing more will come."""
        for key in list(self._rows):
            self.tell(key)

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"rows": [[list(key), dict(row)] for key, row in self._rows.items()], "forgotten": self._forgotten}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._rows = {tuple(key): row for key, row in state["rows"]}
        self._forgotten = state["forgotten"]
