"""Rows that were told, put together again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.snapshot import Tree
from pipeline.schema.column import Record
from pipeline.schema.columns import SLABS, Columns

ROW_SLABS = (*SLABS, "lane")
"""The arrays of a `Columns` that have a cell for each row."""


def gathered(record: Record, pieces: Sequence[tuple[Columns, int, int]], order: NDArray[np.int64] | None) -> Columns:
    """The rows from a first to before a last of each piece, end to end, in `order` (int64, shape (rows,)): of all
    these rows, which one is next; None for as they stand."""
    rows = sum(last - first for _, first, last in pieces)
    items = {
        group.name: sum(
            int(c.lists[group.name].offsets[last] - c.lists[group.name].offsets[first]) for c, first, last in pieces
        )
        for group in record.groups
    }
    whole = Columns(record, rows, items)
    whole.rows = rows
    for slab in ROW_SLABS:
        to = getattr(whole, slab)
        blocks = [getattr(c, slab)[:, first:last] for c, first, last in pieces]
        # Most columns are 0 in all rows, as they are from the beginning.
        used = np.logical_or.reduce([block.reshape(len(to), -1).any(axis=1) for block in blocks])
        for slot in np.flatnonzero(used).tolist():
            cells = blocks[0][slot] if len(blocks) == 1 else np.concatenate([block[slot] for block in blocks])
            to[slot, :rows] = cells if order is None else cells[order]
    for group in record.groups:
        if items[group.name]:
            _gather_items(whole, group.name, pieces, order)
    return whole


def copied(columns: Columns) -> Columns:
    """The same rows in memory of their own."""
    return gathered(columns.record, [(columns, 0, columns.rows)], None)


def _gather_items(whole: Columns, name: str, pieces: Sequence[tuple[Columns, int, int]],
                  order: NDArray[np.int64] | None) -> None:  # fmt: skip
    """The items of one list group."""
    to = whole.lists[name]
    ends = [(c.lists[name], int(c.lists[name].offsets[first]), int(c.lists[name].offsets[last]))
            for c, first, last in pieces]
    counts = np.concatenate([np.diff(c.lists[name].offsets[first : last + 1]) for c, first, last in pieces])
    at: NDArray[np.int64] | None = None
    if order is not None:
        starts = (np.cumsum(counts) - counts)[order]
        counts = counts[order]
        total = int(counts.sum())
        at = np.arange(total) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
    np.cumsum(counts, out=to.offsets[1 : whole.rows + 1])
    total = int(to.offsets[whole.rows])
    for slab in SLABS:
        cells = getattr(to, slab)
        for slot in range(cells.shape[0]):
            found = np.concatenate([getattr(lists, slab)[slot, first:last] for lists, first, last in ends])
            cells[slot, :total] = found if at is None else found[at]


def state_of_columns(columns: Columns) -> Tree:
    """The rows, for a snapshot; texts and labels are not kept."""
    rows = columns.rows
    lists = {}
    for name, items in columns.lists.items():
        end = int(items.offsets[rows])
        lists[name] = {"offsets": items.offsets[: rows + 1], **{s: getattr(items, s)[:, :end] for s in SLABS}}
    return {"rows": rows, "slabs": {s: getattr(columns, s)[:, :rows] for s in ROW_SLABS}, "lists": lists}


def columns_of_state(record: Record, state: Tree) -> Columns:
    """The rows that `state_of_columns` told."""
    rows = state["rows"]
    columns = Columns(record, rows, {name: int(told["offsets"][-1]) for name, told in state["lists"].items()})
    columns.rows = rows
    for slab in ROW_SLABS:
        getattr(columns, slab)[:] = state["slabs"][slab]
    for name, told in state["lists"].items():
        columns.lists[name].offsets[:] = told["offsets"]
        for slab in SLABS:
            getattr(columns.lists[name], slab)[:] = told[slab]
    return columns
