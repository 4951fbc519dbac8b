"""ClickHouse's side of a record: column types, stored names, and the `CREATE TABLE` that follows from them.

A column is stored as it stands but for two kinds. One whose kind has a `cast` (a hardware address, opaque bytes) is
stored compactly under a name of its own, and the column that users know is an ALIAS of it. One with `bits_of` is
an ALIAS of the column whose bits it is. An ALIAS costs nothing to store and is computed where a query names it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from pipeline.schema.column import Column, Record
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.flows import SIDES

STORED_PREFIX: dict[str, str] = {"mac": "shoal.mac.", "bytes16": "shoal.bytes."}
"""Kind with a `cast` to what stands before the column's name where its cells are stored."""

KIND_CODEC: dict[str, str] = dict.fromkeys(("u32", "u64", "seconds", "ipv4", "ipv6", "mac"), "ZSTD(1)")
"""Codec of columns that declare none, by kind; the others have ClickHouse's LZ4. Wide numbers and addresses come back
after long distances, which ZSTD finds; narrower columns gain little for the time (docs/storage.md)."""

MERGE_TREE_SETTINGS: dict[str, str] = {
    # Files of a fresh part lie in one: 200 columns of their own would each be opened, written and merged.
    "min_bytes_for_wide_part": "1073741824",
    "min_rows_for_wide_part": "4194304",
}
"""Settings of every table."""

# How many of the last inserts are remembered by token, so that a repeated one is dropped.
_WINDOW = {"non_replicated_deduplication_window": "10000"}
# Of a replicated table; ClickHouse would forget them after an hour, and an outage may last longer.
_REPLICATED_WINDOW = {
    "replicated_deduplication_window": "10000", "replicated_deduplication_window_seconds": "2592000",
}
# Rows of a week are too old at once (pipeline/schema/retention.py), so that files go and nothing is rewritten. Not for
# `packets`: there, frame.raw goes before the rows.
_WHOLE_PARTS = {"ttl_only_drop_parts": "1"}

TABLE_SETTINGS: dict[str, dict[str, str]] = {
    "flow_states": _WHOLE_PARTS,
    **{record.name: _WHOLE_PARTS for record in EXCHANGES},
    "event_states": _WHOLE_PARTS,
    "sensors": _WHOLE_PARTS,
    "delivery_states": _WHOLE_PARTS,
    "pinned_packets": _WHOLE_PARTS,
    "dead_letters": _WHOLE_PARTS,
    # What newer ones replaced goes within minutes, for it is the greater part.
    "checkpoints": {"min_age_to_force_merge_seconds": "600"},
}
"""Settings of a record's table besides those of every table."""

SHARDED_BY: dict[str, tuple[str, ...]] = {
    "packets": ("capture",),
    "flow_states": ("capture",),
    **{record.name: ("capture",) for record in EXCHANGES},
    "event_states": ("capture",),
    "window_states": ("capture",),
    "alert_states": ("capture",),
    "capture_states": ("capture",),
    "sensors": ("sensor",),
    "alert_acks": ("shoal.alert.id",),
    "silence_states": ("shoal.silence.id",),
    "delivery_states": ("shoal.alert.id",),
    "pinned_packets": ("capture",),
    "dead_letters": ("shoal.topic", "shoal.partition"),
    "checkpoints": ("shoal.topic", "shoal.partition"),
}
"""In a cluster, the columns whose hash tells a row's shard. They are a part of the table's order, so that all versions
of a row are on one shard, where FINAL finds them; and the rows of a capture are together in all tables."""

LOCAL_SUFFIX = "_local"
"""What follows a table's name where, in a cluster, the plain name is that of the Distributed table."""


def quote(name: str) -> str:
    """A column's name in backticks, which dotted names need in DDL."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def literal(text: str) -> str:
    """A text as an SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def cell_type(column: Column) -> str:
    """ClickHouse's type of one value of `column`."""
    if column.kind == "enum":
        return "Enum8(" + ", ".join(f"{literal(name)} = {i}" for i, name in enumerate(column.names)) + ")"
    return column.of.clickhouse


def stored_name(column: Column) -> str:
    """The name under which a stored column's cells are in ClickHouse."""
    return STORED_PREFIX.get(column.kind, "") + column.name


def stored_type(column: Column) -> str:
    """ClickHouse's type of a stored column that is no list: Nullable where a row may be without a value."""
    inner = cell_type(column)
    if not column.lane:
        return inner
    if inner.startswith("LowCardinality("):
        return "LowCardinality(Nullable(" + inner.removeprefix("LowCardinality(") + ")"
    return f"Nullable({inner})"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a ClickHouse table; `alias` is the expression of an ALIAS column, else empty."""

    name: str
    type: str
    comment: str
    codec: str = ""
    alias: str = ""

    @property
    def ddl(self) -> str:
        """As in `CREATE TABLE` and `ADD COLUMN`."""
        alias = f" ALIAS {self.alias}" if self.alias else ""
        codec = f" CODEC({self.codec})" if self.codec else ""
        return f"{quote(self.name)} {self.type}{alias} COMMENT {literal(self.comment)}{codec}"


def _said(meaning: str, unit: str) -> str:
    return f"{meaning} [{unit}]" if unit else meaning


def _comment(column: Column) -> str:
    return _said(column.meaning, column.unit)


def _codec(column: Column) -> str:
    return column.codec or KIND_CODEC.get(column.kind, "")


def _of_column(record: Record, column: Column) -> list[TableColumn]:
    comment = _comment(column)
    if column.bits_of is not None:
        source, shift, mask = column.bits_of
        of = record.by_name[source]
        # bitAnd of a UInt16 is a UInt16, so the type is said; a Bool is true for all but 0. Nullable as the source is.
        kind = f"Nullable({cell_type(column)})" if of.lane else cell_type(column)
        expression = f"CAST(bitAnd(bitShiftRight({quote(source)}, {shift}), {mask}), {literal(kind)})"
        return [TableColumn(column.name, kind, comment, alias=expression)]
    stored = TableColumn(stored_name(column), stored_type(column), comment, codec=_codec(column))
    if column.of.cast is None:
        return [stored]
    shown = "Nullable(String)" if column.lane else "String"
    return [
        TableColumn(stored.name, stored.type, f"{comment} (stored)", codec=stored.codec),
        TableColumn(column.name, shown, comment, alias=column.of.cast.format(quote(stored.name))),
    ]


def table_columns(record: Record) -> list[TableColumn]:
    """Every column of the record's table, in order."""
    columns = [t for c in record.columns for t in _of_column(record, c)]
    columns += [
        TableColumn(c.name, f"Array({cell_type(c)})", _comment(c), codec=_codec(c))
        for g in record.groups
        for c in g.columns
    ]
    columns += [
        TableColumn(a.name, a.type, _said(a.meaning, a.unit), alias=a.sql) for a in record_aliases(record)
    ]
    return columns


@dataclass(frozen=True, slots=True)
class Alias:
    """A column that SQL has besides the record's own: an expression over them."""

    name: str
    type: str
    unit: str
    meaning: str
    sql: str


def _either(name: str, item: str, meaning: str, one: str, other: str) -> Alias:
    """Both ends in a list that is empty where the layer is not there."""
    ends = f"[assumeNotNull({quote(one)}), assumeNotNull({quote(other)})]"
    sql = f"if(isNull({quote(one)}) OR isNull({quote(other)}), CAST([], 'Array({item})'), {ends})"
    return Alias(name, f"Array({item})", "", meaning, sql)


_CLIENT_AND_SERVER = (
    Alias("shoal.src", "String", "", "Address of the client, IPv4 or IPv6",
          "coalesce(toString(`ip.src`), toString(`ipv6.src`), '')"),
    Alias("shoal.dst", "String", "", "Address of the server, IPv4 or IPv6",
          "coalesce(toString(`ip.dst`), toString(`ipv6.dst`), '')"),
)
_THEIR_PORTS = (
    Alias("shoal.srcport", "Nullable(UInt16)", "", "Port of the client", "coalesce(`tcp.srcport`, `udp.srcport`)"),
    Alias("shoal.dstport", "Nullable(UInt16)", "", "Port of the server", "coalesce(`tcp.dstport`, `udp.dstport`)"),
)


def _ends(record: Record) -> tuple[Alias, ...]:
    """The aliases of a record's ends, as far as it has them."""
    both = (_CLIENT_AND_SERVER, "ip.src"), (_THEIR_PORTS, "tcp.srcport")
    return tuple(alias for aliases, column in both if column in record.by_name for alias in aliases)


_ALIASES: dict[str, tuple[Alias, ...]] = {
    "packets": (
        Alias("frame.time_epoch", "Decimal(38, 9)", "s since 1970-01-01 UTC", "When the frame was captured",
              "CAST(toUnixTimestamp64Nano(`frame.time`), 'Decimal(38, 9)') / 1000000000"),
        _either("eth.addr", "String", "Both hardware addresses", "eth.dst", "eth.src"),
        _either("ip.addr", "IPv4", "Both addresses, for has(ip.addr, toIPv4('10.0.0.1'))", "ip.src", "ip.dst"),
        _either("ipv6.addr", "IPv6", "Both addresses", "ipv6.src", "ipv6.dst"),
        _either("tcp.port", "UInt16", "Both ports, for has(tcp.port, 443)", "tcp.srcport", "tcp.dstport"),
        _either("udp.port", "UInt16", "Both ports", "udp.srcport", "udp.dstport"),
        _either("sctp.port", "UInt16", "Both ports", "sctp.srcport", "sctp.dstport"),
        Alias("shoal.src", "String", "", "Source address of the innermost conversation, IPv4 or IPv6; else empty",
              "coalesce(toString(`ip.src`), toString(`ipv6.src`), '')"),
        Alias("shoal.dst", "String", "", "Destination address of the innermost conversation; else empty",
              "coalesce(toString(`ip.dst`), toString(`ipv6.dst`), '')"),
        Alias("shoal.srcport", "Nullable(UInt16)", "", "Source port, of TCP, UDP or SCTP",
              "coalesce(`tcp.srcport`, `udp.srcport`, `sctp.srcport`)"),
        Alias("shoal.dstport", "Nullable(UInt16)", "", "Destination port, of TCP, UDP or SCTP",
              "coalesce(`tcp.dstport`, `udp.dstport`, `sctp.dstport`)"),
    ),
    "flow_states": (
        Alias("shoal.duration", "Decimal(18, 9)", "s", "Time from the first to the newest frame",
              "CAST(toUnixTimestamp64Nano(`shoal.last_time`) - toUnixTimestamp64Nano(`shoal.first_time`),"
              " 'Decimal(38, 9)') / 1000000000"),
        *_CLIENT_AND_SERVER,
        *_THEIR_PORTS,
        *(
            Alias(f"shoal.{side}.goodput", "Nullable(Float64)", "bytes/s",
                  f"Unique payload bytes of the {side}, by the time of the conversation",
                  f"`shoal.{side}.unique_bytes` / nullIf(toFloat64(`shoal.duration`), 0)")
            for side in SIDES
        ),
    ),
    **{record.name: _ends(record) for record in EXCHANGES},
    "sensors": (
        Alias("shoal.frames.missing", "Int64", "", "Frames seen of which can't be told what became: 0",
              "CAST(`shoal.frames.seen`, 'Int64') + `shoal.frames.recovered` - `shoal.frames.published`"
              " - `shoal.frames.waiting` - `shoal.frames.spooled` - `shoal.frames.dropped_kernel`"
              " - `shoal.frames.dropped_spool`"),
    ),
}


def record_aliases(record: Record) -> tuple[Alias, ...]:
    """Columns that only SQL has, for comfort."""
    return _ALIASES.get("packets" if record.name == "pinned_packets" else record.name, ())


def table_settings(record: Record, cluster: str = "") -> str:
    """The settings of the record's table as they stand behind SETTINGS."""
    window = _REPLICATED_WINDOW if cluster else _WINDOW
    settings = window | MERGE_TREE_SETTINGS | TABLE_SETTINGS.get(record.name, {})
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


def on_cluster(cluster: str) -> str:
    """What stands behind a table's name so that each host of `cluster` runs the statement; empty without one."""
    return f" ON CLUSTER {literal(cluster)}" if cluster else ""


def engine_ddl(record: Record, cluster: str = "", ttl: str = "") -> str:
    """Engine, order, partition and settings of the record's table; with `cluster`, replicated within each shard."""
    arguments = [quote(record.version)] if record.version else []
    engine = record.engine
    if cluster:
        # A path that follows from the names: a replica that is added later finds the others by it.
        engine = f"Replicated{engine}"
        arguments = ["'/clickhouse/tables/{shard}/{database}/{table}'", "'{replica}'", *arguments]
    lines = [f"ENGINE = {engine}" + (f"({', '.join(arguments)})" if arguments else "")]
    if record.partition_by:
        lines.append(f"PARTITION BY {record.partition_by}")
    lines.append(f"ORDER BY ({', '.join(quote(name) for name in record.order_by)})")
    if ttl:
        lines.append(f"TTL {ttl}")
    lines.append(f"SETTINGS {table_settings(record, cluster)}")
    return "\n".join(lines)


def table_name(record: Record, cluster: str = "") -> str:
    """The table that holds the record's rows."""
    return record.name + (LOCAL_SUFFIX if cluster else "")


def create_table(record: Record, *, name: str = "", comment: str = "", cluster: str = "", ttl: str = "") -> str:
    """`CREATE TABLE` of `record`, or of a table like it under another name; with `cluster`, on each of its hosts. `ttl`
    is the one that it begins with."""
    columns = ",\n".join(f"    {c.ddl}" for c in table_columns(record))
    said = comment or table_comment(record)
    # A host that was added to the cluster has none yet; the others have it.
    create = "CREATE TABLE IF NOT EXISTS" if cluster else "CREATE TABLE"
    head = f"{create} {quote(name or table_name(record, cluster))}{on_cluster(cluster)}"
    return f"{head}\n(\n{columns}\n)\n{engine_ddl(record, cluster, ttl)}\nCOMMENT {literal(said)}"


def create_distributed(record: Record, cluster: str, database: str) -> str:
    """The statement that makes, or makes anew, the table over all shards of `cluster`, which holds nothing itself."""
    columns = ",\n".join(f"    {replace(c, codec='').ddl}" for c in table_columns(record))
    key = ", ".join(quote(name) for name in SHARDED_BY[record.name])
    arguments = ", ".join(literal(a) for a in (cluster, database, table_name(record, cluster)))
    return (
        f"CREATE OR REPLACE TABLE {quote(record.name)}{on_cluster(cluster)}\n(\n{columns}\n)\n"
        f"ENGINE = Distributed({arguments}, cityHash64({key}))\nCOMMENT {literal(table_comment(record))}"
    )


def table_comment(record: Record) -> str:
    """What a table's comment says: what a row is, and the mark of the schema."""
    return f"{record.meaning} {schema_mark(record)}"


def schema_mark(record: Record) -> str:
    """What stands in a table's comment to say which columns and settings it has: `[schema 0123456789abcdef]`."""
    return mark("\n".join(c.ddl for c in table_columns(record)) + engine_ddl(record))


def mark(text: str) -> str:
    """What stands in a comment to say of which declaration a table or view is."""
    return f"[schema {hashlib.sha256(text.encode()).hexdigest()[:16]}]"
