"""`Columns` through Arrow and back, and batches that are not what they should be."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.schema import PACKETS
from pipeline.schema.arrow import SchemaMismatch, arrow_schema, schema_hash, to_arrow
from pipeline.schema.arrow_read import from_arrow
from pipeline.schema.columns import Columns

DAY = datetime.date(2023, 11, 14)


def random_columns(rows: int, seed: int, shuffled: bool = False) -> Columns:
    """Columns with random cells, headers cut short at random places, lists of all lengths, and frame bytes with gaps
    between them."""
    rng = np.random.default_rng(seed)
    columns = Columns(PACKETS, max(rows, 1))
    columns.rows = rows
    columns.texts = ["", "eth:ethertype:ip:tcp", "häß\x00lich", "eth"]
    columns.labels = {"sensor": "probe-1", "capture": "0123abcd", "shoal.day": DAY}
    for lane, members in enumerate(PACKETS.lanes.values()):
        most = 16 if members[0].kind == "bytes16" else len(members)
        columns.lane[lane, :rows] = rng.integers(0, most + 1, rows) * rng.integers(0, 2, rows)
    for c in PACKETS.stored:
        if c.of.slab not in ("const", "raw"):
            values, present = columns.values(c.name), columns.present(c.name)
            values[...] = random_cells(rng, c, values)
            if present is not None:
                values[~present] = 0
            if c.kind == "bytes16":
                values[np.arange(16) >= columns.counts(c.name)[:, None]] = 0
    for group in PACKETS.groups:
        lists = columns.lists[group.name]
        lists.offsets[1 : rows + 1] = np.cumsum(rng.integers(0, group.most + 1, rows) * rng.integers(0, 2, rows))
        for c in group.columns:
            values = lists.values(c, rows)
            values[...] = random_cells(rng, c, values)
    lengths = rng.integers(0, 100, rows)
    gaps = rng.integers(0, 20, rows)
    columns.raw_offset = (np.cumsum(lengths + gaps) - lengths).astype(np.int64)
    columns.raw_length = lengths.astype(np.uint32)
    columns.raw_buffer = rng.bytes(int((lengths + gaps).sum()) + 7)
    if shuffled:
        order = rng.permutation(rows)
        columns.raw_offset, columns.raw_length = columns.raw_offset[order], columns.raw_length[order]
    return columns


def random_cells(rng: np.random.Generator, column: Any, like: np.ndarray) -> np.ndarray:
    """Random values that the column can hold, in the shape and type of `like`."""
    if column.kind == "bool":
        return rng.integers(0, 2, like.shape).astype(like.dtype)
    if column.kind == "enum":
        return rng.integers(0, len(column.names), like.shape).astype(like.dtype)
    if column.kind == "text":
        return rng.integers(0, 4, like.shape).astype(like.dtype)
    return np.frombuffer(rng.bytes(like.nbytes), like.dtype).reshape(like.shape)


def raw_frames(columns: Columns) -> list[bytes]:
    """The bytes of every frame."""
    view = memoryview(columns.raw_buffer)
    places = zip(columns.raw_offset.tolist(), columns.raw_length.tolist(), strict=True)
    return [bytes(view[start : start + length]) for start, length in places]


def assert_same(one: Columns, other: Columns) -> None:
    """All rows of two `Columns` are equal, the cells without a value too."""
    assert one.rows == other.rows
    np.testing.assert_array_equal(one.lane[:, : one.rows], other.lane[:, : one.rows])
    for c in PACKETS.stored:
        if c.kind == "text":
            # The code of a cell without a value is of no dictionary.
            there = one.present(c.name)
            there = np.ones(one.rows, np.bool_) if there is None else there
            cells = (of.values(c.name)[there] for of in (one, other))
            assert [one.texts[k] for k in next(cells)] == [other.texts[k] for k in next(cells)], c.name
        elif c.of.slab not in ("const", "raw"):
            np.testing.assert_array_equal(one.values(c.name), other.values(c.name), err_msg=c.name)
    for name, lists in one.lists.items():
        np.testing.assert_array_equal(lists.offsets[: one.rows + 1], other.lists[name].offsets[: one.rows + 1], name)
        for c in lists.group.columns:
            np.testing.assert_array_equal(lists.values(c, one.rows), other.lists[name].values(c, one.rows), c.name)
    assert one.labels == other.labels
    assert raw_frames(one) == raw_frames(other)


def through_ipc(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch as it comes out of an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_stream(sink.getvalue()).read_next_batch()


@pytest.mark.parametrize(("rows", "shuffled"), [(1, False), (7, True), (1000, False), (1000, True)])
def test_round_trip(rows: int, shuffled: bool) -> None:
    columns = random_columns(rows, seed=rows, shuffled=shuffled)
    batch = through_ipc(to_arrow(columns))
    batch.validate(full=True)
    assert batch.schema.equals(arrow_schema(PACKETS), check_metadata=True)
    back = Columns(PACKETS, rows)
    from_arrow(batch, back)
    assert_same(columns, back)


def test_columns_are_used_again() -> None:
    """What a batch left behind does not show in the next one, and the batch made first is a copy."""
    back = Columns(PACKETS, 300)
    first = random_columns(300, seed=3)
    batch = to_arrow(first)
    from_arrow(batch, back)
    expected = random_columns(300, seed=3)
    first.u16[...] = 0
    first.clear()
    second = random_columns(50, seed=4)
    from_arrow(to_arrow(second), back)
    assert_same(second, back)
    from_arrow(batch, back)
    assert_same(expected, back)


def test_slices() -> None:
    """A slice of a batch, whose arrays start inside their buffers, gives the rows of the slice."""
    columns, part, back = random_columns(200, seed=5), Columns(PACKETS, 200), Columns(PACKETS, 200)
    batch = to_arrow(columns)
    from_arrow(batch.slice(13, 50), part)
    from_arrow(pa.RecordBatch.from_pylist(batch.slice(13, 50).to_pylist(), schema=batch.schema), back)
    assert_same(back, part)


def test_no_rows() -> None:
    back = Columns(PACKETS, 10)
    from_arrow(to_arrow(random_columns(5, seed=1)), back)
    from_arrow(through_ipc(to_arrow(Columns(PACKETS, 1))), back)
    assert (back.rows, back.labels, back.texts) == (0, {}, [])


def test_a_header_cut_short() -> None:
    """Of a lane with four columns there, the fifth is null and the lane's cell is four again."""
    columns = random_columns(1, seed=2)
    lane = list(PACKETS.lanes).index("ip")
    columns.lane[lane, 0] = 4
    row = to_arrow(columns).to_pylist()[0]
    assert row["ip.id"] is not None
    assert row["ip.flags"] is None
    back = Columns(PACKETS, 1)
    from_arrow(to_arrow(columns), back)
    assert back.lane[lane, 0] == 4


def test_values_are_arrows() -> None:
    columns = random_columns(1, seed=9)
    columns.values("frame.time")[0] = 1_700_000_000_123_456_789
    columns.lane[list(PACKETS.lanes).index("tcp.options.tfo.cookie"), 0] = 3
    columns.values("tcp.options.tfo.cookie")[0, :3] = [1, 2, 3]
    for lane in ("tcp.ack_rtt", "tcp.scalefactor"):
        columns.lane[list(PACKETS.lanes).index(lane), 0] = 1
    columns.values("tcp.analysis.ack_rtt")[0] = 2**64 - 1_000
    columns.values("tcp.window_size_scalefactor")[0] = 2**16 - 2
    batch = to_arrow(columns)
    assert batch.column("tcp.analysis.ack_rtt").to_pylist() == [datetime.timedelta(microseconds=-1)]
    assert batch.column("tcp.window_size_scalefactor").to_pylist() == [-2]
    assert batch.column("frame.time").cast(pa.int64()).to_pylist() == [1_700_000_000_123_456_789]
    assert batch.column("tcp.options.tfo.cookie").to_pylist() == [b"\x01\x02\x03"]
    assert batch.column("shoal.day").to_pylist() == [DAY]
    assert batch.column("sensor").to_pylist() == ["probe-1"]


def test_a_label_without_a_value() -> None:
    columns = random_columns(1, seed=9)
    del columns.labels["sensor"]
    with pytest.raises(SchemaMismatch, match="sensor"):
        to_arrow(columns)


def test_schema_hash() -> None:
    """It is what stands in topic names: a change of it here is a change of the layout."""
    from dataclasses import replace

    assert len(schema_hash(PACKETS)) == 12
    assert schema_hash(PACKETS) == schema_hash(replace(PACKETS, meaning="other words"))
    assert schema_hash(PACKETS) != schema_hash(replace(PACKETS, columns=PACKETS.columns[1:]))
    wider = tuple(replace(c, kind="u32") if c.name == "ip.len" else c for c in PACKETS.columns)
    assert schema_hash(PACKETS) != schema_hash(replace(PACKETS, columns=wider))


def test_columns_without_values_may_be_left_out() -> None:
    columns = random_columns(50, seed=9)
    for lane in ("tcp", "wlan"):
        if lane in PACKETS.lanes:
            columns.set_lane(lane, np.zeros(50, np.bool_))
    whole, part = to_arrow(columns), to_arrow(columns, sparse=True)
    assert set(whole.schema.names) - set(part.schema.names) == {
        name for name, array in zip(whole.schema.names, whole.columns, strict=True) if array.null_count == 50
    }
    assert len(part.schema) < len(whole.schema)
    one, other = Columns(PACKETS, 50), Columns(PACKETS, 50)
    from_arrow(whole, one)
    from_arrow(random_batch := to_arrow(random_columns(50, seed=10)), other)
    from_arrow(part, other)
    assert_same(one, other)
    from_arrow(random_batch, other)
    assert_same(random_columns(50, seed=10), other)


def changed(name: str, change: Callable[[pa.Array], pa.Array]) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """A change of one column of a batch."""

    def apply(batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [change(a) if n == name else a for n, a in zip(batch.schema.names, batch.columns, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)

    return apply


def bad_offsets(array: pa.Array) -> pa.Array:
    offsets = np.frombuffer(array.buffers()[1], np.int32).copy()
    offsets[3] = 1 << 30
    return pa.Array.from_buffers(array.type, len(array), [None, pa.py_buffer(offsets), array.buffers()[2]])


def bad_list_offsets(array: pa.Array) -> pa.Array:
    offsets = np.asarray(array.offsets).copy()
    offsets[2] = 1 << 30
    return pa.Array.from_buffers(array.type, len(array), [None, pa.py_buffer(offsets)], children=[array.values])


def bad_codes(array: pa.Array) -> pa.Array:
    codes = pa.array(np.full(len(array), 99, np.uint32))
    return pa.DictionaryArray.from_arrays(codes, array.dictionary, safe=False)


def bad_utf8(array: pa.Array) -> pa.Array:
    data = pa.Array.from_buffers(pa.binary(), 1, pa.array([b"\xff\xfe"]).buffers())
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(array), np.uint32)), data.view(pa.string()), safe=False)


def null_text(array: pa.Array) -> pa.Array:
    texts = pa.array([None, "a"], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(array), np.uint32)), texts)


def lists_of(array: pa.Array, items: list[int | None], each: int) -> pa.Array:
    offsets = pa.array(np.arange(len(array) + 1, dtype=np.int32) * each)
    return pa.Array.from_buffers(array.type, len(array), [None, offsets.buffers()[1]],
                                 children=[pa.array(items * len(array), array.type.value_type)])


HOSTILE: dict[str, tuple[Callable[[pa.RecordBatch], pa.RecordBatch], str]] = {
    "a column is missing": (lambda b: b.select(b.schema.names[:-1]), "none of which is"),
    "a column is one too many": (lambda b: b.select([*b.schema.names, "mpls.ttl"]), "one too many"),
    "a hole where a column is left out": (
        lambda b: b.select([n for n in b.schema.names if n != "ip.dsfield"]), "ip.len"),
    "columns in another order": (lambda b: b.select([*b.schema.names[1:], b.schema.names[0]]), "is expected"),
    "another name": (lambda b: b.rename_columns(["x", *b.schema.names[1:]]), "column x"),
    "another type": (changed("ip.len", lambda a: a.cast(pa.uint32())), "ip.len of type uint32"),
    "a duration in another unit": (
        changed("tcp.time_delta", lambda a: pa.nulls(len(a), pa.duration("us"))), "tcp.time_delta of type duration"),
    "nulls in a column of every row": (changed("frame.len", lambda a: pa.nulls(len(a), a.type)), "frame.len"),
    "a hole in a header": (changed("ip.dsfield", lambda a: pa.nulls(len(a), a.type)), "ip.len"),
    "an enumeration's value too high": (
        changed("shoal.short", lambda a: pa.array([255] * len(a), a.type)), "shoal.short"),
    "codes past the dictionary": (changed("frame.protocols", bad_codes), "valid"),
    "text that is no UTF-8": (changed("frame.protocols", bad_utf8), "valid"),
    "a null in the dictionary": (changed("frame.protocols", null_text), "null"),
    "offsets past the bytes": (changed("frame.raw", bad_offsets), "valid"),
    "offsets past the items": (changed("vlan.id", bad_list_offsets), "valid"),
    "a list that is too long": (changed("vlan.id", lambda a: lists_of(a, [1] * 9, 9)), "longer than 8"),
    "lists of unequal lengths": (changed("mpls.ttl", lambda a: lists_of(a, [1], 1)), "mpls.label"),
    "an item that is null": (changed("vlan.id", lambda a: lists_of(a, [None], 1)), "vlan.id"),
    "rows without a list": (changed("vlan.id", lambda a: pa.nulls(len(a), a.type)), "vlan.id"),
    "a cookie that is too long": (
        changed("tcp.options.tfo.cookie", lambda a: pa.array([b"x" * 17] * len(a))), "1 to 16 bytes"),
    "a cookie of no bytes": (changed("tcp.options.tfo.cookie", lambda a: pa.array([b""] * len(a))), "1 to 16 bytes"),
    "two sensors": (
        changed("sensor", lambda a: pa.array([str(i) for i in range(len(a))]).dictionary_encode().cast(a.type)),
        "sensor"),
    "a day that is none": (
        changed("shoal.day", lambda a: pa.array([2**30] * len(a), pa.int32()).cast(a.type)), "shoal.day"),
    "no sensor": (changed("sensor", lambda a: pa.nulls(len(a), a.type)), "sensor"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_batches(what: str) -> None:
    change, said = HOSTILE[what]
    columns = Columns(PACKETS, 20)
    with pytest.raises(SchemaMismatch, match=said):
        from_arrow(change(to_arrow(random_columns(20, seed=6))), columns)
    assert columns.rows == 0
    from_arrow(to_arrow(random_columns(20, seed=7)), columns)
    assert_same(random_columns(20, seed=7), columns)


def test_more_rows_than_there_is_room_for() -> None:
    with pytest.raises(SchemaMismatch, match="20 rows"):
        from_arrow(to_arrow(random_columns(20, seed=6)), Columns(PACKETS, 19))


def test_flipped_bytes_of_a_stream() -> None:
    """A stream with flipped bytes is refused, or gives columns that can be sent again; it never crashes."""
    sink = pa.BufferOutputStream()
    batch = to_arrow(random_columns(40, seed=8))
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    good = sink.getvalue().to_pybytes()
    rng = np.random.default_rng(0)
    columns = Columns(PACKETS, 40)
    refused = taken = 0
    for _ in range(1000):
        data = bytearray(good)
        for at in rng.integers(0, len(data), int(rng.integers(1, 8))):
            data[at] ^= 1 << int(rng.integers(0, 8))
        try:
            received = pa.ipc.open_stream(bytes(data)).read_next_batch()
        except (pa.ArrowException, OSError, StopIteration):
            continue  # Arrow's own reader refused it
        try:
            from_arrow(received, columns)
        except SchemaMismatch:
            refused += 1
            assert columns.rows == 0
        else:
            taken += 1
            to_arrow(columns).validate(full=True)
    assert refused
    assert taken
