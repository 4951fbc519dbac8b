"""What a shard counts of each conversation in each window, told at the tick that ends the window.

What is counted depends on the rows and ticks alone, not on how they were cut into batches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.conversations import NEIGHBOUR_DISCOVERY
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.windows import layout, ledger
from pipeline.engine.windows.bundle import Bundle, WindowTick
from pipeline.engine.windows.conversation_counts import ConversationCounts
from pipeline.engine.windows.said import Said, said
from pipeline.engine.windows.ticks import LATEST
from pipeline.schema import PACKETS
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns, Slots
from pipeline.schema.windows import BASE_SECONDS, LATENESS_SECONDS, PART_KINDS

if not cython.compiled:
    from pipeline.engine.addresses import half
    from pipeline.engine.windows.sketch import bucket_of

MOST_SLOTS = 262_144
"""Conversations in open windows; with one more, all are told early (`parts-forgotten`)."""
MOST_NODES = 4_194_304
"""Buckets of times, and frames that are odd, in all open windows together."""

_LONG = cython.declare(cython.Py_ssize_t, len(layout.SPLIT_LONG))
_PACKETS = cython.declare(cython.Py_ssize_t, layout.long("shoal.packets"))
_BYTES = cython.declare(cython.Py_ssize_t, layout.long("shoal.bytes"))
_LATE = cython.declare(cython.Py_ssize_t, layout.long("shoal.late"))
_DROPPED = cython.declare(cython.Py_ssize_t, layout.long("shoal.dropped"))
_OPENED = cython.declare(cython.Py_ssize_t, layout.word("shoal.flows_opened"))
_ICMP_ERRORS = cython.declare(cython.Py_ssize_t, layout.word("shoal.icmp_errors"))
_QUERIES = cython.declare(cython.Py_ssize_t, layout.word("shoal.dns.queries"))
_FAILURES = cython.declare(cython.Py_ssize_t, layout.word("shoal.dns.failures"))
_NXDOMAIN = cython.declare(cython.Py_ssize_t, layout.word("shoal.dns.nxdomain"))
_DHCP = cython.declare(cython.Py_ssize_t, layout.word("shoal.dhcp.failures"))
_EXCHANGES = cython.declare(cython.uint, PART_KINDS.index("exchanges") << 8)
_DROPS = cython.declare(cython.uint, PART_KINDS.index("dropped") << 8)
_SERVER = cython.declare(cython.Py_ssize_t, ledger.SERVER)
_WORD = cython.declare(cython.Py_ssize_t, ledger.WORD)
_TIME = cython.declare(cython.Py_ssize_t, ledger.TIME)
_LATEST = cython.declare(cython.longlong, LATEST)
_ALL = cython.declare(cython.ulonglong, 1 << 63)
# In `_WORD`, beside kind and protocol: it is of neighbour discovery.
_NEIGHBOURS = cython.declare(cython.uint, 1 << 16)
_ND_FIRST = cython.declare(cython.uint, int(NEIGHBOUR_DISCOVERY[0]))
_ND_LAST = cython.declare(cython.uint, int(NEIGHBOUR_DISCOVERY[-1]))
_MAPPED = cython.declare(cython.ulonglong, 0xFFFF00000000)
_NODES = cython.declare(cython.Py_ssize_t, MOST_NODES)
# What one row may need: a slot in each window of a SYN that it answers, and its own ones.
_SPARE = cython.declare(cython.Py_ssize_t, 12)
_T_SIDE = cython.declare(cython.int, bits.SIDE)
_T_BEGINS = cython.declare(cython.int, bits.BEGINS)
_T_UDP = cython.declare(cython.int, bits.DATAGRAM)
_T_QUOTED = cython.declare(cython.int, bits.QUOTED)
_T_FORGOT = cython.declare(cython.int, bits.FORGOT)
_s = Slots(PACKETS)
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_L_IP6 = cython.declare(cython.Py_ssize_t, _s.lane("ipv6"))
_HAS_DST = cython.declare(cython.uchar, _s.upto("ip.dst"))
_HAS_DST6 = cython.declare(cython.uchar, _s.upto("ipv6.dst"))
_L_TCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp"))
_L_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_L_SCTP = cython.declare(cython.Py_ssize_t, _s.lane("sctp"))
_L_ICMP = cython.declare(cython.Py_ssize_t, _s.lane("icmp"))
_L_ICMP6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6"))
_C_NUMBER = cython.declare(cython.Py_ssize_t, _s.u64("frame.number"))
_C_FRAME_LEN = cython.declare(cython.Py_ssize_t, _s.u32("frame.len"))
_C_FLOW = cython.declare(cython.Py_ssize_t, _s.u64("shoal.flow_id"))
_C_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_C_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_C_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_C_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_C_PROTO = cython.declare(cython.Py_ssize_t, _s.u8("ip.proto"))
_C_NXT = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.nxt"))
_C_ICMP = cython.declare(cython.Py_ssize_t, _s.u8("icmp.type"))
_C_ICMP6 = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.type"))


@cython.cclass
class Parts(ConversationCounts):
    """Counts the rows of one shard, behind what marks them (`Analysis`, `Causes`). `base_seconds` is the length of a
    window; what comes more than `lateness_seconds` behind the end of its window is counted as late, and nowhere else.

    `ticks` are those of the batch under way, set by `begin`; `frame` is the last frame that was counted.
    """

    def __init__(self, notes: Notes, base_seconds: int = BASE_SECONDS,
                 lateness_seconds: int = LATENESS_SECONDS) -> None:  # fmt: skip
        ConversationCounts.__init__(self, base_seconds * 1_000_000_000, lateness_seconds * 1_000_000_000)
        self._notes = notes
        self._most = MOST_SLOTS
        self.ticks: tuple[WindowTick, ...] = ()
        self._told: list[WindowTick] = []
        self._begun: list[int] = []
        self._sightings: list[Sighting] = []
        self._waiting: list[tuple[int, Said]] = []
        self._tick = self.frame = self._told_early = 0

    def state(self) -> Tree:
        """All that is known between two batches, for a snapshot; what was told is taken before."""
        return {"numbers": [self._tick, self.frame, self._told_early], "counts": self.counts()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._tick, self.frame, self._told_early = state["numbers"]
        self.restore_counts(state["counts"])

    def begin(self, ticks: Sequence[WindowTick]) -> None:
        """The next batch's ticks, which `Front` told. Those that came before are passed over."""
        self.ticks = tuple(tick for tick in ticks if tick[0] > self._tick)
        self._begun = [tick[1] for tick in self.ticks]

    def tick_at(self, frame: int) -> int:
        """The number of the last tick before frame `frame` of the batch under way, for a `Sighting`."""
        k = bisect_right(self._begun, frame)
        return self.ticks[k - 1][0] if k else self._tick

    def sight(self, sighting: Sighting) -> None:
        """Tell a sighting with the next bundle."""
        self._sightings.append(sighting)

    def exchange(self, name: str, row: dict[str, Any], frame: int) -> None:
        """A row of the record `name` was told at frame `frame` of the batch under way."""
        told = said(name, row)
        if told is not None:
            self._waiting.append((frame, told))

    def dropped(self, time: int, count: int) -> None:
        """The sensor dropped `count` frames about `time`, ns since 1970."""
        self._count_drops(max(0, min(time, LATEST)), count)

    def process(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Count the rows of the batch, whose ticks were told by `begin`; `numbers` and `turns` are
        `Streams.conversation` and `.turn`."""
        plain = not cython.compiled
        number: cython.int[::1] = memoryview(numbers) if plain else numbers
        turn: cython.uchar[::1] = memoryview(turns) if plain else turns
        n: cython.Py_ssize_t = columns.rows
        first: cython.Py_ssize_t = 0
        last: cython.Py_ssize_t
        if n:
            self._bind(columns, int(numbers[:n].max()) + 1)
        ends = np.searchsorted(columns.values("frame.number"), np.array(self._begun, np.uint64)).tolist()
        for tick, end in zip(self.ticks, ends, strict=True):
            last = end
            with cython.nogil:
                self._rows(first, last, number, turn)
            first = last
            self._pass(tick)
        with cython.nogil:
            self._rows(first, n, number, turn)
        self._take_said(None)
        if n:
            self.frame = max(self.frame, self._u64[_C_NUMBER, n - 1])
        self.ticks, self._begun = (), []

    def pass_all(self) -> None:
        """Pass the ticks that `begin` told; no rows came with them."""
        for tick in self.ticks:
            self._pass(tick)
        self.ticks, self._begun = (), []

    def finish(self) -> None:
        """The capture is complete: tell all, with a tick of this shard's own behind the last frame."""
        self._take_said(None)
        end = self._now
        living = np.asarray(self._living)[: self.live] if self.live else np.zeros(0, np.uint32)
        if len(living):
            end = max(end, int(np.asarray(self.sum)[living, _TIME].max()) + self._base)
        tick = (self._tick + 1, self.frame + 1, end, self._passes)
        self.tell(_ALL, tick[0], self._passes)
        self._told.append(tick)
        self._tick = tick[0]

    def take(self, *, ends: bool = False) -> Bundle | None:
        """What was told since the last time, None for nothing."""
        parts = self.take_told()
        if parts is None and not self._told and not self._sightings and not ends:
            return None
        bundle = Bundle(tuple(self._told), parts, tuple(self._sightings), ends)
        self._told, self._sightings = [], []
        return bundle

    def _pass(self, tick: WindowTick) -> None:
        """A tick: tell the windows that have ended; where the capture's time fell back, all."""
        number, frame, now, passes = tick
        self._take_said(frame)
        ended = _ALL if passes != self._passes else max(0, now - self._base + 1)
        self.tell(ended, number, self._passes)
        self._tick, self._now, self._passes = number, now, passes
        self._told.append(tick)

    def _take_said(self, frame: int | None) -> None:
        """Count the exchanges that were told before `frame`, None for all."""
        waiting = self._waiting
        taken = 0
        while taken < len(waiting) and (frame is None or waiting[taken][0] < frame):
            taken += 1
        for _, told in waiting[:taken]:
            self._said(told)
        del waiting[:taken]

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _early(self, row: cython.Py_ssize_t) -> cython.int:
        """The cap is reached at row `row`: tell all that is counted now, as of the next tick."""
        self._told_early += self.live
        self._notes.note("parts-forgotten", row, self._told_early)
        self.tell(_ALL, self._tick + 1, self._passes)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _rows(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t, number: cython.int[::1],
              turn: cython.uchar[::1]) -> cython.int:
        """Count the rows from `first` up to `last`."""
        i: cython.Py_ssize_t
        at: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        side: cython.int
        time: cython.ulonglong
        kind: cython.uint
        for i in range(first, last):
            if self.live + _SPARE > self._most or self.nodes + _SPARE > _NODES:
                with cython.gil:
                    self._early(i)
            time = 0 if self._times[i] < 0 else min(self._times[i], _LATEST)
            if time < self._from or time - self._from >= self._base:
                self._from = time - time % self._base
            if number[i] != 0 and turn[i] & _T_QUOTED == 0:
                if turn[i] & _T_FORGOT:
                    self._forget()
                side = turn[i] & _T_SIDE
                at = self._conversation(number[i], turn[i])
                if self._is_late(self._from):
                    self._late()
                    continue
                slot = self.find(at, self._from)
                if slot == 0:
                    slot = self._slot(at, i, side, turn[i] & _T_UDP != 0, self._from)
                if turn[i] & _T_BEGINS:
                    self.count[slot, _OPENED] += 1
                if turn[i] & _T_UDP == 0:
                    self._segment(i, at, slot, side)
            else:
                if self._is_late(self._from):
                    self._late()
                    continue
                slot = self._apart(i, self._from)
                side = slot & 1
                slot >>= 1
                if self._lane[_L_ICMP, i]:
                    kind = self._u8[_C_ICMP, i]
                    if kind == 3 or kind == 4 or kind == 5 or kind == 11 or kind == 12:
                        self.count[slot, _ICMP_ERRORS] += 1
                elif self._lane[_L_ICMP6, i] and self._u8[_C_ICMP6, i] < 128:
                    self.count[slot, _ICMP_ERRORS] += 1
                if number[i] != 0:
                    self._quotes(i, number[i], turn[i] & _T_SIDE)
            self.sum[slot, side * _LONG + _PACKETS] += 1
            self.sum[slot, side * _LONG + _BYTES] += self._u32[_C_FRAME_LEN, i]
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _apart(self, i: cython.Py_ssize_t, window: cython.ulonglong) -> cython.Py_ssize_t:
        """The slot of row `i`, which is of no conversation, times 2; 1 more where side b sent it (a has the lesser
        address)."""
        a: cython.ulonglong = 0
        b: cython.ulonglong
        c: cython.ulonglong = 0
        d: cython.ulonglong
        proto: cython.uint
        if self._lane[_L_IP, i] >= _HAS_DST:
            b = _MAPPED | self._u32[_C_SRC4, i]
            d = _MAPPED | self._u32[_C_DST4, i]
            proto = self._u8[_C_PROTO, i]
        elif self._lane[_L_IP6, i] >= _HAS_DST6:
            a = half(self._b16, _C_SRC6, i, 0)
            b = half(self._b16, _C_SRC6, i, 8)
            c = half(self._b16, _C_DST6, i, 0)
            d = half(self._b16, _C_DST6, i, 8)
            # What stands behind the headers of IPv6, where that is known.
            proto = self._u8[_C_NXT, i]
            if self._lane[_L_ICMP6, i]:
                proto = 58
                # All of it is in one shard, whatever else these hosts say.
                if self._u8[_C_ICMP6, i] >= _ND_FIRST and self._u8[_C_ICMP6, i] <= _ND_LAST:
                    proto |= _NEIGHBOURS
            elif self._lane[_L_TCP, i]:
                proto = 6
            elif self._lane[_L_UDP, i]:
                proto = 17
            elif self._lane[_L_SCTP, i]:
                proto = 132
        else:
            return 2 * self.other(window, 0, 0, 0, 0, 0, 0, 0)
        if proto == 0:
            # Hop-by-hop options with nothing known behind them; 0 says that there are no addresses.
            proto = 255
        if a > c or (a == c and b > d):
            return 2 * self.other(window, c, d, a, b, self._u64[_C_FLOW, i], proto, 0) + 1
        return 2 * self.other(window, a, b, c, d, self._u64[_C_FLOW, i], proto, 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _late(self) -> cython.int:
        """Count a row that came too late, in the window of the last tick."""
        slot: cython.Py_ssize_t = self.other(self._now - self._now % self._base, 0, 0, 0, 0, 0, 0, 0)
        self.sum[slot, _LATE] += 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _said(self, told: Any) -> cython.int:
        """Count an exchange, in the window of its time, or, where that is closed, of the last tick."""
        time: cython.ulonglong = max(0, min(told.time, LATEST))
        window: cython.ulonglong = time - time % self._base
        slot: cython.Py_ssize_t
        if self._is_late(window):
            window = self._now - self._now % self._base
        if self.live + _SPARE > self._most or self.nodes + _SPARE > _NODES:
            self._early(0)
        slot = self.other(window, told.client[0], told.client[1], told.server[0], told.server[1], 0,
                       _EXCHANGES | told.proto, told.port)
        self.count[slot, _SERVER] = 2
        if told.dhcp:
            self.count[slot, _DHCP] += 1
            return 0
        self.count[slot, _QUERIES] += 1
        if told.failed:
            self.count[slot, _FAILURES] += 1
        if told.nxdomain:
            self.count[slot, _NXDOMAIN] += 1
        if told.took > 0:
            self.add_time(slot, 2 << 8 | bucket_of(told.took))
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _count_drops(self, time: cython.ulonglong, count: cython.ulonglong) -> cython.int:
        window: cython.ulonglong = time - time % self._base
        if self._is_late(window):
            window = self._now - self._now % self._base
        slot: cython.Py_ssize_t = self.other(window, 0, 0, 0, 0, 0, _DROPS, 0)
        self.sum[slot, _DROPPED] += count
        return 0
