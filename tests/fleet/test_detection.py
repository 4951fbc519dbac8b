"""Windows, events and alerts of a capture: the same from one engine as from the messages of a collector through shards,
and from theirs through one `Detection`, whatever the batches, and with all of them set up anew in between."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from collectors.decode import decode as decode_frames
from collectors.service.rounds import Rounds, Route
from collectors.sources import open_capture
from collectors.sources.frames import Frames
from pipeline.agents.bundles import BundleHead
from pipeline.agents.bundles import decode as decode_bundle
from pipeline.agents.bundles import encode as encode_bundle
from pipeline.agents.groups import Message
from pipeline.detect.detection import Detection, Settings
from pipeline.engine import Engine
from pipeline.engine.shard import Shard
from pipeline.engine.snapshot import pack, unpack
from pipeline.engine.windows.bundle import Bundle
from pipeline.schema import PACKETS
from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.columns import Columns
from pipeline.schema.message import decode, read_head
from pipeline.schema.windows import WINDOWS
from tests.engine.flow_rows import whole_rows_of
from tests.engine.test_determinism import capture  # noqa: F401 (a fixture)

SECOND = 1_000_000_000
SETTINGS = Settings()
SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
QUIET = 25 * SECOND
"""How long after the last frame the clock of the quiet interface goes on."""

Key = tuple[Any, ...]


@dataclass
class Kept:
    """The rows of tables that are handed over, each in its newest state."""

    rows: dict[str, dict[Key, dict[str, Any]]] = field(default_factory=dict)

    def take(self, columns: Columns) -> None:
        """Rows come here."""
        record = columns.record
        for row in whole_rows_of(columns):
            key = tuple(row[name] for name in record.order_by if name not in ("sensor", "capture"))
            self.rows.setdefault(record.name, {})[key] = row


def batches(path: Path, rows: int) -> Iterable[Frames]:
    with open_capture(str(path), batch_rows=rows) as reader:
        yield from reader


def in_one(path: Path, rows: int, dropped: int) -> Kept:
    """Through one engine; after its first batch the sensor tells drops, and after the last the clock."""
    kept = Kept()
    detection = Detection(kept.take, "s", "c", SETTINGS)
    engine = Engine(lambda _: None, kept.take, lambda _: None, windows=lambda bundle: detection.take(0, bundle))
    columns = Columns(PACKETS, rows)
    last = 0
    for number, frames in enumerate(batches(path, rows)):
        decode_frames(frames, columns)
        engine.process(columns, 0 if number else dropped)
        last = int(frames.time[-1])
    engine.idle(last + QUIET)
    engine.finish()
    return kept


class Fleet:
    """Shards and what puts them together, between which all travels as over Kafka; `anew` sets one up again."""

    def __init__(self, shards: int, seed: int | None) -> None:
        self.kept = Kept()
        self._random = random.Random(seed) if seed is not None else None
        self._sequence = [1] * shards
        self._detection = self._new_detection(shards)
        self._shards = [self._new_shard(k) for k in range(shards)]
        self._columns = Columns(PACKETS, 65_536)

    def _new_detection(self, shards: int) -> Detection:
        return Detection(self.kept.take, "s", "c", SETTINGS, shards=shards)

    def _new_shard(self, number: int) -> Shard:
        def windows(bundle: Bundle) -> None:
            head = BundleHead("s", "c", number, len(self._sequence), self._sequence[number])
            for headers, value, sequence in encode_bundle(head, bundle):
                told, taken = decode_bundle(Message("t", 0, 0, 0, tuple(headers), value))
                self._detection.take(told.shard, taken)
                self._sequence[number] = sequence

        return Shard(lambda _: None, self.kept.take, lambda _: None, windows)

    def take(self, headers: Iterable[tuple[str, bytes]], value: bytes) -> None:
        """A message of the collector."""
        head = read_head(headers)
        shard = self._shards[head.shard]
        shard.take(head, self._columns, *decode(value, self._columns, shard.upto))
        if head.ends:
            shard.finish()
        elif self._random is not None and self._random.random() < 0.3:
            self._anew(head.shard)

    def _anew(self, number: int) -> None:
        shard, detection = self._new_shard(number), self._new_detection(len(self._shards))
        shard.restore(unpack(pack(self._shards[number].state())))
        detection.restore(unpack(pack(self._detection.state())))
        self._shards[number], self._detection = shard, detection


def through(path: Path, rows: int, shards: int, dropped: int, seed: int | None = None) -> Kept:
    fleet = Fleet(shards, seed)
    rounds = Rounds(Route("s", "c", "t", shards, "full"), 65_536)
    last = 0
    for number, frames in enumerate(batches(path, rows)):
        for message in rounds.take(frames, 0 if number else dropped):
            fleet.take(message.headers, message.value)
        last = int(frames.time[-1])
    for tell in (lambda: rounds.idle(last + QUIET), rounds.end):
        _all(fleet, tell)
    return fleet.kept


def _all(fleet: Fleet, tell: Callable[[], Iterable[Any]]) -> None:
    for message in tell():
        fleet.take(message.headers, message.value)


@pytest.fixture(scope="module")
def expected(capture: Path) -> Kept:  # noqa: F811
    kept = in_one(capture, 65_536, 7)
    assert len(kept.rows[WINDOWS.name]) > 100
    assert {row["shoal.alert.rule"] for row in kept.rows[ALERT_STATES.name].values()} == {"sensor-losing-packets"}
    sensors = [row for row in kept.rows[WINDOWS.name].values() if row["shoal.window.kind"] == "sensor"]
    assert sum(row["shoal.dropped"] for row in sensors if row["shoal.window.seconds"] == 10) == 7
    return kept


@pytest.mark.parametrize(("shards", "rows", "seed"), [
    (1, 65_536, None), (4, 65_536, None), (4, 700, 3), (16, 65_536, 1),
])  # fmt: skip
def test_shards_tell_what_one_engine_does(
    capture: Path, expected: Kept, shards: int, rows: int, seed: int | None  # noqa: F811
) -> None:
    if rows != 65_536:
        # What was dropped is told with the batch behind which it was: of other batches at another time.
        expected = in_one(capture, rows, 0)
    _same(through(capture, rows, shards, 7 if rows == 65_536 else 0, seed), expected)


def test_a_spike_in_shards() -> None:
    lossy = SCENARIOS / "loss-heavy-client.pcap.gz"
    expected = in_one(lossy, 65_536, 0)
    assert {row["shoal.alert.rule"] for row in expected.rows[ALERT_STATES.name].values()} == {"retransmission-spike"}
    _same(through(lossy, 50, 4, 0, 9), expected)


def _same(found: Kept, expected: Kept) -> None:
    assert found.rows.keys() == expected.rows.keys()
    for name, rows in expected.rows.items():
        assert found.rows[name] == rows, name
