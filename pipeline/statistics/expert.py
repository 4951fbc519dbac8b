"""What stands out in a capture, counted by severity and summary, in the form of `tshark -z expert`.

Of what tshark tells, this has what Shoal's columns hold: the marks and turns of TCP, and source addresses of Ethernet
that no sender can have. The summaries and severities are Wireshark's names for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pipeline.schema import LAYER_ID, PACKETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.engine import Engine
    from pipeline.schema.columns import Columns

SEVERITIES = ("Errors", "Warns", "Notes", "Chats")
"""From the gravest on, as they are printed."""

_WARN, _NOTE, _CHAT = 1, 2, 3

# In the order in which Wireshark finds them in a segment: the mark, its severity and summary (none: it has a number).
_MARKS = (
    ("tfo_syn", _NOTE, "TCP SYN with TFO Cookie"),
    ("reused_ports", _NOTE, "A new tcp session is started with the same ports as an earlier session in this trace"),
    ("fast_retransmission", _NOTE, "This frame is a (suspected) fast retransmission"),
    ("spurious_retransmission", _NOTE, "This frame is a (suspected) spurious retransmission"),
    ("retransmission", _NOTE, "This frame is a (suspected) retransmission"),
    ("out_of_order", _WARN, "This frame is a (suspected) out-of-order segment"),
    ("lost_segment", _WARN, "Previous segment(s) not captured (common at capture start)"),
    ("ack_lost_segment", _WARN, "ACKed segment that wasn't captured (common at capture start)"),
    ("window_update", _CHAT, "TCP window update"),
    ("window_full", _WARN, "TCP window specified by the receiver is now completely full"),
    ("keep_alive", _NOTE, "TCP keep-alive segment"),
    ("keep_alive_ack", _NOTE, "ACK to a TCP keep-alive segment"),
    ("duplicate_ack", _NOTE, ""),
    ("zero_window_probe", _NOTE, "TCP Zero Window Probe"),
    ("zero_window", _WARN, "TCP Zero Window segment"),
    ("zero_window_probe_ack", _NOTE, "ACK to a TCP Zero Window Probe"),
)
_GROUP_SOURCE = "Source MAC must not be a group address: IEEE 802.3-2002, Section 3.2.3(b)"
_GROUP_BIT = np.uint64(1 << 40)
_SYN, _ACK, _URG = 0x02, 0x10, 0x20
_MOST_SHIFT = 14
"""RFC 7323, section 2.3."""

Key = tuple[int, str, str, str]
"""Severity (index in SEVERITIES), group, protocol, summary."""

Found = tuple[int, str, str, "NDArray[np.intp]"]
"""Severity, group, summary, and the rows of the batch that have it, in order."""


def _marked(marks: NDArray[np.uint32], rows: NDArray[np.intp], name: str) -> NDArray[np.intp]:
    """Those of the rows that have a mark."""
    bits_of = PACKETS.by_name[name].bits_of
    assert bits_of is not None
    found: NDArray[np.intp] = rows[marks[rows] >> np.uint32(bits_of[1]) & np.uint32(1) != 0]
    return found


class Expert:
    """`expert`: how often each summary stands in a capture; of each severity, the one that came first is first."""

    def __init__(self) -> None:
        self._count: dict[Key, int] = {}
        self._first: dict[Key, tuple[int, int]] = {}
        self._closers: dict[int, int] = {}
        """Stream to the directions (bits) that began to close it."""

    def add(self, columns: Columns, engine: Engine, keep: NDArray[np.bool_] | None) -> None:
        """Count what the rows of the next batch have."""
        numbers = columns.values("frame.number")
        for place, (severity, group, summary, rows) in enumerate(self._found(columns, keep)):
            if len(rows):
                protocol = "Ethernet" if summary == _GROUP_SOURCE else "TCP"
                key = severity, group, protocol, summary
                self._count[key] = self._count.get(key, 0) + len(rows)
                self._first.setdefault(key, (int(numbers[rows[0]]), place))

    def _found(self, columns: Columns, keep: NDArray[np.bool_] | None) -> Iterator[Found]:
        """All that the rows have, in the order in which Wireshark finds it in a frame."""
        marks = columns.values("shoal.tcp.analysis").astype(np.uint32, copy=False)
        marked = np.flatnonzero(marks)
        closing = _marked(marks, marked, "tcp.connection.fin")
        active = self._closed(columns, closing)
        flagged = columns.present("tcp.flags")
        assert flagged is not None
        headers = np.flatnonzero(flagged)
        if keep is not None:
            closing, active = closing[keep[closing]], active[keep[closing]]
            marked, headers = marked[keep[marked]], headers[keep[headers]]
        yield _WARN, "Protocol", _GROUP_SOURCE, _group_sources(columns, keep)
        flags = columns.values("tcp.flags")[headers].astype(np.uint16, copy=False)
        yield (_NOTE, "Protocol", "The acknowledgment number field is nonzero while the ACK flag is not set",
               headers[(flags & _ACK == 0) & (columns.values("tcp.ack_raw")[headers] != 0)])
        for name, port, said in (("syn", "tcp.dstport", "request (SYN)"),
                                 ("synack", "tcp.srcport", "acknowledge (SYN+ACK)")):
            for server, rows in _by_value(columns.values(port), _marked(marks, marked, f"tcp.connection.{name}")):
                yield _CHAT, "Sequence", f"Connection establish {said}: server port {server}", rows
        # Only a SYN that had data is acknowledged beyond its own number.
        answers = _marked(marks, marked, "tcp.connection.synack")
        yield (_NOTE, "Sequence", "TCP SYN-ACK accepting TFO data",
               answers[columns.values("tcp.ack").astype(np.uint32, copy=False)[answers] > 1])
        yield _CHAT, "Sequence", "Connection finish (FIN)", closing
        yield _NOTE, "Sequence", "This frame initiates the connection closing", closing[active]
        yield _NOTE, "Sequence", "This frame undergoes the connection closing", closing[~active]
        yield (_WARN, "Sequence", "Connection reset (RST)", _marked(marks, marked, "tcp.connection.rst"))
        yield (_NOTE, "Protocol", "The urgent pointer field is nonzero while the URG flag is not set",
               headers[(flags & _URG == 0) & (columns.values("tcp.urgent_pointer")[headers] != 0)])
        yield from _options(columns, headers, flags)
        yield _WARN, "Sequence", "D-SACK Sequence", _repeated_sack(columns, keep)
        for name, severity, summary in _MARKS:
            rows = _marked(marks, marked, f"tcp.analysis.{name}")
            if not summary:
                for number, which in _by_value(columns.values("tcp.analysis.duplicate_ack_num"), rows):
                    yield severity, "Sequence", f"Duplicate ACK (#{number})", which
            else:
                yield severity, "Sequence", summary, rows

    def _closed(self, columns: Columns, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of the rows, segments with FIN, come before the other side has begun to close."""
        side = _side(columns, rows).tolist()
        streams = columns.values("tcp.stream")[rows].tolist()
        active = np.ones(len(rows), np.bool_)
        for i, (stream, at) in enumerate(zip(streams, side, strict=True)):
            begun = self._closers.get(stream, 0)
            if begun & 2 >> at:
                active[i] = False
            else:
                self._closers[stream] = begun | 1 << at
        return active

    def lines(self) -> Iterator[bytes]:
        """A table for each severity that there was."""
        for severity, title in enumerate(SEVERITIES):
            keys = sorted((k for k in self._count if k[0] == severity), key=self._first.__getitem__)
            if not keys:
                continue
            total = sum(self._count[k] for k in keys)
            text = [f"\n{title} ({total})", "=============", "   Frequency      Group           Protocol  Summary"]
            text += [f"{self._count[k]:12} {k[1]:>10} {k[2]:>18}  {k[3]}" for k in keys]
            yield "\n".join([*text, ""]).encode()


def _group_sources(columns: Columns, keep: NDArray[np.bool_] | None) -> NDArray[np.intp]:
    """Rows whose sender's hardware address is that of a group; twice where it is so inside a tunnel too."""
    rows = [np.flatnonzero(columns.values(name).astype(np.uint64, copy=False) & _GROUP_BIT)
            for name in ("eth.src", "shoal.inner.eth.src")]
    both = np.sort(np.concatenate(rows))
    return both if keep is None else both[keep[both]]


def _options(columns: Columns, rows: NDArray[np.intp], flags: NDArray[np.uint16]) -> Iterator[Found]:
    """Options of TCP headers that do not fit."""
    there = columns.values("tcp.hdr_len")[rows].astype(np.uint8, copy=False) > 20
    for name in ("shoal.short", "shoal.malformed"):
        there &= columns.values(name)[rows] != LAYER_ID["tcp"]
    mss = columns.present("tcp.options.mss_val")
    assert mss is not None
    yield (_NOTE, "Protocol", "The SYN packet does not contain a MSS option",
           rows[(flags & _SYN != 0) & there & ~mss[rows]])
    yield _WARN, "Protocol", "The non-SYN packet does contain a MSS option", rows[(flags & _SYN == 0) & mss[rows]]
    shift = columns.values("tcp.options.wscale.shift")[rows].astype(np.uint8, copy=False)
    yield _WARN, "Protocol", f"Window scale shift exceeds {_MOST_SHIFT}", rows[shift > _MOST_SHIFT]


def _repeated_sack(columns: Columns, keep: NDArray[np.bool_] | None) -> NDArray[np.intp]:
    """Rows whose first SACK block tells of data that came twice (RFC 2883): it is acknowledged already, or lies
    within the second block."""
    lists = columns.lists["sack"]
    offsets = lists.offsets[: columns.rows + 1]
    sizes = np.diff(offsets)
    rows = np.flatnonzero(sizes if keep is None else sizes * keep)
    if not len(rows):
        return rows
    by_name = columns.record.by_name
    left = lists.values(by_name["tcp.options.sack_le"], columns.rows).astype(np.uint32, copy=False)
    right = lists.values(by_name["tcp.options.sack_re"], columns.rows).astype(np.uint32, copy=False)
    at = offsets[rows]
    acknowledged = columns.values("tcp.ack")[rows].astype(np.uint32, copy=False)
    repeated = _before(left[at], acknowledged)
    second = np.flatnonzero(sizes[rows] > 1)
    within = (~_before(left[at[second]], left[at[second] + 1])
              & ~_before(right[at[second] + 1], right[at[second]]))
    repeated[second] |= within
    return rows[repeated]


def _by_value(values: NDArray[np.generic], rows: NDArray[np.intp]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Each value that `values` has in `rows`, with those rows in order."""
    of = values[rows]
    for value in np.unique(of).tolist():
        yield value, rows[of == value]


def _before(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether one sequence number comes before another: the sign of their difference (RFC 9293, section 3.4)."""
    earlier: NDArray[np.bool_] = (one - other).view(np.int32) < 0
    return earlier


def _side(columns: Columns, rows: NDArray[np.intp]) -> NDArray[np.int8]:
    """0 or 1 for the direction of TCP segments: which end has the lower port, or at one port the lower address."""
    source, destination = (columns.values(f"tcp.{end}port")[rows].astype(np.int32) for end in ("src", "dst"))
    side: NDArray[np.int8] = (source > destination).astype(np.int8)
    for i in np.flatnonzero(source == destination):
        row = rows[i]
        ends = [(int(columns.values(f"ip.{end}")[row]), columns.values(f"ipv6.{end}")[row].tobytes())
                for end in ("src", "dst")]
        side[i] = ends[0] > ends[1]
    return side
