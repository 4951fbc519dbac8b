"""One process: a capture's frames through decoder and engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collectors.decode import decode
from collectors.sources.frames import Frames
from pipeline.engine import Engine
from pipeline.schema.columns import Columns


def decoded(source: Iterable[Frames], columns: Columns, engine: Engine) -> Iterator[tuple[Frames, Columns]]:
    """Each batch of `source`, decoded and analysed, in `columns`, which the next batch takes over."""
    for frames in source:
        decode(frames, columns)
        engine.process(columns)
        yield frames, columns
