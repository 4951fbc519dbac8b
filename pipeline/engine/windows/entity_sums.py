"""What parts add to entities: to those of both sides' hosts, of the server's port, of the pair, and of the sensor."""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.notes import Notes
from pipeline.engine.windows import entities, layout
from pipeline.engine.windows.entities import Entities
from pipeline.schema.columns import Columns, Slots
from pipeline.schema.windows import KINDS, PARTS

if not cython.compiled:
    from pipeline.engine.addresses import half

_WORDS = cython.declare(cython.Py_ssize_t, layout.WORDS)
_SPLIT = cython.declare(cython.Py_ssize_t, len(layout.SPLIT))
_OWN = cython.declare(cython.Py_ssize_t, len(layout.OWN))
_SUMS = cython.declare(cython.Py_ssize_t, layout.LONGS)
_LONG = cython.declare(cython.Py_ssize_t, len(layout.SPLIT_LONG))
_OWN_LONG = cython.declare(cython.Py_ssize_t, len(layout.OWN_LONG))
_CHANGED = cython.declare(cython.Py_ssize_t, entities.CHANGED)
_GROUPS = cython.declare(cython.Py_ssize_t, entities.GROUPS)
_GROUP = cython.declare(cython.Py_ssize_t, entities.GROUP)
_SENSOR = cython.declare(cython.uint, KINDS.index("sensor") << 24)
_HOST = cython.declare(cython.uint, KINDS.index("host") << 24)
_SERVICE = cython.declare(cython.uint, KINDS.index("service") << 24)
_PAIR = cython.declare(cython.uint, KINDS.index("pair") << 24)
_WORD32 = cython.declare(cython.uint, 0xFFFFFFFF)
# What an entity has sent: nothing that is told, side a's, side b's, both sides'.
_NONE = cython.declare(cython.int, 0)
_A = cython.declare(cython.int, 1)
_B = cython.declare(cython.int, 2)
_BOTH = cython.declare(cython.int, 3)
_p = Slots(PARTS)
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


@cython.cclass
class EntitySums(Entities):
    """Entities to which parts are added: `bind` says which parts, `apply` adds some of them to a window."""

    def __init__(self, notes: Notes) -> None:
        Entities.__init__(self, notes)
        given = np.zeros((3, layout.WORDS + layout.LONGS), np.int32)
        self._given = given if cython.compiled else memoryview(given)
        self._gave = self._gave_long = 0
        self._whole = self._sent_a = self._sent_b = 0

    def bind(self, parts: Columns) -> None:
        """Take the parts that `apply` reads."""
        plain = not cython.compiled
        times = parts.lists["times"]
        self._u8 = memoryview(parts.u8) if plain else parts.u8
        self._u16 = memoryview(parts.u16) if plain else parts.u16
        # A row's counts beside each other: they are read row by row, and most are 0.
        words = np.ascontiguousarray(parts.u32[_P_WORDS : _P_WORDS + _WORDS, : parts.rows].T)
        longs = np.ascontiguousarray(parts.u64[_P_LONGS : _P_LONGS + _SUMS, : parts.rows].T)
        self._words = memoryview(words) if plain else words
        self._longs = memoryview(longs) if plain else longs
        self._b16 = memoryview(parts.b16) if plain else parts.b16
        self._t_offsets = memoryview(times.offsets) if plain else times.offsets
        self._t_u8 = memoryview(times.u8) if plain else times.u8
        self._t_u32 = memoryview(times.u32) if plain else times.u32

    def apply(self, first: int, last: int, window: int) -> int:
        """Add the parts from row `first` up to `last` to the window; the row where there is no room for more."""
        return self._apply(first, last, window)

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
    def _give(self, row: cython.Py_ssize_t) -> cython.int:
        """Find the counts of a part that are not 0: each one's place in the part and in an entity, and who sent it; and
        the groups that they fall into, of the whole and of what each side sent."""
        k: cython.Py_ssize_t
        n: cython.Py_ssize_t = 0
        to: cython.Py_ssize_t
        one: cython.uint = 1
        self._whole = self._sent_a = self._sent_b = 0
        for k in range(_WORDS):
            if self._words[row, k] == 0:
                continue
            to = k if k < _SPLIT else k - _SPLIT
            self._given[0, n] = k
            self._given[1, n] = to
            self._given[2, n] = _A if k < _SPLIT else _B if k < 2 * _SPLIT else 0
            n += 1
            self._whole |= one << (to // _GROUP)
            if k < _SPLIT:
                self._sent_a |= one << ((to + _SPLIT + _OWN) // _GROUP)
            elif k < 2 * _SPLIT:
                self._sent_b |= one << ((to + _SPLIT + _OWN) // _GROUP)
        self._gave = n
        for k in range(_SUMS):
            if self._longs[row, k] == 0:
                continue
            self._given[0, n] = k
            self._given[1, n] = k if k < _LONG else k - _LONG
            self._given[2, n] = _A if k < _LONG else _B if k < 2 * _LONG else 0
            n += 1
        self._gave_long = n
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _add(self, row: cython.Py_ssize_t, window: cython.uint) -> cython.int:
        """Add the part of a row to all entities that it concerns."""
        at: cython.Py_ssize_t
        a: cython.ulonglong
        b: cython.ulonglong
        c: cython.ulonglong
        d: cython.ulonglong
        server: cython.int
        proto: cython.uint = self._u8[_P_PROTO, row]
        self._give(row)
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
        groups: cython.uint = self._whole
        value: cython.uint
        long: cython.ulonglong
        if at == 0:
            return 0
        if sent & _A:
            groups |= self._sent_a
        if sent & _B:
            groups |= self._sent_b
        self._count[at, _CHANGED] = 1
        self._count[at, _GROUPS] |= groups
        for i in range(self._gave):
            value = self._words[row, self._given[0, i]]
            k = self._given[1, i]
            self._count[at, k] = (self._count[at, k] + value) & _WORD32
            if sent & self._given[2, i]:
                k += _SPLIT + _OWN
                self._count[at, k] = (self._count[at, k] + value) & _WORD32
        for i in range(self._gave, self._gave_long):
            long = self._longs[row, self._given[0, i]]
            k = self._given[1, i]
            self._sum[at, k] += long
            if sent & self._given[2, i]:
                self._sum[at, k + _LONG + _OWN_LONG] += long
        for i in range(self._t_offsets[row], self._t_offsets[row + 1]):
            of = self._t_u8[_T_OF, i]
            if of == 2:
                self._sketch(at, 1, self._t_u8[_T_BUCKET, i], self._t_u32[_T_COUNT, i])
            elif trips & (of + 1):
                self._sketch(at, 0, self._t_u8[_T_BUCKET, i], self._t_u32[_T_COUNT, i])
        return 0
