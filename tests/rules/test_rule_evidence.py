"""The evidence of an alert, held against tshark: its display filter selects exactly what was sent again."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.detect.alerts import Alerts
from pipeline.detect.rules import load_rules
from pipeline.engine import Engine
from pipeline.engine.windows.bundle import Bundle, Closed
from pipeline.engine.windows.merge import Merger
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.packets import CAUSES
from tests.rules.by_hand import rows

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
_AGAIN = [CAUSES.index(cause) for cause in ("resent", "resent_needlessly")]


def judged(path: Path) -> tuple[list[dict[str, Any]], list[tuple[int, int]]]:
    """The alerts of a capture; of each frame with a segment that was sent again its number and time (ns)."""
    merger, closed = Merger(), []

    def take(bundle: Bundle) -> None:
        found: Closed | None = merger.take(0, bundle)
        if found is not None:
            closed.append(found)

    columns, engine, again = Columns(PACKETS, 4096), Engine(windows=take), []
    with open_capture(str(path), batch_rows=4096) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            mine = np.isin(columns.values("shoal.tcp.cause"), _AGAIN)
            times = columns.values("frame.time").view(np.int64)[mine]
            again += zip(columns.values("frame.number")[mine].tolist(), times.tolist(), strict=True)
    engine.finish()
    alerts = Alerts(load_rules(), "s1", "c1", past=True)
    return [row for one in closed for row in rows(alerts.take(one))], again


LOSSY = ("dialogue-loss-server", "droptail-bbr-client", "everything-client", "loss-heavy-client")


@pytest.mark.parametrize("name", LOSSY)
def test_the_filter_selects_what_was_sent_again(name: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(gzip.decompress((SCENARIOS / f"{name}.pcap.gz").read_bytes()))
    alerts, again = judged(path)
    *_, last = [row for row in alerts if row["rule"] == "retransmission-spike"]
    assert (last["state"], last["entity"], last["past"]) == ("closed", "192.0.2.2:5001", 1)
    wanted = [number for number, time in again if last["begins"] <= time < last["ends"]]
    command = ["tshark", "-r", str(path), "-Y", last["filter"], "-T", "fields", "-e", "frame.number"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert list(map(int, shown)) == wanted
    assert len(wanted) >= 8
    assert sum(last["worst.resent"]) == len(wanted)


@pytest.mark.parametrize("name", ["clean-client", "download-client", "dialogue-client", "duplicated-client"])
def test_what_lost_nothing_raises_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(gzip.decompress((SCENARIOS / f"{name}.pcap.gz").read_bytes()))
    assert judged(path)[0] == []
