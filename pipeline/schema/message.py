"""What travels from collectors to workers: the rows of one shard of a batch, as one Kafka message.

The value is an Arrow IPC stream of one record batch of `PACKETS`, with each row's conversation and turn behind, and
where there are any the payloads of datagrams that were put together of fragments; the headers say what it covers.
Both come from outside, so nothing is believed before it was checked.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.schema.arrow import SchemaMismatch, schema_hash, to_arrow
from pipeline.schema.arrow_read import from_arrow
from pipeline.schema.columns import Columns
from pipeline.schema.events import EVENTS
from pipeline.schema.packets import PACKETS

VERSION = 4
"""Moves when the layout of messages does; it is part of `LAYOUT`."""
LAYOUT = f"{schema_hash(PACKETS)}v{VERSION}"
"""What stands in the name of the topic, so that layouts that don't fit never meet."""
MOST_BYTES = 16 << 20
"""Longest message: its headers and its value."""
MOST_CLAIMED = 256 << 20
"""Most bytes that the buffers of a message may have when they are decompressed."""

_OWN = pa.schema([
    pa.field("shoal.conversation", pa.uint32(), nullable=False), pa.field("shoal.turn", pa.uint8(), nullable=False),
])  # fmt: skip
_DATAGRAM = pa.field("shoal.datagram", pa.binary())
_LONGEST_DATAGRAM = 65_535
_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4")
_TEXTS = {"sensor", "capture"}
_MOST_TEXT = 1024
# A frame may end a minute and a window each.
_MOST_TOLD = 70_000
_LISTS: dict[str, tuple[type, ...]] = {
    "ticks": (int, int), "events": (str, int, int, int), "windows": (int, int, int, int), "drops": (int, int),
}  # fmt: skip


class MessageError(Exception):
    """A message that can't be one of a collector of this version: says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a message covers: the frames `first` to `last` of a capture (none where `last` is less than `first`), of
    which `rows` fall to shard `shard` of `shards`.

    `sequence` numbers the messages of the capture to the shard from 0. `now` is the capture's time behind the last
    frame (`Minutes.now`, ns since 1970). `ends` is 1 where the capture is complete. `ticks` are the minutes that ended
    (frame, time), `events` what happened before the frames were shared out (name, frame, time, count; in shard 0 only).
    `windows` are the ticks of windows (`WindowTick`), `drops` how many frames the sensor dropped about a time (time in
    ns since 1970, count; in shard 0 only). Both may come with no frames, when the capture is quiet.
    """

    sensor: str
    capture: str
    shard: int
    shards: int
    sequence: int
    first: int
    last: int
    rows: int
    now: int
    ends: int = 0
    ticks: tuple[tuple[int, int], ...] = ()
    events: tuple[tuple[str, int, int, int], ...] = ()
    windows: tuple[tuple[int, int, int, int], ...] = ()
    drops: tuple[tuple[int, int], ...] = ()


def head_headers(head: Head) -> list[tuple[str, bytes]]:
    """The head as Kafka headers."""
    return [("layout", LAYOUT.encode())] + [(name, _written(value)) for name, value in asdict(head).items()]


def _written(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value, separators=(",", ":")).encode()


def read_head(headers: Iterable[tuple[str, bytes]]) -> Head:
    """The head that headers tell. Raises MessageError for what `head_headers` can't have made."""
    told = dict(headers)
    if told.get("layout") != LAYOUT.encode():
        raise MessageError(f"layout {told.get('layout', b'')[:64]!r} instead of {LAYOUT}")
    try:
        values = {f.name: _read(f.name, told[f.name]) for f in fields(Head)}
    except KeyError as error:
        raise MessageError(f"header {error.args[0]} is missing") from None
    head = Head(**values)
    if not (0 <= head.shard < head.shards <= 1 << 16) or head.sequence < 0 or head.first < 1 or head.last < 0:
        raise MessageError(f"headers out of range: {head}"[:200])
    if not 0 <= head.rows <= max(0, head.last - head.first + 1):
        raise MessageError(f"{head.rows} rows of the frames {head.first} to {head.last}")
    return head


def _read(name: str, value: bytes) -> Any:
    try:
        if name in _TEXTS:
            text = value.decode()
            if not 0 < len(text) <= _MOST_TEXT:
                raise MessageError(f"header {name} has {len(text)} characters")
            return text
        number = json.loads(value)
    except ValueError:
        raise MessageError(f"header {name} is {value[:64]!r}") from None
    if name in _LISTS:
        return _lists(name, number)
    if type(number) is not int or not -(1 << 63) <= number < 1 << 63:
        raise MessageError(f"header {name} is {value[:64]!r}")
    return number


def _lists(name: str, value: object) -> tuple[tuple[Any, ...], ...]:
    kinds = _LISTS[name]
    if not isinstance(value, list) or len(value) > _MOST_TOLD:
        raise MessageError(f"header {name} is no list of at most {_MOST_TOLD}")
    for item in value:
        fits = isinstance(item, list) and tuple(map(type, item)) == kinds
        if not fits or any(type(n) is int and not -(1 << 63) <= n < 1 << 63 for n in item):
            raise MessageError(f"header {name} holds {str(item)[:64]}")
        if name == "events" and item[0] not in EVENTS:
            raise MessageError(f"header {name} holds the unknown name {item[0][:64]!r}")
    return tuple(map(tuple, value))


def encode(
    columns: Columns, rows: NDArray[np.int64], conversation: NDArray[np.int32], turn: NDArray[np.uint8]
) -> bytes:
    """The value of a message: the rows `rows` of the batch, with the conversation and turn of each (of all rows)."""
    batch = to_arrow(columns, rows, sparse=True)
    own = [pa.array(conversation[rows].astype(np.uint32)), pa.array(turn[rows])]
    fields = [*batch.schema, *_OWN]
    datagrams = [columns.datagrams.get(row) for row in rows.tolist()] if columns.datagrams else []
    if any(datagrams):
        own.append(pa.array(datagrams, pa.binary()))
        fields.append(_DATAGRAM)
    batch = pa.RecordBatch.from_arrays([*batch.columns, *own], schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_LZ4) as writer:
        writer.write_batch(batch)
    value: bytes = sink.getvalue().to_pybytes()
    return value


def decode(value: bytes, columns: Columns, after: int = 0) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Fill `columns` with the rows of a message whose frames come behind number `after`; their conversations and turns.

    Raises MessageError or SchemaMismatch for what `encode` can't have made, in bounded memory.
    """
    columns.clear()
    batch = one_batch(value)
    try:
        return _taken(batch, columns, after)
    except _ARROW as error:
        raise _no_stream(error) from None


_ARROW = (pa.ArrowException, OSError, ValueError, struct.error, IndexError, MemoryError, OverflowError)


def _no_stream(error: BaseException) -> MessageError:
    return MessageError(f"no Arrow stream: {' '.join(str(error).split())[:200]}")


def one_batch(value: bytes) -> pa.RecordBatch:
    """The one record batch of an Arrow IPC stream from outside, not yet looked at. Raises MessageError, in bounded
    memory, for what is none."""
    if len(value) > MOST_BYTES:
        raise MessageError(f"{len(value)} bytes are more than the {MOST_BYTES} of a message")
    try:
        claimed = sum(_claimed(message) for message in pa.ipc.MessageReader.open_stream(value))
        if claimed > MOST_CLAIMED:
            raise MessageError(f"its buffers claim {claimed} bytes, of at most {MOST_CLAIMED}")
        with pa.ipc.open_stream(value) as reader:
            batches = list(reader)
    except _ARROW as error:
        raise _no_stream(error) from None
    if len(batches) != 1:
        raise MessageError(f"{len(batches)} record batches instead of one")
    return batches[0]


def _taken(batch: pa.RecordBatch, columns: Columns, after: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    datagrams = None
    if len(batch.schema) and batch.schema[-1].name == _DATAGRAM.name:
        datagrams = batch.columns[-1]
        if datagrams.type != _DATAGRAM.type:
            raise SchemaMismatch(f"column {_DATAGRAM.name} is of type {datagrams.type}")
        batch = batch.select(list(range(len(batch.schema) - 1)))
    own = len(batch.schema) - len(_OWN)
    for field, given in zip(_OWN, list(batch.schema)[max(own, 0):], strict=False):
        if field.name != given.name or field.type != given.type:
            raise SchemaMismatch(f"column {given.name} of type {given.type} stands where {field.name} is expected")
    if own < 1:
        raise SchemaMismatch(f"{len(batch.schema)} columns are too few")
    conversation, turn = batch.columns[own:]
    rows = batch.select(list(range(own)))
    from_arrow(rows, columns)
    if conversation.null_count or turn.null_count:
        raise SchemaMismatch("a row has no conversation or turn")
    numbers = columns.values("frame.number").view("i8")
    if len(numbers) and (numbers[0] < 1 or (np.diff(numbers) <= 0).any()):
        columns.clear()
        raise SchemaMismatch("frame.number: not ascending from 1")
    seen = int(np.searchsorted(numbers, after, side="right"))
    if seen:
        from_arrow(rows.slice(seen), columns)
    if datagrams is not None:
        _take_datagrams(datagrams.slice(seen), columns)
    taken = np.asarray(conversation).astype(np.int64)[seen:]
    if len(taken) and int(taken.max()) > MOST_NUMBER:
        columns.clear()
        raise SchemaMismatch(f"shoal.conversation: a number is over {MOST_NUMBER}")
    return taken.astype(np.int32), np.array(turn)[seen:].copy()


def _take_datagrams(datagrams: pa.Array, columns: Columns) -> None:
    """The payloads of datagrams that were put together, by row."""
    datagrams.validate(full=True)
    for row in np.flatnonzero(np.asarray(datagrams.is_valid())).tolist():
        payload = datagrams[row].as_py()
        if len(payload) > _LONGEST_DATAGRAM:
            columns.clear()
            raise SchemaMismatch(f"{_DATAGRAM.name}: {len(payload)} bytes are no datagram")
        columns.datagrams[row] = payload


MOST_NUMBER = 2_000_000
"""Highest number of a conversation: collectors remember half as many."""


def _claimed(message: Any) -> int:
    """Bytes that the buffers of an Arrow message have when they are decompressed, as they claim.

    Where the buffers stand is in the message's flatbuffer (Arrow's Message.fbs, field `buffers` of a RecordBatch); a
    compressed one begins with its size, or with -1 where it is stored as it is.
    """
    if message.type not in ("record batch", "dictionary"):
        return 0
    meta, body = memoryview(message.metadata), memoryview(message.body)
    header = _field(meta, struct.unpack_from("<I", meta, 0)[0], 2)
    batch = header + struct.unpack_from("<I", meta, header)[0]
    if message.type == "dictionary":
        data = _field(meta, batch, 1)
        batch = data + struct.unpack_from("<I", meta, data)[0]
    buffers = _field(meta, batch, 2)
    buffers += struct.unpack_from("<I", meta, buffers)[0]
    compressed = _field(meta, batch, 3, required=False)
    total = 0
    for k in range(struct.unpack_from("<I", meta, buffers)[0]):
        offset, length = struct.unpack_from("<qq", meta, buffers + 4 + 16 * k)
        size = struct.unpack_from("<q", body, offset)[0] if compressed and length else -1
        if size < -1 or length < 0:
            raise MessageError("a buffer claims a negative size")
        total += length if size == -1 else size
    return total


def _field(meta: memoryview, table: int, number: int, *, required: bool = True) -> int:
    """Where field `number` of the flatbuffer table at `table` stands; 0 where it is left out."""
    vtable = table - struct.unpack_from("<i", meta, table)[0]
    at = 4 + 2 * number
    size: int = struct.unpack_from("<H", meta, vtable)[0]
    offset: int = struct.unpack_from("<H", meta, vtable + at)[0] if at < size else 0
    if not offset and required:
        raise MessageError("its Arrow metadata is incomplete")
    return table + offset if offset else 0
