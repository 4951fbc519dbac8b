"""What travels from shards to the windows of their capture: bundles, each as one Kafka message or more.

The value is an Arrow IPC stream of one record batch of `PARTS`; ticks and sightings stand in headers, as JSON. Nothing
is believed before it was checked: whoever can write to the topic could have written it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.agents.groups import Message
from pipeline.engine.windows.bundle import Bundle
from pipeline.engine.windows.sketch import BUCKETS
from pipeline.engine.windows.ticks import LATEST
from pipeline.schema.anomalies import Sighting
from pipeline.schema.arrow import SchemaMismatch, schema_hash, to_arrow
from pipeline.schema.arrow_read import from_arrow
from pipeline.schema.columns import Columns
from pipeline.schema.message import MessageError, one_batch
from pipeline.schema.windows import PARTS

VERSION = 1
"""Moves when the layout of these messages does."""
LAYOUT = f"{schema_hash(PARTS)}v{VERSION}"
"""What stands in the name of the topic."""
MOST_ROWS = 16_384
"""Rows of parts in a message; of a bundle that has more, only the last message tells of ticks."""
MOST_TOLD = 70_000
"""Ticks, and sightings, in a message."""

_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4")
_TEXT = 4096
_MOST = {"shoal.window.time": LATEST, "shoal.server": 2, "shoal.times.of": 2, "shoal.times.bucket": BUCKETS - 1}
"""The greatest that a shard counts, of columns of which what reads them relies on it."""
_FIELDS = tuple(field.name for field in fields(Sighting))
_TEXTS = frozenset({"name", "entity", "said", "filter", "value"})


@dataclass(frozen=True, slots=True)
class BundleHead:
    """Whose bundle it is: shard `shard` of `shards` of a capture. `sequence` numbers the shard's messages from 1, so
    that one which comes again is known."""

    sensor: str
    capture: str
    shard: int
    shards: int
    sequence: int


def encode(head: BundleHead, bundle: Bundle) -> Iterator[tuple[list[tuple[str, bytes]], bytes, int]]:
    """Headers and value of each message of a bundle, and the next sequence number."""
    parts, sequence = bundle.parts, head.sequence
    rows = parts.rows if parts is not None else 0
    for first in range(0, max(rows, 1), MOST_ROWS):
        last = first + MOST_ROWS >= rows
        value = _value(parts, np.arange(first, min(first + MOST_ROWS, rows))) if parts is not None and rows else b""
        told = bundle if last else replace(bundle, ticks=(), sightings=(), ends=False)
        said: dict[str, Any] = {
            "shard": head.shard, "shards": head.shards, "sequence": sequence, "rows": min(MOST_ROWS, rows - first),
            "ends": int(told.ends), "ticks": told.ticks, "sightings": [astuple(each) for each in told.sightings],
        }  # fmt: skip
        headers = [("layout", LAYOUT.encode()), ("sensor", head.sensor.encode()), ("capture", head.capture.encode())]
        headers += [(name, json.dumps(each, separators=(",", ":")).encode()) for name, each in said.items()]
        sequence += 1
        yield headers, value, sequence


def _value(parts: Columns, rows: np.ndarray[Any, Any]) -> bytes:
    batch = to_arrow(parts, rows, sparse=True)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_LZ4) as writer:
        writer.write_batch(batch)
    value: bytes = sink.getvalue().to_pybytes()
    return value


def decode(message: Message) -> tuple[BundleHead, Bundle]:
    """The inverse of `encode`. Raises MessageError or SchemaMismatch for what it can't have made."""
    told = dict(message.headers)
    if told.get("layout") != LAYOUT.encode():
        raise MessageError(f"layout {told.get('layout', b'')[:64]!r} instead of {LAYOUT}")
    try:
        sensor, capture = told["sensor"].decode(), told["capture"].decode()
        shard, shards, sequence, ends = (_number(told, name) for name in ("shard", "shards", "sequence", "ends"))
        ticks = tuple(_ticks(json.loads(told["ticks"])))
        sightings = tuple(_sightings(json.loads(told["sightings"])))
    except KeyError as error:
        raise MessageError(f"header {error.args[0]} is missing") from None
    except (ValueError, RecursionError) as error:
        raise MessageError(f"a header is no JSON: {str(error)[:100]}") from None
    if not (0 <= shard < shards <= 1 << 16) or sequence < 1 or not sensor or not capture:
        raise MessageError("headers out of range")
    parts = _parts(message.value) if message.value else None
    return BundleHead(sensor, capture, shard, shards, sequence), Bundle(ticks, parts, sightings, bool(ends))


def _number(told: dict[str, bytes], name: str) -> int:
    number = json.loads(told[name])
    if type(number) is not int or not 0 <= number < 1 << 63:
        raise MessageError(f"header {name} is {told[name][:64]!r}")
    return number


def _ticks(told: Any) -> Iterator[tuple[int, int, int, int]]:
    if not isinstance(told, list) or len(told) > MOST_TOLD:
        raise MessageError(f"header ticks is no list of at most {MOST_TOLD}")
    before = 0
    for each in told:
        if not isinstance(each, list) or [type(n) for n in each] != [int] * 4:
            raise MessageError(f"header ticks holds {str(each)[:64]}")
        number, frame, now, back = each
        if not before < number < 1 << 32 or not 0 <= frame < 1 << 63 or not 0 <= back < 1 << 32:
            raise MessageError(f"header ticks holds {str(each)[:64]}")
        if not -(1 << 63) <= now < 1 << 63:
            raise MessageError(f"header ticks holds {str(each)[:64]}")
        before = number
        yield number, frame, now, back


def _sightings(told: Any) -> Iterator[Sighting]:
    if not isinstance(told, list) or len(told) > MOST_TOLD:
        raise MessageError(f"header sightings is no list of at most {MOST_TOLD}")
    for each in told:
        if not isinstance(each, list) or len(each) != len(_FIELDS):
            raise MessageError(f"header sightings holds {str(each)[:64]}")
        for name, value in zip(_FIELDS, each, strict=True):
            if name in _TEXTS:
                if not isinstance(value, str) or len(value) > _TEXT:
                    raise MessageError(f"header sightings holds a {name} that is no text, or a very long one")
            elif type(value) is not int or not -(1 << 63) <= value < 1 << 63:
                raise MessageError(f"header sightings holds the {name} {str(value)[:32]}")
        yield Sighting(*each)


def _parts(value: bytes) -> Columns:
    batch = one_batch(value)
    if not 0 < batch.num_rows <= MOST_ROWS:
        raise MessageError(f"{batch.num_rows} rows instead of at most {MOST_ROWS}")
    columns = Columns(PARTS, batch.num_rows)
    from_arrow(batch, columns)
    if (np.diff(columns.values("shoal.window.tick").astype(np.int64)) < 0).any():
        raise SchemaMismatch("shoal.window.tick does not ascend")
    times = columns.lists["times"]
    items = {column.name: times.values(column, columns.rows) for column in times.group.columns}
    for name, most in _MOST.items():
        values = items[name] if name in items else columns.values(name)
        if len(values) and int(values.max()) > most:
            raise SchemaMismatch(f"{name}: a value is over {most}")
    return columns
