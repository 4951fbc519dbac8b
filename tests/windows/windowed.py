"""What windows tell of a capture, through one engine or through the shards of a fleet."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from collectors.decode import decode as decode_frames
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.engine.shard import Shard
from pipeline.engine.snapshot import pack, unpack
from pipeline.engine.windows.bundle import Bundle, Closed, WindowTick
from pipeline.engine.windows.merge import Merger
from pipeline.engine.windows.told import copied
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.message import decode
from tests.engine.flow_rows import Row, rows_of, whole_rows_of
from tests.exchanges.hear import Frame
from tests.fleet.shards import messages
from tests.sources.makecap import pcap

ROOT = Path(__file__).resolve().parents[2]
SECOND = 1_000_000_000
KEY = tuple(f"shoal.window.{name}" for name in ("seconds", "kind", "time", "host", "peer", "proto", "port", "pass"))
_PACKETS = (
    "frame.number", "frame.time", "frame.len", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport",
    "tcp.stream", "tcp.len", "tcp.flags", "shoal.tcp.analysis", "shoal.tcp.cause", "icmp.type",
)  # fmt: skip


@dataclass
class Told:
    """All that was told: ticks, rows of windows and of parts in their order, packets' rows where they were kept."""

    ticks: list[WindowTick] = field(default_factory=list)
    windows: list[Row] = field(default_factory=list)
    parts: list[Row] = field(default_factory=list)
    packets: list[Row] = field(default_factory=list)
    events: list[tuple[str, int]] = field(default_factory=list)
    ended: bool = False

    def take(self, closed: Closed | None) -> None:
        """What a merger gave."""
        if closed is None:
            return
        self.ticks += closed.ticks
        self.windows += whole_rows_of(closed.windows)
        self.parts += whole_rows_of(closed.parts)
        assert closed.tick.tolist() == closed.windows.values("shoal.window.version").tolist()
        self.events += [(s.name, s.count) for s in closed.sightings]
        assert not self.ended
        self.ended = closed.ends

    def newest(self, seconds: int = 10, kind: str = "") -> dict[tuple[Any, ...], Row]:
        """The last version of each window of that length, by KEY."""
        return {
            tuple(row[name] for name in KEY): row for row in self.windows
            if row["shoal.window.seconds"] == seconds and kind in ("", row["shoal.window.kind"])
        }  # fmt: skip

    def sensor(self, name: str, seconds: int = 10) -> dict[int, int]:
        """A count of the sensor, by the second in which its window begins; those that are 0 left out."""
        rows = self.newest(seconds, "sensor").values()
        return {row["shoal.window.time"] // SECOND: row[name] for row in rows if row[name]}


def written(frames: Sequence[Frame], folder: Path, name: str = "made.pcap") -> Path:
    """The frames as a file."""
    path = folder / name
    path.write_bytes(pcap(frames, magic=0xA1B23C4D))
    return path


def joined() -> list[Frame]:
    """Some scenarios of kernel TCP, one 17 s after the other."""
    frames: list[Frame] = []
    now = 1_700_000_000 * SECOND
    folder = ROOT / "tests" / "scenarios"
    for path in [*sorted(folder.glob("*.pcap.gz"))[::11], *sorted(folder.glob("reorder*.pcap.gz"))]:
        found: list[Frame] = []
        with open_capture(str(path)) as reader:
            for batch in reader:
                view = memoryview(batch.buffer)
                found += [
                    (int(time), bytes(view[int(at) : int(at) + int(size)]))
                    for time, at, size in zip(batch.time, batch.offset, batch.cap_len, strict=True)
                ]
        frames += [(time - found[0][0] + now, data) for time, data in found[:1200]]
        now = frames[-1][0] + 17 * SECOND
    return frames


def through_engine(path: Path, batch_rows: int = 65_536, *, seed: int | None = None, packets: bool = False,
                   merger: Merger | None = None) -> Told:  # fmt: skip
    """The capture through one engine; with `seed`, engine and merger are replaced by their snapshots' at random."""
    told, rng = Told(), random.Random(seed)
    merger = merger or Merger()

    def windows(bundle: Bundle) -> None:
        told.take(merger.take(0, bundle))

    engine, columns = Engine(lambda _: None, windows=windows), Columns(PACKETS, batch_rows)
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for frames in reader:
            decode_frames(frames, columns)
            engine.process(columns)
            if packets:
                told.packets += rows_of(columns, PACKETS, _PACKETS)
            if seed is not None and rng.random() < 0.3:
                snapshot, engine = engine.snapshot(), Engine(lambda _: None, windows=windows)
                engine.restore(snapshot)
                state, merger = pack(merger.state()), Merger()
                merger.restore(unpack(state))
    engine.finish()
    return told


def through_shards(path: Path, shards: int, batch_rows: int, *, seed: int | None = None) -> Told:
    """The capture through as many engines; with `seed`, bundles of shards reach the merger in any order."""
    told, merger, rng = Told(), Merger(shards=shards), random.Random(seed)
    waiting: list[list[Bundle]] = [[] for _ in range(shards)]

    def deliver(every: bool) -> Iterator[Closed | None]:
        while any(waiting) and (every or rng.random() < 0.7):
            k = rng.choice([k for k in range(shards) if waiting[k]])
            yield merger.take(k, waiting[k].pop(0))

    def keeper(k: int) -> Callable[[Bundle], None]:
        # An engine writes over its parts; those that wait are kept as a message would keep them.
        return lambda bundle: waiting[k].append(
            replace(bundle, parts=copied(bundle.parts) if bundle.parts is not None else None)
        )

    engines = [Shard(lambda _: None, lambda _: None, None, keeper(k)) for k in range(shards)]
    columns = Columns(PACKETS, batch_rows)
    for head, value in messages(path, shards, batch_rows):
        if value:
            numbers, turns = decode(value, columns, engines[head.shard].upto)
            engines[head.shard].take(head, columns, numbers, turns)
        if head.ends:
            engines[head.shard].finish()
        for closed in deliver(seed is None):
            told.take(closed)
    for closed in deliver(True):
        told.take(closed)
    return told
