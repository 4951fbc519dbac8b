"""Native blocks as a client of a protocol revision expects them.

chDB writes what revision 0 has: number of columns and of rows, then the columns. A later client (clickhouse-go says so
with `client_protocol_version`) reads a block info before it, and behind each column's type a byte that tells whether
its cells are serialized in another way than usual (they are not). To find the columns their cells are passed over.
https://clickhouse.com/docs/native-protocol/basics, and `NativeWriter` in ClickHouse.
"""

from __future__ import annotations

import re
from functools import cache

from pipeline.serve.errors import NOT_IMPLEMENTED, refused
from pipeline.store.native import varint

WITH_CUSTOM_SERIALIZATION = 54454
"""DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION of ClickHouse's ProtocolDefines.h; any revision but 0 has block info."""

# Field 1: is_overflows = false; field 2: bucket_num = -1; end of fields.
_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"

_WIDTH: dict[str, int] = {
    "UInt8": 1, "UInt16": 2, "UInt32": 4, "UInt64": 8, "UInt128": 16, "UInt256": 32, "Int8": 1, "Int16": 2, "Int32": 4,
    "Int64": 8, "Int128": 16, "Int256": 32, "BFloat16": 2, "Float32": 4, "Float64": 8, "Bool": 1, "Date": 2,
    "Date32": 4, "DateTime": 4, "DateTime64": 8, "Time": 4, "Time64": 8, "Enum8": 1, "Enum16": 2, "UUID": 16, "IPv4": 4,
    "IPv6": 16, "Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32, "Nothing": 1, "Point": 16,
}
_ALIAS: dict[str, str] = {
    "Ring": "Array(Point)", "LineString": "Array(Point)", "Polygon": "Array(Array(Point))",
    "MultiLineString": "Array(Array(Point))", "MultiPolygon": "Array(Array(Array(Point)))",
}
_KEY_WIDTH = (1, 2, 4, 8)
_NAMED = re.compile(r"^(?:`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*) +(?=[A-Z])")


@cache
def _parsed(text: str) -> tuple[str, tuple[str, ...]]:
    """A type's name and its arguments."""
    name, opened, rest = text.partition("(")
    if not opened:
        return name, ()
    arguments, depth, start, quote = [], 0, 0, ""
    body = rest.rstrip()[:-1]
    skip = False
    for at, sign in enumerate(body):
        if skip:
            skip = False
        elif quote:
            skip = sign == "\\"
            quote = "" if sign == quote else quote
        elif sign in "'`":
            quote = sign
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "," and not depth:
            arguments.append(body[start:at].strip())
            start = at + 1
    last = body[start:].strip()
    return name, (*arguments, last) if last else ()


def _decimal(precision: int) -> int:
    return 4 if precision <= 9 else 8 if precision <= 18 else 16 if precision <= 38 else 32


class _Cells:
    """Passes over a column's cells in `data`."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def number(self) -> int:
        """The next LEB128."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self) -> str:
        """The next string."""
        size = self.number()
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def u64(self) -> int:
        """The next 64-bit number."""
        self.at += 8
        return int.from_bytes(self.data[self.at - 8 : self.at], "little")

    def strings(self, count: int) -> None:
        """Passes over strings."""
        data, at = self.data, self.at
        for _ in range(count):
            size = data[at]
            at += 1
            if size >= 0x80:
                self.at = at - 1
                size = self.number()
                at = self.at
            at += size
        self.at = at

    def prefix(self, text: str) -> None:
        """Passes over what stands before the cells of a column: the version of a dictionary's serialization."""
        name, inner = _parsed(text)
        if name == "LowCardinality":
            self.at += 8
        elif name in ("Array", "Nullable"):
            self.prefix(inner[0])
        elif name in ("Tuple", "Map", "Nested"):
            for one in inner:
                self.prefix(_NAMED.sub("", one) if name != "Map" else one)
        elif name == "SimpleAggregateFunction":
            self.prefix(inner[1])

    def cells(self, text: str, rows: int) -> None:
        """Passes over `rows` cells. Raises StoreError: a type whose cells can't be measured."""
        name, inner = _parsed(text)
        if name in _WIDTH:
            self.at += rows * _WIDTH[name]
        elif name == "String":
            self.strings(rows)
        elif name == "Nullable":
            self.at += rows
            self.cells(inner[0], rows)
        elif name == "Array":
            self.array(inner[0], rows)
        elif name == "LowCardinality":
            self.low_cardinality(inner[0], rows)
        elif name == "FixedString":
            self.at += rows * int(inner[0])
        elif name == "Decimal":
            self.at += rows * _decimal(int(inner[0]))
        elif name == "Tuple":
            for one in inner:
                self.cells(_NAMED.sub("", one), rows)
            self.at += 0 if inner else rows
        elif name == "Map":
            self.array(f"Tuple({inner[0]}, {inner[1]})", rows)
        elif name == "Nested":
            self.array(f"Tuple({', '.join(inner)})", rows)
        elif name == "SimpleAggregateFunction":
            self.cells(inner[1], rows)
        elif name in _ALIAS:
            self.cells(_ALIAS[name], rows)
        elif name.startswith("Interval"):
            self.at += rows * 8
        else:
            raise refused(
                "NOT_IMPLEMENTED", NOT_IMPLEMENTED,
                f"Type {text} is not served in Native of a protocol revision: convert it, or use another format.",
            )

    def array(self, inner: str, rows: int) -> None:
        """Passes over the running counts of items, and the items."""
        if rows:
            self.at += 8 * (rows - 1)
            self.cells(inner, self.u64())

    def low_cardinality(self, inner: str, rows: int) -> None:
        """Passes over a dictionary and the keys into it."""
        if not rows:
            return
        width = _KEY_WIDTH[self.u64() & 0xFF]
        name, of = _parsed(inner)
        # The dictionary of a Nullable has NULL as its first entry, and no map of nulls.
        self.cells(of[0] if name == "Nullable" else inner, self.u64())
        keys = self.u64()
        self.at += keys * width


class RevisionWriter:
    """Native blocks of revision 0 into those of `revision`."""

    def __init__(self, revision: int) -> None:
        self._revision = revision

    def encode(self, data: bytes) -> bytes:
        """`data` is one or more whole blocks. Raises StoreError: a column of a type that can't be measured."""
        if not self._revision:
            return data
        out = []
        cells = _Cells(data, 0)
        while cells.at < len(data):
            out.append(_INFO)
            columns, rows = cells.number(), cells.number()
            out.append(varint(columns) + varint(rows))
            for _ in range(columns):
                start = cells.at
                cells.text()
                kind = cells.text()
                out.append(data[start : cells.at])
                if self._revision >= WITH_CUSTOM_SERIALIZATION:
                    out.append(b"\0")
                start = cells.at
                if rows:
                    cells.prefix(kind)
                    cells.cells(kind, rows)
                out.append(data[start : cells.at])
        return b"".join(out)

    def end(self) -> bytes:
        """Nothing: the last block ends the data."""
        return b""
