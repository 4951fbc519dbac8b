"""Every column of a batch comes out of ClickHouse as it went in."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.schema.column import Column, Record
from pipeline.schema.columns import Columns
from pipeline.schema.ddl import create_table, quote
from pipeline.schema.packets import PACKETS
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from pipeline.store.native import NativeEncoder, stored_columns, varint
from pipeline.store.native_strings import pack_strings, packed_size

Random = Callable[..., Columns]


def _cell(columns: Columns, column: Column, row: int) -> Any:
    """What SQL should show for a cell, by the meaning of the arrays rather than by the writer's code."""
    present = columns.present(column.name)
    if present is not None and not present[row]:
        return None
    if column.of.slab == "const":
        return str(columns.labels[column.name])
    if column.of.slab == "raw":
        start = int(columns.raw_offset[row])
        return bytes(columns.raw_buffer[start : start + int(columns.raw_length[row])]).hex().upper()
    value = columns.values(column.name)[row]
    if column.kind == "text":
        return columns.texts[int(value)]
    if column.kind == "time":
        return int(value.view(np.int64))
    if column.kind == "seconds":
        return Decimal(int(value.view(np.int64))).scaleb(-9)
    if column.kind == "i16":
        return int(value.view(np.int16))
    if column.kind == "bytes16":
        counts = columns.counts(column.name)
        assert counts is not None
        return value.tobytes()[: int(counts[row])].hex()
    if column.kind == "enum":
        return column.names[int(value)]
    if column.kind == "mac":
        # The function takes the low 48 bits.
        return ":".join(f"{int(value) >> shift & 255:02X}" for shift in range(40, -1, -8))
    return _plain(column, value)


def _plain(column: Column, value: Any) -> Any:
    if column.kind == "ipv4":
        return str(ipaddress.IPv4Address(int(value)))
    if column.kind == "ipv6":
        return ipaddress.IPv6Address(value.tobytes())
    if column.kind == "bool":
        return bool(value)
    return int(value)


def _shown(column: Column, value: Any) -> Any:
    """What JSON gave, in the form that `_cell` gives."""
    if value is None:
        return None
    if column.kind == "seconds":
        return Decimal(value)
    return ipaddress.IPv6Address(value) if column.kind == "ipv6" else value


def _select(database: Database, record: Record, column: Column) -> list[Any]:
    name = quote(column.name)
    shown = {"time": f"toUnixTimestamp64Nano({name})", "raw": f"hex({name})",
             "seconds": f"toString({name})"}.get(column.kind, name)
    rows = database.rows(f"SELECT {shown} AS v FROM {quote(record.name)} ORDER BY _part, _part_offset")
    return [row["v"] for row in rows]


def _unordered(record: Record) -> str:
    """The record's table in the order of insertion, so that row i of the batch is row i of the table."""
    ddl = create_table(record)
    head, _, rest = ddl.partition("ORDER BY (")
    return head + "ORDER BY tuple()" + rest.partition(")")[2]


@pytest.mark.parametrize("absent", ["", "tcp", "ipv6"])
def test_every_column_is_what_it_was(database: Database, random_columns: Random, absent: str) -> None:
    columns = random_columns(PACKETS, 300, absent=absent)
    database.query(_unordered(PACKETS))
    insert = database.insert("packets", stored_columns(PACKETS))
    insert.append(NativeEncoder(PACKETS).encode(columns))
    assert insert.finish() == 300
    for column in PACKETS.stored:
        expected = [_cell(columns, column, row) for row in range(300)]
        assert [_shown(column, v) for v in _select(database, PACKETS, column)] == expected, column.name
    for column in (c for c in PACKETS.columns if c.bits_of is not None):
        assert column.bits_of is not None
        source, shift, mask = column.bits_of
        cells = [_cell(columns, PACKETS.by_name[source], row) for row in range(300)]
        expected = [None if cell is None else cell >> shift & mask for cell in cells]
        if column.kind == "mark":
            expected = [bool(bits) for bits in expected]
        assert _select(database, PACKETS, column) == expected, column.name
    for group in PACKETS.groups:
        lists = columns.lists[group.name]
        for column in group.columns:
            values = lists.values(column, 300)
            bounds = lists.offsets.tolist()
            expected = [[_plain(column, v) for v in values[bounds[i] : bounds[i + 1]]] for i in range(300)]
            got = [[_shown(column, v) for v in items] for items in _select(database, PACKETS, column)]
            assert got == expected, column.name


def test_marks_and_seconds_in_sql(database: Database, random_columns: Random) -> None:
    """What users ask: marks without a comparison, and arithmetic with durations."""
    columns = random_columns(PACKETS, 4, absent="tcp.dupack")
    analysis, rtt = columns.values("shoal.tcp.analysis"), columns.values("tcp.analysis.ack_rtt")
    analysis[:] = [1, 1 << 14, 1 << 17, 0]
    rtt[:] = np.array([110_467_000, -1_000, 3_000_000_000, 0]).view(np.uint64)
    counts = columns.counts("tcp.analysis.ack_rtt")
    assert counts is not None
    counts[:] = [1, 1, 1, 0]
    columns.values("tcp.window_size_scalefactor")[:] = np.array([-2, -1, 128, 16384], np.int16).view(np.uint16)
    factors = columns.counts("tcp.window_size_scalefactor")
    assert factors is not None
    factors[:] = 1
    database.query(create_table(PACKETS))
    insert = database.insert("packets", stored_columns(PACKETS))
    insert.append(NativeEncoder(PACKETS).encode(columns))
    insert.finish()

    def one(select: str) -> Any:
        return database.rows(f"SELECT {select}")[0]["v"]

    assert one("count() AS v FROM packets WHERE tcp.analysis.retransmission") == 1
    assert one("count() AS v FROM packets WHERE tcp.analysis.flags") == 2
    assert one("countIf(tcp.connection.syn) AS v FROM packets") == 1
    assert one("count() AS v FROM packets WHERE NOT tcp.analysis.retransmission") == 3
    assert one("toString(max(tcp.analysis.ack_rtt)) AS v FROM packets") == "3"
    assert one("toString(min(tcp.analysis.ack_rtt)) AS v FROM packets") == "-0.000001"
    assert one("avg(tcp.analysis.ack_rtt) AS v FROM packets") == pytest.approx((0.110467 - 0.000001 + 3) / 3)
    assert one("count() AS v FROM packets WHERE tcp.analysis.ack_rtt > 0.1") == 2
    assert one("groupArray(tcp.window_size_scalefactor) AS v FROM (SELECT * FROM packets"
               " ORDER BY tcp.window_size_scalefactor)") == [-2, -1, 128, 16384]


def test_rows_from_a_row_on(database: Database, random_columns: Random) -> None:
    columns = random_columns(PACKETS, 50, seed=3)
    database.query(_unordered(PACKETS))
    insert = database.insert("packets", stored_columns(PACKETS))
    insert.append(NativeEncoder(PACKETS).encode(columns, 20))
    assert insert.finish() == 30
    for name in ("frame.number", "frame.protocols", "tcp.srcport", "ip.src", "eth.src", "frame.raw"):
        column = PACKETS.by_name[name]
        assert _select(database, PACKETS, column) == [_cell(columns, column, row) for row in range(20, 50)], name
    values = columns.lists["mpls"]
    column = PACKETS.by_name["mpls.label"]
    bounds = values.offsets.tolist()
    items = values.values(column, 50)
    assert _select(database, PACKETS, column) == [items[bounds[i] : bounds[i + 1]].tolist() for i in range(20, 50)]


def test_blocks_of_one_insert_are_one_part_and_its_token_is_known(database: Database, random_columns: Random) -> None:
    database.query(create_table(PACKETS))
    for _ in range(2):
        insert = database.insert("packets", stored_columns(PACKETS), token="t1")
        for seed in range(3):
            columns = random_columns(PACKETS, 100, seed, absent="tcp" if seed == 1 else "")
            insert.append(NativeEncoder(PACKETS).encode(columns))
        insert.finish()
    assert database.rows("SELECT count() AS n FROM packets") == [{"n": 300}]
    parts = database.rows("SELECT rows FROM system.parts WHERE table = 'packets' AND active")
    assert parts == [{"rows": 300}]


def test_a_cancelled_insert_leaves_nothing(database: Database, random_columns: Random) -> None:
    database.query(create_table(PACKETS))
    insert = database.insert("packets", stored_columns(PACKETS))
    insert.append(NativeEncoder(PACKETS).encode(random_columns(PACKETS, 100)))
    insert.cancel()
    assert database.rows("SELECT count() AS n FROM packets") == [{"n": 0}]


def test_a_block_of_another_table_is_refused(database: Database) -> None:
    database.query(create_table(PACKETS))
    insert = database.insert("packets", ["sensor"])

    def give() -> None:
        # Whichever of the two meets the error first: ClickHouse reads in a thread of its own.
        insert.append(b"\x01\x01\x03foo\x05Wrong\x00")
        insert.finish()

    with pytest.raises(StoreError, match=r"insert into .* failed: "):
        give()


@pytest.mark.parametrize(("number", "encoded"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")])
def test_varint(number: int, encoded: bytes) -> None:
    assert varint(number) == encoded


def _packed(buffer: bytes, offset: list[int], length: list[int], room: int = 0) -> bytes:
    lengths = np.array(length, np.uint32)
    out = np.empty(packed_size(lengths) + room, np.uint8)
    return bytes(pack_strings(buffer, np.array(offset, np.int64), lengths, out))


def test_pack_strings_checks_its_slices() -> None:
    assert _packed(b"abcdef", [0, 3], [2, 3]) == b"\x02ab\x03def"
    assert _packed(b"", [], []) == b""
    for offset, length in ((4, 3), (-1, 2), (1 << 40, 0)):
        with pytest.raises(ValueError, match="leaves its buffer"):
            _packed(b"abcdef", [offset], [length])
    with pytest.raises(ValueError, match="larger buffer"):
        _packed(b"abcdef", [0, 3], [2, 3], room=-1)


def test_the_plain_leg_packs_alike() -> None:
    code = (
        "import sys, numpy as np, cython; from pipeline.store import native_strings as s;"
        "assert s.__file__.endswith('.py');"
        "n = np.array([0, 1, 127, 128, 20000], np.uint32); o = np.array([5, 6, 7, 8, 9], np.int64);"
        "out = np.empty(s.packed_size(n), np.uint8);"
        "sys.stdout.buffer.write(bytes(s.pack_strings(bytes(range(256)) * 100, o, n, out)))"
    )
    plain = subprocess.run(
        [sys.executable, "-c", code], env={"SHOAL_PLAIN": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, check=True,
    ).stdout
    assert plain == _packed(bytes(range(256)) * 100, [5, 6, 7, 8, 9], [0, 1, 127, 128, 20000])
