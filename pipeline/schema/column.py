"""What a column is: the one vocabulary in which every record of Shoal is declared.

A record is an ordered list of columns. Everything that depends on columns (numpy slabs, the Arrow
schema, ClickHouse DDL, `docs/fields.md`, what `shoal read -e` knows) derives from these objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of a column are held, sent and stored.

    `slab` names the numpy array of `Columns` that holds the cells: `u8`, `u16`, `u32`, `u64` have shape
    (columns, rows); `b16` is uint8 of shape (columns, rows, 16); `code` is uint32 codes into a dictionary of
    texts (`text` is stored with it, `string` without); `const` is one text for the whole batch; `raw` is the
    frame's bytes. Numbers with a sign stand in the unsigned slabs as their two's complement: `i16`, and `time` and
    `seconds`, which count nanoseconds in 64 bits.
    `arrow` and `clickhouse` are those systems' type names; `cast` is the SQL that shows a stored value in the
    form users write (None: as stored).
    """

    name: str
    slab: str
    arrow: str
    clickhouse: str
    cast: str | None = None


KINDS: dict[str, Kind] = {
    k.name: k
    for k in (
        Kind("u8", "u8", "uint8", "UInt8"),
        Kind("u16", "u16", "uint16", "UInt16"),
        Kind("u32", "u32", "uint32", "UInt32"),
        Kind("u64", "u64", "uint64", "UInt64"),
        Kind("i16", "u16", "int16", "Int16"),
        Kind("bool", "u8", "bool", "Bool"),
        Kind("mark", "u8", "bool", "Bool"),
        Kind("enum", "u8", "uint8", "Enum8"),
        Kind("time", "u64", "timestamp[ns, UTC]", "DateTime64(9, 'UTC')"),
        Kind("seconds", "u64", "duration[ns]", "Decimal(18, 9)"),
        Kind("ipv4", "u32", "uint32", "IPv4"),
        Kind("ipv6", "b16", "fixed_size_binary[16]", "IPv6"),
        Kind("mac", "u64", "uint64", "UInt64", cast="MACNumToString({})"),
        Kind("bytes16", "b16", "binary", "String", cast="lower(hex({}))"),
        Kind("text", "code", "dictionary<uint32, string>", "LowCardinality(String)"),
        Kind("string", "code", "string", "String"),
        Kind("label", "const", "dictionary<uint32, string>", "LowCardinality(String)"),
        Kind("day", "const", "date32", "Date"),
        Kind("raw", "raw", "binary", "String"),
    )
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a record.

    `lane` is the presence lane: columns of one lane are present together, from the lane's first column up to
    the count that stands in the lane's cell (a header cut short has its leading fields). An empty lane means
    that the column has a value in every row. `show` is how a value is printed: `dec`, `hex` (as wide as the
    type), or a literal that stands for "present". A column with `bits_of` is not stored: it is
    (source >> shift) & mask of another column, an ALIAS in ClickHouse. One of kind `mark` is there where any of those
    bits is set: it is printed as 1 or not at all, and in SQL it is true or false, never NULL.
    """

    name: str
    kind: str
    meaning: str
    lane: str = ""
    unit: str = ""
    show: str = "dec"
    codec: str = ""
    names: tuple[str, ...] = ()
    bits_of: tuple[str, int, int] | None = None

    @property
    def of(self) -> Kind:
        """The column's kind."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class ListGroup:
    """Columns that hold a list a row, all of one length: tags of a VLAN stack, SACK blocks, outer IP headers.

    ClickHouse takes Array columns with the same first name part for one Nested structure, so all Array columns of
    one prefix must belong to one group. `most` caps the items of one row.
    """

    name: str
    most: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """An ordered list of columns, and where it is stored. `time` is the column that tells a batch's `shoal.day`."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    groups: tuple[ListGroup, ...] = ()
    order_by: tuple[str, ...] = ()
    partition_by: str = ""
    engine: str = "MergeTree"
    version: str = ""
    time: str = ""
    by_name: dict[str, Column] = field(init=False, compare=False, repr=False, default_factory=dict)
    stored: tuple[Column, ...] = field(init=False, compare=False, repr=False, default=())
    lanes: dict[str, tuple[Column, ...]] = field(init=False, compare=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """`by_name`: all columns; `stored`: those with cells; `lanes`: lane name to its columns in order."""
        for c in (*self.columns, *(c for g in self.groups for c in g.columns)):
            if c.name in self.by_name:
                raise ValueError(f"{self.name}: column {c.name} is declared twice")
            self.by_name[c.name] = c
        object.__setattr__(self, "stored", tuple(c for c in self.columns if c.bits_of is None))
        for c in self.stored:
            if c.lane:
                self.lanes[c.lane] = (*self.lanes.get(c.lane, ()), c)
