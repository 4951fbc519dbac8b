"""An INSERT whose data are the body: streamed into one part, under the token that comes with it."""

from __future__ import annotations

import asyncio
import contextlib
import time

from aiohttp import web

from pipeline.serve.answer import PLAIN, summary
from pipeline.serve.body import Body
from pipeline.serve.connections import Lane
from pipeline.serve.request import Asked, prepare
from pipeline.serve.statement import Statement
from pipeline.store.database import INSERT_SETTINGS, Insert
from pipeline.store.errors import StoreError


async def answer_insert(
    lane: Lane, insert: Statement, first: bytes, body: Body, asked: Asked, headers: dict[str, str]
) -> web.Response:
    """Stores `first` and the rest of the body at once, or nothing. Raises StoreError.

    A client that goes away in the middle leaves nothing behind.
    """
    begun = time.perf_counter_ns()
    read = len(first)
    async with lane.work(headers["X-ClickHouse-Query-Id"]) as work:
        # What makes an insert one part comes first, so that a client may still choose otherwise.
        settings = INSERT_SETTINGS | asked.settings | {"log_comment": work.mark}
        await work.run(lambda: prepare(work.database, settings, asked))
        under_way = await work.run(lambda: work.database.insert_as(insert.sql, insert.format))
        try:
            if first:
                await work.run(lambda: under_way.append(first))
            async for piece in body.pieces():
                read += await work.run(lambda piece=piece: _append(under_way, body.decode(piece)))  # type: ignore[misc]
            body.end()
            rows = await work.run(under_way.finish)
        except BaseException:
            with contextlib.suppress(StoreError):
                await asyncio.shield(lane.submit(under_way.cancel))
            raise
    done = summary(
        read_rows=rows, read_bytes=read, written_rows=rows, written_bytes=read, result_rows=rows, result_bytes=read,
        elapsed_ns=time.perf_counter_ns() - begun,
    )
    return web.Response(headers=headers | {"X-ClickHouse-Summary": done, "Content-Type": PLAIN})


def _append(under_way: Insert, data: bytes) -> int:
    if data:
        under_way.append(data)
    return len(data)
