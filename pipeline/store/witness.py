"""Whether an insert into the embedded database was stored.

chDB's streamed insert writes its part at the end, and reports success also where that failed (a full disk, no right to
write, a constraint), when the rows are gone. A part that is stored is a directory whose name has a block number above
those before it, and a token that is known is counted by ClickHouse; where there is neither, nothing was stored. So that
both are the insert's own, one is stored at a time. (system.parts would tell as well, but takes 4 ms each time.)
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.schema.ddl import literal
from pipeline.store.errors import clickhouse_error

Query = Callable[[str, str], bytes]
"""Asks a statement, and the format of its answer."""

_PART = re.compile(r"[^_]+_\d+_(\d+)_\d+(?:_\d+)?")
_REPEATED = "-1"
"""Stands for blocks whose token was known, among the codes of errors."""
_UNTOLD = "Code: 75. the part could not be written: the disk may be full, or not to be written to"


class Witness:
    """Looks at the inserts into one database, of all connections to it."""

    def __init__(self) -> None:
        self._storing = threading.Lock()
        self._places: dict[str, str] = {}

    def place(self, table: str, query: Query) -> str:
        """The directory of the table's parts; empty for what has none."""
        place = self._places.get(table, "")
        if not os.path.isdir(place):
            sql = "SELECT data_paths[1] FROM system.tables WHERE database = currentDatabase()"
            sql = f"{sql} AND engine LIKE '%MergeTree' AND name = {literal(table)}"
            place = query(sql, "TSVRaw").decode().removesuffix("\n")
            self._places[table] = place
        return place

    @contextmanager
    def look(self, place: str, query: Query) -> Iterator[Callable[[], str]]:
        """For as long as an insert into the table at `place` is stored; what it gives tells then why it was not, as
        ClickHouse says it, and is empty where it was. Raises StoreError where the directory can't be read."""
        with self._storing:
            before, counted = _newest(place), _counted(query)
            yield lambda: "" if _newest(place) > before else _failure(query, counted)


def _failure(query: Query, counted: set[bytes]) -> str:
    """Why an insert added no part, since ClickHouse's counts were `counted`; empty where its token was known."""
    codes = {line.split(b"\t")[0].decode() for line in _counted(query) - counted}
    if _REPEATED in codes:
        return ""
    if not codes:
        return _UNTOLD
    said = query(
        "SELECT concat('Code: ', toString(code), '. DB::Exception: ', last_error_message, '. (', name, ')')"
        f" FROM system.errors WHERE code IN ({', '.join(codes)}) ORDER BY last_error_time DESC LIMIT 1", "TSVRaw"
    )
    return said.decode(errors="replace")


def _newest(place: str) -> int:
    """The highest block number of the table's parts; 0 where it has none. Raises StoreError."""
    try:
        names = os.listdir(place)
    except OSError as error:
        raise clickhouse_error(f"Code: 76. {place}: {error.strerror}") from error
    found = (_PART.fullmatch(name) for name in names)
    return max((int(part[1]) for part in found if part), default=0)


def _counted(query: Query) -> set[bytes]:
    """How often each error came, by its code, and how many blocks had a token that was known: as lines."""
    return set(query(
        "SELECT code, value FROM system.errors UNION ALL"
        f" SELECT {_REPEATED}, value FROM system.events WHERE event = 'DuplicatedInsertedBlocks'", "TSV"
    ).splitlines())
