"""The threads that insert, beside the one that decodes: one hands blocks over, one stores what was handed over."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass

from pipeline.store.store import Insert, Store

# Blocks that wait: a little more than an insert has, so that decoding goes on while one is being stored.
_WAITING = 5
# Inserts under way: ClickHouse parses the blocks of one while it sorts, compresses and writes those of the one before.
_INSERTS = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A Native block on its way. `begins` holds the deduplication token where an insert begins with it."""

    block: bytes
    begins: str | None
    ends: bool


class Writer:
    """Inserts pieces into `table` in their order, in threads of its own (chDB releases the interpreter's lock).

    An insert is stored only when all before it are stored. What fails in a thread is raised by the next `put` or by
    `close`, and nothing after it is stored.
    """

    def __init__(self, database: Store, table: str, columns: list[str]) -> None:
        self._database = database
        self._table = table
        self._columns = columns
        self._pieces: queue.Queue[Piece | None] = queue.Queue(_WAITING)
        self._handed: queue.Queue[tuple[Store, Insert] | None] = queue.Queue()
        self._free: queue.Queue[Store] = queue.Queue()
        self._threads = [
            threading.Thread(target=run, name=run.__name__, daemon=True) for run in (self._hand_over, self._store)
        ]
        self._error: BaseException | None = None
        self._aborted = False

    def start(self) -> None:
        """Starts the threads."""
        for _ in range(_INSERTS):
            self._free.put(self._database.beside())
        for thread in self._threads:
            thread.start()

    def put(self, piece: Piece) -> None:
        """Hands a piece over; waits while five are waiting. Raises what a thread failed with."""
        if self._error is not None:
            raise self._error
        self._pieces.put(piece)

    def close(self) -> None:
        """Waits until all is stored. Raises what a thread failed with."""
        self._end()
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """Ends the threads; inserts that are under way are stored whole or dropped whole, in their order."""
        self._aborted = True
        self._end()

    def _end(self) -> None:
        self._pieces.put(None)
        for thread in self._threads:
            thread.join()
        while not self._free.empty():
            self._free.get().close()

    def _hand_over(self) -> None:
        under_way: tuple[Store, Insert] | None = None
        while (piece := self._pieces.get()) is not None:
            if self._error is not None or self._aborted:
                # Drained, so that `put` never waits for a thread that has failed.
                continue
            try:
                if piece.begins is not None:
                    under_way = self._begin(piece.begins)
                assert under_way is not None
                under_way[1].append(piece.block)
            except BaseException as error:
                self._error = error
                continue
            if piece.ends:
                self._handed.put(under_way)
                under_way = None
        if under_way is not None:
            under_way[1].cancel()
            self._free.put(under_way[0])
        self._handed.put(None)

    def _begin(self, token: str) -> tuple[Store, Insert]:
        database = self._free.get()
        try:
            return database, database.insert(self._table, self._columns, token)
        except BaseException:
            self._free.put(database)
            raise

    def _store(self) -> None:
        while (handed := self._handed.get()) is not None:
            database, insert = handed
            try:
                if self._error is not None or self._aborted:
                    insert.cancel()
                else:
                    insert.finish()
            except BaseException as error:
                self._error = error
            self._free.put(database)
