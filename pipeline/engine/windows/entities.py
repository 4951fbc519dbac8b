"""What windows hold of entities: the sum of their parts, in a slot for each entity and window.

Windows are known here by numbers that `Merger` gives; the entities of a window are in one list.
"""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.flows.histograms import Histograms
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown
from pipeline.engine.windows import layout
from pipeline.engine.windows.sketch import BUCKETS
from pipeline.schema.windows import KINDS

if not cython.compiled:
    from collectors.decode.packet import mix

MOST_ENTITIES = 131_072
"""Entities in open windows (52 MB, and as rows 60 MB); see `Merger` for what is given up then."""
MOST_SKETCHES = 65_536
"""Sketches of times of these entities (50 MB); what comes later has none."""

# Words behind the counts: next of the hash's chain, next of the window's list, the window, what it is (kind, protocol,
# port), whether it has changed, its sketches of round trips and of DNS, how many times each holds, and in which groups
# of counts some are not 0: a bit for each `GROUP` of them, for of most entities few are.
NEXT, BESIDE, WINDOW, WHAT, CHANGED, SKETCH, SAMPLES, GROUPS, META = (
    layout.WORDS + k for k in (0, 1, 2, 3, 4, 5, 7, 9, 10)
)
GROUP = 4
ADDRESS, LONGS = layout.LONGS, layout.LONGS + 4

_FIRST_SIZE = 256
_WORDS = cython.declare(cython.Py_ssize_t, layout.WORDS)
_SUMS = cython.declare(cython.Py_ssize_t, layout.LONGS)
_META = cython.declare(cython.Py_ssize_t, META)
_ALL = cython.declare(cython.Py_ssize_t, LONGS)
_NEXT = cython.declare(cython.Py_ssize_t, NEXT)
_BESIDE = cython.declare(cython.Py_ssize_t, BESIDE)
_WINDOW = cython.declare(cython.Py_ssize_t, WINDOW)
_WHAT = cython.declare(cython.Py_ssize_t, WHAT)
_CHANGED = cython.declare(cython.Py_ssize_t, CHANGED)
_SKETCH = cython.declare(cython.Py_ssize_t, SKETCH)
_SAMPLES = cython.declare(cython.Py_ssize_t, SAMPLES)
_GROUPS = cython.declare(cython.Py_ssize_t, GROUPS)
_GROUP = cython.declare(cython.Py_ssize_t, GROUP)
_ADDRESS = cython.declare(cython.Py_ssize_t, ADDRESS)
_BUCKETS = cython.declare(cython.Py_ssize_t, BUCKETS)
_SENSOR = cython.declare(cython.uint, KINDS.index("sensor") << 24)
_WORD32 = cython.declare(cython.uint, 0xFFFFFFFF)
_WORD64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
# Odd numbers by which the parts of a key are multiplied for its hash.
_ODD_A = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_ODD_B = cython.declare(cython.ulonglong, 0xC2B2AE3D27D4EB4F)
_ODD_C = cython.declare(cython.ulonglong, 0x165667B19E3779F9)
_ODD_D = cython.declare(cython.ulonglong, 0xD6E8FEB86659FD93)


@cython.cclass
class Entities:
    """Slots from 1 on, of which `live` are in use."""

    def __init__(self, notes: Notes) -> None:
        plain = not cython.compiled
        count, total = np.zeros((_FIRST_SIZE, META), np.uint32), np.zeros((_FIRST_SIZE, LONGS), np.uint64)
        bucket, head = np.zeros(_FIRST_SIZE, np.uint32), np.zeros(_FIRST_SIZE, np.uint32)
        full = np.zeros(_FIRST_SIZE, np.uint8)
        self._count = memoryview(count) if plain else count
        self._sum = memoryview(total) if plain else total
        self._bucket = memoryview(bucket) if plain else bucket
        self._head = memoryview(head) if plain else head
        self._full = memoryview(full) if plain else full
        self._most = MOST_ENTITIES
        self._sketches = Histograms(notes, MOST_SKETCHES)
        self._slots_used = self._free = self.live = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
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
        self._sketches.restore(state["sketches"])

    def begin(self, window: int) -> None:
        """A window begins under this number."""
        if window >= len(self._head):
            head, full = grown(np.asarray(self._head), 2 * window), grown(np.asarray(self._full), 2 * window)
            self._head = head if cython.compiled else memoryview(head)
            self._full = full if cython.compiled else memoryview(full)
        self._head[window] = 0
        self._full[window] = 0

    def fill(self, window: int) -> None:
        """No entity is added to the window any more."""
        self._full[window] = 1

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

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self) -> cython.int:
        plain = not cython.compiled
        # What is not written to takes no memory, and each step copies all.
        size = 4 * np.asarray(self._count).shape[0]
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
        number: cython.ulonglong = mix(
            (a * _ODD_A & _WORD64) ^ (b * _ODD_B & _WORD64) ^ (c * _ODD_C & _WORD64) ^ (d * _ODD_D & _WORD64)
            ^ mix(cython.cast(cython.ulonglong, window) << 32 | what)
        )
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
        groups: cython.uint = self._count[at, _GROUPS]
        group: cython.Py_ssize_t = 0
        if to == 0:
            return 0
        self._count[to, _CHANGED] = 1
        self._count[to, _GROUPS] |= groups
        while groups != 0:
            if groups & 1:
                for k in range(group, min(group + _GROUP, _WORDS)):
                    self._count[to, k] = (self._count[to, k] + self._count[at, k]) & _WORD32
            groups >>= 1
            group += _GROUP
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
        groups: cython.uint = self._count[at, _GROUPS]
        group: cython.Py_ssize_t = 0
        while groups != 0:
            if groups & 1:
                for k in range(group, min(group + _GROUP, _WORDS)):
                    self._count[at, k] = 0
            groups >>= 1
            group += _GROUP
        for k in range(_WORDS, _META):
            self._count[at, k] = 0
        for k in range(_ALL):
            self._sum[at, k] = 0
        self._count[at, _NEXT] = self._free
        self._free = at
        self.live -= 1
        return 0
