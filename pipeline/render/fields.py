"""Fields of record batches as lines of text, as `tshark -T fields` prints them.

Three layers: what a field is printed from (`pipeline.schema.shown`), the layout of a block of rows in plain arrays by
whole-column numpy operations (here), and the compiled loop that writes the text (`pipeline.render.cells`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.render import cells
from pipeline.render.spell import printable, spelled
from pipeline.schema.columns import Columns
from pipeline.schema.shown import Source, Sources

BLOCK = 8192
"""Rows laid out at a time: their cells stay in the processor's cache."""

BUFFER = 1 << 20
"""Bytes of text handed on at a time (more where one line is longer)."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", " UTC")

_FORMS = {"dec": cells.DEC, "hex": cells.HEX, "mac": cells.MAC, "ipv4": cells.IPV4, "mapped": cells.MAPPED,
          "ipv6": cells.IPV6, "epoch": cells.SECONDS, "relative": cells.SECONDS, "delta": cells.SECONDS,
          "seconds": cells.SECONDS, "date": cells.DATE, "word": cells.WORD, "text": cells.WORD, "label": cells.WORD,
          "bytes": cells.BYTES, "raw": cells.RAW, "signed": cells.SIGNED}

# The longest text of a form that has one.
_LONGEST = {cells.DEC: 20, cells.SIGNED: 20, cells.HEX: 18, cells.MAC: 17, cells.IPV4: 15, cells.MAPPED: 15,
            cells.IPV6: 45, cells.SECONDS: 31, cells.DATE: 40, cells.BYTES: 32}

_PICKS = {"a": cells.ALL, "f": cells.ONE, "l": cells.LAST}


@dataclass(frozen=True, slots=True)
class PrintedField:
    """A field of a line: where it comes from, and how its occurrences are set.

    `pick` is a (all), f (first) or l (last); `join` stands between occurrences, `gap` before the field; `width` is its
    least width, to the left where negative.
    """

    sources: Sources
    pick: str = "a"
    join: str = ","
    gap: str = ""
    width: int = 0


@dataclass(slots=True)
class _Block:
    """The arrays of one block, collected source by source; see `cells.CellWriter.load`."""

    rows: int
    there: list[NDArray[np.uint8]] = field(default_factory=list)
    offsets: list[NDArray[np.int64]] = field(default_factory=list)
    cells: list[NDArray[np.uint64]] = field(default_factory=list)
    wide: list[NDArray[np.uint8]] = field(default_factory=list)
    n_cells: int = 0
    n_wide: int = 0

    def add_cells(self, values: NDArray[np.uint64]) -> int:
        """Append cells; where they start."""
        at = self.n_cells
        self.cells.append(values)
        self.n_cells += len(values)
        return at

    def add_wide(self, values: NDArray[np.uint8]) -> int:
        """Append 16-byte cells; where they start."""
        at = self.n_wide
        self.wide.append(values)
        self.n_wide += len(values)
        return at


class _Words:
    """Numbered texts for one batch: first those of the plan, then the batch's own."""

    def __init__(self, quote: str) -> None:
        # The order of cells.QUOTE and cells.NEWLINE.
        self._texts = [b"", quote.encode(), b"\n"]
        self._number = {b"": 0}

    def one(self, text: str) -> int:
        """The number of a text."""
        word = text.encode("utf-8", "surrogateescape")
        if word not in self._number:
            self._number[word] = len(self._texts)
            self._texts.append(word)
        return self._number[word]

    def run(self, texts: Sequence[str]) -> int:
        """The number of the first of texts that are numbered one after the other."""
        first = len(self._texts)
        self._texts += [t.encode("utf-8", "surrogateescape") for t in texts]
        return first

    def copy(self) -> _Words:
        """One that starts with the same texts."""
        other = _Words("")
        other._texts = self._texts[:]
        other._number = dict(self._number)
        return other

    def packed(self) -> tuple[bytes, NDArray[np.int64]]:
        """All texts end to end, and where each starts."""
        at = np.zeros(len(self._texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, self._texts), np.int64, len(self._texts)), out=at[1:])
        return b"".join(self._texts), at

    def longest(self, first: int, count: int) -> int:
        """Bytes of the longest of a run."""
        return max(map(len, self._texts[first : first + count]), default=0)


class FieldWriter:
    """Lines of text from the batches of one capture, in order; it keeps the times that relative times count from."""

    def __init__(self, fields: Sequence[PrintedField], quote: str = "") -> None:
        self._fields = fields
        self._writer = cells.CellWriter()
        self._out = bytearray(BUFFER)
        self._first_time: int | None = None
        self._last_time = 0
        self._words = _Words(quote)
        self._gaps = [(self._words.one(f.gap), self._words.one(f.join)) for f in fields]

    def lines(self, columns: Columns, keep: NDArray[np.bool_] | None = None) -> Iterator[memoryview]:
        """The lines of the rows for which `keep`, bool of shape (rows,), is true: pieces of text that are whole lines,
        each valid until the next is asked for."""
        words = self._words.copy()
        plan = _Plan(self._fields, self._gaps, columns, words)
        texts = words.packed()
        relative = self._relative_times(columns) if plan.relative else None
        for start in range(0, columns.rows, BLOCK):
            stop = min(start + BLOCK, columns.rows)
            kept = np.ones(stop - start, np.uint8) if keep is None else keep[start:stop].astype(np.uint8)
            if not kept.any():
                continue
            bound = plan.load(self._writer, texts, start, stop, kept, relative)
            if bound > len(self._out):
                self._out = bytearray(2 * bound)
            done = False
            while not done:
                done = self._writer.write(self._out, bound)
                if not done:
                    yield self._text()
        if self._writer.at:
            yield self._text()

    def _text(self) -> memoryview:
        length, self._writer.at = self._writer.at, 0
        return memoryview(self._out)[:length]

    def _relative_times(self, columns: Columns) -> dict[str, NDArray[np.uint64]]:
        times = columns.values("frame.time").view(np.int64)
        if not len(times):
            return {}
        if self._first_time is None:
            self._first_time = self._last_time = int(times[0])
        before = np.concatenate((np.array([self._last_time]), times[:-1]))
        self._last_time = int(times[-1])
        return {"relative": (times - self._first_time).view(np.uint64), "delta": (times - before).view(np.uint64)}


class _Plan:
    """What there is to print in one batch: sources that have no cell in it are left out."""

    def __init__(self, fields: Sequence[PrintedField], gaps: list[tuple[int, int]], columns: Columns,
                 words: _Words) -> None:
        self._columns = columns
        self._sources: list[tuple[Source, int, int, int, int]] = []
        self._fields = np.zeros((len(fields), 6), np.int64)
        self._texts: dict[Callable[[str], str] | None, int] = {}
        self._words = words
        self.relative = False
        quote = 2 * words.longest(cells.QUOTE, 1)
        self._bound = 1
        for f, (printed, (gap, join)) in enumerate(zip(fields, gaps, strict=True)):
            first = len(self._sources)
            between = words.longest(join, 1)
            for source in printed.sources:
                if _occurs(source, columns):
                    self._add(source, between)
            self._fields[f] = first, len(self._sources), printed.width, gap, join, _PICKS[printed.pick]
            self._bound += abs(printed.width) + quote + words.longest(gap, 1)

    def _add(self, source: Source, between: int) -> None:
        form, words = source.form, self._words
        code = _FORMS[form.name]
        arg, highest, longest = 0, -1, _LONGEST.get(code, 0)
        if source.detail:
            texts = spelled(form, self._columns.details[source.columns[0]][1])
            arg = words.run(texts)
            code, longest = cells.WORD, words.longest(arg, len(texts))
        elif form.digits:
            arg = form.digits
        elif form.name == "date":
            arg = words.run(_MONTHS)
        elif form.name == "label":
            arg, highest = words.run((str(self._columns.labels.get(source.columns[0], "")),)), 0
        elif form.name == "word":
            arg, highest = words.run(form.words), len(form.words) - 1
        elif form.name == "text":
            if form.spell not in self._texts:
                spell = form.spell or str
                self._texts[form.spell] = words.run([printable(spell(t)) for t in self._columns.texts or ("",)])
            arg, highest = self._texts[form.spell], max(0, len(self._columns.texts) - 1)
        if code == cells.WORD and not source.detail:
            longest = words.longest(arg, highest + 1)
        elif code == cells.RAW:
            longest = 2 * int(self._columns.raw_length[: self._columns.rows].max(initial=0))
        self.relative |= form.name in ("relative", "delta")
        before = words.run(source.before) if source.before else 0
        each = longest + between + words.longest(before, max(1, len(source.before)))
        self._bound += each * len(source.columns) * _most(source, self._columns)
        self._sources.append((source, code, arg, before, highest))

    def load(self, writer: cells.CellWriter, texts: tuple[bytes, NDArray[np.int64]], start: int, stop: int,
             keep: NDArray[np.uint8], relative: dict[str, NDArray[np.uint64]] | None) -> int:
        """Lay rows `start` to `stop` out for the writer; the bytes that a line may take."""
        block = _Block(stop - start)
        plan = np.full((len(self._sources), 8), -1, np.int64)
        for s, (source, code, arg, before, highest) in enumerate(self._sources):
            plan[s, : cells.LIST] = code, arg, before, max(1, len(source.before))
            there = None
            if source.detail:
                values, wide = self._details(source, start, stop, block, plan[s]), None
            elif source.group:
                values, wide = self._items(source, start, stop, block, plan[s])
            else:
                values, wide = self._cells(source, start, stop, relative)
                there = self._there(source, start, stop)
            if highest >= 0:
                values = np.minimum(values, highest)
                if source.form.name == "word" and "" in source.form.words and not source.group:
                    empty = np.array([not w for w in source.form.words])
                    there = ~empty[values] if there is None else there & ~empty[values]
            plan[s, cells.CELL] = block.add_cells(values)
            if wide is not None:
                plan[s, cells.WIDE] = block.add_wide(wide)
            if code == cells.RAW:
                plan[s, cells.ARG] = block.add_cells(self._columns.raw_length[start:stop].astype(np.uint64))
            if there is not None:
                plan[s, cells.THERE] = len(block.there)
                block.there.append(there.view(np.uint8))
        writer.prepare(plan, self._fields, *texts)
        writer.load(np.array(block.there, np.uint8).reshape(-1, block.rows),
                    np.array(block.offsets, np.int64).reshape(-1, block.rows + 1),
                    np.concatenate([np.zeros(0, np.uint64), *block.cells]),
                    np.concatenate([np.zeros((0, 16), np.uint8), *block.wide]),
                    self._columns.raw_buffer, keep)
        return self._bound

    def _cells(self, source: Source, start: int, stop: int, relative: dict[str, NDArray[np.uint64]] | None,
               ) -> tuple[NDArray[np.uint64], NDArray[np.uint8] | None]:
        columns, (name,) = self._columns, source.columns
        if source.form.name in ("relative", "delta"):
            assert relative is not None
            return relative[source.form.name][start:stop], None
        if source.form.name == "raw":
            return columns.raw_offset[start:stop].astype(np.uint64), None
        slab = columns.record.by_name[name].of.slab
        if slab == "const":
            return np.zeros(stop - start, np.uint64), None
        if slab == "b16":
            counts = columns.counts(name)
            lengths = np.full(stop - start, 16) if counts is None else np.minimum(counts[start:stop], 16)
            return lengths.astype(np.uint64), columns.values(name)[start:stop].view(np.uint8)
        values = columns.values(name)[start:stop]
        if source.form.name == "signed":
            return _sign_extended(values), None
        return _bits(values, source.bits), None

    def _there(self, source: Source, start: int, stop: int) -> NDArray[np.bool_] | None:
        there = self._columns.present(source.columns[0])
        if there is None and source.when is None:
            return None
        there = np.ones(stop - start, np.bool_) if there is None else there[start:stop]
        if source.when is not None:
            there = there & self._when(*source.when, start, stop)
        return there

    def _when(self, name: str, wanted: tuple[int, ...], start: int, stop: int) -> NDArray[np.bool_]:
        column = self._columns.record.by_name[name]
        if column.bits_of is None:
            return _among(self._columns.values(name)[start:stop], wanted)
        stored, shift, mask = column.bits_of
        return _among(_bits(self._columns.values(stored)[start:stop], (shift, mask)), wanted)

    def _details(self, source: Source, start: int, stop: int, block: _Block, plan: NDArray[np.int64]
                 ) -> NDArray[np.uint64]:
        """Numbers of the texts of the rows' details; sets which list of the block it is."""
        of = np.array(self._columns.details[source.columns[0]][0], np.int64)
        offsets = np.searchsorted(of, np.arange(start, stop + 1))
        first, end = int(offsets[0]), int(offsets[-1])
        plan[cells.LIST] = len(block.offsets)
        block.offsets.append(offsets - first)
        return np.arange(first, end, dtype=np.uint64)

    def _items(self, source: Source, start: int, stop: int, block: _Block, plan: NDArray[np.int64],
               ) -> tuple[NDArray[np.uint64], NDArray[np.uint8] | None]:
        """The items of a list group, those of one place next to each other; sets which list of the block it is."""
        lists = self._columns.lists[source.group]
        by_name = self._columns.record.by_name
        offsets: NDArray[np.int64] = lists.offsets[start : stop + 1].astype(np.int64)
        first, end = offsets[0], offsets[-1]
        offsets -= first
        columns = [lists.values(by_name[name], stop)[first:end] for name in source.columns]
        if source.when is not None:
            taken = _among(lists.values(by_name[source.when[0]], stop)[first:end], source.when[1])
            offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(taken, dtype=np.int64)))[offsets]
            columns = [c.compress(taken, axis=0) for c in columns]
        plan[cells.LIST] = len(block.offsets)
        block.offsets.append(offsets * len(columns))
        values = np.stack(columns, axis=1)
        if values.ndim == 3:
            wide = values.reshape(-1, 16).view(np.uint8)
            return np.full(len(wide), 16, np.uint64), wide
        return _bits(values.reshape(-1), source.bits), None


def _bits(values: NDArray[np.generic], bits: tuple[int, int] | None) -> NDArray[np.uint64]:
    whole = values.astype(np.uint64)
    if bits is None:
        return whole
    shift, mask = bits
    return (whole >> np.uint64(shift)) & np.uint64(mask)


def _sign_extended(values: NDArray[np.generic]) -> NDArray[np.uint64]:
    return values.view(f"i{values.itemsize}").astype(np.int64).view(np.uint64)


def _among(values: NDArray[np.generic], wanted: tuple[int, ...]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = values == wanted[0]
    for other in wanted[1:]:
        found = found | (values == other)
    return found


def _occurs(source: Source, columns: Columns) -> bool:
    """Whether any row of the batch has a cell of the source."""
    if source.detail:
        return source.columns[0] in columns.details
    if source.group:
        return bool(columns.lists[source.group].offsets[columns.rows])
    counts = columns.counts(source.columns[0])
    if counts is not None:
        return bool(counts.any())
    if columns.rows and source.bits is not None and source.form.words[:1] == ("",):
        # A mark: there are many, and most batches have few of them.
        shift, mask = source.bits
        return bool(int(np.bitwise_or.reduce(columns.values(source.columns[0]))) >> shift & mask)
    return columns.rows > 0


def _most(source: Source, columns: Columns) -> int:
    """The most items that a row of the batch has of a source."""
    if source.detail:
        return int(np.bincount(columns.details[source.columns[0]][0]).max(initial=0))
    if not source.group:
        return 1
    return int(np.diff(columns.lists[source.group].offsets[: columns.rows + 1]).max(initial=0))
