"""A cap on the bytes of table `packets`: the oldest weeks are dropped until what is left is within it.

ClickHouse has TTLs but no such cap, so whoever stores frames for long calls `enforce` now and then.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.schema.column import Record
from pipeline.schema.ddl import literal, on_cluster, quote
from pipeline.schema.packets import PACKETS
from pipeline.schema.retention import read_budget
from pipeline.store.migrate.place import Place, look
from pipeline.store.store import Store


@dataclass(frozen=True, slots=True)
class Enforced:
    """What was done: weeks dropped (their Mondays, as `2026-11-16`), and bytes of table `packets` before and now."""

    budget: int
    dropped: tuple[str, ...]
    before: int
    now: int

    @property
    def over(self) -> bool:
        """Whether the week being written is by itself more than the budget, which is left as it is."""
        return bool(self.budget) and self.now > self.budget


@dataclass(frozen=True, slots=True)
class _Week:
    id: str
    monday: str
    bytes: int


def _weeks(store: Store, place: Place, record: Record) -> list[_Week]:
    """The partitions of the record's table, the oldest first."""
    # Of a cluster, one replica of each shard.
    parts = f"cluster({literal(place.cluster)}, system.parts)" if place.cluster else "system.parts"
    rows = store.rows(
        f"SELECT partition_id AS id, any(partition) AS monday, sum(bytes_on_disk) AS bytes FROM {parts}"
        f" WHERE active AND database = {literal(place.database)} AND table = {literal(place.holder(record))}"
        " GROUP BY id ORDER BY monday"
    )
    return [_Week(**row) for row in rows]


def enforce(store: Store, budget: int | None = None, record: Record = PACKETS) -> Enforced:
    """Drops the oldest weeks of table `packets`, or another record, until it has at most `budget` bytes on disk; 0 is
    no budget.

    Without `budget`, it is the one that `shoal migrate --size-budget` left. The newest week always stays. Frames go
    with their bytes; conversations, events and captures are kept. In a cluster, the budget is of one copy of all
    shards together. Raises StoreError.
    """
    place = look(store, (record,))
    holder = place.holder(record)
    if budget is None:
        budget = read_budget(place.tables[holder].comment) if holder in place.tables else 0
    weeks = _weeks(store, place, record) if budget else []
    before = now = sum(week.bytes for week in weeks)
    dropped: list[str] = []
    for week in weeks[:-1]:
        if now <= budget:
            break
        store.query(
            f"ALTER TABLE {quote(holder)}{on_cluster(place.cluster)} DROP PARTITION ID {literal(week.id)}"
        )
        dropped.append(week.monday)
        now -= week.bytes
    return Enforced(budget, tuple(dropped), before, now)
