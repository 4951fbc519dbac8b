"""How long rows are kept: the expressions of ClickHouse's TTLs, made of a number of days and read from a table again.

A row's age is told from `shoal.day`, which is event time: the week of a partition ends, then the days begin. So all
rows of a part are too old at once, and ClickHouse drops files instead of writing the rest of them anew; a row is there
for the days asked for, and up to a week more. Bytes of frames (`frame.raw`) go day by day.
https://clickhouse.com/docs/engines/table-engines/mergetree-family/mergetree#table_engine-mergetree-ttl
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.schema.ddl import quote
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.watch import PINNED_DAYS, PINNED_PACKETS

RAW_COLUMN = "frame.raw"
"""The column with a TTL of its own."""

_DAY = quote("shoal.day")
_DAYS_A_WEEK = 7

ROWS_OF: dict[str, tuple[str, ...]] = {
    "packets": ("packets",),
    "flows": ("flow_states", *(record.name for record in EXCHANGES)),
    "windows": ("window_states",),
    "events": ("event_states", "alert_states", "dead_letters", "delivery_states"),
    "sensors": ("sensors",),
    "pinned": (PINNED_PACKETS.name,),
}
"""Name of a retention to the records whose rows it is of."""

BEGINS_WITH: dict[str, int] = {PINNED_PACKETS.name: PINNED_DAYS}
"""Record to the days that its rows are kept where nobody ever said; rows of the others are kept for ever."""

_UNITS = {"": 1, "d": 1, "w": 7, "m": 30, "y": 365}
_DURATION = re.compile(r"(\d{1,5})([dwmy]?)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]?)(i?)B?", re.IGNORECASE)
# ClickHouse's Date ends in 2149, and what is added to it must not go round.
MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that are kept, 0 for ever, None as it is; `budget` in bytes of table `packets`, 0 for none.

    `raw` is of the bytes of frames, the others are of rows (`ROWS_OF`).
    """

    raw: int | None = None
    packets: int | None = None
    flows: int | None = None
    windows: int | None = None
    events: int | None = None
    sensors: int | None = None
    pinned: int | None = None
    budget: int | None = None

    def days(self, record: str) -> int | None:
        """What is asked for the rows of a record; None for one that is never too old."""
        for name, records in ROWS_OF.items():
            if record in records:
                days: int | None = getattr(self, name)
                return days
        return None


def read_duration(text: str) -> int:
    """Days that `90`, `90d`, `12w`, `6m` (of 30 days) or `1y` (of 365) stand for. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    days = int(match[1]) * _UNITS[match[2]] if match else -1
    if not 0 <= days <= MOST_DAYS:
        raise ValueError(f"'{text}' is no number of days, weeks, months or years, as in 90, 12w, 6m, 1y; 0 keeps all")
    return days


def read_size(text: str) -> int:
    """Bytes that `500G`, `1.5T`, `200GiB` or a number stand for; with an `i`, units of 1024. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is no size, as in 500G, 1.5T, 200GiB; 0 is none")
    power = " KMGTP".index(match[2].upper() or " ")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


def rows_ttl(days: int) -> str:
    """The TTL of rows, as ClickHouse spells it."""
    return f"toMonday({_DAY}) + toIntervalDay({_DAYS_A_WEEK + days})"


def raw_ttl(days: int) -> str:
    """The TTL of the column `frame.raw`, as ClickHouse spells it: the day ends, then the days begin."""
    return f"{_DAY} + toIntervalDay({1 + days})"


_ROWS = re.compile(rf"^TTL toMonday\({_DAY}\) \+ toIntervalDay\((\d+)\)$", re.MULTILINE)
_RAW = re.compile(rf"^    {re.escape(quote(RAW_COLUMN))} .* TTL {_DAY} \+ toIntervalDay\((\d+)\),?$", re.MULTILINE)


def read_rows_ttl(created: str) -> int:
    """Days that the rows of a table are kept, from what SHOW CREATE TABLE says; 0 without a TTL of ours."""
    match = _ROWS.search(created)
    return int(match[1]) - _DAYS_A_WEEK if match else 0


def read_raw_ttl(created: str) -> int:
    """Days that bytes of frames are kept, from what SHOW CREATE TABLE says; 0 without a TTL of ours."""
    match = _RAW.search(created)
    return int(match[1]) - 1 if match else 0


_BUDGET = re.compile(r" \[budget (\d+)\]")


def budget_mark(budget: int) -> str:
    """What follows in a table's comment to say how many bytes it may have."""
    return f" [budget {budget}]" if budget else ""


def read_budget(comment: str) -> int:
    """The bytes that a table may have, from its comment; 0 where nothing is said."""
    match = _BUDGET.search(comment)
    return int(match[1]) if match else 0
