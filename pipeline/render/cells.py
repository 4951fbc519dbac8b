"""Rows of cells to text, compiled: one loop over rows, fields and occurrences, no Python object a cell.

`pipeline.render.fields` lays the cells of a block of rows out in plain arrays and says by a plan how each is printed;
this module knows no record and no field name.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

FORM, ARG, BEFORE, EACH, LIST, CELL, WIDE, THERE = range(8)
"""Columns of the plan, a row a source: its form; the form's argument; the first of the words before its cells, and how
many words take turns; its row of `offsets` (-1: one cell a row); where its cells start in `cells` and in `wide`; its
row of `there` (-1: in every row)."""

FIRST, END, WIDTH, GAP, JOIN, PICK = range(6)
"""Columns of the fields, a row a field: its first source and the one after its last; least width (negative: to the
left); the word before the field and between occurrences; which occurrences (ALL, ONE, LAST)."""

ALL, ONE, LAST = range(3)

DEC, HEX, MAC, IPV4, MAPPED, IPV6, SECONDS, DATE, WORD, BYTES, RAW, SIGNED = range(12)
"""Forms. Cells of SECONDS, DATE and SIGNED are bit patterns of an int64. ARG is, of HEX, the digits; of SECONDS, the
decimals; of DATE, the word "Jan"; of WORD, the word of value 0; of RAW, where its lengths start in `cells` (the cells
are offsets in `raw`)."""

QUOTE, NEWLINE = 1, 2
"""Words with a fixed place; word 0 is empty."""

_FORM = cython.declare(cython.int, FORM)
_ARG = cython.declare(cython.int, ARG)
_BEFORE = cython.declare(cython.int, BEFORE)
_EACH = cython.declare(cython.int, EACH)
_LIST = cython.declare(cython.int, LIST)
_CELL = cython.declare(cython.int, CELL)
_WIDE = cython.declare(cython.int, WIDE)
_THERE = cython.declare(cython.int, THERE)
_FIRST = cython.declare(cython.int, FIRST)
_END = cython.declare(cython.int, END)
_WIDTH = cython.declare(cython.int, WIDTH)
_GAP = cython.declare(cython.int, GAP)
_JOIN = cython.declare(cython.int, JOIN)
_PICK = cython.declare(cython.int, PICK)
_ALL = cython.declare(cython.int, ALL)
_ONE = cython.declare(cython.int, ONE)
_DEC = cython.declare(cython.int, DEC)
_HEX = cython.declare(cython.int, HEX)
_MAC = cython.declare(cython.int, MAC)
_IPV4 = cython.declare(cython.int, IPV4)
_MAPPED = cython.declare(cython.int, MAPPED)
_IPV6 = cython.declare(cython.int, IPV6)
_SECONDS = cython.declare(cython.int, SECONDS)
_DATE = cython.declare(cython.int, DATE)
_WORD = cython.declare(cython.int, WORD)
_BYTES = cython.declare(cython.int, BYTES)
_SIGNED = cython.declare(cython.int, SIGNED)
_QUOTE = cython.declare(cython.int, QUOTE)
_NEWLINE = cython.declare(cython.int, NEWLINE)
_BILLION = cython.declare(cython.ulonglong, 1_000_000_000)
_DAY = cython.declare(cython.longlong, 86_400)
_SIGN = cython.declare(cython.ulonglong, 1 << 63)
_SINCE_1600 = cython.declare(cython.longlong, 11_670_912_000)


def _view(array: Any) -> Any:
    """What the loop indexes: the array itself compiled, a memoryview of Python integers otherwise."""
    return array if cython.compiled else memoryview(array)


class CellWriter:
    """Writes lines of text into a buffer, as many whole rows as fit.

    `at` is the length of the text in the buffer, `row` the next row to be written. `words` (uint8) and `word_at`
    (int64, one more than words) are the texts that plan and cells name by number.
    """

    def __init__(self) -> None:
        self.at = 0
        self.row = 0

    def prepare(self, plan: NDArray[np.int64], fields: NDArray[np.int64], words: bytes,
                word_at: NDArray[np.int64]) -> None:
        """What is the same for many blocks: `plan` int64 (sources, 8), `fields` int64 (fields, 6), and the words."""
        self.plan = _view(plan)
        self.fields = _view(fields)
        self.words = words
        self.word_at = _view(word_at)
        self.quoted = bool(word_at[QUOTE + 1] > word_at[QUOTE])

    def load(self, there: NDArray[np.uint8], offsets: NDArray[np.int64], cells: NDArray[np.uint64],
             wide: NDArray[np.uint8], raw: bytes | bytearray | memoryview, keep: NDArray[np.uint8]) -> None:
        """A block of rows: `there` uint8 (sources that may be absent, rows), `offsets` int64 (lists, rows + 1), `cells`
        uint64 and `wide` uint8 (cells, 16) of all sources end to end, `raw` the frames' bytes, and `keep` uint8
        (rows,): which rows are printed."""
        self.there = _view(there)
        self.offsets = _view(offsets)
        self.cells = _view(cells)
        self.wide = _view(wide)
        self.raw = _view(raw)
        self.keep = _view(keep)
        self.row = 0

    def write(self, out: bytearray, bound: int) -> bool:
        """Appends lines to `out` from `at` on, until the block is done (True) or less than `bound` bytes, the longest
        that a line can be, are left. Raises IndexError where the arrays do not fit the plan."""
        self.out = _view(out)
        rows: cython.Py_ssize_t = len(self.keep)
        most: cython.Py_ssize_t = bound
        try:
            with cython.nogil:
                self.at = self._rows(rows, most)
        finally:
            self.out = None
        return bool(self.row == rows)

    def _rows(self, rows: cython.Py_ssize_t, bound: cython.Py_ssize_t) -> cython.Py_ssize_t:
        at: cython.Py_ssize_t = self.at
        last: cython.Py_ssize_t = self.out.shape[0] - bound
        row: cython.Py_ssize_t
        f: cython.Py_ssize_t
        for row in range(self.row, rows):
            if self.keep[row] == 0:
                continue
            if at > last:
                self.row = row
                return at
            for f in range(self.fields.shape[0]):
                at = self._field(at, f, row)
            at = self._word(at, _NEWLINE)
        self.row = rows
        return at

    def _field(self, at: cython.Py_ssize_t, f: cython.Py_ssize_t, row: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """All occurrences of one field in a row, with the word before it."""
        s: cython.Py_ssize_t
        j: cython.Py_ssize_t
        first: cython.Py_ssize_t
        end: cython.Py_ssize_t
        begin: cython.Py_ssize_t
        value: cython.Py_ssize_t
        pick: cython.longlong = self.fields[f, _PICK]
        any_yet: cython.bint = False
        at = self._word(at, self.fields[f, _GAP])
        begin = at
        value = at
        for s in range(self.fields[f, _FIRST], self.fields[f, _END]):
            if self.plan[s, _LIST] >= 0:
                first = self.offsets[self.plan[s, _LIST], row]
                end = self.offsets[self.plan[s, _LIST], row + 1]
            elif self.plan[s, _THERE] >= 0 and self.there[self.plan[s, _THERE], row] == 0:
                continue
            else:
                first = row
                end = row + 1
            for j in range(first, end):
                if not any_yet:
                    any_yet = True
                    if self.quoted:
                        at = self._word(at, _QUOTE)
                    value = at
                elif pick == _ALL:
                    at = self._word(at, self.fields[f, _JOIN])
                else:
                    at = value
                if self.plan[s, _BEFORE] != 0:
                    at = self._word(at, self.plan[s, _BEFORE] + j % self.plan[s, _EACH])
                at = self._cell(at, s, j)
                if pick == _ONE:
                    break
            if any_yet and pick == _ONE:
                break
        if any_yet and self.quoted:
            at = self._word(at, _QUOTE)
        if self.fields[f, _WIDTH] != 0:
            at = self._pad(at, begin, self.fields[f, _WIDTH])
        return at

    def _cell(self, at: cython.Py_ssize_t, s: cython.Py_ssize_t, j: cython.Py_ssize_t) -> cython.Py_ssize_t:
        form: cython.longlong = self.plan[s, _FORM]
        value: cython.ulonglong = self.cells[self.plan[s, _CELL] + j]
        i: cython.Py_ssize_t
        w: cython.Py_ssize_t
        if form == _DEC:
            return self._dec(at, value)
        if form == _HEX:
            self.out[at] = 48
            self.out[at + 1] = 120
            return self._hex(at + 2, value, cython.cast(cython.int, self.plan[s, _ARG]))
        if form == _IPV4:
            return self._ipv4(at, cython.cast(cython.uint, value))
        if form == _SECONDS:
            return self._seconds(at, value, self.plan[s, _ARG])
        if form == _MAC:
            return self._mac(at, value)
        if form == _WORD:
            return self._word(at, self.plan[s, _ARG] + cython.cast(cython.Py_ssize_t, value))
        if form == _SIGNED:
            if value >= _SIGN:
                self.out[at] = 45
                return self._dec(at + 1, _SIGN - (value - _SIGN))
            return self._dec(at, value)
        if form == _DATE:
            return self._date(at, value, self.plan[s, _ARG])
        w = self.plan[s, _WIDE] + j
        if form == _IPV6:
            return self._ipv6(at, w)
        if form == _MAPPED:
            for i in range(12, 16):
                if i > 12:
                    self.out[at] = 46
                    at += 1
                at = self._dec(at, self.wide[w, i])
            return at
        if form == _BYTES:
            for i in range(cython.cast(cython.Py_ssize_t, value)):
                at = self._hex(at, self.wide[w, i], 2)
            return at
        first: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, value)
        end: cython.Py_ssize_t = first + cython.cast(cython.Py_ssize_t, self.cells[self.plan[s, _ARG] + j])
        for i in range(first, end):
            at = self._hex(at, self.raw[i], 2)
        return at

    def _pad(self, at: cython.Py_ssize_t, begin: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Fill the field that starts at `begin` with spaces: in front of it, or behind where `width` is negative."""
        i: cython.Py_ssize_t
        length: cython.Py_ssize_t = at - begin
        if width < 0:
            for i in range(at, begin - width):
                self.out[i] = 32
            return max(at, begin - width)
        more: cython.Py_ssize_t = width - length
        if more <= 0:
            return at
        for i in range(length):
            self.out[at + more - 1 - i] = self.out[at - 1 - i]
        for i in range(more):
            self.out[begin + i] = 32
        return at + more

    def _word(self, at: cython.Py_ssize_t, index: cython.Py_ssize_t) -> cython.Py_ssize_t:
        i: cython.Py_ssize_t
        for i in range(self.word_at[index], self.word_at[index + 1]):
            self.out[at] = self.words[i]
            at += 1
        return at

    def _dec(self, at: cython.Py_ssize_t, value: cython.ulonglong) -> cython.Py_ssize_t:
        digits: cython.int = 1
        limit: cython.ulonglong = 10
        i: cython.Py_ssize_t
        while digits < 20 and value >= limit:
            limit = limit * 10
            digits += 1
        for i in range(at + digits - 1, at - 1, -1):
            self.out[i] = 48 + cython.cast(cython.uchar, value % 10)
            value = value // 10
        return at + digits

    def _hex(self, at: cython.Py_ssize_t, value: cython.ulonglong, digits: cython.int) -> cython.Py_ssize_t:
        i: cython.Py_ssize_t
        nibble: cython.uchar
        for i in range(at + digits - 1, at - 1, -1):
            nibble = cython.cast(cython.uchar, value & 15)
            self.out[i] = nibble + 48 if nibble < 10 else nibble + 87
            value = value >> 4
        return at + digits

    def _short_hex(self, at: cython.Py_ssize_t, value: cython.uint) -> cython.Py_ssize_t:
        """A 16-bit number without leading zeros."""
        return self._hex(at, value, 1 + (value > 0xF) + (value > 0xFF) + (value > 0xFFF))

    def _mac(self, at: cython.Py_ssize_t, value: cython.ulonglong) -> cython.Py_ssize_t:
        i: cython.int
        for i in range(40, -8, -8):
            if i < 40:
                self.out[at] = 58
                at += 1
            at = self._hex(at, (value >> i) & 255, 2)
        return at

    def _ipv4(self, at: cython.Py_ssize_t, value: cython.uint) -> cython.Py_ssize_t:
        i: cython.int
        for i in range(24, -8, -8):
            if i < 24:
                self.out[at] = 46
                at += 1
            at = self._dec(at, (value >> i) & 255)
        return at

    def _ipv6(self, at: cython.Py_ssize_t, w: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """RFC 5952 section 4, as inet_ntop does it: the first longest run of zero groups is ::, and an address that
        embeds an IPv4 address shows that in dots."""
        i: cython.Py_ssize_t
        run: cython.Py_ssize_t = 0
        gap: cython.Py_ssize_t = 0
        gap_len: cython.Py_ssize_t = 1
        groups: cython.Py_ssize_t = 8
        for i in range(8):
            run = run + 1 if self.wide[w, 2 * i] == 0 and self.wide[w, 2 * i + 1] == 0 else 0
            if run > gap_len:
                gap = i + 1 - run
                gap_len = run
        if gap_len == 1:
            gap = 8
        if gap == 0 and (gap_len == 6 or (gap_len == 5 and self.wide[w, 10] == 255 and self.wide[w, 11] == 255)):
            groups = 6
        for i in range(groups):
            if i > gap and i < gap + gap_len:
                continue
            if i == gap:
                self.out[at] = 58
                at += 1
                if i == 0:
                    self.out[at] = 58
                    at += 1
                continue
            at = self._short_hex(at, self.wide[w, 2 * i] * 256 + self.wide[w, 2 * i + 1])
            if i < 7:
                self.out[at] = 58
                at += 1
        if groups == 8:
            return at
        for i in range(12, 16):
            if i > 12:
                self.out[at] = 46
                at += 1
            at = self._dec(at, self.wide[w, i])
        return at

    def _seconds(
        self, at: cython.Py_ssize_t, ns: cython.ulonglong, decimals: cython.Py_ssize_t
    ) -> cython.Py_ssize_t:
        """Nanoseconds, the bit pattern of an int64, as seconds with up to nine decimals."""
        if ns >= _SIGN:
            self.out[at] = 45
            at += 1
            ns = _SIGN - (ns - _SIGN)
        at = self._dec(at, ns // _BILLION)
        return self._fraction(at, ns % _BILLION) - (9 - decimals)

    def _fraction(self, at: cython.Py_ssize_t, ns: cython.ulonglong) -> cython.Py_ssize_t:
        i: cython.Py_ssize_t
        self.out[at] = 46
        for i in range(at + 9, at, -1):
            self.out[i] = 48 + cython.cast(cython.uchar, ns % 10)
            ns = ns // 10
        return at + 10

    def _date(self, at: cython.Py_ssize_t, ns: cython.ulonglong, months: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """UTC as Wireshark prints an absolute time: `Nov  4, 2023 22:13:20.000000000 UTC`."""
        seconds: cython.longlong
        rest: cython.longlong
        if ns < _SIGN:
            seconds = ns // _BILLION
            rest = ns % _BILLION
        else:
            ns = _SIGN - (ns - _SIGN)
            seconds = -cython.cast(cython.longlong, (ns + _BILLION - 1) // _BILLION)
            rest = (_BILLION - ns % _BILLION) % _BILLION
        # Counted from 1600-03-01, before any int64 of nanoseconds, so that the leap day ends a year.
        seconds += _SINCE_1600
        days: cython.longlong = seconds // _DAY
        seconds -= days * _DAY
        era: cython.longlong = days // 146_097
        days -= era * 146_097
        year: cython.longlong = (days - days // 1460 + days // 36_524 - days // 146_096) // 365
        days -= 365 * year + year // 4 - year // 100
        month: cython.longlong = (5 * days + 2) // 153
        day: cython.longlong = days - (153 * month + 2) // 5 + 1
        year += 1600 + 400 * era + (month > 9)
        at = self._word(at, months + (month + 2) % 12)
        self.out[at] = 32
        if day < 10:
            self.out[at + 1] = 32
            self.out[at + 2] = 48 + cython.cast(cython.uchar, day)
        else:
            self._two(at + 1, day)
        self.out[at + 3] = 44
        self.out[at + 4] = 32
        at = self._dec(at + 5, cython.cast(cython.ulonglong, year))
        self.out[at] = 32
        self._two(at + 1, seconds // 3600)
        self.out[at + 3] = 58
        self._two(at + 4, seconds // 60 % 60)
        self.out[at + 6] = 58
        self._two(at + 7, seconds % 60)
        at = self._fraction(at + 9, rest)
        return self._word(at, months + 12)

    def _two(self, at: cython.Py_ssize_t, value: cython.longlong) -> cython.Py_ssize_t:
        self.out[at] = 48 + cython.cast(cython.uchar, value // 10)
        self.out[at + 1] = 48 + cython.cast(cython.uchar, value % 10)
        return at + 2
