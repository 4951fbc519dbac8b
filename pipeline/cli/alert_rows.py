"""Alerts as rows of a database, as the commands ask for them."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.cli.errors import EXIT_USAGE, CommandError
from pipeline.cli.listing import like, one_of
from pipeline.cli.times import read_time
from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.ddl import literal
from pipeline.store.connect import connect
from pipeline.store.errors import StoreError
from pipeline.store.store import Store

COLUMNS: tuple[str, ...] = tuple(
    c.name for c in (*ALERT_STATES.columns, *(c for group in ALERT_STATES.groups for c in group.columns))
    if c.name != "shoal.day"
)
"""What is known of an alert, by the names of table `alert_states`."""
SHORT = 8
"""So many digits of an id are printed where they tell it from all others."""
_UNKNOWN_TABLE = 60
_NAMED = 5


@contextmanager
def opened(db: str, user: str, password: str) -> Generator[Store]:
    """The database, to be read only. Raises StoreError, and CommandError where it lacks a table."""
    with connect(db, readonly=True, user=user, password=password) as database:
        try:
            yield database
        except StoreError as error:
            if error.code != _UNKNOWN_TABLE:
                raise
            how = "--clickhouse" if "://" in db else "--db"
            raise CommandError(
                f"{db} lacks a table or view, as one of an older version does; bring it to this one by: shoal migrate "
                f"{how} {db}"
            ) from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts: patterns have `*` and `?`, an empty text or tuple is all; `since` is when they were opened at the
    earliest (ns since 1970)."""

    states: tuple[str, ...] = ()
    rule: str = ""
    entity: str = ""
    sensor: str = ""
    severities: tuple[str, ...] = ()
    since: int | None = None
    most: int | None = None

    def sql(self) -> str:
        """The SELECT of these, the newest first."""
        conditions = [
            like(f"`{column}`", pattern)
            for column, pattern in (("shoal.alert.rule", self.rule), ("shoal.alert.entity", self.entity),
                                    ("sensor", self.sensor)) if pattern
        ]
        for column, values in ("shoal.alert.state", self.states), ("shoal.alert.severity", self.severities):
            if values:
                conditions.append(one_of(f"`{column}`", values))
        if self.since is not None:
            conditions.append(f"`shoal.alert.opened` >= fromUnixTimestamp64Nano({self.since}, 'UTC')")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        most = f" LIMIT {self.most}" if self.most is not None else ""
        return f"SELECT {_COLUMNS} FROM alerts{where} ORDER BY `shoal.alert.opened` DESC, `shoal.alert.id`{most}"


_COLUMNS = ", ".join(f"`{name}`" for name in COLUMNS)


def short_ids(database: Store, ids: Sequence[str]) -> dict[str, str]:
    """Each id to its first digits, or to all of them where another alert has the same first ones."""
    doubled = {
        row["p"] for row in database.rows(
            f"SELECT substring(`shoal.alert.id`, 1, {SHORT}) AS p FROM alert_states GROUP BY p"
            " HAVING uniqExact(`shoal.alert.id`) > 1"
        )
    }
    return {each: each if each[:SHORT] in doubled else each[:SHORT] for each in ids}


def find_id(database: Store, given: str) -> str:
    """The id that begins with the digits given. Raises CommandError where there is none, or more than one."""
    digits = given.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{1,16}", digits):
        raise CommandError(f"'{given}' is no id of an alert: it has up to 16 digits of 0-9 and a-f", EXIT_USAGE)
    found = [row["id"] for row in database.rows(
        "SELECT DISTINCT `shoal.alert.id` AS id FROM alert_states WHERE"
        f" startsWith(`shoal.alert.id`, {literal(digits)}) ORDER BY id LIMIT {_NAMED + 1}"
    )]
    if not found:
        raise CommandError(f"no alert has an id that begins with {digits}; shoal alerts list --all lists them")
    if len(found) > 1:
        some = ", ".join(found[:_NAMED]) + (", ..." if len(found) > _NAMED else "")
        raise CommandError(f"{digits} begins the ids of several alerts: {some}; give more digits")
    return str(found[0])


def one_alert(database: Store, id: str) -> dict[str, Any]:
    """The alert in its newest state."""
    return database.rows(f"SELECT {_COLUMNS} FROM alerts WHERE `shoal.alert.id` = {literal(id)} LIMIT 1")[0]


def states_of(database: Store, id: str) -> list[dict[str, Any]]:
    """The states of an alert that are kept, from the first: merges drop those that newer ones replaced."""
    return database.rows(
        "SELECT `shoal.alert.version`, any(`shoal.alert.state`) AS `shoal.alert.state`,"
        " any(`shoal.alert.severity`) AS `shoal.alert.severity`, any(`shoal.alert.ends`) AS `shoal.alert.ends`,"
        " any(`shoal.alert.said`) AS `shoal.alert.said` FROM alert_states"
        f" WHERE `shoal.alert.id` = {literal(id)} GROUP BY `shoal.alert.version` ORDER BY `shoal.alert.version`"
    )


def lasts(alert: dict[str, Any], now: int) -> int:
    """How long an alert lasts in ns: from the first window that it is about until it was closed, or until now; of a
    past one that is open, until the last window that it is about."""
    begins = read_time(alert["shoal.alert.begins"])
    if alert["shoal.alert.closed"] is not None:
        return read_time(alert["shoal.alert.closed"]) - begins
    return (read_time(alert["shoal.alert.ends"]) if alert["shoal.alert.past"] else now) - begins


def state_words(alert: dict[str, Any]) -> str:
    """`open`, `closed, past`, `open, acknowledged`."""
    marks = {"past": alert["shoal.alert.past"], "acknowledged": alert["acknowledged"], "silenced": alert["silenced"]}
    return ", ".join((alert["shoal.alert.state"], *(word for word, holds in marks.items() if holds)))
