"""What trackers tell: fields of frames (details), the name of a frame's protocol, and rows of exchanges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cython

from pipeline.engine.exchanges.rows import fill
from pipeline.engine.snapshot import Tree
from pipeline.schema.column import Record
from pipeline.schema.columns import Columns
from pipeline.schema.exchanges import EXCHANGES

HANDED_OUT = 1024
"""Rows of a record handed out at a time, at the most."""

_MOST = cython.declare(cython.Py_ssize_t, HANDED_OUT)

Row = dict[str, Any]
"""Columns that have a value, as `fill` takes them."""

Watcher = Callable[[str, Row, int], None]
"""Sees each row of a record when it is complete: the record's name, the row, and the frame at which that is."""

_RECORDS = {record.name: record for record in EXCHANGES}


@cython.cclass
class Outlet:
    """Gathers what is told of a batch.

    With `sink`, rows of exchanges are handed to it, those of a record in their order; `watchers`, by the record's name,
    see each of them. With `details`, fields of frames are put into `Columns.details`. Trackers ask `stores` and `tells`
    before they make any. `frame` is that under way, or, between two, the next one.
    """

    def __init__(self, sink: Callable[[Columns], None] | None = None, *, details: bool = False,
                 watchers: Mapping[str, Sequence[Watcher]] | None = None) -> None:  # fmt: skip
        self.tells = details
        self.stores = sink is not None or bool(watchers)
        self.frame = 0
        self._watchers = dict(watchers or {})
        self._sink = sink
        self._details: dict[str, tuple[list[int], list[object]]] = {}
        self._waiting: dict[str, list[Row]] = {}

    def begin(self, columns: Columns) -> None:
        """The next batch's details are those of the rows of `columns`."""
        self._details = columns.details

    def detail(self, row: cython.Py_ssize_t, name: str, value: object) -> None:
        """The frame at `row` has field `name` (one of DETAILS); a field that it has again follows the one before."""
        cells = self._details.get(name)
        if cells is None:
            cells = self._details[name] = ([], [])
        cells[0].append(row)
        cells[1].append(value)

    def row(self, record: Record, row: Row) -> None:
        """A row of `record` is complete."""
        if not self.stores:
            return
        name: str = record.name
        for watcher in self._watchers.get(name, ()):
            watcher(name, row, self.frame)
        if self._sink is None:
            return
        waiting: list[Row] | None = self._waiting.get(name)
        if waiting is None:
            waiting = self._waiting[name] = []
        waiting.append(row)
        if len(waiting) >= _MOST:
            self._hand_out(name)

    def flush(self) -> None:
        """Hand out the rows that wait."""
        for name in sorted(self._waiting):
            self._hand_out(name)

    def _hand_out(self, name: str) -> None:
        rows = self._waiting.pop(name, None)
        if rows and self._sink is not None:
            self._sink(fill(_RECORDS[name], rows))

    def state(self) -> Tree:
        """The rows that wait, for a snapshot."""
        return {"waiting": {name: list(rows) for name, rows in self._waiting.items()}}

    def restore(self, state: Tree) -> None:
        """Know what `state` told."""
        self._waiting = {name: list(rows) for name, rows in state["waiting"].items()}
