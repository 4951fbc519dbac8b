"""Frames of one capture to blocks of rows: decoded, analysed, cut to what is kept, and encoded for ClickHouse."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace

from collectors.decode import decode
from collectors.service.keep import kept
from collectors.service.rounds import Route
from collectors.sources.frames import Frames
from pipeline.detect.detection import Detection, Settings
from pipeline.engine import Engine
from pipeline.engine.windows.bundle import Bundle
from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.column import Record
from pipeline.schema.columns import Columns
from pipeline.schema.days import day_of
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.flows import FLOW_STATES
from pipeline.schema.packets import PACKETS
from pipeline.schema.windows import WINDOWS
from pipeline.store.native import NativeEncoder

BATCH_ROWS = 16_384
"""Frames decoded at a time, as `shoal import` does: they are still in the processor's cache when they are encoded."""

_RECORDS = (PACKETS, FLOW_STATES, EVENT_STATES, WINDOWS, ALERT_STATES, *EXCHANGES)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a record as a Native block, all of one `day`. `frames` of them are frames of `capture`, all or none."""

    record: Record
    capture: str
    day: datetime.date
    rows: int
    frames: int
    data: bytes


class Rows:
    """The blocks of one capture, with an engine of its own: conversations are numbered by capture."""

    def __init__(self, route: Route, settings: Settings | None = None) -> None:
        self._route = route
        self._columns = Columns(PACKETS, BATCH_ROWS)
        of = settings or Settings()
        self._detection = Detection(self._handed_out, route.sensor, route.capture, of)
        self._engine = Engine(self._handed_out, self._handed_out, self._handed_out, windows=self._bundle,
                              base_seconds=of.base, lateness_seconds=of.lateness)
        self._encoders = {record.name: NativeEncoder(record) for record in _RECORDS}
        self._found: list[Block] = []

    def take(self, frames: Frames, dropped: int = 0) -> Iterator[Block]:
        """The blocks of the next frames; `dropped` more were lost since those before."""
        for at in range(0, len(frames), BATCH_ROWS):
            part = frames.take(slice(at, at + BATCH_ROWS))
            yield from self._batch(replace(part, first=frames.first + at), 0 if at else dropped)

    def idle(self, now: int, dropped: int = 0) -> Iterator[Block]:
        """The blocks of windows that have ended although no frame came until `now`, ns since 1970; `dropped` frames
        were lost since that was told last."""
        self._engine.idle(now, dropped)
        yield from self._handed()

    def _batch(self, frames: Frames, dropped: int) -> Iterator[Block]:
        columns = self._columns
        decode(frames, columns)
        self._engine.process(columns, dropped)
        # What waits until there is more of it would wait for hours where there is little.
        self._engine.trackers.flush()
        kept(columns, self._route.keep, self._route.first_bytes)
        yield self._encoded(columns)
        yield from self._handed()

    def end(self) -> Iterator[Block]:
        """The blocks of what the engine still has to tell of the capture."""
        self._engine.finish()
        yield from self._handed()

    def _handed(self) -> list[Block]:
        found, self._found = self._found, []
        return found

    def _bundle(self, told: Bundle) -> None:
        self._detection.take(0, told)

    def _handed_out(self, rows: Columns) -> None:
        self._found.append(self._encoded(rows))

    def _encoded(self, columns: Columns) -> Block:
        record, route = columns.record, self._route
        day = day_of(int(columns.values(record.time).view("i8")[0]))
        columns.labels.update({"sensor": route.sensor, "capture": route.capture, "shoal.day": day})
        data = self._encoders[record.name].encode(columns)
        frames = columns.rows if record is PACKETS else 0
        return Block(record, route.capture, day, columns.rows, frames, data)
