"""What windows hold of entities: the sum of their parts, in a slot for each entity and window.

Windows are known here by numbers that `Merger` gives; the entities of a window are in one list.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pipeline.engine.flows.histograms import Histograms
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown
from pipeline.engine.windows import layout
from pipeline.engine.windows.sketch import BUCKETS
from pipeline.engine.windows.told import grown_columns
from pipeline.schema.columns import Columns, Slots
from pipeline.schema.windows import KINDS, PART_KINDS, PARTS, WINDOWS

if not cython.compiled:
    from collectors.decode.packet import mix
    from pipeline.engine.addresses import half
    from pipeline.engine.windows.sketch import middle_of

MOST_ENTITIES = 131_072
"""Entities in open windows (52 MB, and as rows 60 MB); see `Merger` for what is given up then."""
MOST_SKETCHES = 65_536
"""Sketches of times of these entities (50 MB); what comes later has none."""

# Words behind the counts: next of the hash's chain, next of the window's list, the window, what it is (kind, protocol,
# port), whether it has changed, its sketches of round trips and of DNS, and how many times each holds.
NEXT, BESIDE, WINDOW, WHAT, CHANGED, SKETCH, SAMPLES, META = (layout.WORDS + k for k in (0, 1, 2, 3, 4, 5, 7, 9))
ADDRESS, LONGS = layout.LONGS, layout.LONGS + 4

_FIRST_SIZE = 256
_FOR_EACH = 8
"""Rows of windows that a part makes at the most, about, and items for each of its own."""
_FORESEEN = 131_072
"""Most rows, and items, that room is made for before they come."""
_IDLE = 32
"""So often rows are taken that need less than a quarter of the room, until it is given back."""
_SKEW = 16
"""Rows beyond a power of two: columns that stand a multiple of 4,096 bytes apart push each other out of the cache."""
_WORDS = cython.declare(cython.Py_ssize_t, layout.WORDS)
_SPLIT = cython.declare(cython.Py_ssize_t, len(layout.SPLIT))
_OWN = cython.declare(cython.Py_ssize_t, len(layout.OWN))
_SUMS = cython.declare(cython.Py_ssize_t, layout.LONGS)
_LONG = cython.declare(cython.Py_ssize_t, len(layout.SPLIT_LONG))
_OWN_LONG = cython.declare(cython.Py_ssize_t, len(layout.OWN_LONG))
_META = cython.declare(cython.Py_ssize_t, META)
_ALL = cython.declare(cython.Py_ssize_t, LONGS)
_NEXT = cython.declare(cython.Py_ssize_t, NEXT)
_BESIDE = cython.declare(cython.Py_ssize_t, BESIDE)
_WINDOW = cython.declare(cython.Py_ssize_t, WINDOW)
_WHAT = cython.declare(cython.Py_ssize_t, WHAT)
_CHANGED = cython.declare(cython.Py_ssize_t, CHANGED)
_SKETCH = cython.declare(cython.Py_ssize_t, SKETCH)
_SAMPLES = cython.declare(cython.Py_ssize_t, SAMPLES)
_ADDRESS = cython.declare(cython.Py_ssize_t, ADDRESS)
_BUCKETS = cython.declare(cython.Py_ssize_t, BUCKETS)
_SENSOR = cython.declare(cython.uint, KINDS.index("sensor") << 24)
_HOST = cython.declare(cython.uint, KINDS.index("host") << 24)
_SERVICE = cython.declare(cython.uint, KINDS.index("service") << 24)
_PAIR = cython.declare(cython.uint, KINDS.index("pair") << 24)
_DROPPED = cython.declare(cython.uint, PART_KINDS.index("dropped"))
_WORD32 = cython.declare(cython.uint, 0xFFFFFFFF)
# What an entity has sent: nothing that is told, side a's, side b's, both sides'.
_NONE = cython.declare(cython.int, 0)
_A = cython.declare(cython.int, 1)
_B = cython.declare(cython.int, 2)
_BOTH = cython.declare(cython.int, 3)
_p = Slots(PARTS)
_P_TIME = cython.declare(cython.Py_ssize_t, _p.u64("shoal.window.time"))
_P_KIND = cython.declare(cython.Py_ssize_t, _p.u8("shoal.part.kind"))
_P_PROTO = cython.declare(cython.Py_ssize_t, _p.u8("ip.proto"))
_P_SERVER = cython.declare(cython.Py_ssize_t, _p.u8("shoal.server"))
_P_A = cython.declare(cython.Py_ssize_t, _p.b16("shoal.a.address"))
_P_B = cython.declare(cython.Py_ssize_t, _p.b16("shoal.b.address"))
_P_PORT = cython.declare(cython.Py_ssize_t, _p.u16("shoal.a.port"))
_P_WORDS = cython.declare(cython.Py_ssize_t, layout.PART_WORDS)
_P_LONGS = cython.declare(cython.Py_ssize_t, layout.PART_LONGS)
_T_OF = cython.declare(cython.Py_ssize_t, _p.item("times", "u8", "shoal.times.of"))
_T_BUCKET = cython.declare(cython.Py_ssize_t, _p.item("times", "u8", "shoal.times.bucket"))
_T_COUNT = cython.declare(cython.Py_ssize_t, _p.item("times", "u32", "shoal.times.count"))
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
class Entities:
    """Slots from 1 on. `live` are in use; `rows` were told and wait for `take`."""

    def __init__(self, notes: Notes) -> None:
        plain = not cython.compiled
        count, total = np.zeros((_FIRST_SIZE, META), np.uint32), np.zeros((_FIRST_SIZE, LONGS), np.uint64)
        bucket, head = np.zeros(_FIRST_SIZE, np.uint32), np.zeros(_FIRST_SIZE, np.uint32)
        full, given = np.zeros(_FIRST_SIZE, np.uint8), np.zeros(layout.WORDS + layout.LONGS, np.int32)
        self._count = memoryview(count) if plain else count
        self._sum = memoryview(total) if plain else total
        self._bucket = memoryview(bucket) if plain else bucket
        self._head = memoryview(head) if plain else head
        self._full = memoryview(full) if plain else full
        begins, lengths = np.zeros(_FIRST_SIZE, np.uint64), np.zeros(_FIRST_SIZE, np.uint32)
        due, aside = np.zeros(_FIRST_SIZE, np.uint32), np.zeros(_FIRST_SIZE, np.uint32)
        self._begins = memoryview(begins) if plain else begins
        self._lengths = memoryview(lengths) if plain else lengths
        self._due = memoryview(due) if plain else due
        self._aside = memoryview(aside) if plain else aside
        self._due_rows = self._due_items = 0
        self._given = memoryview(given) if plain else given
        self._most = MOST_ENTITIES
        self._sketches = Histograms(notes, MOST_SKETCHES)
        self._slots_used = self._free = self._gave = self._gave_long = 0
        self.live = 0
        self._out: Columns | None = None
        self.rows = self._items = self._room_rows = self._room_items = 0
        self._rows_hint = self._items_hint = self._idle = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot; what was told is taken before."""
        return {
            "numbers": [self.live, self._slots_used, self._free],
            "count": np.asarray(self._count)[: self._slots_used + 1],
            "sum": np.asarray(self._sum)[: self._slots_used + 1], "bucket": np.asarray(self._bucket),
            "head": np.asarray(self._head), "full": np.asarray(self._full), "sketches": self._sketches.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        plain = not cython.compiled
        self.live, self._slots_used, self._free = state["numbers"]
        count, total = grown(state["count"], _FIRST_SIZE), grown(state["sum"], _FIRST_SIZE)
        self._count = memoryview(count) if plain else count
        self._sum = memoryview(total) if plain else total
        self._bucket = memoryview(state["bucket"]) if plain else state["bucket"]
        self._head = memoryview(state["head"]) if plain else state["head"]
        self._full = memoryview(state["full"]) if plain else state["full"]
        begins, lengths = np.zeros(len(state["head"]), np.uint64), np.zeros(len(state["head"]), np.uint32)
        self._begins = memoryview(begins) if plain else begins
        self._lengths = memoryview(lengths) if plain else lengths
        self._sketches.restore(state["sketches"])
        self._out = None
        self.rows = self._items = self._room_rows = self._room_items = self._due_rows = self._due_items = 0

    def bind(self, parts: Columns) -> None:
        """Take the parts that `apply` reads."""
        plain = not cython.compiled
        times = parts.lists["times"]
        self._rows_hint = min(_FORESEEN, _FOR_EACH * parts.rows)
        self._items_hint = min(_FORESEEN, _FOR_EACH * int(times.offsets[parts.rows]))
        self._u8 = memoryview(parts.u8) if plain else parts.u8
        self._u16 = memoryview(parts.u16) if plain else parts.u16
        self._u32 = memoryview(parts.u32) if plain else parts.u32
        self._u64 = memoryview(parts.u64) if plain else parts.u64
        self._b16 = memoryview(parts.b16) if plain else parts.b16
        self._t_offsets = memoryview(times.offsets) if plain else times.offsets
        self._t_u8 = memoryview(times.u8) if plain else times.u8
        self._t_u32 = memoryview(times.u32) if plain else times.u32

    def begin(self, window: int) -> None:
        """A window begins under this number."""
        if window >= len(self._head):
            head, full = grown(np.asarray(self._head), 2 * window), grown(np.asarray(self._full), 2 * window)
            self._head = head if cython.compiled else memoryview(head)
            self._full = full if cython.compiled else memoryview(full)
            begins, lengths = grown(np.asarray(self._begins), 2 * window), grown(np.asarray(self._lengths), 2 * window)
            self._begins = begins if cython.compiled else memoryview(begins)
            self._lengths = lengths if cython.compiled else memoryview(lengths)
        self._head[window] = 0
        self._full[window] = 0

    def fill(self, window: int) -> None:
        """No entity is added to the window any more."""
        self._full[window] = 1

    def apply(self, first: int, last: int, window: int) -> int:
        """Add the parts from row `first` up to `last` to the window; the row where there is no room for more."""
        return self._apply(first, last, window)

    def fold(self, window: int, into: int) -> bool:
        """Add all that the window has to another one; False, and nothing was added, where there is no room."""
        at: cython.Py_ssize_t = self._head[window]
        size: cython.Py_ssize_t = 0
        if self._full[into] == 0:
            with cython.nogil:
                while at != 0:
                    size += 1
                    at = self._count[at, _BESIDE]
            if self.live + size > self._most:
                return False
        at = self._head[window]
        target: cython.uint = into
        with cython.nogil:
            while at != 0:
                self._fold(at, target)
                at = self._count[at, _BESIDE]
        return True

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

    def forget(self, window: int, *, sensor: bool = True) -> int:
        """Forget the entities of the window, without `sensor` all but that one; how many."""
        at: cython.Py_ssize_t = self._head[window]
        after: cython.Py_ssize_t
        forgotten = 0
        self._head[window] = 0
        while at != 0:
            after = self._count[at, _BESIDE]
            if not sensor and self._count[at, _WHAT] == _SENSOR:
                self._count[at, _BESIDE] = 0
                self._head[window] = at
            else:
                self._release(at)
                forgotten += 1
            at = after
        return forgotten

    def take(self) -> Columns:
        """The rows that were written since the last time. They hold until `write` is called again."""
        out = self._out
        if out is None or self.rows == 0:
            return Columns(WINDOWS, 0)
        out.rows = self.rows
        self._idle = self._idle + 1 if 4 * self.rows < self._room_rows else 0
        self.rows = self._items = 0
        return out

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
    def _grow(self) -> cython.int:
        plain = not cython.compiled
        size = 2 * np.asarray(self._count).shape[0]
        count, total = grown(np.asarray(self._count), size), grown(np.asarray(self._sum), size)
        self._count = memoryview(count) if plain else count
        self._sum = memoryview(total) if plain else total
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow_buckets(self) -> cython.int:
        """Twice the buckets of the hash."""
        size = 2 * np.asarray(self._bucket).shape[0]
        old: cython.uint[::1] = self._bucket
        bucket = np.zeros(size, np.uint32)
        self._bucket = bucket if cython.compiled else memoryview(bucket)
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        after: cython.Py_ssize_t
        h: cython.Py_ssize_t
        for k in range(old.shape[0]):
            at = old[k]
            while at != 0:
                after = self._count[at, _NEXT]
                h = self._hash(
                    self._count[at, _WINDOW], self._count[at, _WHAT], self._sum[at, _ADDRESS],
                    self._sum[at, _ADDRESS + 1], self._sum[at, _ADDRESS + 2], self._sum[at, _ADDRESS + 3],
                )
                self._count[at, _NEXT] = self._bucket[h]
                self._bucket[h] = at
                at = after
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _hash(self, window: cython.uint, what: cython.uint, a: cython.ulonglong, b: cython.ulonglong,
              c: cython.ulonglong, d: cython.ulonglong) -> cython.Py_ssize_t:
        """The bucket of an entity."""
        number: cython.ulonglong = mix(b ^ mix(d ^ mix(a ^ mix(c ^ mix(
            cython.cast(cython.ulonglong, window) << 32 | what)))))
        return number & (self._bucket.shape[0] - 1)  # type: ignore[index]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _find(self, window: cython.uint, what: cython.uint, a: cython.ulonglong, b: cython.ulonglong,
              c: cython.ulonglong, d: cython.ulonglong) -> cython.Py_ssize_t:
        """The slot of an entity, by what it is and its addresses; 0 where the window is full."""
        h: cython.Py_ssize_t = self._hash(window, what, a, b, c, d)
        at: cython.Py_ssize_t = self._bucket[h]
        while at != 0:
            if (
                self._count[at, _WINDOW] == window and self._count[at, _WHAT] == what
                and self._sum[at, _ADDRESS + 1] == b and self._sum[at, _ADDRESS + 3] == d
                and self._sum[at, _ADDRESS] == a and self._sum[at, _ADDRESS + 2] == c
            ):
                return at
            at = self._count[at, _NEXT]
        if self._full[window] and what != _SENSOR:
            return 0
        at = self._free
        if at != 0:
            self._free = self._count[at, _NEXT]
        else:
            if self._slots_used + 1 >= self._count.shape[0]:  # type: ignore[index]
                with cython.gil:
                    self._grow()
            self._slots_used += 1
            at = self._slots_used
        self.live += 1
        if self.live > self._bucket.shape[0]:  # type: ignore[index]
            with cython.gil:
                self._grow_buckets()
            h = self._hash(window, what, a, b, c, d)
        self._count[at, _NEXT] = self._bucket[h]
        self._bucket[h] = at
        self._count[at, _BESIDE] = self._head[window]
        self._head[window] = at
        self._count[at, _WINDOW] = window
        self._count[at, _WHAT] = what
        self._sum[at, _ADDRESS] = a
        self._sum[at, _ADDRESS + 1] = b
        self._sum[at, _ADDRESS + 2] = c
        self._sum[at, _ADDRESS + 3] = d
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _apply(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t, window: cython.uint) -> cython.Py_ssize_t:
        row: cython.Py_ssize_t
        for row in range(first, last):
            if self.live + 5 > self._most and self._full[window] == 0:
                return row
            self._add(row, window)
        return last

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _add(self, row: cython.Py_ssize_t, window: cython.uint) -> cython.int:
        """Add the part of a row to all entities that it concerns."""
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        a: cython.ulonglong
        b: cython.ulonglong
        c: cython.ulonglong
        d: cython.ulonglong
        server: cython.int
        proto: cython.uint = self._u8[_P_PROTO, row]
        self._gave = 0
        for k in range(_WORDS):
            if self._u32[_P_WORDS + k, row]:
                self._given[self._gave] = k
                self._gave += 1
        self._gave_long = self._gave
        for k in range(_SUMS):
            if self._u64[_P_LONGS + k, row]:
                self._given[self._gave_long] = k
                self._gave_long += 1
        self._add_to(self._find(window, _SENSOR, 0, 0, 0, 0), row, _NONE, _BOTH)
        if proto == 0:
            return 0
        a = half(self._b16, _P_A, row, 0)
        b = half(self._b16, _P_A, row, 8)
        c = half(self._b16, _P_B, row, 0)
        d = half(self._b16, _P_B, row, 8)
        server = self._u8[_P_SERVER, row]
        if server == 1 and (proto == 6 or proto == 17):
            self._add_to(self._find(window, _SERVICE | proto << 16 | self._u16[_P_PORT, row], a, b, 0, 0), row, _A, _A)
        elif server == 2 and (proto == 6 or proto == 17):
            self._add_to(self._find(window, _SERVICE | proto << 16 | self._u16[_P_PORT + 1, row], c, d, 0, 0), row,
                         _B, _B)
        if a == c and b == d:
            self._add_to(self._find(window, _HOST, a, b, 0, 0), row, _BOTH, _BOTH)
            self._add_to(self._find(window, _PAIR, a, b, c, d), row, _BOTH, _BOTH)
            return 0
        self._add_to(self._find(window, _HOST, a, b, 0, 0), row, _A, _A)
        self._add_to(self._find(window, _HOST, c, d, 0, 0), row, _B, _B)
        # Exchanges have their client as side a.
        if a < c or (a == c and b < d):
            at = self._find(window, _PAIR, a, b, c, d)
            self._add_to(at, row, _A, _BOTH)
        else:
            at = self._find(window, _PAIR, c, d, a, b)
            self._add_to(at, row, _B, _BOTH)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _add_to(self, at: cython.Py_ssize_t, row: cython.Py_ssize_t, sent: cython.int,
                trips: cython.int) -> cython.int:
        """Add the part to an entity, of which `sent` says what it has sent itself, and `trips` whose round trips it
        has: _A, _B, _BOTH."""
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        of: cython.int
        value: cython.uint
        long: cython.ulonglong
        if at == 0:
            return 0
        self._count[at, _CHANGED] = 1
        for i in range(self._gave):
            k = self._given[i]
            value = self._u32[_P_WORDS + k, row]
            of = _A
            if k >= 2 * _SPLIT:
                k -= _SPLIT
                of = 0
            elif k >= _SPLIT:
                k -= _SPLIT
                of = _B
            self._count[at, k] = (self._count[at, k] + value) & _WORD32
            if sent & of:
                k += _SPLIT + _OWN
                self._count[at, k] = (self._count[at, k] + value) & _WORD32
        for i in range(self._gave, self._gave_long):
            k = self._given[i]
            long = self._u64[_P_LONGS + k, row]
            of = _A
            if k >= 2 * _LONG:
                k -= _LONG
                of = 0
            elif k >= _LONG:
                k -= _LONG
                of = _B
            self._sum[at, k] += long
            if sent & of:
                self._sum[at, k + _LONG + _OWN_LONG] += long
        for i in range(self._t_offsets[row], self._t_offsets[row + 1]):
            of = self._t_u8[_T_OF, i]
            if of == 2:
                self._sketch(at, 1, self._t_u8[_T_BUCKET, i], self._t_u32[_T_COUNT, i])
            elif trips & (of + 1):
                self._sketch(at, 0, self._t_u8[_T_BUCKET, i], self._t_u32[_T_COUNT, i])
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _sketch(self, at: cython.Py_ssize_t, which: cython.Py_ssize_t, bucket: cython.uint,
                count: cython.uint) -> cython.int:
        """Add times to sketch `which` of an entity: 0 of round trips, 1 of DNS."""
        sketch: cython.uint = self._count[at, _SKETCH + which]
        self._count[at, _SAMPLES + which] += count
        if sketch == 0:
            sketch = self._sketches.take()
            if sketch == 0:
                # None from now on either: half a sketch would be a wrong one.
                sketch = _WORD32
            self._count[at, _SKETCH + which] = sketch
        if sketch != _WORD32:
            self._sketches.bucket[sketch, bucket] += count
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _fold(self, at: cython.Py_ssize_t, into: cython.uint) -> cython.int:
        """Add an entity's counts to those that it has in the window `into`."""
        to: cython.Py_ssize_t = self._find(
            into, self._count[at, _WHAT], self._sum[at, _ADDRESS], self._sum[at, _ADDRESS + 1],
            self._sum[at, _ADDRESS + 2], self._sum[at, _ADDRESS + 3],
        )
        k: cython.Py_ssize_t
        which: cython.Py_ssize_t
        sketch: cython.uint
        if to == 0:
            return 0
        self._count[to, _CHANGED] = 1
        for k in range(_WORDS):
            self._count[to, k] = (self._count[to, k] + self._count[at, k]) & _WORD32
        for k in range(_SUMS):
            self._sum[to, k] += self._sum[at, k]
        for which in range(2):
            sketch = self._count[at, _SKETCH + which]
            if sketch == _WORD32:
                self._count[to, _SAMPLES + which] += self._count[at, _SAMPLES + which]
                if self._count[to, _SKETCH + which] != 0 and self._count[to, _SKETCH + which] != _WORD32:
                    self._sketches.give(self._count[to, _SKETCH + which])
                self._count[to, _SKETCH + which] = _WORD32
            elif sketch != 0:
                for k in range(_BUCKETS):
                    if self._sketches.bucket[sketch, k]:
                        self._sketch(to, which, k, self._sketches.bucket[sketch, k])
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _room(self) -> cython.int:
        """Have room to write what is due."""
        plain = not cython.compiled
        rows: cython.Py_ssize_t = self.rows + self._due_rows
        items: cython.Py_ssize_t = self._items + self._due_items
        out: Any = self._out
        if out is not None and self.rows == 0:
            if self._idle >= _IDLE:
                out = None
                self._room_rows = self._room_items = self._idle = 0
            else:
                # Those that were taken: memory that was touched before costs less than new memory.
                out.clear()
        if rows <= self._room_rows and items <= self._room_items:
            return 0
        # As many as the parts let expect: it costs more to grow.
        if rows > self._room_rows:
            rows = (max(rows, 2 * self._room_rows, self._rows_hint) | 1023) + 1 + _SKEW
        room = {g.name: max(_FIRST_SIZE, items, self._items_hint) for g in WINDOWS.groups}
        if out is None:
            out = Columns(WINDOWS, rows, room)
        else:
            out.rows = self.rows
            out = grown_columns(out, rows, room)
        rtt, latency = out.lists["rtt"], out.lists["latency"]
        self._out = out
        self._room_rows, self._room_items = out.capacity, rtt.u8.shape[1]
        self._o_u8 = memoryview(out.u8) if plain else out.u8
        self._o_u16 = memoryview(out.u16) if plain else out.u16
        self._o_u32 = memoryview(out.u32) if plain else out.u32
        self._o_u64 = memoryview(out.u64) if plain else out.u64
        self._o_b16 = memoryview(out.b16) if plain else out.b16
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
        self._o_u64[_W_TIME, r] = self._begins[self._count[at, _WINDOW]]
        self._o_u16[_W_SECONDS, r] = self._lengths[self._count[at, _WINDOW]]
        self._o_u8[_W_KIND, r] = what >> 24
        self._o_u8[_W_PROTO, r] = what >> 16 & 255
        self._o_u16[_W_PORT, r] = what & 0xFFFF
        self._o_u32[_W_PASS, r] = passes
        self._o_u32[_W_VERSION, r] = tick
        for k in range(16):
            self._o_b16[_W_HOST, r, k] = (self._sum[at, _ADDRESS + (k >> 3)] >> (56 - 8 * (k & 7))) & 255
            self._o_b16[_W_PEER, r, k] = (self._sum[at, _ADDRESS + 2 + (k >> 3)] >> (56 - 8 * (k & 7))) & 255
        for k in range(_WORDS):
            if self._count[at, k]:
                self._o_u32[_W_WORDS + k, r] = self._count[at, k]
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

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _release(self, at: cython.Py_ssize_t) -> cython.int:
        """Forget an entity, but for its window's list."""
        h: cython.Py_ssize_t = self._hash(
            self._count[at, _WINDOW], self._count[at, _WHAT], self._sum[at, _ADDRESS], self._sum[at, _ADDRESS + 1],
            self._sum[at, _ADDRESS + 2], self._sum[at, _ADDRESS + 3],
        )
        here: cython.Py_ssize_t = self._bucket[h]
        k: cython.Py_ssize_t
        if here == at:
            self._bucket[h] = self._count[at, _NEXT]
        else:
            while self._count[here, _NEXT] != at:
                here = self._count[here, _NEXT]
            self._count[here, _NEXT] = self._count[at, _NEXT]
        for k in range(2):
            if self._count[at, _SKETCH + k] != 0 and self._count[at, _SKETCH + k] != _WORD32:
                self._sketches.give(self._count[at, _SKETCH + k])
        for k in range(_META):
            self._count[at, k] = 0
        for k in range(_ALL):
            self._sum[at, k] = 0
        self._count[at, _NEXT] = self._free
        self._free = at
        self.live -= 1
        return 0
