"""Checkpoints in ClickHouse: from which offset of a partition to go on, and all that is known there.

See pipeline/schema/checkpoints.py for how they lie in the table.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import lz4.frame
import numpy as np

from pipeline.agents.inserts import Encoder, Insert
from pipeline.agents.rows import columns_of
from pipeline.schema.checkpoints import CHECKPOINTS
from pipeline.schema.ddl import literal, quote
from pipeline.store.store import Store

log = logging.getLogger(__name__)

SLOTS = 3
"""Checkpoints of a partition that are kept."""
PART_BYTES = 8 << 20
"""Bytes of a row of the table."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A snapshot, and the offset of the message that comes next; `slot` is where it lies."""

    offset: int
    slot: int
    snapshot: bytes


@dataclass(frozen=True, slots=True)
class _Found:
    slot: int
    offset: int
    parts: int
    digest: str


class Checkpoints:
    """The checkpoints of one partition. Its methods raise StoreError."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self._encoder = Encoder()
        self._offsets = dict.fromkeys(range(SLOTS), -1)

    def load(self, store: Store, damaged: Callable[[], None]) -> Iterator[Checkpoint]:
        """The checkpoints that are whole, the newest first; it is for the caller to take the first that it can read.

        `damaged` is called for each whose digest is wrong.
        """
        found = self._found(store)
        self._offsets = dict.fromkeys(range(SLOTS), -1)
        for one in found:
            self._offsets[one.slot] = max(self._offsets.get(one.slot, -1), one.offset)
        for one in sorted(found, key=lambda one: one.offset, reverse=True):
            snapshot = self._read(store, one)
            if snapshot is None:
                damaged()
                log.error("%s/%s: the checkpoint at offset %s is damaged, an older one is taken", self.topic,
                          self.partition, one.offset)
                continue
            yield Checkpoint(one.offset, one.slot, snapshot)

    def insert(self, offset: int, snapshot: bytes, time_ns: int) -> Insert:
        """What stores a checkpoint; `time_ns` is the time now. It takes the place of the oldest."""
        # Most of what is known is zeros.
        snapshot = lz4.frame.compress(snapshot, block_size=lz4.frame.BLOCKSIZE_MAX1MB, block_linked=False)
        slot = min(self._offsets, key=lambda slot: self._offsets[slot])
        self._offsets[slot] = offset
        parts = max(1, -(-len(snapshot) // PART_BYTES))
        digest = _digest(snapshot)
        columns = columns_of(CHECKPOINTS, [{
            "shoal.topic": self.topic, "shoal.partition": self.partition, "shoal.slot": slot, "shoal.part": part,
            "shoal.parts": parts, "shoal.offset": offset, "shoal.time": time_ns, "shoal.digest": digest,
        } for part in range(parts)])
        columns.raw_buffer = snapshot
        columns.raw_offset = np.arange(parts, dtype=np.int64) * PART_BYTES
        columns.raw_length = np.minimum(len(snapshot) - columns.raw_offset, PART_BYTES).astype(np.uint32)
        block = self._encoder.encode(columns)
        # Without a token: what is written twice replaces itself.
        return Insert(CHECKPOINTS, "", parts, [block.data])

    def forget(self, store: Store) -> None:
        """Removes all of them: they are of a log that is no more."""
        key = f"({literal(self.topic)}, {self.partition})"
        store.query(f"ALTER TABLE {quote(CHECKPOINTS.name)} DROP PARTITION {key}")
        self._offsets = dict.fromkeys(range(SLOTS), -1)

    @property
    def _where(self) -> str:
        return f"`shoal.topic` = {literal(self.topic)} AND `shoal.partition` = {self.partition}"

    def _found(self, store: Store) -> list[_Found]:
        rows = store.rows(
            "SELECT shoal.slot AS slot, shoal.offset AS offset, shoal.parts AS parts, shoal.digest AS digest,"
            f" uniqExact(shoal.part) AS there FROM {quote(CHECKPOINTS.name)}"
            f" WHERE {self._where} GROUP BY slot, offset, parts, digest HAVING there = parts"
        )
        return [_Found(row["slot"], row["offset"], row["parts"], row["digest"]) for row in rows]

    def _read(self, store: Store, found: _Found) -> bytes | None:
        """The snapshot; None where its digest does not fit."""
        answer = store.query(
            f"SELECT shoal.data FROM {quote(CHECKPOINTS.name)} WHERE {self._where} AND shoal.slot = {found.slot}"
            f" AND shoal.offset = {found.offset} AND shoal.digest = {literal(found.digest)}"
            " ORDER BY shoal.part LIMIT 1 BY shoal.part", "RowBinary",
        )
        snapshot = b"".join(_strings(answer))
        return lz4.frame.decompress(snapshot) if _digest(snapshot) == found.digest else None


def _digest(snapshot: bytes) -> str:
    return hashlib.blake2b(snapshot, digest_size=32).hexdigest()


def _strings(data: bytes) -> Iterator[memoryview]:
    """The values of an answer of one String column in RowBinary: each behind its length as LEB128."""
    view = memoryview(data)
    at = 0
    while at < len(view):
        length = shift = 0
        while True:
            byte = view[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield view[at : at + length]
        at += length
