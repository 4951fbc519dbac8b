"""One process: a capture's frames through decoder and engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collectors.decode import decode
from collectors.sources.frames import Frames
from pipeline.engine import Engine
from pipeline.schema.columns import Columns


def decoded(
    source: Iterable[Frames], columns: Columns, engine: Engine, most: int | None = None
) -> Iterator[tuple[Frames, Columns]]:
    """Each batch of `source`, decoded and analysed, in `columns`, which the next batch takes over; `most` frames of
    them. Behind the last one the engine has finished."""
    left = most
    for frames in source:
        decode(frames, columns)
        if left is not None:
            columns.rows = min(columns.rows, left)
            left -= columns.rows
        engine.process(columns)
        yield frames, columns
        if left == 0:
            break
    engine.finish()
