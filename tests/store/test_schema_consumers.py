"""One declaration: every part that depends on columns has each of them, and of the right type."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.schema.column import KINDS, Column, Record
from pipeline.schema.columns import SLABS, Columns, slab_columns
from pipeline.schema.ddl import record_aliases, stored_name, table_columns
from pipeline.schema.docs import BOTH, READ_ONLY, all_fields, page, record_fields
from pipeline.schema.packets import PACKETS
from pipeline.schema.shown import FORMS, shown
from pipeline.schema.tables import TABLES
from pipeline.store.native import stored_columns

ROOT = Path(__file__).resolve().parents[2]
RECORDS = pytest.mark.parametrize("record", TABLES, ids=lambda r: r.name)

CELL_BYTES = {
    "UInt8": 1, "Bool": 1, "Enum8": 1, "UInt16": 2, "Int16": 2, "UInt32": 4, "IPv4": 4, "UInt64": 8, "DateTime64": 8,
    "Decimal": 8, "IPv6": 16,
}
"""Bytes of a cell in Native format, by ClickHouse's type."""


def _lists(record: Record) -> list[Column]:
    return [c for g in record.groups for c in g.columns]


def _slab_bytes(column: Column) -> int:
    return 16 if column.of.slab == "b16" else int(SLABS[column.of.slab]().itemsize)


def _bare(kind: str) -> str:
    """Type without Nullable, LowCardinality, Array and parameters."""
    for wrapper in ("Array(", "LowCardinality(", "Nullable("):
        if kind.startswith(wrapper):
            return _bare(kind[len(wrapper) : -1])
    return kind.partition("(")[0]


@RECORDS
def test_slabs_hold_every_column(record: Record) -> None:
    batch = Columns(record, 4)
    batch.rows = 4
    missing = [c.name for c in record.stored if c.of.slab in SLABS and len(batch.values(c.name)) != 4]
    missing += [c.name for g in record.groups for c in g.columns if len(batch.lists[g.name].values(c, 4)) != 0]
    assert missing == []
    assert sum(map(len, slab_columns(record.columns).values())) == sum(c.of.slab in SLABS for c in record.stored)


@RECORDS
def test_the_table_has_every_column_as_wide_as_its_cells(record: Record) -> None:
    types = {c.name: c for c in table_columns(record)}
    for c in (*record.stored, *_lists(record)):
        stored = types[stored_name(c)]
        assert not stored.alias, c.name
        wanted = CELL_BYTES.get(_bare(stored.type))
        if c.of.slab in SLABS and c.of.slab != "code" and c.kind != "bytes16":
            assert wanted == _slab_bytes(c), f"{c.name}: {stored.type} is not {c.of.slab}"
        else:
            assert _bare(stored.type) in ("String", "Date"), c.name
        assert ("Nullable" in stored.type) == bool(c.lane), c.name
        assert ("Array" in stored.type) == (c in _lists(record)), c.name
    assert [c.name for c in record.columns if c.name not in types] == []
    assert [c.name for c in types.values() if not c.comment] == []


@RECORDS
def test_bits_fit_their_source(record: Record) -> None:
    for c in record.columns:
        if c.bits_of is not None:
            source, shift, mask = c.bits_of
            assert record.by_name[source].of.slab in ("u8", "u16", "u32"), c.name
            assert mask << shift < 1 << 8 * _slab_bytes(record.by_name[source]), c.name
            assert c.kind == "mark" or mask < 1 << 8 * _slab_bytes(c), c.name


@RECORDS
def test_marks_are_true_or_false(record: Record) -> None:
    types = {c.name: c.type for c in table_columns(record)}
    for c in record.columns:
        if c.kind == "mark":
            assert c.bits_of is not None, c.name
            assert types[c.name] == "Bool", c.name


@RECORDS
def test_native_gives_every_stored_column(record: Record) -> None:
    stored = [c.name for c in table_columns(record) if not c.alias]
    assert sorted(stored_columns(record)) == sorted(stored)


def test_arrow_has_every_column() -> None:
    import pyarrow as pa

    from pipeline.schema.arrow import arrow_schema

    schema = arrow_schema(PACKETS)
    assert schema.names == [c.name for c in (*PACKETS.stored, *_lists(PACKETS))]
    for c in PACKETS.stored:
        assert schema.field(c.name).nullable == bool(c.lane), c.name
    for c in _lists(PACKETS):
        assert pa.types.is_list(schema.field(c.name).type), c.name


def test_arrow_is_as_wide_as_its_cells() -> None:
    from pipeline.schema.arrow import arrow_schema

    schema = arrow_schema(PACKETS)
    for c in (*PACKETS.stored, *_lists(PACKETS)):
        kind = schema.field(c.name).type
        kind = kind.value_type if c in _lists(PACKETS) else kind
        if c.of.slab in SLABS and c.kind not in ("bool", "bytes16", "text"):
            assert kind.bit_width == 8 * _slab_bytes(c), f"{c.name}: {kind} is not {c.of.slab}"


@RECORDS
def test_fields_and_page_have_every_column(record: Record) -> None:
    fields = {f.name for f in record_fields(record)}
    assert [name for name in record.by_name if name not in fields] == []
    assert [a.name for a in record_aliases(record) if a.name not in fields] == []
    text = page()
    assert [name for name in record.by_name if f"| `{name}` |" not in text] == []


def test_read_knows_every_column_and_fields_lists_all_that_it_knows() -> None:
    readable = shown(PACKETS)
    assert [name for name in PACKETS.by_name if name not in readable] == []
    assert [s.form.name for sources in readable.values() for s in sources if s.form.name not in FORMS] == []
    listed = {f.name for f in all_fields() if f.where in (BOTH, READ_ONLY)}
    assert sorted(readable) == sorted(listed)


def test_names_and_kinds() -> None:
    for record in TABLES:
        for name, column in record.by_name.items():
            assert column.kind in KINDS, name
            assert column.meaning, name
            assert column.meaning[-1] != ".", name


def test_the_page_is_of_today() -> None:
    committed = (ROOT / "docs" / "fields.md").read_text(encoding="utf-8")
    assert committed == page(), "docs/fields.md is not what the schema says: run python -m pipeline.schema.docs"
