"""Blocks of rows on their way into the database: in memory, until they are stored.

An insert ends with its rows, its bytes or its age, whichever is first, and is tried again under the same token until it
is stored: ClickHouse stores one token once. Who puts a block waits where too much waits already.
"""

from __future__ import annotations

import collections
import datetime
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from collectors.publish.accounts import Accounts, Place, Reason, Totals
from collectors.publish.publisher import Limits
from pipeline.run.rows import Block
from pipeline.store.errors import StoreError
from pipeline.store.native import stored_columns
from pipeline.store.store import Store

INSERT_ROWS = 65_536
INSERT_BYTES = 64 << 20
INSERT_SECONDS = 1.0
"""An insert that has not so many rows or bytes ends when its first block is so old."""
_THREADS = 2
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
_PASSING = frozenset({1001, 1002, 481, 76, 173})
"""Of ClickHouse's errors, those besides the retryable ones that a full disk or memory may show as."""


@dataclass(slots=True)
class _Insert:
    """Blocks that are stored together, in one partition of one table."""

    token: str
    begun: float
    monday: datetime.date
    blocks: list[Block] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0

    def full(self) -> bool:
        return self.rows >= INSERT_ROWS or self.bytes >= INSERT_BYTES


class Sink:
    """Stores blocks in threads of its own. `store` gives a connection; `limit` is in bytes of blocks that wait.

    `log` gets a line when the database begins to refuse rows, and when it takes them again; `failed` is called when it
    refuses them for good. What is put from then on is dropped, and counted.
    """

    def __init__(
        self, store: Callable[[], Store], name: str, limit: int, log: Callable[[str], None], failed: Callable[[], None]
    ) -> None:
        self.accounts = Accounts()
        self.trouble = ""
        self.error: BaseException | None = None
        self._store = store
        self._name = name
        self._limit = limit
        self._log = log
        self._failed = failed
        self._serial = itertools.count(1)
        self._open: dict[str, _Insert] = {}
        self._ready: collections.deque[_Insert] = collections.deque()
        self._bytes = 0
        self._under_way = 0
        self._refused: set[str] = set()
        self._ending = False
        self._given_up = False
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to store."""
        self._threads = [threading.Thread(target=self._run, name=f"store {k}", daemon=True) for k in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def put(self, block: Block) -> None:
        """Take a block; waits while more than the limit waits already."""
        with self._changed:
            while self._bytes > self._limit and self.error is None:
                self._changed.wait()
            self.accounts.put(block.capture, block.frames, len(block.data))
            if self.error is not None:
                self._drop(block)
                return
            self._gather(block)

    def _gather(self, block: Block) -> None:
        table = block.record.name
        monday = block.day - datetime.timedelta(days=block.day.weekday())
        insert = self._open.get(table)
        if insert is not None and insert.monday != monday:
            self._end(table)
            insert = None
        if insert is None:
            insert = _Insert(f"{self._name}:{table}:{next(self._serial)}", time.monotonic(), monday)
            self._open[table] = insert
            # A thread begins to count its age.
            self._changed.notify_all()
        insert.blocks.append(block)
        insert.rows += block.rows
        insert.bytes += len(block.data)
        self._bytes += len(block.data)
        if insert.full():
            self._end(table)

    def _end(self, table: str) -> None:
        self._ready.append(self._open.pop(table))
        self._changed.notify_all()

    def close(self, patience: float) -> None:
        """Store what is left. While the database refuses it, wait for `patience` seconds; the rest is dropped."""
        with self._changed:
            self._ending = True
            for table in list(self._open):
                self._end(table)
            self._changed.notify_all()
            refused = 0.0
            while (self._ready or self._under_way) and self.error is None:
                self._changed.wait(0.1)
                now = time.monotonic()
                refused = (refused or now) if self.trouble else 0.0
                if refused and now - refused > patience:
                    self._given_up = True
                    self._changed.notify_all()
                    break
        for thread in self._threads:
            thread.join()
        with self._changed:
            self._drop_all()

    def _next(self) -> _Insert | None:
        """The next insert that is to be stored, waited for; None at the end."""
        with self._changed:
            while True:
                if self.error is not None or self._given_up:
                    return None
                now = time.monotonic()
                for table in [table for table, one in self._open.items() if now - one.begun >= INSERT_SECONDS]:
                    self._end(table)
                if self._ready:
                    self._under_way += 1
                    return self._ready.popleft()
                if self._ending:
                    return None
                ages = [one.begun + INSERT_SECONDS - now for one in self._open.values()]
                self._changed.wait(min(ages) if ages else None)

    def _run(self) -> None:
        store: Store | None = None
        while (insert := self._next()) is not None:
            wait = _FIRST_WAIT
            while True:
                try:
                    if store is None:
                        store = self._store()
                    _insert(store, insert)
                except BaseException as error:
                    if store is not None:
                        store.close()
                        store = None
                    if not self._again(insert, error, wait):
                        break
                    wait = min(_LONGEST_WAIT, 2 * wait)
                    continue
                self._stored(insert)
                break
        if store is not None:
            store.close()

    def _again(self, insert: _Insert, error: BaseException, wait: float) -> bool:
        """Wait until an insert that failed is to be tried again; whether it is."""
        passes = isinstance(error, StoreError) and (error.retryable or error.code in _PASSING)
        with self._changed:
            if passes and not self.trouble:
                self._log(f"the database takes no rows at present: {error}; they wait in memory, then in the ring")
            self.trouble = str(error) or repr(error)
            self._refused.add(insert.token)
            if not passes:
                self.error = self.error or error
                self._changed.notify_all()
            until = time.monotonic() + wait
            while self.error is None and not self._given_up and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            if self.error is None and not self._given_up:
                return True
            self._under_way -= 1
            for block in insert.blocks:
                self._drop(block)
            self._changed.notify_all()
        if self.error is not None:
            self._failed()
        return False

    def _stored(self, insert: _Insert) -> None:
        with self._changed:
            self._refused.discard(insert.token)
            if self.trouble and not self._refused and self.error is None:
                self._log("the database takes rows again")
                self.trouble = ""
            self._under_way -= 1
            self._bytes -= insert.bytes
            for block in insert.blocks:
                self.accounts.published(block.capture, block.frames, len(block.data), Place.MEMORY)
            self._changed.notify_all()

    def _drop_all(self) -> None:
        for insert in (*self._ready, *self._open.values()):
            for block in insert.blocks:
                self._drop(block)
        self._ready.clear()
        self._open.clear()

    def _drop(self, block: Block) -> None:
        reason = Reason.REFUSED if self.error is not None else Reason.ENDED
        self.accounts.dropped(block.capture, block.frames, len(block.data), Place.MEMORY, reason)


def _insert(store: Store, insert: _Insert) -> None:
    record = insert.blocks[0].record
    under_way = store.insert(record.name, stored_columns(record), insert.token)
    try:
        for block in insert.blocks:
            under_way.append(block.data)
    except BaseException:
        under_way.cancel()
        raise
    under_way.finish()


class Outlet:
    """The sink as one capture sees it: where its blocks go, and what became of its frames."""

    limits = Limits(spool=0)

    def __init__(self, sink: Sink, capture: str) -> None:
        self._sink = sink
        self._capture = capture

    @property
    def trouble(self) -> str:
        """Why no rows can be stored at present; empty where they can."""
        return self._sink.trouble

    def open(self) -> None:
        """Nothing: the sink is started once for all."""

    def close(self, timeout: float = 10) -> Totals:
        """Nothing; what became of the frames."""
        return self.totals()

    def put(self, block: Block) -> None:
        """Hand a block over; waits where too much waits."""
        self._sink.put(block)

    def totals(self) -> Totals:
        """The accounts of this capture."""
        return self._sink.accounts.totals(self._capture)

    def spool_fill(self) -> float:
        """There is no spool."""
        return 0.0
