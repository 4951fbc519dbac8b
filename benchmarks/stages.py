"""CPU seconds of each stage in one process: reading, decoding, the engine, printing, Arrow, ClickHouse's Native."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collectors.decode import decode
from collectors.sources import open_capture
from collectors.sources.frames import Frames
from pipeline.engine import Engine
from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.schema import PACKETS
from pipeline.schema.arrow import to_arrow
from pipeline.schema.columns import Columns
from pipeline.schema.shown import sources
from pipeline.store.native import NativeEncoder

PRINTED = ("frame.number frame.time_epoch ip.src ip.dst tcp.srcport tcp.dstport tcp.stream tcp.seq_raw tcp.ack_raw "
           "tcp.len tcp.flags udp.stream")
RUNS = 3


@dataclass(frozen=True)
class Stage:
    """CPU seconds (the least of the runs) that a stage took for all frames."""

    name: str
    seconds: float
    frames: int

    def __str__(self) -> str:
        rate = self.frames / self.seconds / 1e6 if self.seconds else float("inf")
        return f"{self.name:28s} {self.seconds:7.3f} s CPU  {rate:7.2f} M frames a CPU second"


def _least(run: Callable[[], float]) -> float:
    return min(run() for _ in range(RUNS))


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(path: str) -> list[Stage]:
    """Time each stage alone, on frames that are in memory."""
    batches: list[Frames] = list(open_capture(path))
    frames = sum(len(b) for b in batches)
    columns, encoder = Columns(PACKETS), NativeEncoder(PACKETS)
    columns.labels.update({"sensor": "bench", "capture": "bench", "shoal.day": datetime.date(2026, 1, 1)})

    def over(work: Callable[[Columns], object]) -> Callable[[], float]:
        def run() -> float:
            total, engine = 0.0, Engine()
            for batch in batches:
                decode(batch, columns)
                engine.process(columns)
                total += _timed(lambda: work(columns))
            return total

        return run

    def engine_alone(engine: Engine) -> float:
        total = 0.0
        for batch in batches:
            decode(batch, columns)
            total += _timed(lambda: engine.process(columns))
        return total + _timed(engine.finish)

    def drain(pieces: Iterable[object]) -> None:
        for _ in pieces:
            pass

    def take(rows: Columns) -> None:
        """Rows that are handed out are dropped."""

    fields = [PrintedField(sources(PACKETS, name), gap="\t" if i else "") for i, name in enumerate(PRINTED.split())]
    writer = FieldWriter(fields)
    return [
        Stage(name, _least(run), frames)
        for name, run in (
            ("read (page cache)", lambda: _timed(lambda: drain(open_capture(path)))),
            ("decode", lambda: sum(_timed(lambda b=b: decode(b, columns)) for b in batches)),
            ("engine", lambda: engine_alone(Engine())),
            ("engine, with rows of flows", lambda: engine_alone(Engine(take))),
            ("engine, with all trackers", lambda: engine_alone(Engine(take, take, take))),
            ("print 12 fields", over(lambda c: drain(writer.lines(c)))),
            ("to Arrow", over(to_arrow)),
            ("to Native", over(encoder.encode)),
        )
    ]
