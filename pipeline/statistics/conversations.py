"""Wireshark's conversation table: frames and bytes between two ends, in each direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.schema.column import Column as C
from pipeline.schema.column import Record
from pipeline.schema.columns import Columns
from pipeline.schema.shown import Form, Source, form_of
from pipeline.statistics.tally import MAC, Tally

if TYPE_CHECKING:
    from pipeline.engine import Engine

TITLES = {"eth": "Ethernet", "ip": "IPv4", "ipv6": "IPv6", "tcp": "TCP", "udp": "UDP"}
_WITH_PORTS = ("tcp", "udp")
_RULE = "=" * 80
_UNITS = (" bytes", " kB", " MB", " GB", " TB")
_BLOCK = 8192
_SECOND = 10**9

_TABLE = Record("conversations", "One row for each line of the table", tuple(
    C(f"{end}.{name}", kind, "", lane)
    for end in "ab"
    for name, kind, lane in (("ip", "ipv4", "ip"), ("ipv6", "ipv6", f"{end}.ipv6"), ("mac", "mac", "mac"),
                             ("port", "u16", "port"))
) + tuple(
    C(f"{way}.{name}", kind, "")
    for way in ("from_b", "from_a", "all")
    for name, kind in (("frames", "u64"), ("size", "u64"), ("unit", "u8"))
) + (C("start", "seconds", ""), C("duration", "seconds", "")))


def _source(name: str, form: Form | None = None, before: str = "") -> Source:
    return Source((name,), form or form_of(_TABLE.by_name[name]), before=(before,) if before else ())


def _end(end: str, width: int, gap: str) -> PrintedField:
    """An address, with its port behind a colon."""
    return PrintedField(tuple(_source(f"{end}.{name}") for name in ("ip", "ipv6", "mac"))
                        + (_source(f"{end}.port", before=":"),), join="", gap=gap, width=-width)


def _counted(way: str) -> tuple[PrintedField, PrintedField]:
    unit = _source(f"{way}.unit", Form("word", words=_UNITS))
    return (PrintedField((_source(f"{way}.frames"),), gap="  ", width=6),
            PrintedField((_source(f"{way}.size", Form("signed")), unit), join="", gap=" ", width=-9))


def _line(width: int) -> tuple[PrintedField, ...]:
    return (
        _end("a", width, ""), _end("b", width, " <-> "), *_counted("from_b"), *_counted("from_a"), *_counted("all"),
        PrintedField((_source("start"),), gap="  ", width=14),
        PrintedField((_source("duration", Form("seconds", digits=4)),), gap="   ", width=12),
    )


def sizes(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Bytes in the largest unit, of thousands, that is there ten times at least: whole ones, and which of _UNITS."""
    unit = np.zeros(len(counts), np.uint8)
    whole = counts.copy()
    for power in range(1, len(_UNITS)):
        enough = counts >= 10 * 1000**power
        unit[enough] = power
        whole[enough] = counts[enough] // 1000**power
    return whole, unit


def seconds(ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Seconds as Wireshark adds them up: whole ones, and the rest behind the point."""
    whole, rest = np.divmod(np.abs(ns), _SECOND)
    return np.sign(ns) * (whole + rest / _SECOND)


def printed(values: NDArray[np.float64], digits: int) -> NDArray[np.int64]:
    """Seconds as C prints doubles with `digits` decimals, 9 at most, in nanoseconds: halves go where the doubles have
    them."""
    whole = np.floor(np.abs(values))
    # Exact, as both have the same exponent or less.
    scaled = (np.abs(values) - whole) * 10.0**digits
    below = np.floor(scaled)
    parts = (below + (scaled - below > 0.5)).astype(np.int64)
    for i in np.flatnonzero(np.abs(scaled - below - 0.5) < 1e-5):
        parts[i] = int(f"{abs(values[i]) % 1:.{digits}f}".replace(".", ""))
    ns: NDArray[np.int64] = whole.astype(np.int64) * _SECOND + parts * 10 ** (9 - digits)
    ns[values < 0] *= -1
    return ns


class Conversations:
    """`conv,KIND` as tshark prints it: most frames first, of equal ones the one that began first.

    `kind` is `tcp`, `udp`, `ip`, `ipv6` or `eth`. A, on the left, is the source of the conversation's first frame.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._tally = Tally()
        self._began: np.int64 | None = None

    def add(self, columns: Columns, engine: Engine, keep: NDArray[np.bool_] | None) -> None:
        """Count the rows of the next batch."""
        if self._began is None and columns.rows:
            self._began = columns.values("frame.time").view(np.int64)[0]
        self._tally.add(self.kind, columns, keep)

    def lines(self) -> Iterator[bytes | memoryview]:
        """The table, its head and the rules around it."""
        ports = self.kind in _WITH_PORTS
        room = " " * (59 if ports else 47)
        yield (
            f"{_RULE}\n{TITLES[self.kind]} Conversations\nFilter:<No Filter>\n"
            f"{room}|       <-      | |       ->      | |     Total     |    Relative    |   Duration   |\n"
            f"{room}| Frames  Bytes | | Frames  Bytes | | Frames  Bytes |      Start     |              |\n"
        ).encode()
        keys, values = self._tally.keys(), self._tally.values()
        order = np.argsort(-(values[:, 0] + values[:, 1]), kind="stable")
        writer = FieldWriter(_line(26 if ports else 20))
        rows = Columns(_TABLE, min(len(order), _BLOCK))
        for first in range(0, len(order), _BLOCK):
            block = order[first : first + _BLOCK]
            rows.rows = len(block)
            self._set_ends(rows, keys[block])
            self._set_counts(rows, values[block])
            yield from writer.lines(rows)
        yield f"{_RULE}\n".encode()

    def _set_ends(self, rows: Columns, keys: NDArray[np.uint64]) -> None:
        family = keys[:, 1]
        for name, of in (("a.ip", 4), ("a.ipv6", 6), ("b.ipv6", 6), ("a.mac", MAC)):
            lane = rows.counts(name)
            assert lane is not None
            # Both columns of a lane are there, the 16 bytes of an address too.
            lane[:] = (family == of) * 2
        ports = rows.counts("a.port")
        assert ports is not None
        ports[:] = 2 * (self.kind in _WITH_PORTS)
        for end, high, shift in (("a", 2, 16), ("b", 4, 0)):
            rows.values(f"{end}.port")[:] = keys[:, 0] >> np.uint64(shift) & np.uint64(0xFFFF)
            rows.values(f"{end}.ip")[:] = keys[:, high + 1] & np.uint64(0xFFFFFFFF)
            rows.values(f"{end}.mac")[:] = keys[:, high + 1]
            rows.values(f"{end}.ipv6")[:] = keys[:, high : high + 2].astype(">u8").view(np.uint8).reshape(-1, 16)

    def _set_counts(self, rows: Columns, values: NDArray[np.int64]) -> None:
        ways = {"from_a": (values[:, 0], values[:, 2]), "from_b": (values[:, 1], values[:, 3]),
                "all": (values[:, 0] + values[:, 1], values[:, 2] + values[:, 3])}
        for way, (frames, length) in ways.items():
            rows.values(f"{way}.frames")[:] = frames.view(np.uint64)
            size, rows.values(f"{way}.unit")[:] = sizes(length)
            rows.values(f"{way}.size")[:] = size.view(np.uint64)
        assert self._began is not None
        start, stop = seconds(values[:, 4] - self._began), seconds(values[:, 5] - self._began)
        rows.values("start")[:] = printed(start, 9).view(np.uint64)
        rows.values("duration")[:] = printed(stop - start, 4).view(np.uint64)
