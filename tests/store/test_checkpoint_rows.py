"""Snapshots as rows: bytes come back as they went, and in a slot the greatest offset counts."""

from __future__ import annotations

import numpy as np

from pipeline.schema.checkpoints import CHECKPOINTS
from pipeline.schema.columns import Columns
from pipeline.store.database import Database
from pipeline.store.migrate import migrate
from pipeline.store.native import NativeEncoder, stored_columns


def _store(database: Database, slot: int, offset: int, data: bytes, size: int) -> None:
    """A checkpoint in parts of `size` bytes, in one insert."""
    starts = np.arange(0, len(data), size, dtype=np.int64)
    rows = Columns(CHECKPOINTS, len(starts))
    rows.rows = len(starts)
    rows.texts = ["packets", "digest"]
    rows.values("shoal.digest")[:] = 1
    rows.values("shoal.partition")[:] = 3
    rows.values("shoal.slot")[:] = slot
    rows.values("shoal.part")[:] = np.arange(len(starts))
    rows.values("shoal.parts")[:] = len(starts)
    rows.values("shoal.offset")[:] = offset
    rows.raw_buffer, rows.raw_offset = data, starts
    rows.raw_length = np.minimum(size, len(data) - starts).astype(np.uint32)
    insert = database.insert(CHECKPOINTS.name, stored_columns(CHECKPOINTS))
    insert.append(NativeEncoder(CHECKPOINTS).encode(rows))
    insert.finish()


def _read(database: Database, offset: int) -> bytes:
    """What is stored of a checkpoint, its parts end to end."""
    return database.query(
        "SELECT arrayStringConcat(arrayMap(p -> p.2, arraySort(groupArray((shoal.part, shoal.data)))))"
        f" FROM checkpoints FINAL WHERE shoal.offset = {offset} AND shoal.topic = 'packets' AND shoal.partition = 3",
        "RawBLOB",
    )


def test_bytes_and_slots(database: Database) -> None:
    migrate(database)
    rng = np.random.default_rng(1)
    old, new, late = (rng.bytes(n) for n in (1_000_000, 300_000, 200_000))
    _store(database, 0, 100, old, 1 << 16)
    assert _read(database, 100) == old
    _store(database, 1, 200, new, 1 << 16)
    # The slot that is taken again, by fewer parts; then one that comes late with a smaller offset.
    _store(database, 0, 300, new, 1 << 16)
    _store(database, 0, 150, late, 1 << 18)
    assert _read(database, 300) == _read(database, 200) == new
    assert len(_read(database, 100)) == len(old) - 5 * (1 << 16)
    assert _read(database, 150) == b""
    database.query("OPTIMIZE TABLE checkpoints FINAL")
    (row,) = database.rows("SELECT count() AS rows, uniqExact(shoal.slot) AS slots FROM checkpoints")
    assert row == {"rows": 16 + 5, "slots": 2}
