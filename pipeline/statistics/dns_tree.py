"""`-z dns,tree`: what DNS's messages are, as Wireshark's tree of them counts, and how long responses took.

Of DNS alone, as there: mDNS, LLMNR and what ICMP errors quote are not counted. A message counts once in each line, also
where Wireshark counts a response's records twice; rates are left to `-z io,stat`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import Engine
from pipeline.engine.dns.registry import OPCODES, class_name, rcode_name, type_name
from pipeline.schema.columns import Columns

_MILLISECOND = 1_000_000
_LENGTH_PREFIX = 2
_WIDTH = 40
_COUNTS = (("questions", "queries"), ("answers", "answers"), ("authorities", "auth_rr"), ("additionals", "add_rr"))


@dataclass(slots=True)
class _Values:
    """Numbers of which the mean, the least and the greatest are told."""

    count: int = 0
    total: float = 0
    least: float = 0
    most: float = 0

    def add(self, value: float) -> None:
        """Count one more."""
        self.least = value if not self.count else min(self.least, value)
        self.most = value if not self.count else max(self.most, value)
        self.count += 1
        self.total += value


class _Details:
    """The fields of a batch by row."""

    def __init__(self, columns: Columns) -> None:
        self._fields: dict[str, dict[int, list[Any]]] = {}
        self._columns = columns

    def of(self, name: str, row: int) -> list[Any]:
        """The values of a field in a row."""
        by_row = self._fields.get(name)
        if by_row is None:
            by_row = self._fields[name] = {}
            rows, values = self._columns.details.get(name, ((), ()))
            for at, value in zip(rows, values, strict=True):
                by_row.setdefault(at, []).append(value)
        return by_row.get(row, [])


@dataclass(slots=True)
class DnsTree:
    """Counts messages of DNS over the batches of one capture."""

    messages: int = 0
    rcodes: Counter[str] = field(default_factory=Counter)
    opcodes: Counter[str] = field(default_factory=Counter)
    directions: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    sizes: _Values = field(default_factory=_Values)
    name_lengths: _Values = field(default_factory=_Values)
    records: dict[str, _Values] = field(default_factory=dict)
    times: _Values = field(default_factory=_Values)
    unsolicited: int = 0
    asked_again: int = 0
    answered_again: int = 0

    def add(self, columns: Columns, engine: Engine, keep: NDArray[np.bool_] | None) -> None:
        """Count the messages of a batch."""
        details = _Details(columns)
        codes = columns.values("_ws.col.Protocol")
        for row in sorted(set(columns.details.get("dns.flags", ((), ()))[0])):
            if keep is not None and not keep[row]:
                continue
            if columns.texts[int(codes[row])] == "DNS":
                self._frame(columns, details, row)

    def _frame(self, columns: Columns, details: _Details, row: int) -> None:
        lengths = details.of("dns.length", row)
        all_counts = [details.of(f"dns.count.{name}", row) for _, name in _COUNTS]
        question = 0
        for i, flags in enumerate(details.of("dns.flags", row)):
            response = flags >> 15
            if lengths:
                size = lengths[i] + _LENGTH_PREFIX
            else:
                whole = columns.datagrams.get(row)
                size = len(whole) if whole is not None else int(columns.values("shoal.payload.len")[row])
            self.messages += 1
            self.directions["Response" if response else "Query"] += 1
            self.rcodes[rcode_name(flags & 15)] += 1
            operation = flags >> 11 & 15
            self.opcodes[OPCODES.get(operation) or f"OPCODE{operation}"] += 1
            self.sizes.add(size)
            if response:
                for (name, _), counts in zip(_COUNTS, all_counts, strict=True):
                    if i < len(counts):
                        self.records.setdefault(name, _Values()).add(counts[i])
            asked = all_counts[0][i] if i < len(all_counts[0]) else 0
            if asked:
                self._question(details, row, question, response=bool(response))
            question += asked
        for time in details.of("dns.time", row):
            self.times.add(time / _MILLISECOND)
        self.unsolicited += len(details.of("dns.unsolicited", row))
        self.asked_again += len(details.of("dns.retransmit_request_in", row))
        self.answered_again += len(details.of("dns.retransmit_response_in", row))

    def _question(self, details: _Details, row: int, question: int, *, response: bool) -> None:
        kinds = details.of("dns.qry.type", row)
        if question >= len(kinds):
            return
        self.types[type_name(kinds[question])] += 1
        self.classes[class_name(details.of("dns.qry.class", row)[question])] += 1
        if not response:
            self.name_lengths.add(details.of("dns.qry.name.len", row)[question])
            # Wireshark counts no label where a name is one character.
            labels = max(1, details.of("dns.count.labels", row)[question])
            self.labels["4 or more" if labels > 3 else str(labels)] += 1

    def lines(self) -> Iterator[bytes]:
        """The tree."""
        rule = b"=" * 100 + b"\n"
        yield rule
        yield b"DNS:\n"
        yield _line("Topic / Item", "Count", ("Average", "Min", "Max"), "Percent")
        yield b"-" * 100 + b"\n"
        yield self._counted("Messages", self.messages)
        for name, counter in (("rcode", self.rcodes), ("opcode", self.opcodes), ("Query/Response", self.directions),
                              ("Type asked for", self.types), ("Class", self.classes)):  # fmt: skip
            yield self._counted(f" {name}", counter.total())
            for item, count in sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])):
                yield self._counted(f"  {item}", count)
        yield _valued("Payload size (bytes)", self.sizes)
        yield _line("Queries", "", ("", "", ""), "")
        yield _valued(" Name's length", self.name_lengths)
        for item, count in sorted(self.labels.items()):
            yield _line(f" Names of {item} label{'' if item == '1' else 's'}", str(count), ("", "", ""), "")
        yield _line(" sent again", str(self.asked_again), ("", "", ""), "")
        yield _line("Responses", "", ("", "", ""), "")
        for name, values in self.records.items():
            yield _valued(f" {name}", values)
        yield _valued(" Response time (ms)", self.times, 3)
        yield _line(" to no query", str(self.unsolicited), ("", "", ""), "")
        yield _line(" sent again", str(self.answered_again), ("", "", ""), "")
        yield rule

    def _counted(self, item: str, count: int) -> bytes:
        percent = f"{100 * count / self.messages:.2f}%" if self.messages else ""
        return _line(item, str(count), ("", "", ""), percent)


def _valued(item: str, values: _Values, digits: int = 0) -> bytes:
    if not values.count:
        return _line(item, "0", ("", "", ""), "")
    mean = f"{values.total / values.count:.{max(2, digits)}f}"
    return _line(item, str(values.count), (mean, f"{values.least:.{digits}f}", f"{values.most:.{digits}f}"), "")


def _line(item: str, count: str, values: tuple[str, str, str], percent: str) -> bytes:
    average, least, most = values
    return f"{item:<{_WIDTH}}{count:>10}{average:>13}{least:>13}{most:>13}{percent:>11}".rstrip().encode() + b"\n"
