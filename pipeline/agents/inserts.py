"""What is to be stored of a group: Native blocks, gathered to one insert a table and week."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.agents.groups import Group
from pipeline.schema.column import Record
from pipeline.schema.columns import Columns
from pipeline.schema.days import day_of
from pipeline.schema.tables import TABLES
from pipeline.store.native import NativeEncoder

_EPOCH = datetime.date(1970, 1, 1)
_ORDER = {record.name: number for number, record in enumerate(TABLES)}


def monday(day: datetime.date) -> datetime.date:
    """The partition of a day, as ClickHouse's toMonday tells it; Date has nothing before 1970."""
    return max(day - datetime.timedelta(days=day.weekday()), _EPOCH)


@dataclass(slots=True)
class Block:
    """Rows of a record as a Native block, all with the same `shoal.day`."""

    record: Record
    day: datetime.date
    rows: int
    data: bytes


@dataclass(slots=True)
class Insert:
    """Blocks that are stored at once, under a token: one part of one partition."""

    record: Record
    token: str
    rows: int = 0
    blocks: list[bytes] = field(default_factory=list)


class Encoder:
    """Makes blocks of batches; keeps the memory that this takes."""

    def __init__(self) -> None:
        self._encoders: dict[str, NativeEncoder] = {}

    def encode(self, columns: Columns, **labels: str) -> Block:
        """All rows of `columns` under `labels`; of the record's `time` the first row's value tells the day."""
        record = columns.record
        encoder = self._encoders.get(record.name)
        if encoder is None:
            encoder = self._encoders[record.name] = NativeEncoder(record)
        day = day_of(int(columns.values(record.time).view("i8")[0])) if record.time else _EPOCH
        columns.labels.update(labels)
        columns.labels["shoal.day"] = day
        return Block(record, day, columns.rows, encoder.encode(columns))


def inserts_of(group: Group, blocks: Iterable[Block], piece: int = 0) -> list[Insert]:
    """The inserts of a group, or of a piece of one, in the order of the tables; `piece` numbers the pieces from 0.

    The token has the append time besides topic, partition and offsets, so that a topic which was deleted and made anew
    does not get the tokens of its forerunner.
    """
    first, last = group.first, group.last
    name = f"{first.topic}:{first.partition}:{first.offset}-{last.offset}:{first.timestamp}:{piece}"
    inserts: dict[tuple[str, datetime.date], Insert] = {}
    for block in blocks:
        week = monday(block.day) if block.record.partition_by.startswith("toMonday") else _EPOCH
        key = (block.record.name, week)
        if key not in inserts:
            inserts[key] = Insert(block.record, f"{name}:{block.record.name}:{week}")
        inserts[key].blocks.append(block.data)
        inserts[key].rows += block.rows
    return sorted(inserts.values(), key=lambda insert: _ORDER[insert.record.name])
