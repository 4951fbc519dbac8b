"""What is told of the oracle's captures: events by name and alerts by rule, how often and in how many of them.

    python -m tests.oracle.events [NAME ...]

prints a table, and of the events and alerts NAMEd each one with its capture.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from collectors.sources import open_capture
from collectors.sources.frames import CaptureError
from pipeline.detect.detection import Detection, Settings
from pipeline.embedded import decoded
from pipeline.engine import Engine
from pipeline.engine.windows.bundle import Bundle
from pipeline.schema import PACKETS
from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.columns import Columns
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.windows import WINDOWS
from tests.engine.flow_rows import whole_rows_of
from tests.oracle.conformance import ORACLE

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def told(path: Path, settings: Settings, batch_rows: int = 16_384) -> Rows:
    """Of a capture its windows, events and alerts, each in its newest state. Raises CaptureError."""
    rows: Rows = {WINDOWS.name: {}, EVENT_STATES.name: {}, ALERT_STATES.name: {}}

    def take(columns: Columns) -> None:
        name = columns.record.name
        if name in rows:
            for row in whole_rows_of(columns):
                key = [row[column] for column in columns.record.order_by if column not in ("sensor", "capture")]
                rows[name][tuple(key)] = row

    detection = Detection(take, "oracle", path.name, settings, past=True)

    def bundle(of: Bundle) -> None:
        detection.take(0, of)

    engine = Engine(take, take, take, windows=bundle)
    columns = Columns(PACKETS, batch_rows)
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for _ in decoded(reader, columns, engine):
            pass
    return rows


def main(names: list[str]) -> int:
    """Prints the table."""
    counts: Counter[tuple[str, str]] = Counter()
    captures: dict[tuple[str, str], set[str]] = defaultdict(set)
    settings = Settings()
    for path in sorted((ORACLE / "captures").iterdir()):
        try:
            rows = told(path, settings)
        except CaptureError:
            continue
        for table, name, entity in (
            (EVENT_STATES.name, "shoal.event.name", "shoal.event.entity"),
            (ALERT_STATES.name, "shoal.alert.rule", "shoal.alert.entity"),
        ):
            kind = "event" if table == EVENT_STATES.name else "alert"
            for row in rows[table].values():
                counts[kind, row[name]] += 1
                captures[kind, row[name]].add(path.name)
                if row[name] in names:
                    said = row["shoal.event.said"] if kind == "event" else row["shoal.alert.said"]
                    print(f"{kind} {row[name]}: {path.name}: {row[entity]}: {said}")
    print("| | name | rows | captures |\n|---|---|---|---|")
    for (kind, name), count in sorted(counts.items()):
        print(f"| {kind} | `{name}` | {count} | {len(captures[kind, name])} |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
