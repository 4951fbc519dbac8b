"""Frames made by hand through the engine, its windows and the merger to events of anomalies."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.decode import decode
from pipeline.detect.anomalies import Anomalies
from pipeline.engine import Engine
from pipeline.engine.snapshot import pack, unpack
from pipeline.engine.windows.bundle import Bundle
from pipeline.engine.windows.merge import Merger
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.engine.flow_rows import Row, rows_of
from tests.exchanges.hear import Frame, frames_of


def events_through_windows(packets: Sequence[Frame], *, batch_rows: int = 65_536, restore: bool = False) -> list[Row]:
    """The newest row of each event; with `restore` the anomalies are replaced by their state's after every batch."""
    packets = sorted(packets, key=lambda packet: packet[0])
    anomalies, merger = Anomalies(), Merger()
    kept: dict[tuple[int, str, str], Row] = {}

    def take(bundle: Bundle) -> None:
        nonlocal anomalies
        closed = merger.take(0, bundle)
        if closed is None:
            return
        anomalies.take(closed)
        if restore:
            state = unpack(pack(anomalies.state()))
            anomalies = Anomalies()
            anomalies.restore(state)
        rows = anomalies.rows()
        for row in rows_of(rows, rows.record) if rows is not None else ():
            kept[row["shoal.event.frame"], row["shoal.event.name"], row["shoal.event.entity"]] = row

    engine = Engine(windows=take)
    columns = Columns(PACKETS, min(batch_rows, len(packets)))
    for at in range(0, len(packets), batch_rows):
        decode(frames_of(packets[at : at + batch_rows], at + 1), columns)
        engine.process(columns)
        columns.clear()
    engine.finish()
    return list(kept.values())
