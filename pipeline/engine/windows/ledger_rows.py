"""Rows of parts: the slots of windows that have ended, written and forgotten."""

from __future__ import annotations

import cython

from pipeline.engine.snapshot import Tree
from pipeline.engine.windows import layout, ledger
from pipeline.engine.windows.ledger import Ledger
from pipeline.engine.windows.room import Room
from pipeline.schema.columns import Columns, Slots
from pipeline.schema.windows import PARTS

if not cython.compiled:
    from pipeline.engine.addresses import turned

_WORDS = cython.declare(cython.Py_ssize_t, layout.WORDS)
_SUMS = cython.declare(cython.Py_ssize_t, layout.LONGS)
_TIMES = cython.declare(cython.Py_ssize_t, ledger.TIMES)
_ODD = cython.declare(cython.Py_ssize_t, ledger.ODD)
_ODDS = cython.declare(cython.Py_ssize_t, ledger.ODDS)
_PORT = cython.declare(cython.Py_ssize_t, ledger.PORT)
_SERVER = cython.declare(cython.Py_ssize_t, ledger.SERVER)
_STREAM = cython.declare(cython.Py_ssize_t, ledger.STREAM)
_WORD = cython.declare(cython.Py_ssize_t, ledger.WORD)
_TIME = cython.declare(cython.Py_ssize_t, ledger.TIME)
_ADDRESS = cython.declare(cython.Py_ssize_t, ledger.ADDRESS)
_FLOW = cython.declare(cython.Py_ssize_t, ledger.FLOW)
# Words of a node: the next one, what it is of, then a count or the halves of a time.
_KEY = cython.declare(cython.Py_ssize_t, 1)
_LOW = cython.declare(cython.Py_ssize_t, 2)
_HIGH = cython.declare(cython.Py_ssize_t, 3)
_s = Slots(PARTS)
_P_TICK = cython.declare(cython.Py_ssize_t, _s.u32("shoal.window.tick"))
_P_PASS = cython.declare(cython.Py_ssize_t, _s.u32("shoal.window.pass"))
_P_TIME = cython.declare(cython.Py_ssize_t, _s.u64("shoal.window.time"))
_P_KIND = cython.declare(cython.Py_ssize_t, _s.u8("shoal.part.kind"))
_P_PROTO = cython.declare(cython.Py_ssize_t, _s.u8("ip.proto"))
_P_SERVER = cython.declare(cython.Py_ssize_t, _s.u8("shoal.server"))
_P_A = cython.declare(cython.Py_ssize_t, _s.b16("shoal.a.address"))
_P_B = cython.declare(cython.Py_ssize_t, _s.b16("shoal.b.address"))
_P_PORT_A = cython.declare(cython.Py_ssize_t, _s.u16("shoal.a.port"))
_P_PORT_B = cython.declare(cython.Py_ssize_t, _s.u16("shoal.b.port"))
_P_FLOW = cython.declare(cython.Py_ssize_t, _s.u64("shoal.flow_id"))
_P_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("shoal.stream"))
_P_WORDS = cython.declare(cython.Py_ssize_t, layout.PART_WORDS)
_P_LONGS = cython.declare(cython.Py_ssize_t, layout.PART_LONGS)
_T_OF = cython.declare(cython.Py_ssize_t, _s.item("times", "u8", "shoal.times.of"))
_T_BUCKET = cython.declare(cython.Py_ssize_t, _s.item("times", "u8", "shoal.times.bucket"))
_T_COUNT = cython.declare(cython.Py_ssize_t, _s.item("times", "u32", "shoal.times.count"))
_D_TIME = cython.declare(cython.Py_ssize_t, _s.item("odd", "u64", "shoal.odd.time"))
_D_RESENT = cython.declare(cython.Py_ssize_t, _s.item("odd", "u8", "shoal.odd.resent"))


@cython.cclass
class LedgerRows(Ledger):
    """A ledger whose slots are told as rows of `PARTS`."""

    def __init__(self) -> None:
        Ledger.__init__(self)
        self._out = Room(PARTS)
        self._told_rows = self._told_times = self._told_odd = 0
        self._room_rows = self._room_times = self._room_odd = 0

    def restore_slots(self, state: Tree) -> None:
        """Know what `slots` told; what was told as rows is taken before."""
        Ledger.restore_slots(self, state)
        self._out.empty()
        self._told_rows = self._told_times = self._told_odd = 0
        self._room_rows = self._room_times = self._room_odd = 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _room(self) -> cython.int:
        """Have room to tell all slots."""
        plain = not cython.compiled
        if (
            self._told_rows + self.live <= self._room_rows and self._told_times + self.nodes <= self._room_times
            and self._told_odd + self.nodes <= self._room_odd
        ):
            return 0
        # Each node is an item of one of the two lists.
        items = {"times": self._told_times + self.nodes, "odd": self._told_odd + self.nodes}
        out = self._out.have(self._told_rows, self._told_rows + self.live, items)
        times, odd = out.lists["times"], out.lists["odd"]
        self._room_rows, self._room_times, self._room_odd = out.capacity, times.u8.shape[1], odd.u8.shape[1]
        self._o_u8 = memoryview(out.u8) if plain else out.u8
        self._o_u16 = memoryview(out.u16) if plain else out.u16
        self._o_u32 = memoryview(out.u32) if plain else out.u32
        self._o_u64 = memoryview(out.u64) if plain else out.u64
        halves = out.b16.view("<u8")
        self._o_halves = memoryview(halves) if plain else halves
        self._t_offsets = memoryview(times.offsets) if plain else times.offsets
        self._t_u8 = memoryview(times.u8) if plain else times.u8
        self._t_u32 = memoryview(times.u32) if plain else times.u32
        self._d_offsets = memoryview(odd.offsets) if plain else odd.offsets
        self._d_u8 = memoryview(odd.u8) if plain else odd.u8
        self._d_u64 = memoryview(odd.u64) if plain else odd.u64
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _write(self, at: cython.Py_ssize_t, tick: cython.uint, passes: cython.uint) -> cython.int:
        """The slot as the next row."""
        r: cython.Py_ssize_t = self._told_rows
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        node: cython.Py_ssize_t
        self._o_u32[_P_TICK, r] = tick
        self._o_u32[_P_PASS, r] = passes
        self._o_u64[_P_TIME, r] = self.sum[at, _TIME]
        self._o_u64[_P_FLOW, r] = self.sum[at, _FLOW]
        self._o_u32[_P_STREAM, r] = self.count[at, _STREAM]
        self._o_u8[_P_KIND, r] = self.count[at, _WORD] >> 8 & 255
        self._o_u8[_P_PROTO, r] = self.count[at, _WORD] & 255
        self._o_u8[_P_SERVER, r] = self.count[at, _SERVER]
        self._o_u16[_P_PORT_A, r] = self.count[at, _PORT]
        self._o_u16[_P_PORT_B, r] = self.count[at, _PORT + 1]
        for k in range(2):
            self._o_halves[_P_A, r, k] = turned(self.sum[at, _ADDRESS + k])
            self._o_halves[_P_B, r, k] = turned(self.sum[at, _ADDRESS + 2 + k])
        # The columns are zero already.
        for k in range(_WORDS):
            if self.count[at, k]:
                self._o_u32[_P_WORDS + k, r] = self.count[at, k]
        for k in range(_SUMS):
            if self.sum[at, k]:
                self._o_u64[_P_LONGS + k, r] = self.sum[at, k]
        node = self.count[at, _TIMES]
        while node != 0:
            self._t_u8[_T_OF, self._told_times] = self._node[node, _KEY] >> 8
            self._t_u8[_T_BUCKET, self._told_times] = self._node[node, _KEY] & 255
            self._t_u32[_T_COUNT, self._told_times] = self._node[node, _LOW]
            self._told_times += 1
            node = self._node[node, 0]
        self._t_offsets[r + 1] = self._told_times
        node = self.count[at, _ODD]
        i = self._told_odd + self.count[at, _ODDS]
        self._told_odd = i
        while node != 0:
            # The last one is the first of the list.
            i -= 1
            self._d_u64[_D_TIME, i] = (
                cython.cast(cython.ulonglong, self._node[node, _HIGH]) << 32 | self._node[node, _LOW]
            )
            self._d_u8[_D_RESENT, i] = self._node[node, _KEY]
            node = self._node[node, 0]
        self._d_offsets[r + 1] = self._told_odd
        self._told_rows = r + 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def tell(self, now: cython.ulonglong, tick: cython.uint, passes: cython.uint) -> cython.int:
        """Tell the slots of windows that begin before `now`, in the order in which they came, and forget them."""
        k: cython.Py_ssize_t
        kept: cython.Py_ssize_t = 0
        at: cython.Py_ssize_t
        if self.live == 0:
            return 0
        self._room()
        with cython.nogil:
            for k in range(self.live):
                at = self._living[k]
                if self.sum[at, _TIME] < now:
                    self._write(at, tick, passes)
                    self._release(at)
                else:
                    self._living[kept] = at
                    kept += 1
            self.live = kept
        return 0

    def take_told(self) -> Columns | None:
        """The rows that were told since the last time, None for none; they hold until the next ones are told."""
        out: Columns | None = self._out.hand_out(self._told_rows)
        self._told_rows = self._told_times = self._told_odd = 0
        self._room_rows = self._room_times = self._room_odd = 0
        return out
