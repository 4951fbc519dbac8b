"""What `shoal read -e` knows: Wireshark's field names, and which cells of a record each one prints.

A field of Wireshark may stand several times in a frame: in the headers of a tunnel, in the row's own header, in the
header that an ICMP error quotes. Each name maps to its sources in the order in which tshark prints the occurrences.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from pipeline.schema.column import Column, Record
from pipeline.schema.exchanges import DETAILS
from pipeline.schema.planned import PLANNED

FORMS = ("dec", "signed", "hex", "mac", "ipv4", "mapped", "ipv6", "epoch", "relative", "delta", "seconds", "date",
         "word", "text", "bytes", "label", "raw")
"""How a cell is printed; `mapped` is an IPv4 address held as ::ffff:a.b.c.d, `word` looks the value up in a list.
Times since 1970 are `epoch`; `relative` and `delta` are counted from other frames; `seconds` is a duration."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a cell is printed: one of FORMS; `digits` of a hexadecimal number, or decimals of seconds; `words` by value,
    of which the last stands for all higher values and an empty one prints nothing; `spell` puts a text differently."""

    name: str
    digits: int = 0
    words: tuple[str, ...] = ()
    spell: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a field is printed from.

    `columns` are printed one after the other in each place: a row, or each item of the list group `group`.
    `when` names a column of the same place and the values for which there is something to print.
    With `detail` the column is one of DETAILS, and stands in `Columns.details`. `bits` is (shift, mask) of an integer.
    `before` has a text for each column, which is put in front of
    its values; empty where there is none.
    """

    columns: tuple[str, ...]
    form: Form
    group: str = ""
    when: tuple[str, tuple[int, ...]] | None = None
    bits: tuple[int, int] | None = None
    before: tuple[str, ...] = ()
    detail: bool = False


Sources = tuple[Source, ...]


class UnknownField(Exception):
    """A field name that is not known, with near names; one line."""


# tshark prints these as wide as its own type, which is not ours.
_DIGITS = {"ipv6.tclass": 8, "ipv6.flow": 6, "geneve.vni": 6, "dhcpv6.xid": 6}

_SIZE = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}

_UDP = (17, 136)  # UDP-Lite's ports are udp.srcport and udp.dstport too

# Field of Wireshark, its column in the headers `shoal.outer.*` and `shoal.quoted.*`, and of which headers.
_HEADERS: tuple[tuple[str, str, str, tuple[int, ...]], ...] = (
    ("ip.src", "src", "version", (4,)),
    ("ip.dst", "dst", "version", (4,)),
    ("ip.ttl", "ttl", "version", (4,)),
    ("ip.proto", "proto", "version", (4,)),
    ("ip.id", "id", "version", (4,)),
    ("ip.len", "len", "version", (4,)),
    ("ip.dsfield", "dsfield", "version", (4,)),
    ("ip.flags", "flags", "version", (4,)),
    ("ip.frag_offset", "frag_offset", "version", (4,)),
    ("ip.hdr_len", "hdr_len", "version", (4,)),
    ("ip.checksum", "checksum", "version", (4,)),
    ("ip.version", "version", "", ()),
    ("ipv6.src", "src", "version", (6,)),
    ("ipv6.dst", "dst", "version", (6,)),
    ("ipv6.hlim", "ttl", "version", (6,)),
    ("ipv6.nxt", "proto", "version", (6,)),
    ("ipv6.plen", "len", "version", (6,)),
    ("ipv6.tclass", "dsfield", "version", (6,)),
    ("ipv6.flow", "flow", "version", (6,)),
    ("udp.srcport", "srcport", "ports", _UDP),
    ("udp.dstport", "dstport", "ports", _UDP),
    ("udp.length", "udp_length", "ports", (17,)),
    ("udp.checksum", "udp_checksum", "ports", (17,)),
    ("udp.stream", "stream", "ports", _UDP),
    ("tcp.stream", "stream", "ports", (6,)),
    ("tcp.srcport", "srcport", "ports", (6,)),
    ("tcp.dstport", "dstport", "ports", (6,)),
    ("sctp.srcport", "srcport", "ports", (132,)),
    ("sctp.dstport", "dstport", "ports", (132,)),
)

# Either end of a conversation: Wireshark's field, and the two it is made of in the order they stand in a frame.
_EITHER_END = {
    "eth.addr": ("eth.dst", "eth.src"),
    "ip.addr": ("ip.src", "ip.dst"),
    "ipv6.addr": ("ipv6.src", "ipv6.dst"),
    "tcp.port": ("tcp.srcport", "tcp.dstport"),
    "udp.port": ("udp.srcport", "udp.dstport"),
    "sctp.port": ("sctp.srcport", "sctp.dstport"),
}


def form_of(column: Column) -> Form:
    """How values of a column are printed."""
    kind = column.kind
    if column.show == "hex":
        return Form("hex", _DIGITS.get(column.name, 2 * _SIZE[column.of.slab]))
    if column.show != "dec":
        return Form("word", words=(column.show,))
    if kind == "enum":
        return Form("word", words=("", *column.names[1:], ""))
    if kind == "mark":
        return Form("word", words=("", "1"))
    if kind == "i16":
        return Form("signed")
    if kind == "seconds":
        return Form("seconds", digits=9)
    if kind in ("mac", "ipv4", "ipv6", "text", "raw"):
        return Form(kind)
    other = {"string": "text", "time": "date", "bytes16": "bytes", "label": "label", "day": "label"}
    return Form(other.get(kind, "dec"))


def _own(record: Record, column: Column) -> Source:
    if column.bits_of is None:
        return Source((column.name,), form_of(column))
    name, shift, mask = column.bits_of
    return Source((name,), form_of(column), bits=(shift, mask))


def _header(record: Record, name: str, prefix: str, group: str) -> Source | None:
    """The source of field `name` in another IP header's columns, if they hold it."""
    column = record.by_name[name]
    bits = None
    if column.bits_of is not None:
        name, *bits = column.bits_of
    for field, part, selector, values in _HEADERS:
        if field == name and prefix + part in record.by_name:
            form = Form("mapped") if column.kind == "ipv4" else form_of(column)
            return Source((prefix + part,), form, group=group, when=(prefix + selector, values) if selector else None,
                          bits=(bits[0], bits[1]) if bits else None)
    return None


def _sources(record: Record, column: Column) -> Sources:
    outer = _header(record, column.name, "shoal.outer.", "outer")
    quoted = _header(record, column.name, "shoal.quoted.", "")
    inner = record.by_name.get(f"shoal.inner.{column.name}")
    found = (outer, _own(record, column), _own(record, inner) if inner else None, quoted)
    return tuple(s for s in found if s is not None)


@cache
def shown(record: Record) -> Mapping[str, Sources]:
    """Every field name that can be printed of `record`, to its sources in tshark's order."""
    fields: dict[str, Sources] = {c.name: _sources(record, c) for c in record.columns}
    for group in record.groups:
        fields |= {c.name: (Source((c.name,), form_of(c), group=group.name),) for c in group.columns}
    for name, ends in _EITHER_END.items():
        if ends[0] in fields:
            pairs = zip(*(fields[end] for end in ends), strict=True)
            fields[name] = tuple(s for one, other in pairs for s in _both(one, other))
    if "frame.time" in fields:
        fields |= {name: (Source((name,), form_of(c), detail=True),) for name, c in DETAILS.items()}
        for form in ("epoch", "relative", "delta"):
            fields[f"frame.time_{form}"] = (Source(("frame.time",), Form(form, digits=9)),)
    return fields


def _both(one: Source, other: Source) -> Sources:
    if one.group:
        return (replace(one, columns=(*one.columns, *other.columns)),)
    return (one, other)


def sources(record: Record, name: str) -> Sources:
    """The sources of one field; none for a field that is planned. Raises UnknownField, which suggests near names."""
    fields = shown(record)
    if name in fields:
        return fields[name]
    if name in PLANNED:
        return ()
    near = difflib.get_close_matches(name, fields, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "`shoal fields` lists all fields"
    raise UnknownField(f"unknown field {name!r}: {hint}")
