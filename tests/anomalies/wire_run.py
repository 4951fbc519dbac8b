"""Frames made by hand through the engine: what its shard sees of anomalies, however they are cut into batches."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns
from tests.anomalies.make.wire_frames import Timed
from tests.engine.flow_rows import rows_of
from tests.sources.makecap import pcap

_NANOSECONDS = 0xA1B23C4D
Event = tuple[str, int, int]


@dataclass
class Seen:
    """Sightings, and events: name, frame, count."""

    sightings: list[Sighting] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of the sightings, each once."""
        return sorted({seen.name for seen in self.sightings})

    def of(self, name: str) -> list[Sighting]:
        """The sightings of a name."""
        return [seen for seen in self.sightings if seen.name == name]


def read(path: Path, batch_rows: int = 65_536, often: float = 0.0) -> Seen:
    """What is seen in a capture file; `often` the engine is replaced by one that knows its snapshot."""
    seen, rng = Seen(), random.Random(1)

    def events(rows: Columns) -> None:
        seen.events += [
            (row["shoal.event.name"], row["shoal.event.frame"], row["shoal.event.count"])
            for row in rows_of(rows, rows.record)
        ]

    def new() -> Engine:
        return Engine(None, events, sightings=seen.sightings.extend)

    engine, columns = new(), Columns(PACKETS, batch_rows)
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            if rng.random() < often:
                snapshot, engine = engine.snapshot(), new()
                engine.restore(snapshot)
    engine.finish()
    seen.sightings.sort(key=lambda sighting: (sighting.tick, sighting.frame, sighting.name, sighting.entity))
    return seen


def seen_in(frames: Sequence[Timed], folder: Path, batches: Sequence[int] = (1, 7, 1000)) -> Seen:
    """What is seen in the frames: the same in batches of these rows, and with snapshots in between."""
    path = folder / "made.pcap"
    path.write_bytes(pcap(frames, magic=_NANOSECONDS))
    whole = read(path)
    for batch_rows in batches:
        assert read(path, batch_rows) == whole, batch_rows
    assert read(path, 5 * batches[0], 0.3) == whole
    return whole
