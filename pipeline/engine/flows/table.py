"""The table of conversations: where each stands, what is counted of any packet, and when rows are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cython
import numpy as np

from pipeline.engine import turns as bits
from pipeline.engine.flows import words
from pipeline.engine.flows.outbox import FIRST_SIZE, Outbox
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

if not cython.compiled:
    from pipeline.engine.addresses import half
    from pipeline.engine.tcp.evidence import Evidence

_s = Slots(PACKETS)
# Bits of `dirty`: changed since its last row; stands in the list of those that changed.
_CHANGED = cython.declare(cython.uint, 1)
_LISTED = cython.declare(cython.uint, 2)
_NUMBER = cython.declare(cython.Py_ssize_t, words.count("number"))
_IDLE = cython.declare(cython.longlong, words.IDLE_NS)
_COUNTS = cython.declare(cython.Py_ssize_t, len(words.COUNTS))
_SUMS = cython.declare(cython.Py_ssize_t, len(words.SUMS))
_COUNT_WORDS = cython.declare(cython.Py_ssize_t, words.COUNT_WORDS)
_SUM_WORDS = cython.declare(cython.Py_ssize_t, words.SUM_WORDS)
_TTL_MIN = cython.declare(cython.Py_ssize_t, words.count("ttl_min"))
_TTL_MAX = cython.declare(cython.Py_ssize_t, words.count("ttl_max"))
_OPTIONS = cython.declare(cython.Py_ssize_t, words.count("options"))
_HISTOGRAM = cython.declare(cython.Py_ssize_t, words.count("histogram"))
_IS_UDP = cython.declare(cython.Py_ssize_t, words.count("is_udp"))
_FIRST_SENDER = cython.declare(cython.Py_ssize_t, words.count("first_sender"))
_IS_DIRTY = cython.declare(cython.Py_ssize_t, words.count("dirty"))
_STREAM = cython.declare(cython.Py_ssize_t, words.count("stream"))
_PORT = cython.declare(cython.Py_ssize_t, words.count("port_0"))
_IS_IP6 = cython.declare(cython.Py_ssize_t, words.count("is_ip6"))
_PACKETS = cython.declare(cython.Py_ssize_t, words.total("packets"))
_BYTES = cython.declare(cython.Py_ssize_t, words.total("bytes"))
_FIRST_FRAME = cython.declare(cython.Py_ssize_t, words.total("first_frame"))
_LAST_FRAME = cython.declare(cython.Py_ssize_t, words.total("last_frame"))
_FIRST_TIME = cython.declare(cython.Py_ssize_t, words.total("first_time"))
_LAST_TIME = cython.declare(cython.Py_ssize_t, words.total("last_time"))
_REPLACED = cython.declare(cython.Py_ssize_t, words.count("replaced"))
_UNREACHABLE = cython.declare(cython.Py_ssize_t, words.count("unreachable"))
_L_ICMP = cython.declare(cython.Py_ssize_t, _s.lane("icmp"))
_L_ICMPV6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6"))
_C_ICMP_TYPE = cython.declare(cython.Py_ssize_t, _s.u8("icmp.type"))
_C_ICMP_CODE = cython.declare(cython.Py_ssize_t, _s.u8("icmp.code"))
_C_ICMPV6_TYPE = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.type"))
_C_ICMPV6_CODE = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.code"))
_DONE = cython.declare(cython.Py_ssize_t, words.count("done"))
_RESET_BY = cython.declare(cython.Py_ssize_t, words.count("reset_by"))
_D_FIN = cython.declare(cython.uint, words.DONE["fin"])
_FLOW_ID = cython.declare(cython.Py_ssize_t, words.total("flow_id"))
_ADDRESS = cython.declare(cython.Py_ssize_t, words.total("address_0_high"))
_O_TTL = cython.declare(cython.uint, words.OPTIONS["ttl"])
# Bits of `Streams.turn`.
_T_SIDE = cython.declare(cython.int, bits.SIDE)
_T_BEGINS = cython.declare(cython.int, bits.BEGINS)
_T_UDP = cython.declare(cython.int, bits.DATAGRAM)
_T_QUOTED = cython.declare(cython.int, bits.QUOTED)
_T_FORGOT = cython.declare(cython.int, bits.FORGOT)
_T_ANOTHER = cython.declare(cython.int, bits.ANOTHER)
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_C_NUMBER = cython.declare(cython.Py_ssize_t, _s.u64("frame.number"))
_C_FLOW_ID = cython.declare(cython.Py_ssize_t, _s.u64("shoal.flow_id"))
_C_FRAME_LEN = cython.declare(cython.Py_ssize_t, _s.u32("frame.len"))
_C_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("tcp.stream"))
_C_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("udp.stream"))
_C_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_C_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_C_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_C_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_C_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_C_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_C_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_C_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_C_TTL = cython.declare(cython.Py_ssize_t, _s.u8("ip.ttl"))
_C_HLIM = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.hlim"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def as_signed(value: cython.ulonglong) -> cython.longlong:
    """The same 64 bits with a sign."""
    if not cython.compiled:
        return value - (1 << 64) if value >> 63 else value
    return cython.cast(cython.longlong, value)


@cython.cclass
class Table(Outbox):
    """The words of conversations, found by the numbers of `Streams`."""

    def __init__(self, sink: Callable[[Columns], None], evidence: Evidence, notes: Notes) -> None:
        Outbox.__init__(self, sink, evidence, notes)
        numbers = np.zeros((2, FIRST_SIZE), np.uint32)
        changed = np.zeros(FIRST_SIZE, np.uint32)
        self._row = numbers if cython.compiled else memoryview(numbers)
        self._dirty = changed if cython.compiled else memoryview(changed)
        self._used = self._changed = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "row": np.asarray(self._row),
            "count": np.asarray(self.count)[: self._used + 1],
            "sum": np.asarray(self.sum)[: self._used + 1],
            "dirty": np.asarray(self._dirty)[: self._changed],
            "numbers": [self._used, self._changed],
            "waiting": self.waiting(),
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        plain = not cython.compiled
        rows = max(FIRST_SIZE, len(state["count"]))
        arrays = [state["row"], grown(state["count"], rows), grown(state["sum"], rows), grown(state["dirty"], rows)]
        self._row, self.count, self.sum, self._dirty = [memoryview(array) for array in arrays] if plain else arrays
        self._used, self._changed = state["numbers"]
        self.restore_waiting(state["waiting"])

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def bind(self, columns: Any, numbers: cython.Py_ssize_t) -> cython.int:
        """Take the batch's columns; have room for as many conversations more, and for numbers below `numbers`."""
        plain = not cython.compiled
        times = columns.values("frame.time").view("i8")
        self.times = memoryview(times) if plain else times
        self.lane = memoryview(columns.lane) if plain else columns.lane
        self.u8 = memoryview(columns.u8) if plain else columns.u8
        self.u16 = memoryview(columns.u16) if plain else columns.u16
        self.u32 = memoryview(columns.u32) if plain else columns.u32
        self.u64 = memoryview(columns.u64) if plain else columns.u64
        self.b16 = memoryview(columns.b16) if plain else columns.b16
        self._reserve(columns.rows, numbers)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _reserve(self, rows: cython.Py_ssize_t, numbers: cython.Py_ssize_t) -> cython.int:
        """Have room for `rows` conversations more, and for numbers below `numbers`."""
        plain = not cython.compiled
        have: cython.Py_ssize_t = self._row.shape[1]  # type: ignore[index]
        if numbers > have:
            more = np.zeros((2, max(numbers, have * 2)), np.uint32)
            more[:, :have] = np.asarray(self._row)
            self._row = memoryview(more) if plain else more
        have = self._dirty.shape[0]  # type: ignore[index]
        if self._used + rows + 1 > have:
            size = max(self._used + rows + 1, have * 2)
            counts = np.zeros((size, _COUNT_WORDS), np.uint32)
            counts[:have] = np.asarray(self.count)
            sums = np.zeros((size, _SUM_WORDS), np.int64)
            sums[:have] = np.asarray(self.sum)
            changed = np.zeros(size, np.uint32)
            changed[:have] = np.asarray(self._dirty)
            self.count = memoryview(counts) if plain else counts
            self.sum = memoryview(sums) if plain else sums
            self._dirty = memoryview(changed) if plain else changed
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def tell_changed(self) -> cython.int:
        """Put every conversation that changed among the rows that wait, and those that have fallen idle."""
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        kept: cython.Py_ssize_t = 0
        idle: cython.bint
        open_: cython.bint
        for k in range(self._changed):
            at = self._dirty[k]
            idle = self.now - self.sum[at, _LAST_TIME] >= _IDLE
            open_ = (
                self.count[at, _IS_UDP] == 0
                and self.count[at, _RESET_BY] == 0
                and (self.count[at, _DONE] & self.count[at, _COUNTS + _DONE] & _D_FIN) == 0
            )
            if self.count[at, _IS_DIRTY] & _CHANGED or (idle and open_):
                self.tell(at)
            self.count[at, _IS_DIRTY] = 0
            if open_ and not idle:
                # Kept in the list until it is told as idle.
                self.count[at, _IS_DIRTY] = _LISTED
                self._dirty[kept] = at
                kept += 1
        self._changed = kept
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _clear(self, at: cython.Py_ssize_t) -> cython.int:
        """Forget what stood at `at`."""
        k: cython.Py_ssize_t
        for k in range(2):
            if self.count[at, k * _COUNTS + _HISTOGRAM]:
                self.histograms.give(self.count[at, k * _COUNTS + _HISTOGRAM])
        for k in range(_COUNT_WORDS):
            self.count[at, k] = 0
        for k in range(_SUM_WORDS):
            self.sum[at, k] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _begin(self, at: cython.Py_ssize_t, i: cython.Py_ssize_t, number: cython.int,
               turn: cython.int) -> cython.int:
        """Begin a conversation at `at` with row `i`; another that stood there was written before."""
        side: cython.int = turn & _T_SIDE
        udp: cython.int = 1 if turn & _T_UDP else 0
        listed: cython.uint = self.count[at, _IS_DIRTY] & _LISTED
        self._clear(at)
        self.count[at, _IS_DIRTY] = listed
        self.count[at, _IS_UDP] = udp
        self.count[at, _NUMBER] = number
        self.count[at, _FIRST_SENDER] = side + 1
        self.count[at, _STREAM] = self.u32[_C_UDP_STREAM if udp else _C_TCP_STREAM, i]
        self.count[at, _PORT + side] = self.u16[_C_UDP_SRC if udp else _C_TCP_SRC, i]
        self.count[at, _PORT + 1 - side] = self.u16[_C_UDP_DST if udp else _C_TCP_DST, i]
        if self.lane[_L_IP, i]:
            self.sum[at, _ADDRESS + 2 * side + 1] = self.u32[_C_SRC4, i]
            self.sum[at, _ADDRESS + 3 - 2 * side] = self.u32[_C_DST4, i]
        else:
            self.count[at, _IS_IP6] = 1
            self.sum[at, _ADDRESS + 2 * side] = as_signed(half(self.b16, _C_SRC6, i, 0))
            self.sum[at, _ADDRESS + 2 * side + 1] = as_signed(half(self.b16, _C_SRC6, i, 8))
            self.sum[at, _ADDRESS + 2 - 2 * side] = as_signed(half(self.b16, _C_DST6, i, 0))
            self.sum[at, _ADDRESS + 3 - 2 * side] = as_signed(half(self.b16, _C_DST6, i, 8))
        self.sum[at, _FLOW_ID] = as_signed(self.u64[_C_FLOW_ID, i])
        self.sum[at, _FIRST_FRAME] = self.u64[_C_NUMBER, i]
        self.sum[at, _FIRST_TIME] = self.times[i]
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def unreachable(self, i: cython.Py_ssize_t, number: cython.int) -> cython.int:
        """Note that row `i` is an ICMP error that quotes a segment of the TCP conversation `number`."""
        at: cython.Py_ssize_t = self._row[0, number]
        if at == 0 or self.count[at, _UNREACHABLE]:
            return 0
        if self.lane[_L_ICMP, i] and self.u8[_C_ICMP_TYPE, i] == 3:
            self.count[at, _UNREACHABLE] = 1 + self.u8[_C_ICMP_CODE, i]
        elif self.lane[_L_ICMPV6, i] and self.u8[_C_ICMPV6_TYPE, i] == 1:
            self.count[at, _UNREACHABLE] = 257 + self.u8[_C_ICMPV6_CODE, i]
        else:
            return 0
        self._change(at)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _change(self, at: cython.Py_ssize_t) -> cython.int:
        """Have the conversation at `at` written at the next occasion."""
        if self.count[at, _IS_DIRTY] == 0:
            self._dirty[self._changed] = at
            self._changed += 1
        self.count[at, _IS_DIRTY] = _CHANGED | _LISTED
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def tells(self, number: cython.int, turn: cython.int) -> cython.bint:
        """Whether something is to be written or forgotten before such a row is taken up."""
        return number != 0 and turn & _T_QUOTED == 0 and turn & (_T_FORGOT | _T_ANOTHER) != 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def tick(self, now: cython.longlong) -> cython.int:
        """A minute ends, at the capture's time `now`: write what changed."""
        self.now = now
        return self.tell_changed()

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def before(self, i: cython.Py_ssize_t, number: cython.int, turn: cython.int) -> cython.int:
        """Write or forget what row `i` asks for: the conversation whose ports begin another; all."""
        at: cython.Py_ssize_t
        if turn & _T_FORGOT:
            self._forget()
        at = self._row[1 if turn & _T_UDP else 0, number]
        if at and turn & _T_ANOTHER:
            # Told in any case, for that is how it ended.
            self.now = self.times[i]
            self.count[at, _REPLACED] = 1
            self.tell(at)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _forget(self) -> cython.int:
        """Forget all: the numbers are given anew. A minute has ended just before, so that all is written."""
        k: cython.Py_ssize_t
        for k in range(1, self._used + 1):
            self._clear(k)
        for k in range(self._row.shape[1]):  # type: ignore[index]
            self._row[0, k] = 0
            self._row[1, k] = 0
        self._used = 0
        self._changed = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def take_up(self, i: cython.Py_ssize_t, number: cython.int, turn: cython.int) -> cython.Py_ssize_t:
        """Count row `i` of conversation `number`; where the conversation stands."""
        side: cython.int = turn & _T_SIDE
        udp: cython.int = 1 if turn & _T_UDP else 0
        c: cython.Py_ssize_t = side * _COUNTS
        s: cython.Py_ssize_t = side * _SUMS
        now: cython.longlong = self.times[i]
        ttl: cython.uint
        at: cython.Py_ssize_t = self._row[udp, number]
        if at == 0:
            self._used += 1
            at = self._used
            self._row[udp, number] = at
            self._begin(at, i, number, turn)
        elif turn & _T_BEGINS:
            self._begin(at, i, number, turn)
        self._change(at)
        self.sum[at, _LAST_FRAME] = self.u64[_C_NUMBER, i]
        self.sum[at, _LAST_TIME] = now
        self.sum[at, s + _PACKETS] += 1
        self.sum[at, s + _BYTES] += self.u32[_C_FRAME_LEN, i]
        ttl = self.u8[_C_TTL, i] if self.lane[_L_IP, i] else self.u8[_C_HLIM, i]
        if self.count[at, c + _OPTIONS] & _O_TTL == 0:
            self.count[at, c + _OPTIONS] |= _O_TTL
            self.count[at, c + _TTL_MIN] = ttl
        if ttl < self.count[at, c + _TTL_MIN]:
            self.count[at, c + _TTL_MIN] = ttl
        if ttl > self.count[at, c + _TTL_MAX]:
            self.count[at, c + _TTL_MAX] = ttl
        return at
