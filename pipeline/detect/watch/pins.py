"""Pins the packets that an alert shows: copies them to a table with a time to live of its own.

What is copied is bounded: packets of the worst flows, the worst first, within the alert's time and some seconds around
it; so many rows and bytes an alert, and so many bytes of all. A frame is copied once for each alert.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.detect.watch.config import Table
from pipeline.schema.ddl import literal, quote, table_columns
from pipeline.schema.watch import PINNED_PACKETS
from pipeline.store.budget import enforce
from pipeline.store.store import Store

AGAIN_SECONDS = (0.0, 5.0, 30.0)
"""When packets are copied, after a state of an alert was seen: rows of packets may come some seconds after it."""
EVERY_SECONDS = 2.0
BUDGET_SECONDS = 60.0
LOOKBACK_HOURS = 24
_MOST_ALERTS = 1000
_ROW_BYTES = 400
"""What a row weighs besides its frame's bytes, roughly."""
_LIMITS = "max_execution_time = 30, max_memory_usage = 1000000000, max_threads = 1, max_insert_threads = 1"


@dataclass(frozen=True, slots=True)
class PinSettings:
    """`rows` and `bytes` of an alert, `budget` in bytes on disk of all (0 for none), seconds `before` and `after`."""

    rows: int = 20_000
    bytes: int = 16 << 20
    budget: int = 10 << 30
    before: float = 5.0
    after: float = 5.0


def read(table: Table) -> PinSettings | None:
    """The settings of table [pins]; None where nothing is to be pinned. Raises ConfigError."""
    usual = PinSettings()
    enabled = table.flag("enabled", True)
    made = PinSettings(
        table.number("rows", usual.rows, 1, 1_000_000), table.number("bytes", usual.bytes, 1, 1 << 30),
        table.number("budget", usual.budget, 0, 1 << 60), table.seconds("before", usual.before, 0.0, 3600.0),
        table.seconds("after", usual.after, 0.0, 3600.0),
    )
    table.end()
    return made if enabled else None


def pin(store: Store, alert: str, settings: PinSettings) -> None:
    """Copies the packets of the alert of this id that are not copied yet. Raises StoreError."""
    row = store.rows(
        "SELECT sensor, capture, arrayMap(id -> toString(id), `worst.flow_id`) AS flows,"
        " toUnixTimestamp64Nano(`shoal.alert.begins`) AS begins, toUnixTimestamp64Nano(`shoal.alert.ends`) AS ends"
        f" FROM alerts WHERE `shoal.alert.id` = {literal(alert)}"
    )
    if not row or not row[0]["flows"]:
        return
    of = row[0]
    (had,) = store.rows(
        "SELECT count() AS n, sum(length(`frame.raw`)) AS bytes FROM pinned_packets"
        f" WHERE `shoal.alert.id` = {literal(alert)}"
    )
    rows, size = settings.rows - had["n"], settings.bytes - had["bytes"] - had["n"] * _ROW_BYTES
    if rows > 0 and size > 0:
        store.query(_copy(alert, of, settings, rows, size))


def _copy(alert: str, of: dict[str, object], settings: PinSettings, rows: int, size: int) -> str:
    flows = f"[{', '.join(map(str, of['flows']))}]"  # type: ignore[call-overload]
    begins = int(str(of["begins"])) - round(settings.before * 1e9)
    ends = int(str(of["ends"])) + round(settings.after * 1e9)
    key = f"sensor = {literal(str(of['sensor']))} AND capture = {literal(str(of['capture']))}"
    within = (
        f"{key} AND has(CAST({flows}, 'Array(UInt64)'), `shoal.flow_id`)"
        f" AND `frame.time` BETWEEN fromUnixTimestamp64Nano(toInt64({begins}))"
        f" AND fromUnixTimestamp64Nano(toInt64({ends}))"
    )
    pinned = f"SELECT `frame.number` FROM pinned_packets WHERE {key} AND `shoal.alert.id` = {literal(alert)}"
    worst = f"indexOf(CAST({flows}, 'Array(UInt64)'), `shoal.flow_id`)"
    candidates = (
        f"SELECT `frame.number` AS number, {worst} AS place, length(`frame.raw`) + {_ROW_BYTES} AS size"
        f" FROM packets WHERE {within} AND `frame.number` NOT IN ({pinned}) ORDER BY place, number LIMIT {rows}"
    )
    chosen = (
        "SELECT number FROM (SELECT number, sum(size) OVER"
        " (ORDER BY place, number ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto"
        f" FROM ({candidates})) WHERE upto <= {size}"
    )
    own = {"shoal.alert.id": literal(alert), "shoal.pinned": "now64(9)", "shoal.day": "today()"}
    names = [column.name for column in table_columns(PINNED_PACKETS) if not column.alias]
    values = ", ".join(own.get(name, quote(name)) for name in names)
    return (
        f"INSERT INTO pinned_packets ({', '.join(map(quote, names))}) SELECT {values} FROM packets"
        f" WHERE {within} AND `frame.number` IN ({chosen}) SETTINGS {_LIMITS}"
    )


class Pins:
    """A duty of the watch: pins what alerts show, again and again until their packets are there."""

    def __init__(
        self, settings: PinSettings, log: Callable[[str], None] = print, again: tuple[float, ...] = AGAIN_SECONDS,
        every: float = EVERY_SECONDS,
    ) -> None:
        self._settings = settings
        self._log = log
        self._again = again
        self._every = every
        self._due = 0.0
        self._budget_due = 0.0
        self._full = False
        # By alert: the newest version seen, when it was seen, how often it was pinned since.
        self._seen: dict[str, tuple[int, float, int]] = {}

    def work(self, store: Store) -> None:
        """Pins what is due. Raises StoreError."""
        now = time.monotonic()
        if now >= self._budget_due:
            self._budget_due = now + BUDGET_SECONDS
            self._keep_within(store)
        if now < self._due or self._full:
            return
        self._due = now + self._every
        newest = {row["id"]: row["version"] for row in store.rows(
            "SELECT `shoal.alert.id` AS id, `shoal.alert.version` AS version FROM alerts"
            " WHERE notEmpty(`worst.flow_id`) AND (`shoal.alert.state` = 'open' OR"
            f" `shoal.alert.closed` >= now64(9) - toIntervalHour({LOOKBACK_HOURS}))"
            f" ORDER BY `shoal.alert.opened` DESC LIMIT {_MOST_ALERTS}"
        )}
        self._seen = {alert: seen for alert, seen in self._seen.items() if alert in newest}
        for alert, version in newest.items():
            before, since, times = self._seen.get(alert, (0, now, 0))
            if version > before:
                since, times = now, 0
            if times < len(self._again) and now >= since + self._again[times]:
                pin(store, alert, self._settings)
                times += 1
            self._seen[alert] = (version, since, times)

    def _keep_within(self, store: Store) -> None:
        done = enforce(store, self._settings.budget, PINNED_PACKETS)
        if done.dropped:
            self._log(f"pinned packets of the weeks of {', '.join(done.dropped)} dropped, to keep within the budget")
        if done.over and not self._full:
            self._log(f"warning: pinned packets are over their budget of {done.budget:,} bytes: no more are pinned")
        self._full = done.over
