"""Alerts as rows of a database, as the commands ask for them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.cli.errors import CommandError
from pipeline.cli.listing import conditions
from pipeline.detect.watch.query import alerts_select
from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.ddl import literal
from pipeline.schema.times import read_time
from pipeline.store.connect import connect
from pipeline.store.errors import StoreError
from pipeline.store.store import Store

COLUMNS: tuple[str, ...] = (
    *(c.name for c in (*ALERT_STATES.columns, *(c for group in ALERT_STATES.groups for c in group.columns))
      if c.name != "shoal.day"),
    "shoal.alert.acknowledged", "shoal.alert.acknowledged_by", "shoal.alert.acknowledged_note", "shoal.alert.silenced",
)
"""What is known of an alert, by the names of table `alert_states` and of what the watch adds."""
SHORT = 8
"""So many digits of an id are printed where they tell it from all others."""
_UNKNOWN_TABLE = 60
_NEVER = "1970-01-01"


def named(db: str) -> str:
    """What `--db` names, without a user's name and password."""
    scheme, found, rest = db.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if found else db


@contextmanager
def lacking(db: str) -> Generator[None]:
    """Says what to do where a database lacks a table: CommandError. All else that is raised within stays."""
    try:
        yield
    except StoreError as error:
        if error.code != _UNKNOWN_TABLE:
            raise
        how = "--clickhouse" if "://" in db else "--db"
        raise CommandError(
            f"{named(db)} lacks a table or view, as one of an older version does; bring it to this one by: shoal"
            f" migrate {how} {named(db)}"
        ) from error


@contextmanager
def opened(db: str, user: str, password: str) -> Generator[Store]:
    """The database, to be read only. Raises StoreError, and CommandError where it lacks a table."""
    with connect(db, readonly=True, user=user, password=password) as database, lacking(db):
        yield database


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
        where = conditions(
            {"shoal.alert.rule": self.rule, "shoal.alert.entity": self.entity, "sensor": self.sensor},
            {"shoal.alert.state": self.states, "shoal.alert.severity": self.severities},
            self.since, "shoal.alert.opened",
        )  # fmt: skip
        order = "ORDER BY `shoal.alert.opened` DESC, `shoal.alert.id`"
        most = f" LIMIT {self.most}" if self.most is not None else ""
        return alerts_select(" AND ".join(where), more=order + most)


def alerts_of(database: Store, select: str) -> list[dict[str, Any]]:
    """The alerts that a SELECT of `alerts_select` answers, with `COLUMNS`."""
    rows = [{name: row[name] for name in COLUMNS} for row in database.rows(select)]
    for row in rows:
        if row["shoal.alert.acknowledged"].startswith(_NEVER):
            row["shoal.alert.acknowledged"] = None
    return rows


def short_ids(database: Store, ids: Sequence[str]) -> dict[str, str]:
    """Each id to its first digits, or to all of them where another alert has the same first ones."""
    doubled = {
        row["p"] for row in database.rows(
            f"SELECT substring(`shoal.alert.id`, 1, {SHORT}) AS p FROM alert_states GROUP BY p"
            " HAVING uniqExact(`shoal.alert.id`) > 1"
        )
    }
    return {each: each if each[:SHORT] in doubled else each[:SHORT] for each in ids}


def one_alert(database: Store, id: str) -> dict[str, Any]:
    """The alert in its newest state."""
    return alerts_of(database, alerts_select(f"`shoal.alert.id` = {literal(id)}"))[0]


def states_of(database: Store, id: str) -> list[dict[str, Any]]:
    """The states of an alert that are kept, from the first: merges drop those that newer ones replaced."""
    return database.rows(
        "SELECT `shoal.alert.version`, any(`shoal.alert.state`) AS `shoal.alert.state`,"
        " any(`shoal.alert.severity`) AS `shoal.alert.severity`, any(`shoal.alert.ends`) AS `shoal.alert.ends`,"
        " any(`shoal.alert.said`) AS `shoal.alert.said` FROM alert_states"
        f" WHERE `shoal.alert.id` = {literal(id)} GROUP BY `shoal.alert.version` ORDER BY `shoal.alert.version`"
    )


def acks_of(database: Store, id: str) -> list[dict[str, Any]]:
    """Who acknowledged an alert, from the first."""
    return database.rows(
        "SELECT `shoal.ack.time`, `shoal.ack.by`, `shoal.ack.note` FROM alert_acks"
        f" WHERE `shoal.alert.id` = {literal(id)} ORDER BY `shoal.ack.time`"
    )


def deliveries_of(database: Store, id: str) -> list[dict[str, Any]]:
    """What became of each state of an alert at each sink."""
    return database.rows(
        "SELECT `shoal.delivery.sink`, `shoal.alert.version`, `shoal.delivery.time`, `shoal.delivery.attempts`,"
        " `shoal.delivery.outcome`, `shoal.delivery.state`, `shoal.delivery.said` FROM deliveries"
        f" WHERE `shoal.alert.id` = {literal(id)} ORDER BY `shoal.alert.version`, `shoal.delivery.sink`"
    )


def pinned_of(database: Store, id: str) -> dict[str, Any]:
    """How many packets are pinned for an alert: `packets`, their `bytes` as captured, `first` and `last` of their
    times (None without packets)."""
    [row] = database.rows(
        "SELECT count() AS packets, sum(length(`frame.raw`)) AS bytes, minOrNull(`frame.time`) AS first,"
        f" maxOrNull(`frame.time`) AS last FROM pinned_packets FINAL WHERE `shoal.alert.id` = {literal(id)}"
    )
    return row


def lasts(alert: dict[str, Any], now: int) -> int:
    """How long an alert lasts in ns: from the first window that it is about until it was closed, or until now; of a
    past one that is open, until the last window that it is about."""
    begins = read_time(alert["shoal.alert.begins"])
    if alert["shoal.alert.closed"] is not None:
        return read_time(alert["shoal.alert.closed"]) - begins
    return (read_time(alert["shoal.alert.ends"]) if alert["shoal.alert.past"] else now) - begins


def state_words(alert: dict[str, Any]) -> str:
    """`open`, `closed, past`, `open, acknowledged`."""
    marks = (word for word in ("past", "acknowledged", "silenced") if alert[f"shoal.alert.{word}"])
    return ", ".join((alert["shoal.alert.state"], *marks))
