"""Batches of frames through the engine: of each capture that comes to a partition, its shard."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.agents.bundles import BundleHead, encode
from pipeline.agents.groups import CLOSE, KIND, SPAN_MS, Group, Message
from pipeline.agents.inserts import Encoder
from pipeline.agents.work import DeadLetter, Onward, Outcome, fault
from pipeline.detect.detection import Settings
from pipeline.engine.notes import event_rows
from pipeline.engine.shard import Shard
from pipeline.engine.snapshot import SnapshotError, pack, unpack
from pipeline.engine.windows.bundle import Bundle
from pipeline.schema.arrow import SchemaMismatch
from pipeline.schema.columns import BATCH_ROWS, Columns
from pipeline.schema.message import LAYOUT, MOST_BYTES, Head, MessageError, decode, read_head
from pipeline.schema.packets import PACKETS

FORMAT = 3
"""Moves with every change of what a snapshot holds."""
MOST_CAPTURES = 256
"""Captures of which a partition keeps what the engine knows; for one more, the one that was silent longest goes."""
MOST_KNOWN = 10_000
"""Captures that have ended, or were given up, of which is kept how far they came."""
SILENT_MS = 3_600_000
"""A capture is given up that sent nothing for so long, by the log's time."""
PIECE_BYTES = 128 << 20
"""Bytes of blocks with which a piece of a group ends."""

Key = tuple[str, str, int, int]
"""Sensor, capture, shard and number of shards."""

_own = threading.local()


@dataclass(slots=True)
class _Live:
    """A capture that goes on: its shard, the append time (ms) of its last message, and how many messages its windows
    had."""

    shard: Shard
    seen: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """How far a capture came that does not go on: all that repeats it is dropped."""

    upto: int
    missing: int
    now: int
    ended: bool
    sent: int


class Packets:
    """The captures of a partition of the packets' topic."""

    span_ms = SPAN_MS

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._live: OrderedDict[Key, _Live] = OrderedDict()
        self._known: OrderedDict[Key, _Known] = OrderedDict()
        self._encoder = Encoder()
        self._outcome = Outcome()

    @property
    def captures(self) -> int:
        """Captures of which the engine's state is kept."""
        return len(self._live)

    def process(self, group: Group) -> Iterator[Outcome]:
        """The next group, in one piece or more."""
        self._outcome = Outcome()
        self._give_up_silent(group.first.timestamp)
        touched: dict[Key, None] = {}
        for message in group.messages:
            if message.header(KIND) == CLOSE:
                continue
            key = self._take(message)
            if key is not None:
                touched[key] = None
            if self._outcome.size >= PIECE_BYTES:
                done, self._outcome = self._outcome, Outcome()
                yield done
        for key in touched:
            if key in self._live:
                # Rows wait for more of them, but not beyond the group, where a snapshot may be taken.
                self._live[key].shard.flush()
        yield self._outcome

    def _take(self, message: Message) -> Key | None:
        """Take a message; whose it is, unless it was passed over."""
        sensor = ""
        try:
            if len(message.value) > MOST_BYTES:
                raise MessageError(f"{len(message.value)} bytes are more than the {MOST_BYTES} of a message")
            head = read_head(message.headers)
            sensor = head.sensor
            return self._take_batch(message, head)
        except (MessageError, SchemaMismatch) as error:
            self._dead(message, _reason(message, error), str(error), sensor)
        except MemoryError:
            # Not the message's doing, and with more memory it may pass.
            raise
        except Exception as error:
            self._dead(message, "engine-fault", fault(error), sensor)
        return None

    def _take_batch(self, message: Message, head: Head) -> Key | None:
        key = (head.sensor, head.capture, head.shard, head.shards)
        known = self._known.get(key)
        live = self._live.get(key)
        upto = live.shard.upto if live else known.upto if known else 0
        tells = head.ends or head.windows or head.drops
        if (known and known.ended) or (head.last <= upto and not tells):
            self._outcome.counts["repeated"] += 1
            return None
        columns = _columns()
        try:
            conversation, turn = _decoded(message, head, columns, upto)
            if not upto and columns.rows != head.rows:
                raise MessageError(f"{columns.rows} rows instead of the {head.rows} of its header")
            if columns.rows and not head.first <= columns.values("frame.number")[-1] <= head.last:
                raise MessageError(f"frames beyond those from {head.first} to {head.last} of its header")
            live = live or self._begin(key)
            mark, sent = len(self._outcome.blocks), len(self._outcome.onward)
            missing = live.shard.covered.missing
            try:
                self._run(key, live, message, head, columns, (conversation, turn))
            except Exception:
                # What the engine knows may be half of this batch: it is given up, and begins anew behind it.
                del self._outcome.blocks[mark:]
                del self._outcome.onward[sent:]
                self._remember(key, live, ended=False, upto=head.last)
                self._event("engine-fault", key, live, head.first, head.now)
                raise
            self._outcome.counts["missing"] += live.shard.covered.missing - missing
            if head.ends:
                self._end(key, live)
        finally:
            columns.clear()
            # The message's memory is held by it.
            columns.raw_buffer = b""
        return key

    def _begin(self, key: Key) -> _Live:
        """A capture of which nothing is kept, or only how far it came."""
        if len(self._live) >= MOST_CAPTURES:
            oldest = next(iter(self._live))
            self._give_up(oldest, "captures-forgotten")
        live = self._live[key] = _Live(_shard(self, key))
        known = self._known.pop(key, None)
        if known is not None:
            covered = live.shard.covered
            covered.upto, covered.missing, covered.now = known.upto, known.missing, known.now
            live.sent = known.sent
        return live

    def _run(
        self, key: Key, live: _Live, message: Message, head: Head, columns: Columns,
        who: tuple[NDArray[np.int32], NDArray[np.uint8]],
    ) -> None:
        new = live.shard.take(head, columns, *who)
        live.seen = message.timestamp
        self._outcome.newest = max(self._outcome.newest, head.now)
        self._live.move_to_end(key)
        if new:
            self._put(columns, key[0], key[1])

    def _end(self, key: Key, live: _Live) -> None:
        live.shard.finish()
        self._remember(key, live, ended=True, upto=live.shard.upto)

    def _give_up_silent(self, now: int) -> None:
        while self._live:
            key, live = next(iter(self._live.items()))
            if live.seen >= now - SILENT_MS:
                return
            self._give_up(key, "capture-abandoned")

    def _give_up(self, key: Key, event: str) -> None:
        live = self._live[key]
        live.shard.finish()
        self._event(event, key, live, live.shard.upto, live.shard.covered.now)
        self._remember(key, live, ended=False, upto=live.shard.upto)

    def _remember(self, key: Key, live: _Live, *, ended: bool, upto: int) -> None:
        self._live.pop(key, None)
        covered = live.shard.covered
        self._known[key] = _Known(max(upto, covered.upto), covered.missing, covered.now, ended, live.sent)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def _event(self, name: str, key: Key, live: _Live, frame: int, time: int) -> None:
        self._outcome.counts[name] += 1
        self._put(event_rows([(name, frame, time, 1)]), key[0], key[1])

    def _put(self, columns: Columns, sensor: str, capture: str) -> None:
        self._outcome.blocks.append(self._encoder.encode(columns, sensor=sensor, capture=capture))

    def bundle(self, key: Key, bundle: Bundle) -> None:
        """Send on what a capture's shard tells of windows."""
        live = self._live[key]
        sensor, capture, shard, shards = key
        for headers, value, sequence in encode(BundleHead(sensor, capture, shard, shards, live.sent + 1), bundle):
            self._outcome.onward.append(Onward(sensor, headers, value))
            live.sent = sequence - 1

    def _dead(self, message: Message, reason: str, said: str, sensor: str) -> None:
        self._outcome.dead.append(DeadLetter(message, reason, said, sensor))

    def snapshot(self) -> bytes:
        """All that is known between two groups."""
        return pack({
            "format": FORMAT,
            "live": [
                {"key": list(key), "seen": live.seen, "sent": live.sent, "covered": live.shard.covered.state(),
                 "shard": live.shard.state()}
                for key, live in self._live.items()
            ],
            "known": [[*key, k.upto, k.missing, k.now, k.ended, k.sent] for key, k in self._known.items()],
        })

    def restore(self, snapshot: bytes) -> None:
        """Know what `snapshot` was taken from, and nothing else. Raises SnapshotError.

        Where the engine is of another version by now, its captures go on at their frames with an engine that is new.
        """
        tree = unpack(snapshot)
        if tree.get("format") != FORMAT:
            raise SnapshotError("the snapshot is of another version of the worker")
        self._live.clear()
        self._known.clear()
        for one in tree["live"]:
            sensor, capture, number, shards = one["key"]
            key = (sensor, capture, number, shards)
            shard = _shard(self, key)
            try:
                shard.restore(one["shard"])
            except SnapshotError:
                shard = _shard(self, key)
                shard.covered.restore(one["covered"])
            self._live[key] = _Live(shard, one["seen"], one["sent"])
        for sensor, capture, number, shards, upto, missing, now, ended, sent in tree["known"]:
            self._known[sensor, capture, number, shards] = _Known(upto, missing, now, ended, sent)


def _shard(packets: Packets, key: Key) -> Shard:
    """A capture's shard whose rows and bundles go where `packets` gathers them."""
    sensor, capture, _, _ = key

    def take(rows: Columns) -> None:
        packets._put(rows, sensor, capture)

    def bundle(told: Bundle) -> None:
        packets.bundle(key, told)

    of = packets.settings
    return Shard(take, take, take, bundle, base_seconds=of.base, lateness_seconds=of.lateness)


def _columns() -> Columns:
    """The thread's own memory for a batch."""
    columns = getattr(_own, "columns", None)
    if columns is None:
        columns = _own.columns = Columns(PACKETS, BATCH_ROWS)
    return columns


def _decoded(message: Message, head: Head, columns: Columns, upto: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The rows behind frame `upto` in `columns`, and of each its conversation and turn."""
    if message.value or head.rows:
        return decode(message.value, columns, upto)
    # What only says that a capture has ended is without a batch.
    columns.clear()
    return np.empty(0, np.int32), np.empty(0, np.uint8)


def _reason(message: Message, error: Exception) -> str:
    if len(message.value) > MOST_BYTES:
        return "oversized"
    if message.header("layout") not in (None, LAYOUT.encode()):
        return "foreign-layout"
    return "schema-mismatch" if isinstance(error, SchemaMismatch) else "invalid"
