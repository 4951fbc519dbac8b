"""The embedded ClickHouse: one directory, one process at a time.

`Database` is the seam behind which the store runs; it takes SQL and Native blocks and knows nothing of records.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipeline.schema.ddl import literal, quote
from pipeline.store.errors import StoreError, clickhouse_error
from pipeline.store.local import NAME
from pipeline.store.witness import Witness

# Formats of which every block of a result stands for itself, so that blocks may be written one after the other.
STREAMED = frozenset({"TSV", "TabSeparated", "CSV", "JSONEachRow", "RowBinary", "Native", "TSVWithNames"})
_PIECE = 1 << 20
# Only these can be streamed, unless they name a format of their own.
_SELECT = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
_OWN_FORMAT = re.compile(r"\b(FORMAT\s+\w+|INTO\s+OUTFILE\b.*)\s*;?\s*$", re.IGNORECASE | re.DOTALL)

# What is in a directory before there is a table.
_WITHOUT_TABLES = {"status", "tmp", NAME}

INSERT_SETTINGS: dict[str, str] = {
    # One insert makes one part: its blocks are joined, whatever they hold, and none is cut.
    "min_insert_block_size_rows": "100000000",
    "min_insert_block_size_bytes": "100000000000",
    "max_insert_block_size": "100000000",
    # Rows that replace others are told apart by merges and FINAL; to look for them in each insert takes a tenth of it.
    "optimize_on_insert": "0",
    "max_insert_threads": "1",
    "max_threads": "1",
    "max_memory_usage": "1000000000",
}


def settings_clause(settings: Mapping[str, str]) -> str:
    """`SETTINGS a = '1', ...`; ClickHouse reads quoted numbers as numbers."""
    return "SETTINGS " + ", ".join(f"{name} = {literal(value)}" for name, value in settings.items())


class InUse(StoreError):
    """Another process has the database; `pid` is its id, 0 where it isn't known."""

    def __init__(self, path: Path, holder: str) -> None:
        """`holder` is what the lock's file says, `PID: 1234`."""
        said = f" ({holder})" if holder else ""
        super().__init__(f"{path} is in use by another process{said}; an embedded database serves one at a time")
        pid = holder.partition(":")[2].strip()
        self.pid = int(pid) if pid.isdecimal() else 0


@dataclass(slots=True)
class Tally:
    """What a statement has read and answered so far."""

    result_rows: int = 0
    read_rows: int = 0
    read_bytes: int = 0

    def add(self, rows: int, read_rows: int, read_bytes: int) -> None:
        """Counts a piece: its rows, and what ClickHouse says it has read until then."""
        self.result_rows += rows
        self.read_rows = max(self.read_rows, read_rows)
        self.read_bytes = max(self.read_bytes, read_bytes)


_TARGET = re.compile(r"\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?:`([^`\\]+)`|(\w+))\s*(?:\(|SETTINGS\b|$)", re.IGNORECASE)


Looked = Callable[[], contextlib.AbstractContextManager[Callable[[], str]]]
"""Opens what an insert is stored within, which gives why it was not."""


class Insert:
    """An insert that is under way: `append` blocks, then `finish` stores them all at once."""

    def __init__(self, stream: Any, looked: Looked | None, table: str = "") -> None:
        """`looked` is in whose sight it is stored; None where nobody can tell."""
        self.table = table
        self._stream = stream
        self._looked = looked

    @property
    def _doing(self) -> str:
        return f"insert into {self.table} failed: " if self.table else ""

    def append(self, block: bytes) -> None:
        """Hands over a Native block. Raises StoreError where ClickHouse refuses it."""
        try:
            self._stream.append(block)
        except RuntimeError as error:
            raise clickhouse_error(str(error), self._doing) from error

    def finish(self) -> int:
        """Stores the blocks as one part; returns rows read, also where the token was known and nothing was stored.

        Raises StoreError, and nothing is stored.
        """
        try:
            if self._looked is None:
                return int(self._stream.finish().rows_written)
            with self._looked() as failed:
                rows = int(self._stream.finish().rows_written)
                failure = failed() if rows else ""
        except StoreError:
            self.cancel()
            raise
        except RuntimeError as error:
            raise clickhouse_error(str(error), self._doing) from error
        if failure:
            raise clickhouse_error(failure, self._doing)
        return rows

    def cancel(self) -> None:
        """Drops what was appended."""
        with contextlib.suppress(RuntimeError):
            self._stream.cancel()


class Database:
    """A ClickHouse database in the directory `path`; `with Database(path).open(...) as db`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._connection: Any = None
        self._witness = Witness()

    def open(self, *, create: bool = False) -> Self:
        """Opens the directory, which only `create` may make.

        Raises StoreError: no database there (exit code 2), other files there, in use by another process.
        """
        self.check(create)
        import chdb

        try:
            connect: Any = chdb.connect
            self._connection = connect(str(self.path.resolve()))
        except RuntimeError as error:
            self.check(create)
            raise clickhouse_error(str(error), f"{self.path}: cannot open the database: ") from error
        return self

    def beside(self) -> Database:
        """The same database over a connection of its own: one has one insert or query under way at a time."""
        import chdb

        connect: Any = chdb.connect
        other = Database(self.path)
        other._witness = self._witness
        other._connection = connect(str(self.path.resolve()))
        return other

    def check(self, create: bool = False) -> None:
        """Raises StoreError where `open` would, for what can be told without opening."""
        path = self.path
        if "?" in str(path):
            raise StoreError(f"{path}: the database's path may not contain a question mark", 2)
        if path.exists() and not path.is_dir():
            raise StoreError(f"{path} is not a directory; --db names the database's directory", 2)
        self._check_lock()
        if (path / "metadata").is_dir():
            return
        if not create:
            raise StoreError(f"no database in {path}; make one by: shoal import FILE --db {path}", 2)
        if path.exists() and not {entry.name for entry in path.iterdir()} <= _WITHOUT_TABLES:
            raise StoreError(f"{path} holds other files; give --db an empty or a new directory", 2)

    def _check_lock(self) -> None:
        # chDB itself tells of the lock on standard error in its own words, so it is looked at before.
        with contextlib.suppress(FileNotFoundError), (self.path / "status").open("r+") as status:
            try:
                fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = next((line for line in status if line.startswith("PID:")), "").strip()
                raise InUse(self.path, holder) from None

    def close(self) -> None:
        """Closes the database; closing twice does no harm."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(self, sql: str, fmt: str = "TabSeparated") -> bytes:
        """Runs one statement; what it answers, in ClickHouse's format `fmt`. Raises StoreError with its message."""
        try:
            return bytes(self._connection.query(sql, fmt).bytes() or b"")
        except Exception as error:
            raise clickhouse_error(str(error)) from error

    def stream(self, sql: str, fmt: str) -> Iterator[bytes]:
        """As `query`, piece by piece in bounded memory where format and statement allow it."""
        if fmt not in STREAMED or not _SELECT.match(sql) or _OWN_FORMAT.search(sql):
            yield self.query(sql, fmt)
        else:
            yield from self.pieces(sql, fmt, Tally())

    def pieces(self, sql: str, fmt: str, tally: Tally) -> Generator[bytes]:
        """The answer of a SELECT block by block, in one of the formats `STREAMED`; `tally` counts along."""
        head = b""
        try:
            with self._connection.send_query(sql, fmt) as result:
                for chunk in result:
                    data = bytes(chunk.bytes())
                    tally.add(chunk.rows_read(), chunk.storage_rows_read(), chunk.storage_bytes_read())
                    if fmt == "TSVWithNames":
                        line, _, rest = data.partition(b"\n")
                        data, head = (data, line) if not head else (rest, head)
                    yield data
        except GeneratorExit:
            raise
        except Exception as error:
            raise clickhouse_error(str(error)) from error
        if fmt == "TSVWithNames" and not head:
            # Of an answer without rows there was no block, so the names are asked for.
            names = self.query(f"DESCRIBE ({sql}\n)", "TSV").splitlines()
            yield b"\t".join(line.partition(b"\t")[0] for line in names) + b"\n"

    def whole(self, sql: str, fmt: str, tally: Tally) -> Generator[bytes]:
        """The answer of any statement in any format, made as a whole, in pieces of 1 MiB; `tally` counts along."""
        try:
            result = self._connection.query(sql, fmt)
        except Exception as error:
            raise clickhouse_error(str(error)) from error
        tally.add(result.rows_read(), result.storage_rows_read(), result.storage_bytes_read())
        data = bytes(result.bytes() or b"")
        del result
        for at in range(0, len(data), _PIECE):
            yield data[at : at + _PIECE]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a SELECT, as dictionaries; 64-bit integers are numbers."""
        answer = self.query(f"{sql} SETTINGS output_format_json_quote_64bit_integers = 0", "JSONEachRow")
        return [json.loads(line) for line in answer.splitlines()]

    def insert(self, table: str, columns: list[str], token: str = "") -> Insert:
        """Begins an insert of Native blocks that have some or all of `columns`.

        An insert whose non-empty `token` is among the last ten thousand of the table stores nothing.
        """
        settings = INSERT_SETTINGS | ({"insert_deduplication_token": token} if token else {})
        names = ", ".join(quote(name) for name in columns)
        try:
            sql = f"INSERT INTO {quote(table)} ({names}) {settings_clause(settings)}"
            looked = self._looked(table)
            return Insert(self._connection.send_insert(sql, "Native"), looked, table)
        except RuntimeError as error:
            raise clickhouse_error(str(error), f"insert into {table} failed: ") from error

    def insert_as(self, sql: str, fmt: str) -> Insert:
        """Begins the insert of `sql`, which ends before FORMAT, of data in `fmt`. Raises StoreError."""
        try:
            target = _TARGET.match(sql)
            looked = self._looked(target[1] or target[2]) if target else None
            return Insert(self._connection.send_insert(sql, fmt), looked)
        except RuntimeError as error:
            raise clickhouse_error(str(error)) from error

    def _looked(self, table: str) -> Looked | None:
        """Who looks whether an insert into the table is stored; None for a table that has no parts."""
        if not table or self.query(f"EXISTS TEMPORARY TABLE {quote(table)}") != b"0\n":
            return None
        place = self._witness.place(table, self.query)
        return (lambda: self._witness.look(place, self._ask_beside)) if place else None

    def _ask_beside(self, sql: str, fmt: str) -> bytes:
        """Over a connection of its own, for this one has an insert under way."""
        with self.beside() as other:
            return other.query(sql, fmt)

    def insert_rows(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Inserts a few rows given as dictionaries; columns not named get their defaults."""
        names = ", ".join(quote(name) for name in rows[0])
        lines = "\n".join(json.dumps(row) for row in rows)
        self.query(f"INSERT INTO {quote(table)} ({names}) FORMAT JSONEachRow\n{lines}")
