"""The threads beside an import: order, errors, and that nothing waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from collectors.sources.frames import NO_INTERFACE, Frames
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.store.beside import Ahead, Behind


def _batch(first: int, rows: int) -> Frames:
    data = bytes(12) + b"\x08\x06" + bytes(46)
    n = np.arange(rows)
    return Frames(data * rows, (n * 60).astype(np.int64), np.full(rows, 60, np.uint32), np.full(rows, 60, np.uint32),
                  n.astype(np.int64), np.full(rows, NO_INTERFACE, np.uint16), np.full(rows, 1, np.uint16),
                  first)  # fmt: skip


def _pool(count: int) -> list[Columns]:
    return [Columns(PACKETS, 64) for _ in range(count)]


def test_batches_come_in_order_and_no_batch_is_overwritten_while_it_is_held() -> None:
    ahead = Ahead([_batch(1 + 10 * k, 10) for k in range(20)], _pool(3))
    held: list[tuple[int, Columns]] = []
    seen = []
    for frames, columns in ahead.batches():
        held.append((frames.first, columns))
        seen.append(frames.first)
        if len(held) == 2:
            first, oldest = held.pop(0)
            assert oldest.values("frame.number")[0] == first
            ahead.release(oldest)
    assert seen == list(range(1, 201, 10))


def test_what_the_source_raises_comes_behind_the_batches_before_it() -> None:
    def source() -> Iterator[Frames]:
        yield _batch(1, 3)
        yield _batch(4, 3)
        raise OSError("the disk is gone")

    ahead = Ahead(source(), _pool(4))
    batches = ahead.batches()
    assert [next(batches)[0].first, next(batches)[0].first] == [1, 4]
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)


def test_who_stops_listening_does_not_wait_for_a_source_that_says_nothing() -> None:
    silent = threading.Event()

    def source() -> Iterator[Frames]:
        yield _batch(1, 3)
        silent.wait()

    batches = Ahead(source(), _pool(2)).batches()
    assert next(batches)[0].first == 1
    batches.close()
    silent.set()


def test_work_is_done_in_order_and_its_error_is_raised_later() -> None:
    done: list[int] = []
    behind = Behind(2)
    for k in range(10):
        behind.put(partial(done.append, k))
    behind.close()
    assert done == list(range(10))

    def fails() -> None:
        raise ValueError("no room")

    behind = Behind(0)
    with pytest.raises(ValueError, match="no room"):
        behind.put(fails)
    behind.abort()


def test_aborted_work_that_had_not_begun_is_dropped() -> None:
    begun, go = threading.Event(), threading.Event()
    done: list[int] = []
    behind = Behind(8)

    def first() -> None:
        begun.set()
        go.wait()

    behind.put(first)
    for k in range(5):
        behind.put(partial(done.append, k))
    begun.wait()
    threading.Timer(0.05, go.set).start()
    behind.abort()
    assert done == []
