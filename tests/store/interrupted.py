"""Imports a capture and kills itself where it is told to: DIR FILE POINT COUNT.

POINT names where: `batch` (COUNT batches were decoded), `append`, `before` or `after` (the COUNT-th insert is being
handed over, is about to be stored, has been stored), `state` (the COUNT-th state was written), `never`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from pipeline.run import importer
from pipeline.store.database import Database, Insert
from pipeline.store.migrate import migrate


def dies(call: Callable[..., Any], count: int, *, after: bool) -> Callable[..., Any]:
    """`call`, which kills the process before or after its `count`-th time."""
    calls = 0

    def counted(*args: Any) -> Any:
        nonlocal calls
        if args and isinstance(args[0], Insert) and args[0].table != "packets":
            # Rows of conversations are stored beside, by another thread.
            return call(*args)
        calls += 1
        if calls == count and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(*args)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return counted


def run(directory: str, file: str, point: str, count: int) -> None:
    """Imports in inserts of three batches of 50 rows."""
    importer.BATCH_ROWS = 50
    importer.INSERT_ROWS = 150
    progress = None
    if point == "batch":
        stage = dies(lambda *_: None, count + 1, after=False)
        progress = lambda name, *_: stage() if name == "import" else None  # noqa: E731
    elif point == "append":
        Insert.append = dies(Insert.append, count, after=True)  # type: ignore[method-assign]
    elif point in ("before", "after"):
        Insert.finish = dies(Insert.finish, count, after=point == "after")  # type: ignore[method-assign]
    elif point == "state":
        importer._write_state = dies(importer._write_state, count, after=True)
    with Database(directory).open(create=True) as database:
        migrate(database)
        done = importer.import_capture(database, file, progress=progress)
        print(done.frames, done.stored, done.was_complete)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
