"""Looks at a database again and again, without holding it: others can open its directory between two looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipeline.store.connect import connect
from pipeline.store.database import Database
from pipeline.store.remote import Remote
from pipeline.store.store import Store

T = TypeVar("T")


class Looks:
    """The database that `--db` names, to be read only. A server is asked over a connection that stays; a directory that
    nobody serves is opened for each look, and only where another process has had it since the last."""

    def __init__(self, db: str, user: str = "", password: str = "") -> None:
        self.db = db
        self._user = user
        self._password = password
        self._remote: Remote | None = None
        self._left: int | None = None

    def take(self, ask: Callable[[Store], T], *, again: bool = False) -> T | None:
        """What `ask` answers; None where nothing has changed since the last look, unless with `again`.

        Raises StoreError, and OSError where the directory has gone: the next look may do better.
        """
        if self._remote is None:
            if not again and self._left is not None and self._left == self._touched():
                return None
            database = connect(self.db, readonly=True, user=self._user, password=self._password)
            if isinstance(database, Database):
                with database:
                    answer = ask(database)
                self._left = self._touched()
                return answer
            self._remote = database
            self._left = None
        try:
            return ask(self._remote)
        except BaseException:
            # Who serves the directory may be another by then, at another place.
            self.close()
            raise

    def close(self) -> None:
        """Ends the connection; the next look makes another."""
        if self._remote is not None:
            self._remote.close()
            self._remote = None

    def _touched(self) -> int:
        """When the directory changed: ClickHouse makes the file of its lock there, and removes it in the end."""
        return Path(self.db).stat().st_mtime_ns
