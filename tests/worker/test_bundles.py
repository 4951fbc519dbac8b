"""Bundles over Kafka: what is encoded is decoded, and what can't have been encoded is refused."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from pipeline.agents.bundles import MOST_ROWS, BundleHead, decode, encode
from pipeline.agents.groups import Message
from pipeline.engine.exchanges.rows import fill
from pipeline.engine.windows.bundle import Bundle
from pipeline.schema.anomalies import Sighting
from pipeline.schema.arrow import SchemaMismatch
from pipeline.schema.columns import Columns
from pipeline.schema.message import MessageError
from pipeline.schema.windows import PARTS

HEAD = BundleHead("sensor-é", "capture", 2, 4, 7)
SEEN = Sighting("arp-spoofing", 1, 12, 10**18, "192.0.2.1", "said \x1b", "arp", 3, "{}")


def parts(rows: int) -> Columns:
    return fill(PARTS, [
        {"shoal.window.tick": 1 + k // 100, "shoal.window.time": 10**18 + k, "ip.proto": 6, "shoal.a.packets": k,
         "shoal.a.address": bytes(15) + b"\x01", "shoal.b.address": bytes(15) + b"\x02", "shoal.a.port": 1,
         "shoal.b.port": 2, "shoal.times.of": [0, 2], "shoal.times.bucket": [3, 191], "shoal.times.count": [1, k],
         "shoal.odd.time": [10**18], "shoal.odd.resent": [1]}
        for k in range(rows)
    ])  # fmt: skip


def messages(bundle: Bundle) -> list[Message]:
    return [Message("t", 0, 0, 0, tuple(headers), value) for headers, value, _ in encode(HEAD, bundle)]


def changed(message: Message, **headers: bytes | None) -> Message:
    told = {**dict(message.headers), **headers}
    kept = tuple((name, value) for name, value in told.items() if value is not None)
    return Message("t", 0, 0, 0, kept, message.value)


@pytest.mark.parametrize("rows", [0, 1, MOST_ROWS, MOST_ROWS + 1])
def test_what_is_encoded_is_decoded(rows: int) -> None:
    whole = parts(rows) if rows else None
    bundle = Bundle(((1, 5, 10**18, 0), (2, 5, 2 * 10**18, 1)), whole, (SEEN,), True)
    found = [decode(message) for message in messages(bundle)]
    assert [head.sequence for head, _ in found] == list(range(7, 7 + len(found)))
    assert [(told.ticks, told.sightings, told.ends) for _, told in found[:-1]] == [((), (), False)] * (len(found) - 1)
    assert (found[-1][1].ticks, found[-1][1].sightings, found[-1][1].ends) == (bundle.ticks, (SEEN,), True)
    columns = [told.parts for _, told in found if told.parts is not None]
    assert sum(each.rows for each in columns) == rows
    if whole is not None:
        for name in ("shoal.a.packets", "shoal.window.tick", "shoal.a.address"):
            assert np.array_equal(np.concatenate([each.values(name) for each in columns]), whole.values(name))
        items = columns[-1].lists["times"]
        assert items.offsets[columns[-1].rows] == 2 * columns[-1].rows


@pytest.mark.parametrize("headers", [
    {"layout": b"other"}, {"layout": None}, {"shard": b"4"}, {"shards": b"0"}, {"sequence": b"0"}, {"sequence": b"1.5"},
    {"ticks": b"[[1,2,3]]"}, {"ticks": b"[[2,1,1,0],[1,1,1,0]]"}, {"ticks": b"{"}, {"ticks": b"[[1,2,3,-1]]"},
    {"sightings": b"[[1]]"}, {"sightings": json.dumps([["x"] * 9]).encode()}, {"sensor": b""}, {"sensor": b"\xff"},
    {"capture": None}, {"ends": b"true"}, {"sightings": b"[" * 100_000},
])  # fmt: skip
def test_headers_of_others_are_refused(headers: dict[str, bytes | None]) -> None:
    (message,) = messages(Bundle(((1, 5, 10**18, 0),), None, (SEEN,)))
    with pytest.raises(MessageError):
        decode(changed(message, **headers))


def test_ticks_of_rows_ascend() -> None:
    rows = parts(101)
    rows.values("shoal.window.tick")[:] = rows.values("shoal.window.tick")[::-1].copy()
    with pytest.raises(SchemaMismatch, match="ascend"):
        decode(messages(Bundle(parts=rows))[0])


def test_mutated_values_are_taken_or_refused() -> None:
    (message,) = messages(Bundle(parts=parts(20)))
    rng = random.Random(1)
    refused = 0
    for _ in range(2000):
        value = bytearray(message.value)
        for _ in range(rng.randint(1, 4)):
            value[rng.randrange(len(value))] = rng.randrange(256)
        try:
            decode(Message("t", 0, 0, 0, message.headers, bytes(value)))
        except (MessageError, SchemaMismatch):
            refused += 1
    assert 0 < refused < 2000
