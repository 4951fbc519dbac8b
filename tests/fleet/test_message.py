"""Messages come from outside: what is not one of ours is refused, whatever was done to it."""

from __future__ import annotations

import datetime
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.engine.shard import Shard
from pipeline.schema import PACKETS
from pipeline.schema import message as layout
from pipeline.schema.arrow import SchemaMismatch
from pipeline.schema.columns import Columns
from pipeline.schema.message import Head, MessageError, decode, head_headers, read_head
from tests.fleet.shards import Rows, messages

ROOT = Path(__file__).resolve().parents[2]
HEAD = Head("s", "c", 1, 4, 7, 11, 20, 5, 10**18, 1, ((15, 10**18),), (("sequence-gap", 12, 5, 1),))


@pytest.fixture(scope="module")
def values() -> list[tuple[Head, bytes]]:
    return [(head, value) for head, value in messages(ROOT / "samples" / "demo.pcapng", 2, 60) if head.rows]


def test_a_head_comes_back() -> None:
    assert read_head(head_headers(HEAD)) == HEAD


@pytest.mark.parametrize(("name", "value", "said"), [
    ("layout", b"0123456789abv1", "layout"), ("sensor", b"", "sensor"), ("capture", b"\xff", "capture"),
    ("sequence", b"-1", "range"), ("shard", b"4", "range"), ("first", b"0", "range"), ("rows", b"11", "11 rows"),
    ("now", b"1e400", "now"), ("now", b"9223372036854775808", "now"), ("ends", b"true", "ends"),
    ("rows", b"5.0", "rows"),
    ("ticks", b"[[1]]", "ticks"), ("ticks", b'[[1,"2"]]', "ticks"), ("events", b'[["no-such",1,2,3]]', "no-such"),
    ("ticks", json.dumps([[1, 2]] * 70_001).encode(), "ticks"), ("last", b"[", "last"),
    ("sensor", b"a" * 1025, "sensor"),
])  # fmt: skip
def test_a_damaged_head_is_refused(name: str, value: bytes, said: str) -> None:
    headers = [(key, value if key == name else of) for key, of in head_headers(HEAD)]
    with pytest.raises(MessageError, match=said):
        read_head(headers)
    with pytest.raises(MessageError, match=name):
        read_head([(key, of) for key, of in headers if key != name])


def test_rows_come_back_from_a_frame_on(values: list[tuple[Head, bytes]]) -> None:
    head, value = values[1]
    columns = Columns(PACKETS, 60)
    numbers, turns = decode(value, columns)
    frames = columns.values("frame.number").tolist()
    ports = columns.values("tcp.srcport").tolist()
    assert len(frames) == head.rows == len(numbers) == len(turns)
    later, _ = decode(value, columns, frames[2])
    assert columns.values("frame.number").tolist() == frames[3:]
    assert columns.values("tcp.srcport").tolist() == ports[3:]
    assert later.tolist() == numbers.tolist()[3:]
    decode(value, columns, frames[-1])
    assert columns.rows == 0


def test_what_claims_too_much_is_refused(values: list[tuple[Head, bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer says how large it is before it is decompressed."""
    monkeypatch.setattr(layout, "MOST_CLAIMED", 1000)
    with pytest.raises(MessageError, match="claim"):
        decode(values[0][1], Columns(PACKETS, 60))
    monkeypatch.setattr(layout, "MOST_BYTES", 1000)
    with pytest.raises(MessageError, match="bytes are more"):
        decode(values[0][1], Columns(PACKETS, 60))


def test_a_huge_claim_takes_no_memory(values: list[tuple[Head, bytes]]) -> None:
    """The sizes before compressed buffers are found wherever they stand, and are looked at first."""
    value, found = values[0][1], 0
    stream = pa.ipc.MessageReader.open_stream(value)
    for message in stream:
        if message.type != "record batch":
            continue
        body = bytes(message.body)
        at = value.index(body)
        for offset in range(0, len(body), 8):
            size = int.from_bytes(body[offset : offset + 8], "little")
            if 8 < size < 1000:
                changed = bytearray(value)
                changed[at + offset : at + offset + 8] = (1 << 40).to_bytes(8, "little")
                try:
                    decode(bytes(changed), Columns(PACKETS, 60))
                except MessageError as error:
                    found += "claim" in str(error)
                except SchemaMismatch:
                    pass
    assert found > 20


def test_other_batches_are_refused(values: list[tuple[Head, bytes]]) -> None:
    batch = pa.ipc.open_stream(values[0][1]).read_next_batch()

    def refused(changed: pa.RecordBatch, said: str, times: int = 1) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, changed.schema) as writer:
            for _ in range(times):
                writer.write_batch(changed)
        with pytest.raises((MessageError, SchemaMismatch), match=said):
            decode(sink.getvalue().to_pybytes(), Columns(PACKETS, 60))

    refused(batch.select([]), "few")
    refused(batch.select([0]), "stands where")
    refused(batch.select(list(range(len(batch.schema) - 1))), "stands where")
    refused(batch, "instead of one", 2)
    refused(batch, "instead of one", 0)
    refused(batch.take(pa.array(np.arange(len(batch))[::-1].copy())), "ascending")
    numbers = pa.array(np.full(len(batch), layout.MOST_NUMBER + 1, np.uint32))
    at = batch.schema.get_field_index("shoal.conversation")
    refused(batch.set_column(at, batch.schema.field(at), numbers), "over")


def test_mutated_messages_are_refused_or_taken_whole(values: list[tuple[Head, bytes]]) -> None:
    """What is taken goes through an engine without harm."""
    rng, refused, rows = random.Random(3), 0, Rows()
    shard: Shard = rows.shard()
    columns, first = Columns(PACKETS, 60), 1
    for k in range(2000):
        head, value = values[k % len(values)]
        changed = bytearray(value)
        for _ in range(rng.choice((1, 1, 3, 20))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        if rng.random() < 0.1:
            del changed[rng.randrange(len(changed)) :]
        try:
            numbers, turns = decode(bytes(changed), columns)
        except (MessageError, SchemaMismatch):
            refused += 1
            continue
        first += 60
        shard.take(replace(head, first=first, last=first + 59), columns, numbers, turns)
    assert 300 < refused < 2000


def test_datagrams_of_fragments_come_back() -> None:
    """Only those of the rows sent, and at the row where they stand."""
    columns, back = Columns(PACKETS, 60), Columns(PACKETS, 60)
    value = next(v for h, v in messages(ROOT / "samples" / "demo.pcapng", 1, 60) if h.rows > 9)
    numbers, turns = decode(value, columns)
    columns.datagrams.update({2: b"two", 5: b"five", 6: b""})
    columns.labels.update({"sensor": "s", "capture": "c", "shoal.day": datetime.date(2026, 11, 21)})
    rows = np.array([0, 1, 5, 7])
    sent = layout.encode(columns, rows, numbers, turns)
    decode(sent, back)
    assert back.datagrams == {2: b"five"}
    first = int(columns.values("frame.number")[1])
    decode(sent, back, first)
    assert (back.rows, back.datagrams) == (2, {0: b"five"})
    decode(layout.encode(columns, np.array([0, 1]), numbers, turns), back)
    assert back.datagrams == {}


def test_a_datagram_that_is_none_is_refused() -> None:
    columns = Columns(PACKETS, 60)
    value = next(v for h, v in messages(ROOT / "samples" / "demo.pcapng", 1, 60) if h.rows > 9)
    numbers, turns = decode(value, columns)
    columns.labels.update({"sensor": "s", "capture": "c", "shoal.day": datetime.date(2026, 11, 21)})
    columns.datagrams[1] = bytes(65_536)
    with pytest.raises(SchemaMismatch, match="no datagram"):
        decode(layout.encode(columns, np.arange(3), numbers, turns), Columns(PACKETS, 60))
