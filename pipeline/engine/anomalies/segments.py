"""Segments that do not fit their connection: of another path, resets by somebody else, full-sized ones that vanish.

Of each conversation a line of words is kept, as `words` has them. A compiled pass looks at every segment; what it finds
is rare, and is told once of a direction.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.anomalies import words
from pipeline.engine.anomalies.strangers import Strangers
from pipeline.engine.snapshot import grown
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

if not cython.compiled:
    from pipeline.engine.anomalies.strangers import after

_s = Slots(PACKETS)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_FIN = cython.declare(cython.uint, 0x01)
_SYN = cython.declare(cython.uint, 0x02)
_RST = cython.declare(cython.uint, 0x04)
_ACK = cython.declare(cython.uint, 0x10)
_WORDS = cython.declare(cython.Py_ssize_t, words.WORDS)
_HOT = cython.declare(cython.Py_ssize_t, words.HOT)
_COLD = cython.declare(cython.Py_ssize_t, words.COLD)
_COLD_WORDS = cython.declare(cython.Py_ssize_t, words.COLD_WORDS)
_STATE = cython.declare(cython.Py_ssize_t, words.STATE)
_PATH = cython.declare(cython.Py_ssize_t, words.PATH)
_NEXT = cython.declare(cython.Py_ssize_t, words.NEXT)
_ACKED = cython.declare(cython.Py_ssize_t, words.ACKED)
_PASSED = cython.declare(cython.Py_ssize_t, words.PASSED)
_LARGEST = cython.declare(cython.Py_ssize_t, words.LARGEST)
_LARGEST_END = cython.declare(cython.Py_ssize_t, words.LARGEST_END)
_MSS = cython.declare(cython.Py_ssize_t, words.MSS)
_STUCK_SEQ = cython.declare(cython.Py_ssize_t, words.STUCK_SEQ)
_STUCK_SEEN = cython.declare(cython.Py_ssize_t, words.STUCK_SEEN)
_STUCK_FRAME = cython.declare(cython.Py_ssize_t, words.STUCK_FRAME)
_KNOWN = cython.declare(cython.uint, words.KNOWN)
_HAS_ACKED = cython.declare(cython.uint, words.HAS_ACKED)
_SYN_SEEN = cython.declare(cython.uint, words.SYN_SEEN)
_CLOSED = cython.declare(cython.uint, words.CLOSED)
_BARE = cython.declare(cython.uint, words.BARE)
_DATA = cython.declare(cython.uint, words.DATA)
_S_ODD = cython.declare(cython.uint, words.ODD)
_S_RESET = cython.declare(cython.uint, words.RESET)
_S_STUCK = cython.declare(cython.uint, words.STUCK)
_ALIVE = cython.declare(cython.uint, words.ALIVE)
_SMALLER = cython.declare(cython.uint, words.SMALLER)
_TOO_BIG = cython.declare(cython.uint, words.TOO_BIG)
_TAIL = cython.declare(cython.uint, words.TAIL)
_TOLD_MTU = cython.declare(cython.uint, words.TOLD_MTU)
_BLACK_HOLE = cython.declare(cython.int, words.BLACK_HOLE)
_LEAST_FULL = cython.declare(cython.uint, words.LEAST_FULL)
_AGAIN = cython.declare(cython.uint, words.AGAIN)
_AGAIN_SILENT = cython.declare(cython.uint, words.AGAIN_SILENT)
_STUCK_NS = cython.declare(cython.longlong, words.STUCK_NS)
# Bits of `Streams.turn`.
_SIDE = cython.declare(cython.int, bits.SIDE)
_BEGINS = cython.declare(cython.int, bits.BEGINS)
_REUSED = cython.declare(cython.int, bits.REUSED)
_DATAGRAM = cython.declare(cython.int, bits.DATAGRAM)
_QUOTED = cython.declare(cython.int, bits.QUOTED)
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_L_IP6 = cython.declare(cython.Py_ssize_t, _s.lane("ipv6"))
_TTL = cython.declare(cython.Py_ssize_t, _s.u8("ip.ttl"))
_HLIM = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.hlim"))
_L_ICMP = cython.declare(cython.Py_ssize_t, _s.lane("icmp"))
_ICMP_TYPE = cython.declare(cython.Py_ssize_t, _s.u8("icmp.type"))
_ICMP_CODE = cython.declare(cython.Py_ssize_t, _s.u8("icmp.code"))
_L_ICMP6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6"))
_ICMP6_TYPE = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.type"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_MSS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.mss"))
_NUMBER = cython.declare(cython.Py_ssize_t, _s.u64("frame.number"))
_TIME = cython.declare(cython.Py_ssize_t, _s.u64("frame.time"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_ACK_RAW = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_WINDOW = cython.declare(cython.Py_ssize_t, _s.u16("tcp.window_size_value"))
_MSS_VAL = cython.declare(cython.Py_ssize_t, _s.u16("tcp.options.mss_val"))
_SACK_LE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_le"))
_SACK_RE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_re"))
_AHEAD = cython.declare(cython.Py_ssize_t, 12)


@cython.cclass
class Segments(Strangers):
    """Takes the TCP rows of a shard. `found` is what the last batch has shown."""

    def process(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Take the rows of the next batch; `numbers` and `turns` are `Streams.conversation` and `.turn`."""
        self.found = []
        if not columns.rows:
            return
        most = int(np.where(turns[: columns.rows] & bits.DATAGRAM, 0, numbers[: columns.rows]).max()) + 1
        line = np.asarray(self._line)
        if most > len(line):
            self._room(grown(line, max(most, 2 * len(line))))
        self._rows(columns, numbers, turns)

    @cython.cfunc
    def _rows(self, columns: Any, numbers: Any, turns: Any) -> object:
        plain = not cython.compiled
        sack = columns.lists["sack"]
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u8: cython.uchar[:, ::1] = memoryview(columns.u8) if plain else columns.u8
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        u64: cython.ulonglong[:, ::1] = memoryview(columns.u64) if plain else columns.u64
        edges: cython.uint[:, ::1] = memoryview(sack.u32) if plain else sack.u32
        blocks: cython.int[::1] = memoryview(sack.offsets) if plain else sack.offsets
        number: cython.int[::1] = memoryview(numbers) if plain else numbers
        turn: cython.uchar[::1] = memoryview(turns) if plain else turns
        w: cython.uint[:, ::1] = self._line
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        of: cython.Py_ssize_t
        side: cython.Py_ssize_t
        hot: cython.Py_ssize_t
        ttl: cython.int
        flags: cython.uint
        seq: cython.uint
        length: cython.uint
        end: cython.uint
        ack: cython.uint
        widest: cython.uint
        with cython.nogil:
            for i in range(n):
                if cython.compiled and i + _AHEAD < n and turn[i + _AHEAD] & _DATAGRAM == 0:
                    prefetch(cython.address(w[number[i + _AHEAD], 0]))  # type: ignore[name-defined]  # noqa: F821
                of = number[i]
                if of == 0 or turn[i] & _DATAGRAM:
                    continue
                side = turn[i] & _SIDE
                hot = side * _HOT
                if turn[i] & _QUOTED:
                    if (lane[_L_ICMP, i] and u8[_ICMP_TYPE, i] == 3 and u8[_ICMP_CODE, i] == 4) or (
                        lane[_L_ICMP6, i] and u8[_ICMP6_TYPE, i] == 2
                    ):
                        w[of, hot + _STATE] = (w[of, hot + _STATE] | _TOO_BIG) & ~_S_STUCK & _WORD
                    continue
                if turn[i] & _BEGINS:
                    for k in range(_WORDS):
                        w[of, k] = 0
                elif turn[i] & _REUSED:
                    for k in range(_HOT):
                        w[of, hot + k] = 0
                if lane[_L_LEN, i] == 0:
                    continue
                ttl = u8[_TTL, i] if lane[_L_IP, i] else u8[_HLIM, i] if lane[_L_IP6, i] else 0
                flags = u16[_FLAGS, i]
                seq = u32[_SEQ, i]
                length = u32[_LEN, i]
                self.frame = u64[_NUMBER, i]
                self.time = u64[_TIME, i]
                self.row = i
                if flags & _RST:
                    self._reset(of, side, ttl, seq)
                    continue
                if flags & _SYN:
                    w[of, hot + _MSS] = u16[_MSS_VAL, i] if lane[_L_MSS, i] else 0
                    w[of, hot + _STATE] |= _SYN_SEEN
                if ttl != w[of, hot + _PATH] & 0xFF or w[of, hot + _STATE] & _S_ODD:
                    self._another_path(of, side, ttl, seq, length, flags)
                elif flags & _SYN == 0:
                    if w[of, hot + _PATH] < 0xFF00:
                        w[of, hot + _PATH] += 0x100
                    w[of, hot + _STATE] |= _DATA if length else _BARE
                if w[of, hot + _STATE] & _S_RESET and flags & _SYN == 0:
                    self._goes_on(of, side, seq, length, u32[_ACK_RAW, i], flags)
                if flags & _ACK:
                    widest = 0
                    for k in range(blocks[i], blocks[i + 1]):
                        end = (edges[_SACK_RE, k] - edges[_SACK_LE, k]) & _WORD
                        if _HALF > end > widest:
                            widest = end
                    ack = u32[_ACK_RAW, i]
                    if (
                        ack != w[of, hot + _ACKED] or w[of, _HOT - hot + _LARGEST]
                        or w[of, _HOT - hot + _STATE] & _S_STUCK
                        or (w[of, hot + _STATE] & _CLOSED != 0) != (u16[_WINDOW, i] == 0)
                    ):
                        self._acknowledged(of, 1 - side, ack, widest, u16[_WINDOW, i], length == 0)
                end = (seq + length + (flags & _FIN) + (1 if flags & _SYN else 0)) & _WORD
                if length and flags & _SYN == 0 and (
                    length > w[of, hot + _PASSED] or w[of, hot + _LARGEST] or w[of, hot + _STATE] & _S_STUCK
                ):
                    self._sent(of, side, seq, length)
                if w[of, hot + _STATE] & _KNOWN == 0 or after(end, w[of, hot + _NEXT]):
                    w[of, hot + _NEXT] = end
                    w[of, hot + _STATE] |= _KNOWN
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _sent(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, seq: cython.uint,
              length: cython.uint) -> cython.int:
        """A segment with data: a new one, or one that waits for its answer."""
        hot: cython.Py_ssize_t = side * _HOT
        rev: cython.Py_ssize_t = _HOT - hot
        cold: cython.Py_ssize_t = _COLD + side * _COLD_WORDS
        state: cython.uint = self._line[of, hot + _STATE]
        mss: cython.uint = self._line[of, rev + _MSS]
        seen: cython.uint = self._line[of, cold + _STUCK_SEEN]
        # What offload joins passes in segments of the MSS.
        size: cython.uint = mss if mss and length > mss else length if length < 0xFFFF else 0xFFFF
        if size > self._line[of, hot + _LARGEST] and size > self._line[of, hot + _PASSED]:
            self._line[of, hot + _LARGEST] = size
            self._line[of, hot + _LARGEST_END] = (seq + length) & _WORD
        elif size < self._line[of, hot + _LARGEST]:
            self._line[of, hot + _STATE] |= _TAIL
        if state & (_TOO_BIG | _TOLD_MTU) or self._line[of, rev + _STATE] & (_HAS_ACKED | _CLOSED) != _HAS_ACKED:
            return 0
        if state & _S_STUCK and seq == self._line[of, cold + _STUCK_SEQ]:
            if size < seen & 0xFFFF:
                # Whether smaller ones pass is seen from here on.
                self._line[of, hot + _STATE] |= _SMALLER
                self._line[of, hot + _LARGEST] = size
                self._line[of, hot + _LARGEST_END] = (seq + length) & _WORD
                return 0
            if seen >> 16 < 0xFFFF:
                seen += 0x10000
            self._line[of, cold + _STUCK_SEEN] = seen
            if self._since(of, cold + _STUCK_FRAME) >= _STUCK_NS and (
                (seen >> 16 >= _AGAIN and state & _ALIVE)
                or (seen >> 16 >= _AGAIN_SILENT and state & (_SYN_SEEN | _TAIL) == _SYN_SEEN)
            ):
                self._vanished(of, side)
        elif (
            seq == self._line[of, rev + _ACKED] and after(self._line[of, hot + _NEXT], seq)
            and size > _LEAST_FULL and size > self._line[of, hot + _PASSED]
        ):
            self._line[of, hot + _STATE] = (state | _S_STUCK) & ~_SMALLER & _WORD
            self._line[of, cold + _STUCK_SEQ] = seq
            self._line[of, cold + _STUCK_SEEN] = size | 0x10000
            self._keep(of, cold + _STUCK_FRAME)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _acknowledged(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, ack: cython.uint, widest: cython.uint,
                      window: cython.uint, bare: cython.bint) -> cython.int:
        """What `side` has sent is acknowledged up to `ack`, and a block of `widest` bytes beyond it; `bare` without
        data."""
        hot: cython.Py_ssize_t = side * _HOT
        rev: cython.Py_ssize_t = _HOT - hot
        cold: cython.Py_ssize_t = _COLD + side * _COLD_WORDS
        state: cython.uint = self._line[of, hot + _STATE]
        if window:
            self._line[of, rev + _STATE] &= ~_CLOSED & _WORD
        else:
            self._line[of, rev + _STATE] |= _CLOSED
        if self._line[of, rev + _STATE] & _HAS_ACKED == 0 or after(ack, self._line[of, rev + _ACKED]):
            self._line[of, rev + _STATE] |= _HAS_ACKED
            self._line[of, rev + _ACKED] = ack
            self._line[of, hot + _STATE] &= ~(_TAIL | _ALIVE) & _WORD
        elif bare and ack == self._line[of, rev + _ACKED] and self._line[of, hot + _LARGEST]:
            # The other side repeats itself: something smaller has arrived behind the largest.
            self._line[of, hot + _STATE] |= _ALIVE
        if self._line[of, hot + _LARGEST] and not after(self._line[of, hot + _LARGEST_END], ack):
            if self._line[of, hot + _LARGEST] > self._line[of, hot + _PASSED]:
                self._line[of, hot + _PASSED] = self._line[of, hot + _LARGEST]
            self._line[of, hot + _LARGEST] = 0
        if state & _S_STUCK == 0:
            return 0
        if widest >= self._line[of, cold + _STUCK_SEEN] & 0xFFFF:
            # Another one as large has arrived: this one was lost by chance.
            self._line[of, hot + _PASSED] = self._line[of, cold + _STUCK_SEEN] & 0xFFFF
            self._line[of, hot + _STATE] &= ~_S_STUCK & _WORD
        elif after(ack, self._line[of, cold + _STUCK_SEQ]):
            if state & _SMALLER and self._line[of, cold + _STUCK_SEEN] >> 16 >= _AGAIN and (
                self._since(of, cold + _STUCK_FRAME) >= _STUCK_NS
            ):
                self._vanished(of, side)
            self._line[of, hot + _STATE] &= ~_S_STUCK & _WORD
        elif ack == self._line[of, cold + _STUCK_SEQ]:
            self._line[of, hot + _STATE] |= _ALIVE
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _vanished(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """The full-sized segment is lost each time."""
        cold: cython.Py_ssize_t = _COLD + side * _COLD_WORDS
        self._line[of, side * _HOT + _STATE] |= _TOLD_MTU
        self._tell(of, cold + _STUCK_FRAME, _BLACK_HOLE, self._line[of, cold + _STUCK_SEEN])
        return 0
