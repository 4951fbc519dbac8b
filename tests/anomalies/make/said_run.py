"""Frames made by hand through the engine to events: what shards see of exchanges, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from collectors.decode import decode
from pipeline.detect.anomalies import Anomalies, Going
from pipeline.engine.anomalies.said import RECORDS, Said
from pipeline.engine.exchanges.exchanges import Exchanges
from pipeline.engine.exchanges.rows import fill
from pipeline.engine.front import Front
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import pack, unpack
from pipeline.engine.tcp.analysis import Analysis
from pipeline.engine.windows.bundle import Closed, WindowTick
from pipeline.schema import PACKETS
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PARTS, WINDOWS
from tests.anomalies.make.said_whole import events_through_windows
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


def found_in(packets: Sequence[Frame], *, restore: bool = False, shards: int = 1) -> Found:
    """The frames through the engine and the detectors of shards, with a tick every ten seconds."""
    packets = sorted(packets, key=lambda packet: packet[0])
    found, said, anomalies = Found(), [Said() for _ in range(shards)], Anomalies()
    number = 0

    def watch(name: str, row: Row, frame: int) -> None:
        # All of DHCP is in one shard.
        said[0 if name == "dhcp_states" else row["shoal.flow_id"] % shards].row(name, row, number)

    notes = Notes()
    front, analysis = Front(notes), Analysis(notes)
    exchanges = Exchanges(notes, None, watchers={name: [watch] for name in RECORDS})
    streams = front.streams
    at, ticks = 0, list[WindowTick]()

    def close(*, ends: bool = False) -> None:
        nonlocal said, anomalies
        seen = [one for shard in reversed(said) for one in shard.take()]
        found.sightings += seen
        empty = Columns(WINDOWS, 0)
        found.going += anomalies.take(Closed(tuple(ticks), empty, np.zeros(0, np.uint32),
                                             fill(PARTS, []), tuple(seen), ends))  # fmt: skip
        ticks.clear()
        if restore:
            kept = [pack(part.state()) for part in (*said, anomalies)]
            said, anomalies = [Said() for _ in said], Anomalies()
            for part, state in zip((*said, anomalies), kept, strict=True):
                part.restore(unpack(state))
            assert [pack(part.state()) for part in (*said, anomalies)] == kept
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
            minutes = front.process(columns)
            analysis.process(columns, streams.conversation, streams.turn)
            exchanges.process(columns, streams.conversation, streams.turn, minutes)
            at = upto
        close()
        if at < len(packets):
            number += 1
            ticks.append((number, at + 1, packets[at][0], 0))
    exchanges.finish(front.minutes.now)
    close(ends=True)
    return found


def events_of(packets: Sequence[Frame]) -> Found:
    """`found_in`, which must be the same with snapshots in between, whichever shards the conversations are in, and
    through the windows of the engine."""
    found = found_in(packets)
    again = found_in(packets, restore=True)
    assert (again.sightings, again.events, again.going) == (found.sightings, found.events, found.going)
    many = found_in(packets, shards=5)
    assert (many.events, many.going) == (found.events, found.going)
    assert _brief(events_through_windows(packets)) == _brief(found.newest)
    return found


def _brief(events: Sequence[Row]) -> list[tuple[int, str, str]]:
    return sorted(
        (row["shoal.event.frame"], row["shoal.event.name"], row["shoal.event.entity"]) for row in events
    )
