"""Frames made by hand through the engine to events: what shards see of exchanges, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from collectors.decode import decode
from pipeline.detect.anomalies import Anomalies, Going
from pipeline.engine import Engine
from pipeline.engine.anomalies.said import Said
from pipeline.engine.exchanges.rows import fill
from pipeline.engine.snapshot import pack, unpack
from pipeline.engine.windows.bundle import Closed, WindowTick
from pipeline.schema import PACKETS
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PARTS, WINDOWS
from tests.engine.flow_rows import Row, rows_of
from tests.exchanges.hear import BEGIN, SECOND, Frame, frames_of

WINDOW = 10 * SECOND


@dataclass
class Found:
    """`sightings` of shards, rows of `events`, and the anomalies that make alerts."""

    sightings: list[Sighting] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    going: list[Going] = field(default_factory=list)

    def of(self, name: str) -> list[Row]:
        """The events of a name."""
        return [row for row in self.events if row["shoal.event.name"] == name]

    @property
    def newest(self) -> list[Row]:
        """Of each event the row with the greatest count, as the table keeps it."""
        kept: dict[tuple[int, str, str], Row] = {}
        for row in self.events:
            kept[row["shoal.event.frame"], row["shoal.event.name"], row["shoal.event.entity"]] = row
        return list(kept.values())


def found_in(packets: Sequence[Frame], *, restore: bool = False) -> Found:
    """The frames through the engine and the detectors, with a tick every ten seconds."""
    packets = sorted(packets, key=lambda packet: packet[0])
    found, said, anomalies = Found(), Said(), Anomalies()
    number = 0

    def watch(name: str, row: Row) -> None:
        said.row(name, row, number)

    engine = Engine(None, None, lambda rows: None)
    assert engine.exchanges is not None
    engine.exchanges.out.watchers.append(watch)
    at, ticks = 0, list[WindowTick]()

    def close(*, ends: bool = False) -> None:
        nonlocal said, anomalies
        seen = said.take()
        found.sightings += seen
        empty = Columns(WINDOWS, 0)
        found.going += anomalies.take(Closed(tuple(ticks), empty, empty.values("shoal.window.version"),
                                             fill(PARTS, []), tuple(seen), ends))  # fmt: skip
        ticks.clear()
        if restore:
            kept, states = (said, anomalies), [unpack(pack(part.state())) for part in (said, anomalies)]
            said, anomalies = Said(), Anomalies()
            said.restore(states[0])
            anomalies.restore(states[1])
            assert [pack(part.state()) for part in (said, anomalies)] == [pack(part.state()) for part in kept]
        rows = anomalies.rows()
        if rows is not None:
            found.events += rows_of(rows, rows.record)

    while at < len(packets):
        end = BEGIN + (number + 1) * WINDOW
        upto = next((k for k in range(at, len(packets)) if packets[k][0] >= end), len(packets))
        if upto > at:
            batch = packets[at:upto]
            columns = Columns(PACKETS, len(batch))
            decode(frames_of(batch, at + 1), columns)
            engine.process(columns)
            at = upto
        close()
        if at < len(packets):
            number += 1
            ticks.append((number, at + 1, packets[at][0], 0))
    engine.finish()
    close(ends=True)
    return found


def events_of(packets: Sequence[Frame]) -> Found:
    """`found_in`, which must be the same with snapshots in between."""
    found = found_in(packets)
    again = found_in(packets, restore=True)
    assert (again.sightings, again.events, again.going) == (found.sightings, found.events, found.going)
    return found
