"""One watch at a time of a database in a directory, also where another process serves it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.store.errors import StoreError
from pipeline.store.remote import is_url

NAME = "shoal-watch.lock"


@contextmanager
def alone(db: str) -> Iterator[None]:
    """Is the one watch of the database that `db` names; a kill ends that too. Raises StoreError where another is.

    Of a server it can't be told: ClickHouse knows no lock, and the watches may run on several machines.
    """
    if is_url(db):
        yield
        return
    try:
        file = (Path(db) / NAME).open("a+")
    except OSError as error:
        raise StoreError(f"{db}: cannot lock it for the watch: {error.strerror}; may its files be written?") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read().strip()
            said = f" ({who})" if who else ""
            raise StoreError(f"another watch{said} tells the alerts of {db}: two would tell all twice") from None
        file.truncate(0)
        file.write(f"PID: {os.getpid()}\n")
        file.flush()
        yield
