"""What shards counted by windows, put together: of each capture that comes to a partition, its windows and alerts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.agents.bundles import LAYOUT, BundleHead, decode
from pipeline.agents.groups import CLOSE, KIND, Group, Message
from pipeline.agents.inserts import Encoder
from pipeline.agents.work import DeadLetter, Outcome, fault
from pipeline.detect.detection import Detection, Settings
from pipeline.engine.snapshot import SnapshotError, pack, unpack
from pipeline.engine.windows.bundle import Bundle
from pipeline.schema.arrow import SchemaMismatch
from pipeline.schema.columns import Columns
from pipeline.schema.message import MessageError

FORMAT = 1
"""Moves with every change of what a snapshot holds."""
SPAN_MS = 250
"""Groups are short: alerts wait for them."""
MOST_CAPTURES = 1024
"""Captures of which a partition keeps windows; for one more, the one that was silent longest is closed."""
MOST_KNOWN = 10_000
"""Captures that have ended of which that is kept."""
SILENT_MS = 2 * 3_600_000
"""A capture is closed that sent nothing for so long, by the log's time: shards give it up after half of that."""

Key = tuple[str, str]
"""Sensor and capture."""


@dataclass(slots=True)
class _Live:
    """A capture that goes on: of each shard the number of its last message, and whether it has ended."""

    detection: Detection
    sequences: list[int]
    seen: int = 0
    ended: set[int] = field(default_factory=set)


class Windows:
    """The captures of a partition of the windows' topic."""

    span_ms = SPAN_MS

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._live: OrderedDict[Key, _Live] = OrderedDict()
        self._ended: OrderedDict[Key, None] = OrderedDict()
        self._encoder = Encoder()
        self._outcome = Outcome()

    def process(self, group: Group) -> Iterator[Outcome]:
        """The next group, in one piece."""
        self._outcome = Outcome()
        self._close_silent(group.first.timestamp)
        for message in group.messages:
            if message.header(KIND) != CLOSE:
                self._take(message)
        yield self._outcome

    def _take(self, message: Message) -> None:
        sensor = ""
        try:
            head, bundle = decode(message)
            sensor = head.sensor
            self._take_bundle(message, head, bundle)
        except (MessageError, SchemaMismatch) as error:
            foreign = message.header("layout") not in (None, LAYOUT.encode())
            self._dead(message, "foreign-layout" if foreign else "invalid", str(error), sensor)
        except MemoryError:
            # Not the message's doing, and with more memory it may pass.
            raise
        except Exception as error:
            self._dead(message, "engine-fault", fault(error), sensor)

    def _take_bundle(self, message: Message, head: BundleHead, bundle: Bundle) -> None:
        key = (head.sensor, head.capture)
        live = self._live.get(key)
        if key in self._ended or (live is not None and head.sequence <= live.sequences[head.shard % head.shards]):
            self._outcome.counts["repeated"] += 1
            return
        if live is None:
            live = self._begin(key, head.shards)
        if head.shards != len(live.sequences):
            raise MessageError(f"shard {head.shard} of {head.shards} of a capture that has {len(live.sequences)}")
        live.seen = message.timestamp
        self._live.move_to_end(key)
        live.sequences[head.shard] = head.sequence
        try:
            live.detection.take(head.shard, bundle)
            if bundle.ends:
                live.ended.add(head.shard)
            if len(live.ended) == head.shards:
                self._close(key)
        except Exception:
            # What is known may be half of this bundle: it is given up, and begins anew behind it.
            live.detection = self._detection(key, head.shards)
            raise

    def _begin(self, key: Key, shards: int) -> _Live:
        if len(self._live) >= MOST_CAPTURES:
            self._close(next(iter(self._live)))
        live = self._live[key] = _Live(self._detection(key, shards), [0] * shards)
        return live

    def _detection(self, key: Key, shards: int) -> Detection:
        sensor, capture = key

        def take(rows: Columns) -> None:
            self._outcome.blocks.append(self._encoder.encode(rows, sensor=sensor, capture=capture))

        return Detection(take, sensor, capture, self._settings, shards=shards)

    def _close(self, key: Key) -> None:
        """All that is known of a capture is told; what comes of it later is passed over."""
        live = self._live.pop(key)
        self._ended[key] = None
        if len(self._ended) > MOST_KNOWN:
            self._ended.popitem(last=False)
        live.detection.finish()

    def _close_silent(self, now: int) -> None:
        while self._live:
            key, live = next(iter(self._live.items()))
            if live.seen >= now - SILENT_MS:
                return
            self._close(key)

    def _dead(self, message: Message, reason: str, said: str, sensor: str) -> None:
        self._outcome.dead.append(DeadLetter(message, reason, said, sensor))

    def snapshot(self) -> bytes:
        """All that is known between two groups."""
        return pack({
            "format": FORMAT,
            "live": [
                {"key": list(key), "sequences": live.sequences, "seen": live.seen, "ended": sorted(live.ended),
                 "detection": live.detection.state()}
                for key, live in self._live.items()
            ],
            "ended": [list(key) for key in self._ended],
        })

    def restore(self, snapshot: bytes) -> None:
        """Know what `snapshot` was taken from, and nothing else. Raises SnapshotError.

        Where detection is of another version by now, its captures go on at their bundles with one that is new.
        """
        tree = unpack(snapshot)
        if tree.get("format") != FORMAT:
            raise SnapshotError("the snapshot is of another version of the worker")
        self._live.clear()
        self._ended.clear()
        for one in tree["live"]:
            key = (one["key"][0], one["key"][1])
            shards = len(one["sequences"])
            live = _Live(self._detection(key, shards), list(one["sequences"]), one["seen"], set(one["ended"]))
            try:
                live.detection.restore(one["detection"])
            except SnapshotError:
                live.detection = self._detection(key, shards)
            self._live[key] = live
        for sensor, capture in tree["ended"]:
            self._ended[sensor, capture] = None
