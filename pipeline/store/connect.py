"""Opens what `--db` names: a directory, one that another process serves, or a server."""

from __future__ import annotations

from pathlib import Path

from pipeline.store.database import Database, InUse
from pipeline.store.local import holder
from pipeline.store.remote import Remote, is_url


def connect(
    db: str, *, create: bool = False, readonly: bool = False, user: str = "", password: str = ""
) -> Database | Remote:
    """The database that `db` names: a directory or a server's URL. The caller closes it.

    A directory that another process holds is reached through that process, where it serves (`shoal serve`, `shoal run
    --http`). With `readonly` nothing can be changed; `create` may make the directory. User and password are a server's.
    Raises StoreError.
    """
    if is_url(db):
        return Remote(db, user=user, password=password).open(readonly=readonly)
    try:
        database = Database(db).open(create=create)
    except InUse as error:
        held = holder(Path(db))
        if held is None or held.pid != error.pid:
            raise
        return Remote(held.url, token=held.token).open(readonly=readonly)
    if readonly:
        database.query("SET readonly = 2")
    return database
