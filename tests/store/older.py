"""Table packets as it was, or could have been, in earlier versions."""

from __future__ import annotations

from dataclasses import replace

from pipeline.schema.column import Record
from pipeline.schema.packets import PACKETS


def _without(record: Record, *names: str) -> Record:
    """The record as it was before these columns came."""
    groups = tuple(replace(g, columns=tuple(c for c in g.columns if c.name not in names)) for g in record.groups)
    return replace(record, columns=tuple(c for c in record.columns if c.name not in names), groups=groups)


def _changed(record: Record, name: str, **values: object) -> Record:
    """The record with one column as it was."""
    columns = tuple(replace(c, **values) if c.name == name else c for c in record.columns)
    return replace(record, columns=columns)


ENUM = PACKETS.by_name["shoal.short"].names

OLDER: dict[str, Record] = {
    "a column missing": _without(PACKETS, "tcp.stream"),
    "columns missing at several places": _without(PACKETS, "frame.interface_id", "igmp.maddr"),
    "columns of bits missing": _without(PACKETS, "tcp.flags.syn", "ip.flags.df"),
    "marks, signs and durations missing": _without(PACKETS, *(
        c.name for c in PACKETS.columns
        if c.kind in ("seconds", "i16", "mark") or c.name == "shoal.tcp.analysis"
    )),
    "an address missing": _without(PACKETS, "sll.src.eth"),
    "a column of a list missing": _without(PACKETS, "vlan.etype"),
    "a codec less": _changed(PACKETS, "frame.number", codec=""),
    "a codec more": _changed(PACKETS, "ip.ttl", codec="ZSTD(3)"),
    "another codec": _changed(PACKETS, "frame.len", codec="ZSTD(3)"),
    "another meaning": _changed(PACKETS, "ip.ttl", meaning="Time"),
    "other bits": _changed(PACKETS, "tcp.flags.syn", bits_of=("tcp.flags", 0, 1)),
    "a shorter list of names": _changed(PACKETS, "shoal.short", names=ENUM[:-3]),
    "a name missing in the middle": _changed(PACKETS, "shoal.short", names=(*ENUM[:3], *ENUM[4:])),
    "a smaller number": _changed(PACKETS, "shoal.payload.len", kind="u16"),
}
