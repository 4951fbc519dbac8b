"""A capture file into the database: decoded here, inserted by a thread beside.

Frames are stored in their order, in inserts of up to `INSERT_ROWS` rows that are stored whole or not at all. So what is
stored of an interrupted import is always frames 1 to n, and the next run goes on with n + 1 (it decodes all the same,
so that what the engine knows of the first n is the same).
"""

from __future__ import annotations

import datetime
import os
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from collectors.sources.identity import Progress, content_hash, is_file
from pipeline import __version__
from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.column import Record
from pipeline.schema.columns import Columns
from pipeline.schema.days import day_of
from pipeline.schema.ddl import literal
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.flows import FLOW_STATES
from pipeline.schema.packets import PACKETS
from pipeline.schema.tables import CAPTURE_STATES
from pipeline.schema.windows import WINDOWS
from pipeline.store.native import NativeEncoder, stored_columns
from pipeline.store.store import Store
from pipeline.store.told import insert_told
from pipeline.store.writer import Piece, Writer

BATCH_ROWS = 16_384
"""Rows decoded at a time: few enough that they are still in the processor's cache when they are encoded."""
INSERT_ROWS = 65_536
"""Rows of an insert, and so of a fresh part, unless `INSERT_BYTES` are reached before. Twice as many would take
200 MB more of memory, and are no faster."""
INSERT_BYTES = 64 << 20
"""Bytes of blocks with which an insert ends early."""

if TYPE_CHECKING:
    from pipeline.detect.detection import Settings
    from pipeline.engine.windows.bundle import Bundle

HANDED_OUT = 8192
"""Most rows in one batch of what the engine hands out."""


@dataclass(slots=True)
class Imported:
    """What became of one file. `frames` counts those of the file, `stored` those that this run added."""

    path: str
    capture: str
    sensor: str
    frames: int = 0
    stored: int = 0
    seconds: float = 0.0
    warning: str = ""
    was_complete: bool = False
    first_time: int = 0
    last_time: int = 0
    size: int = 0
    linktypes: set[int] = field(default_factory=set)


def _write_state(database: Store, imported: Imported, state: str) -> None:
    insert_told(database, CAPTURE_STATES, {
        "sensor": imported.sensor,
        "capture": imported.capture,
        "shoal.state": state,
        "shoal.file.name": imported.path,
        "shoal.file.size": imported.size,
        "shoal.first_time": imported.first_time,
        "shoal.last_time": imported.last_time,
        "shoal.frames": imported.frames,
        "shoal.warning": imported.warning,
        "shoal.version": __version__,
        "shoal.imported": time.time_ns(),
        "shoal.file.linktypes": sorted(imported.linktypes)[:64],
    })


class _Blocks:
    """Gathers batches of rows of a record to inserts: which block begins one, which ends it, and the day that it bears.

    `most` is the most rows of a batch, `stored` how many rows were stored before.
    """

    def __init__(self, writer: Writer, record: Record, capture: str, most: int, stored: int = 0) -> None:
        self._writer = writer
        self._record = record
        self._capture = capture
        self._most = most
        self._stored = stored
        self._encoder = NativeEncoder(record)
        self._rows = 0
        self._bytes = 0
        self._day = datetime.date(1970, 1, 1)
        self._held: tuple[bytes, str | None] | None = None

    def add(self, columns: Columns, first: int) -> None:
        """Takes the rows of `columns` from row `first` on."""
        begins: str | None = None
        if self._rows == 0:
            begins = f"{self._capture}:{self._stored + 1}:{self._record.name}"
            self._day = day_of(int(columns.values(self._record.time).view("i8")[first]))
        columns.labels["shoal.day"] = self._day
        block = self._encoder.encode(columns, first)
        self._rows += columns.rows - first
        self._stored += columns.rows - first
        self._bytes += len(block)
        full = self._rows + self._most > INSERT_ROWS or self._bytes >= INSERT_BYTES
        self._release(ends=False)
        # The block is held until it is known whether another follows, for the last one ends its insert.
        self._held = (block, begins)
        if full:
            self._release(ends=True)

    def _release(self, ends: bool) -> None:
        if self._held is not None:
            block, begins = self._held
            self._held = None
            self._writer.put(Piece(block, begins, ends))
        if ends:
            self._rows = self._bytes = 0

    def end(self) -> None:
        """Ends the insert that is under way."""
        self._release(ends=True)


class _Table:
    """Rows that the engine hands out, on their way to a table of their own; the writer starts with the first."""

    def __init__(self, database: Store, record: Record, labels: dict[str, str]) -> None:
        self._labels = labels
        self._writer = Writer(database, record.name, stored_columns(record))
        self._blocks = _Blocks(self._writer, record, labels["capture"], HANDED_OUT)
        self._started = False

    def add(self, rows: Columns) -> None:
        """Take the next rows."""
        if not self._started:
            self._writer.start()
            self._started = True
        rows.labels.update(self._labels)
        self._blocks.add(rows, 0)

    def end(self) -> None:
        """End the insert that is under way."""
        self._blocks.end()

    def close(self) -> None:
        """Wait until all is stored. Raises what the writer failed with."""
        if self._started:
            self._writer.close()

    def abort(self) -> None:
        """End the writer; inserts under way are stored whole or dropped whole."""
        if self._started:
            self._writer.abort()


def _state(database: Store, capture: str) -> Imported | None:
    rows = database.rows(
        "SELECT sensor, shoal.file.name AS path, shoal.frames AS frames, shoal.warning AS warning,"
        f" shoal.state = 'complete' AS done FROM captures WHERE capture = {literal(capture)}"
    )
    if not rows:
        return None
    (row,) = rows
    done = bool(row["done"])
    return Imported(row["path"], capture, row["sensor"], row["frames"], warning=row["warning"], was_complete=done)


def _stored_frames(database: Store, state: Imported) -> int:
    (row,) = database.rows(
        "SELECT max(frame.number) AS frames FROM packets"
        f" WHERE sensor = {literal(state.sensor)} AND capture = {literal(state.capture)}"
    )
    return int(row["frames"])


def import_capture(
    database: Store, path: str, *, sensor: str = "file", progress: Progress | None = None,
    detection: Settings | None = None,
) -> Imported:  # fmt: skip
    """Imports the capture file `path` (`-` is standard input) into `packets` and `captures`.

    A file whose content is stored already adds nothing; one whose import was interrupted is completed, under the
    sensor's name of the first run. A pipe is a capture of its own each time. A cut file's whole frames are stored,
    and `warning` says where it is cut. Alerts are of the past, made as `detection` says. Raises OSError,
    CaptureError (no capture), StoreError.
    """
    begun = time.perf_counter()
    file = is_file(path)
    capture = content_hash(path, progress) if file else secrets.token_hex(16)
    state = _state(database, capture)
    if state is not None and state.was_complete:
        return state
    imported = Imported(path, capture, sensor)
    imported.size = os.stat(path).st_size if file else 0
    stored = 0
    if state is not None:
        imported.sensor = state.sensor
        stored = _stored_frames(database, state)
    _decode_and_store(database, imported, stored, known=state is not None, progress=progress, settings=detection)
    imported.seconds = time.perf_counter() - begun
    return imported


def _decode_and_store(
    database: Store, imported: Imported, stored: int, *, known: bool, progress: Progress | None,
    settings: Settings | None,
) -> None:  # fmt: skip
    """Decodes the whole capture and stores the frames after number `stored`."""
    from collectors.sources import open_capture
    from pipeline.detect.detection import Detection, Settings
    from pipeline.embedded import decoded
    from pipeline.engine import Engine

    columns = Columns(PACKETS, BATCH_ROWS)
    labels = {"sensor": imported.sensor, "capture": imported.capture}
    columns.labels.update(labels)
    reader = open_capture(imported.path, batch_rows=BATCH_ROWS)
    writer = Writer(database, PACKETS.name, stored_columns(PACKETS))
    blocks = _Blocks(writer, PACKETS, imported.capture, BATCH_ROWS, stored)
    # Of an interrupted import all rows of these are written again: they replace the same rows.
    records = (FLOW_STATES, EVENT_STATES, WINDOWS, ALERT_STATES, *EXCHANGES)
    told = {record.name: _Table(database, record, labels) for record in records}

    def take(rows: Columns) -> None:
        told[rows.record.name].add(rows)

    of = settings or Settings()
    detection = Detection(take, imported.sensor, imported.capture, of, past=True)

    def bundle(told: Bundle) -> None:
        detection.take(0, told)

    engine = Engine(take, take, take, windows=bundle, base_seconds=of.base, lateness_seconds=of.lateness)
    writer.start()
    try:
        for frames, _ in decoded(reader, columns, engine):
            if not len(frames):
                continue
            if not known:
                # Not before the first frames are read: what is no capture leaves no trace.
                _write_state(database, imported, "started")
                known = True
            imported.frames = frames.first + len(frames) - 1
            imported.last_time = int(frames.time[-1])
            if frames.first == 1:
                imported.first_time = int(frames.time[0])
            imported.linktypes.update(np.flatnonzero(np.bincount(frames.linktype)).tolist())
            if imported.frames > stored:
                skip = max(0, stored + 1 - frames.first)
                blocks.add(columns, skip)
                imported.stored += len(frames) - skip
            if progress:
                progress("import", reader.bytes_read, reader.size)
        blocks.end()
        for table in told.values():
            table.end()
    except BaseException:
        writer.abort()
        for table in told.values():
            table.abort()
        raise
    writer.close()
    for table in told.values():
        table.close()
    imported.warning = reader.warning or ""
    _write_state(database, imported, "complete")
