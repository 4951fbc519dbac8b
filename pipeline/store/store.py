"""The seam between Shoal and ClickHouse, whichever it is: embedded (`Database`) or a server (`Remote`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self


class Insert(Protocol):
    """An insert that is under way: `append` blocks, then `finish` stores them all at once, or nothing."""

    table: str

    def append(self, block: bytes) -> None:
        """Hands over a Native block. Raises StoreError where it is refused."""

    def finish(self) -> int:
        """Stores the blocks as one part; returns the rows written, 0 or all of them where the token was known."""

    def cancel(self) -> None:
        """Drops what was appended."""


class Store(Protocol):
    """A ClickHouse database over one connection, which has one statement or insert under way at a time.

    Every method raises StoreError; its `retryable` says whether the same call may succeed later.
    """

    def beside(self) -> Self:
        """The same database over a connection of its own."""

    def close(self) -> None:
        """Ends the connection; closing twice does no harm."""

    def query(self, sql: str, fmt: str = "TabSeparated") -> bytes:
        """Runs one statement; what it answers, in ClickHouse's format `fmt`."""

    def stream(self, sql: str, fmt: str) -> Iterator[bytes]:
        """As `query`, piece by piece in bounded memory where format and statement allow it."""

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a SELECT, as dictionaries; 64-bit integers are numbers."""

    def insert(self, table: str, columns: list[str], token: str = "") -> Insert:
        """Begins an insert of Native blocks that have some or all of `columns`, under a deduplication token."""

    def insert_rows(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Inserts a few rows given as dictionaries; columns not named get their defaults."""
