"""Rows of windows: what is due of entities, put into the order of the table and written."""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown
from pipeline.engine.windows import entities, layout
from pipeline.engine.windows.entity_sums import EntitySums
from pipeline.engine.windows.room import Room
from pipeline.engine.windows.sketch import BUCKETS
from pipeline.schema.columns import Columns, Slots
from pipeline.schema.windows import WINDOWS

if not cython.compiled:
    from pipeline.engine.addresses import turned
    from pipeline.engine.windows.sketch import middle_of

_FIRST_SIZE = 256
_FOR_EACH = 8
"""Rows of windows that a part makes at the most, about."""
_FORESEEN = 131_072
"""Most rows that room is made for before they come."""
_WORDS = cython.declare(cython.Py_ssize_t, layout.WORDS)
_SUMS = cython.declare(cython.Py_ssize_t, layout.LONGS)
_BUCKETS = cython.declare(cython.Py_ssize_t, BUCKETS)
_BESIDE = cython.declare(cython.Py_ssize_t, entities.BESIDE)
_WINDOW = cython.declare(cython.Py_ssize_t, entities.WINDOW)
_WHAT = cython.declare(cython.Py_ssize_t, entities.WHAT)
_CHANGED = cython.declare(cython.Py_ssize_t, entities.CHANGED)
_SKETCH = cython.declare(cython.Py_ssize_t, entities.SKETCH)
_SAMPLES = cython.declare(cython.Py_ssize_t, entities.SAMPLES)
_GROUPS = cython.declare(cython.Py_ssize_t, entities.GROUPS)
_GROUP = cython.declare(cython.Py_ssize_t, entities.GROUP)
_ADDRESS = cython.declare(cython.Py_ssize_t, entities.ADDRESS)
_WORD32 = cython.declare(cython.uint, 0xFFFFFFFF)
_w = Slots(WINDOWS)
_W_TIME = cython.declare(cython.Py_ssize_t, _w.u64("shoal.window.time"))
_W_SECONDS = cython.declare(cython.Py_ssize_t, _w.u16("shoal.window.seconds"))
_W_KIND = cython.declare(cython.Py_ssize_t, _w.u8("shoal.window.kind"))
_W_HOST = cython.declare(cython.Py_ssize_t, _w.b16("shoal.window.host"))
_W_PEER = cython.declare(cython.Py_ssize_t, _w.b16("shoal.window.peer"))
_W_PROTO = cython.declare(cython.Py_ssize_t, _w.u8("shoal.window.proto"))
_W_PORT = cython.declare(cython.Py_ssize_t, _w.u16("shoal.window.port"))
_W_PASS = cython.declare(cython.Py_ssize_t, _w.u32("shoal.window.pass"))
_W_VERSION = cython.declare(cython.Py_ssize_t, _w.u32("shoal.window.version"))
_W_WORDS = cython.declare(cython.Py_ssize_t, layout.WINDOW_WORDS)
_W_LONGS = cython.declare(cython.Py_ssize_t, layout.WINDOW_LONGS)
_W_SAMPLES = cython.declare(cython.Py_ssize_t, _w.u32("shoal.rtt.samples"))
_W_RTT = cython.declare(cython.Py_ssize_t, _w.u64("shoal.rtt.p50"))
_W_DNS = cython.declare(cython.Py_ssize_t, _w.u64("shoal.dns.p50"))
_L_RTT = cython.declare(cython.Py_ssize_t, _w.lane("rtt"))
_L_DNS = cython.declare(cython.Py_ssize_t, _w.lane("dns"))
_R_BUCKET = cython.declare(cython.Py_ssize_t, _w.item("rtt", "u8", "rtt.bucket"))
_R_COUNT = cython.declare(cython.Py_ssize_t, _w.item("rtt", "u32", "rtt.count"))
# Both lists are written by one function.
assert _w.item("latency", "u8", "latency.bucket") == _w.item("rtt", "u8", "rtt.bucket")
assert _w.item("latency", "u32", "latency.count") == _w.item("rtt", "u32", "rtt.count")


@cython.cclass
class EntityRows(EntitySums):
    """Entities that are told by windows; `rows` were written and wait for `take`."""

    def __init__(self, notes: Notes) -> None:
        plain = not cython.compiled
        EntitySums.__init__(self, notes)
        begins, lengths = np.zeros(_FIRST_SIZE, np.uint64), np.zeros(_FIRST_SIZE, np.uint32)
        due, aside = np.zeros(_FIRST_SIZE, np.uint32), np.zeros(_FIRST_SIZE, np.uint32)
        self._begins = memoryview(begins) if plain else begins
        self._lengths = memoryview(lengths) if plain else lengths
        self._due = memoryview(due) if plain else due
        self._aside = memoryview(aside) if plain else aside
        self._due_rows = self._due_items = 0
        self._out = Room(WINDOWS)
        self.rows = self._items = self._room_rows = self._room_items = self._rows_hint = 0

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from; what was told is taken before."""
        plain = not cython.compiled
        EntitySums.restore(self, state)
        # They are set anew before they are read.
        begins, lengths = np.zeros(len(state["head"]), np.uint64), np.zeros(len(state["head"]), np.uint32)
        self._begins = memoryview(begins) if plain else begins
        self._lengths = memoryview(lengths) if plain else lengths
        self._out.empty()
        self.rows = self._items = self._room_rows = self._room_items = self._due_rows = self._due_items = 0

    def bind(self, parts: Columns) -> None:
        """Take the parts that `apply` reads."""
        EntitySums.bind(self, parts)
        self._rows_hint = min(_FORESEEN, _FOR_EACH * parts.rows)

    def begin(self, window: int) -> None:
        """A window begins under this number."""
        EntitySums.begin(self, window)
        if window >= len(self._begins):
            size = len(self._head)
            begins, lengths = grown(np.asarray(self._begins), size), grown(np.asarray(self._lengths), size)
            self._begins = begins if cython.compiled else memoryview(begins)
            self._lengths = lengths if cython.compiled else memoryview(lengths)

    def tell(self, window: int, time: int, seconds: int) -> None:
        """Of the window that begins at `time` (ns) and is so long, the entities that have changed since they were told
        are due: `write` makes rows of them."""
        w: cython.Py_ssize_t = window
        at: cython.Py_ssize_t
        self._begins[w] = time
        self._lengths[w] = seconds
        with cython.nogil:
            at = self._head[w]
            while at != 0:
                if self._count[at, _CHANGED]:
                    if self._due_rows >= self._due.shape[0]:  # type: ignore[index]
                        with cython.gil:
                            self._grow_due()
                    self._due[self._due_rows] = at
                    self._due_rows += 1
                    self._due_items += min(_BUCKETS, self._count[at, _SAMPLES] + self._count[at, _SAMPLES + 1])
                at = self._count[at, _BESIDE]

    def write(self, tick: int, passes: int) -> bool:
        """Write what is due as rows, in the order of the table; whether there was anything."""
        t: cython.uint = tick
        p: cython.uint = passes
        k: cython.Py_ssize_t
        if self._due_rows == 0:
            return False
        self._room()
        with cython.nogil:
            self._sort()
            for k in range(self._due_rows):
                self._write(self._due[k], t, p)
        self._due_rows = self._due_items = 0
        return True

    def take(self) -> Columns:
        """The rows that were written since the last time. They hold until `write` is called again."""
        out: Columns | None = self._out.hand_out(self.rows)
        self.rows = self._items = self._room_rows = self._room_items = 0
        return Columns(WINDOWS, 0) if out is None else out

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow_due(self) -> cython.int:
        """Twice the room for what is due."""
        size = 2 * np.asarray(self._due).shape[0]
        due, aside = grown(np.asarray(self._due), size), np.zeros(size, np.uint32)
        self._due = due if cython.compiled else memoryview(due)
        self._aside = aside if cython.compiled else memoryview(aside)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _before(self, one: cython.Py_ssize_t, other: cython.Py_ssize_t) -> cython.bint:
        """Whether the row of one entity comes before that of another in the order of the table."""
        k: cython.Py_ssize_t
        a: cython.Py_ssize_t = self._count[one, _WINDOW]
        b: cython.Py_ssize_t = self._count[other, _WINDOW]
        what: cython.uint = self._count[one, _WHAT]
        that: cython.uint = self._count[other, _WHAT]
        if a != b and self._lengths[a] != self._lengths[b]:
            return self._lengths[a] < self._lengths[b]
        if what >> 24 != that >> 24:
            return what >> 24 < that >> 24
        if a != b and self._begins[a] != self._begins[b]:
            return self._begins[a] < self._begins[b]
        for k in range(4):
            if self._sum[one, _ADDRESS + k] != self._sum[other, _ADDRESS + k]:
                return self._sum[one, _ADDRESS + k] < self._sum[other, _ADDRESS + k]
        return what < that

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _sort(self) -> cython.int:
        """Put what is due into the order of the table, by merging ever longer runs (no two rows are equal)."""
        n: cython.Py_ssize_t = self._due_rows
        width: cython.Py_ssize_t = 1
        low: cython.Py_ssize_t
        middle: cython.Py_ssize_t
        high: cython.Py_ssize_t
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        k: cython.Py_ssize_t
        while width < n:
            low = 0
            while low + width < n:
                middle = low + width
                high = min(middle + width, n)
                # What stands behind is moved aside, and merged from the end.
                for k in range(middle, high):
                    self._aside[k] = self._due[k]
                i, j, k = middle, high, high
                while j > middle:
                    k -= 1
                    if i > low and self._before(self._aside[j - 1], self._due[i - 1]):
                        i -= 1
                        self._due[k] = self._due[i]
                    else:
                        j -= 1
                        self._due[k] = self._aside[j]
                low = high
            width *= 2
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _room(self) -> cython.int:
        """Have room to write what is due."""
        plain = not cython.compiled
        rows: cython.Py_ssize_t = self.rows + self._due_rows
        items: cython.Py_ssize_t = self._items + self._due_items
        if rows <= self._room_rows and items <= self._room_items:
            return 0
        out = self._out.have(self.rows, rows, {g.name: items for g in WINDOWS.groups}, self._rows_hint)
        rtt, latency = out.lists["rtt"], out.lists["latency"]
        self._room_rows, self._room_items = out.capacity, rtt.u8.shape[1]
        self._o_u8 = memoryview(out.u8) if plain else out.u8
        self._o_u16 = memoryview(out.u16) if plain else out.u16
        self._o_u32 = memoryview(out.u32) if plain else out.u32
        self._o_u64 = memoryview(out.u64) if plain else out.u64
        halves = out.b16.view("<u8")
        self._o_halves = memoryview(halves) if plain else halves
        self._o_lane = memoryview(out.lane) if plain else out.lane
        self._r_offsets = memoryview(rtt.offsets) if plain else rtt.offsets
        self._r_u8 = memoryview(rtt.u8) if plain else rtt.u8
        self._r_u32 = memoryview(rtt.u32) if plain else rtt.u32
        self._l_offsets = memoryview(latency.offsets) if plain else latency.offsets
        self._l_u8 = memoryview(latency.u8) if plain else latency.u8
        self._l_u32 = memoryview(latency.u32) if plain else latency.u32
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _write(self, at: cython.Py_ssize_t, tick: cython.uint, passes: cython.uint) -> cython.int:
        """The entity as the next row."""
        r: cython.Py_ssize_t = self.rows
        k: cython.Py_ssize_t
        what: cython.uint = self._count[at, _WHAT]
        items: cython.Py_ssize_t
        groups: cython.uint = self._count[at, _GROUPS]
        group: cython.Py_ssize_t = 0
        self._o_u64[_W_TIME, r] = self._begins[self._count[at, _WINDOW]]
        self._o_u16[_W_SECONDS, r] = self._lengths[self._count[at, _WINDOW]]
        self._o_u8[_W_KIND, r] = what >> 24
        self._o_u8[_W_PROTO, r] = what >> 16 & 255
        self._o_u16[_W_PORT, r] = what & 0xFFFF
        self._o_u32[_W_PASS, r] = passes
        self._o_u32[_W_VERSION, r] = tick
        for k in range(2):
            self._o_halves[_W_HOST, r, k] = turned(self._sum[at, _ADDRESS + k])
            self._o_halves[_W_PEER, r, k] = turned(self._sum[at, _ADDRESS + 2 + k])
        # The columns are zero already.
        while groups != 0:
            if groups & 1:
                for k in range(group, min(group + _GROUP, _WORDS)):
                    if self._count[at, k]:
                        self._o_u32[_W_WORDS + k, r] = self._count[at, k]
            groups >>= 1
            group += _GROUP
        for k in range(_SUMS):
            if self._sum[at, k]:
                self._o_u64[_W_LONGS + k, r] = self._sum[at, k]
        self._o_u32[_W_SAMPLES, r] = self._count[at, _SAMPLES]
        items = self._write_sketch(at, 0, self._r_offsets[r], _W_RTT)
        self._o_lane[_L_RTT, r] = 3 if items > self._r_offsets[r] else 0
        self._r_offsets[r + 1] = items
        self._items = items
        items = self._write_sketch(at, 1, self._l_offsets[r], _W_DNS)
        self._o_lane[_L_DNS, r] = 3 if items > self._l_offsets[r] else 0
        self._l_offsets[r + 1] = items
        # Both lists have room for as many.
        if items > self._items:
            self._items = items
        self.rows = r + 1
        self._count[at, _CHANGED] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _write_sketch(self, at: cython.Py_ssize_t, which: cython.Py_ssize_t, items: cython.Py_ssize_t,
                      first: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The items of an entity's sketch, and its quantiles into the columns from `first` on; where they end."""
        sketch: cython.uint = self._count[at, _SKETCH + which]
        samples: cython.ulonglong = self._count[at, _SAMPLES + which]
        p50: cython.ulonglong = (samples * 50 + 99) // 100
        p95: cython.ulonglong = (samples * 95 + 99) // 100
        p99: cython.ulonglong = (samples * 99 + 99) // 100
        seen: cython.ulonglong = 0
        before: cython.ulonglong
        count: cython.uint
        k: cython.Py_ssize_t
        if sketch == 0 or sketch == _WORD32:
            return items
        for k in range(_BUCKETS):
            count = self._sketches.bucket[sketch, k]
            if count == 0:
                continue
            if which:
                self._l_u8[_R_BUCKET, items] = k
                self._l_u32[_R_COUNT, items] = count
            else:
                self._r_u8[_R_BUCKET, items] = k
                self._r_u32[_R_COUNT, items] = count
            items += 1
            before = seen
            seen += count
            if before < p50 <= seen:
                self._o_u64[first, self.rows] = middle_of(k)
            if before < p95 <= seen:
                self._o_u64[first + 1, self.rows] = middle_of(k)
            if before < p99 <= seen:
                self._o_u64[first + 2, self.rows] = middle_of(k)
            if seen >= samples:
                break
        return items
