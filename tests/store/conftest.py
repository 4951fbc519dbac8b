"""A database of its own for each test, and batches of random rows."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.schema.column import Record
from pipeline.schema.columns import Columns
from pipeline.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database that is open."""
    with Database(tmp_path / "db").open(create=True) as opened:
        yield opened


@pytest.fixture
def random_columns() -> Callable[..., Columns]:
    """Makes batches: see `_random_columns`."""
    return _random_columns


def _random_columns(record: Record, rows: int, seed: int = 0, absent: str = "") -> Columns:
    """A batch whose every cell is random, and present or not at random; lane `absent` is empty in all rows."""
    rng = np.random.default_rng(seed)
    columns = Columns(record, rows + 10)
    columns.rows = rows
    columns.texts = ["", "eth:ip", "eth:ip:tcp", "é" * 200]
    for c in record.columns:
        if c.of.slab == "const":
            columns.labels[c.name] = datetime.date(2026, 11, 21) if c.kind == "day" else f"a {c.name}"
    for slab in ("u8", "u16", "u32", "u64"):
        cells = getattr(columns, slab)
        # Half are small, so that numbers of every size occur.
        cells[:] = rng.integers(0, np.iinfo(cells.dtype).max, cells.shape, cells.dtype, endpoint=True)
        cells[:, ::2] &= 3
    columns.b16[:] = rng.integers(0, 256, columns.b16.shape, np.uint8)
    columns.code[:] = rng.integers(0, len(columns.texts), columns.code.shape)
    for i, (lane, members) in enumerate(record.lanes.items()):
        most = 16 if members[0].kind == "bytes16" else len(members)
        columns.lane[i] = rng.integers(0, most + 1, columns.capacity) if lane != absent else 0
    for c in record.stored:
        if c.kind in ("bool", "enum"):
            columns.values(c.name)[:] %= max(2, len(c.names))
        if c.kind == "time":
            # ClickHouse shows times of 1900 to 2262 (the end of int64 nanoseconds).
            columns.values(c.name)[:] = rng.integers(-(2 * 10**18), 9 * 10**18, rows).view(np.uint64)
        if c.kind == "seconds":
            columns.values(c.name)[:] = rng.integers(-(10**18) + 1, 10**18, rows).view(np.uint64)
    for group in columns.lists.values():
        sizes = rng.integers(0, group.group.most + 1, columns.capacity)
        group.offsets[1:] = np.cumsum(sizes)
        for cells in (group.u8, group.u16, group.u32, group.b16):
            cells[:] = rng.integers(0, np.iinfo(cells.dtype).max, cells.shape, cells.dtype, endpoint=True)
    lengths = rng.choice([0, 1, 60, 127, 128, 300, 20_000], rows).astype(np.uint32)
    columns.raw_offset = np.cumsum(lengths, dtype=np.int64) - lengths + 16
    columns.raw_length = lengths
    columns.raw_buffer = rng.bytes(int(lengths.sum()) + 16)
    return columns
