"""The threads beside the one that analyses: one decodes ahead of it, one encodes behind it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from collectors.decode import decode
from collectors.sources.frames import Frames
from pipeline.schema.columns import Columns


class Ahead:
    """Decodes batches in a thread of its own, while the one before is analysed.

    Each batch stands in one of `pool` until `release` gives that back. What the source raises is raised by `batches`,
    behind the batches before it. Nothing waits for the thread: it may stand in a pipe that says nothing.
    """

    def __init__(self, source: Iterable[Frames], pool: Iterable[Columns]) -> None:
        self._source = source
        self._free: queue.SimpleQueue[Columns | None] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[tuple[Frames, Columns] | BaseException | None] = queue.SimpleQueue()
        self._pool = list(pool)

    def batches(self) -> Iterator[tuple[Frames, Columns]]:
        """The batches in their order, decoded."""
        for columns in self._pool:
            self._free.put(columns)
        threading.Thread(target=self._decode, name="decode", daemon=True).start()
        try:
            while (found := self._ready.get()) is not None:
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            # The thread ends where it would take up another batch.
            self._free.put(None)

    def release(self, columns: Columns) -> None:
        """Nobody needs the batch in `columns` any longer."""
        # So that its buffer can be filled again.
        columns.raw_buffer = b""
        self._free.put(columns)

    def _decode(self) -> None:
        try:
            for frames in self._source:
                columns = self._free.get()
                if columns is None:
                    return
                decode(frames, columns)
                self._ready.put((frames, columns))
            self._ready.put(None)
        except BaseException as error:
            self._ready.put(error)


class Behind:
    """Runs what it is given in a thread of its own, in that order; `most` pieces of work wait at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._waiting: deque[Future[None]] = deque()

    def put(self, work: Callable[[], None]) -> None:
        """Hand over a piece of work; waits while `most` are waiting. Raises what an earlier one failed with."""
        self._waiting.append(self._pool.submit(work))
        while self._waiting and (len(self._waiting) > self._most or self._waiting[0].done()):
            self._waiting.popleft().result()

    def close(self) -> None:
        """Wait until all is done. Raises what a piece of work failed with."""
        while self._waiting:
            self._waiting.popleft().result()
        self._pool.shutdown()

    def abort(self) -> None:
        """Drop what has not begun; wait for what has."""
        self._pool.shutdown(cancel_futures=True)
