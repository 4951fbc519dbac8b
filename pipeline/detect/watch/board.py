"""The alerts that are to be looked at, as they stand in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.detect.watch.query import alerts_select
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.ddl import literal
from pipeline.store.store import Store

MOST_ALERTS = 50_000
"""Alerts of one look; the oldest of more are not looked at, and a warning says so."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert in its newest state, without its evidence; times in ns since 1970, `closed` is 0 while it is open."""

    id: str
    version: int
    state: str
    rule: str
    kind: str
    entity: str
    sensor: str
    severity: str
    past: bool
    opened: int
    closed: int
    acknowledged: bool
    silenced: bool

    @property
    def open(self) -> bool:
        """Whether it is open."""
        return self.state == "open"

    @property
    def about(self) -> tuple[str, str, str]:
        """What alerts of several sensors have in common when they tell of one thing."""
        return self.rule, self.kind, self.entity

    @property
    def rank(self) -> int:
        """How grave it is, from 0."""
        return SEVERITIES.index(self.severity)


_COLUMNS = (
    "`shoal.alert.id` AS id, `shoal.alert.version` AS version, toString(`shoal.alert.state`) AS state,"
    " `shoal.alert.rule` AS rule, toString(`shoal.alert.kind`) AS kind, `shoal.alert.entity` AS entity,"
    " sensor AS sensor, toString(`shoal.alert.severity`) AS severity, `shoal.alert.past` AS past,"
    " toUnixTimestamp64Nano(`shoal.alert.opened`) AS opened,"
    " if(`shoal.alert.state` = 'open', 0, toUnixTimestamp64Nano(ifNull(`shoal.alert.closed`, `shoal.alert.ends`)))"
    " AS closed,"
    " `shoal.alert.acknowledged_by` != '' OR toUnixTimestamp64Nano(`shoal.alert.acknowledged`) > 0 AS acknowledged,"
    " notEmpty(`shoal.alert.silenced`) AS silenced"
)


def ids_sql(ids: Iterable[str]) -> str:
    """Ids as the right side of IN."""
    return f"({', '.join(map(literal, ids)) or literal('')})"


def look(store: Store, hours: float, told_open: Iterable[str] = (), *, past: bool = False) -> list[Alert]:
    """The alerts that are open, those that were closed in the last `hours` by the database's clock, and those of the
    ids `told_open`, of which some sink thinks that they are open; with `past` those of imported captures too.

    A state is told from another by its version alone, so rows may come in any order. Raises StoreError.
    """
    since = f"now64(9) - toIntervalSecond({round(hours * 3600)})"
    when = (
        f"`shoal.alert.state` = 'open' OR `shoal.alert.closed` >= {since} OR `shoal.alert.id` IN {ids_sql(told_open)}"
    )
    where = f"({when} OR `shoal.alert.past`)" if past else f"NOT `shoal.alert.past` AND ({when})"
    select = alerts_select(where, more=f"ORDER BY `shoal.alert.opened` DESC LIMIT {MOST_ALERTS}")
    rows = store.rows(f"SELECT {_COLUMNS} FROM ({select})")
    found = (Alert(**{**row, **{n: bool(row[n]) for n in ("past", "acknowledged", "silenced")}}) for row in rows)
    return sorted(found, key=lambda alert: (alert.opened, alert.id))
