"""Marks, times and counts of each TCP segment, as Wireshark's dissector gives them with its default preferences.

Every conversation has a row of state: words for each direction, and times. The marks of a segment follow from the
state its predecessors left; the order of the checks is the dissector's.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.tcp.unacked import Unacked
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

_s = Slots(PACKETS)
_FIRST_SIZE = 1024
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_FIN = cython.declare(cython.uint, 0x01)
_SYN = cython.declare(cython.uint, 0x02)
_RST = cython.declare(cython.uint, 0x04)
_PSH = cython.declare(cython.uint, 0x08)
_ACK = cython.declare(cython.uint, 0x10)
_SWITCH = cython.declare(cython.uint, 0x07)

_RETRANSMISSION = cython.declare(cython.uint, 1 << 0)
_FAST = cython.declare(cython.uint, 1 << 1)
_SPURIOUS = cython.declare(cython.uint, 1 << 2)
_OUT_OF_ORDER = cython.declare(cython.uint, 1 << 3)
_LOST = cython.declare(cython.uint, 1 << 4)
_ACK_LOST = cython.declare(cython.uint, 1 << 5)
_DUPLICATE_ACK = cython.declare(cython.uint, 1 << 6)
_WINDOW_UPDATE = cython.declare(cython.uint, 1 << 7)
_WINDOW_FULL = cython.declare(cython.uint, 1 << 8)
_ZERO_WINDOW = cython.declare(cython.uint, 1 << 9)
_PROBE = cython.declare(cython.uint, 1 << 10)
_PROBE_ACK = cython.declare(cython.uint, 1 << 11)
_KEEP_ALIVE = cython.declare(cython.uint, 1 << 12)
_KEEP_ALIVE_ACK = cython.declare(cython.uint, 1 << 13)
_REUSED_PORTS = cython.declare(cython.uint, 1 << 14)
_TFO_SYN = cython.declare(cython.uint, 1 << 15)
_TFO_ACK = cython.declare(cython.uint, 1 << 16)
_C_SYN = cython.declare(cython.uint, 1 << 17)
_C_SYNACK = cython.declare(cython.uint, 1 << 18)
_C_FIN = cython.declare(cython.uint, 1 << 19)
_C_RST = cython.declare(cython.uint, 1 << 20)

# Words of a direction. An unset sequence number is 0, as in the dissector, which takes a true 0 for unset.
_BASE = cython.declare(cython.Py_ssize_t, 0)
_NEXT = cython.declare(cython.Py_ssize_t, 1)
_NEXT_FRAME = cython.declare(cython.Py_ssize_t, 2)
_TO_BE_ACKED = cython.declare(cython.Py_ssize_t, 3)
_WINDOW = cython.declare(cython.Py_ssize_t, 4)
_LAST_ACK = cython.declare(cython.Py_ssize_t, 5)
_DUP_ACKS = cython.declare(cython.Py_ssize_t, 6)
_NON_DUP = cython.declare(cython.Py_ssize_t, 7)
_LAST_MARKS = cython.declare(cython.Py_ssize_t, 8)
_STATE = cython.declare(cython.Py_ssize_t, 9)
_SCALE = cython.declare(cython.Py_ssize_t, 10)
_PUSHED = cython.declare(cython.Py_ssize_t, 11)
_SACKS = cython.declare(cython.Py_ssize_t, 12)
_SACK = cython.declare(cython.Py_ssize_t, 13)
_MOST_SACKS = cython.declare(cython.Py_ssize_t, 3)
_WORDS = cython.declare(cython.Py_ssize_t, 21)
# Behind both directions' words: what the conversation has had.
_COMPLETE = cython.declare(cython.Py_ssize_t, 42)
# Bits of _STATE: bytes in flight are not known, the last segment had PSH, its window is that of a SYN.
_NO_FLIGHT = cython.declare(cython.uint, 1)
_PUSH_LAST = cython.declare(cython.uint, 2)
_UNSCALED = cython.declare(cython.uint, 4)
# Instead of a number of duplicates: an acknowledgment of what was not captured has been told.
_TOLD = cython.declare(cython.uint, 0xFFFFFFFF)
# _SCALE: 0 unknown, 1 no scaling, else the shift and 2.
_NO_SCALING = cython.declare(cython.uint, 1)
# Times: of the first and the previous frame, of the latest SYN, the handshake's round trip; then of each direction the
# segment that reached furthest, and the latest.
_T_FIRST = cython.declare(cython.Py_ssize_t, 0)
_T_LAST = cython.declare(cython.Py_ssize_t, 1)
_T_SYN = cython.declare(cython.Py_ssize_t, 2)
_T_RTT = cython.declare(cython.Py_ssize_t, 3)
_T_NEXT = cython.declare(cython.Py_ssize_t, 4)
_T_ACK = cython.declare(cython.Py_ssize_t, 6)

_FAST_WITHIN = cython.declare(cython.longlong, 20_000_000)
_REORDERED_WITHIN = cython.declare(cython.longlong, 3_000_000)
_MOST_IN_FLIGHT = cython.declare(cython.uint, 2_000_000_000)

_L_FLAGS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.flags"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_RAW_WINDOW = cython.declare(cython.Py_ssize_t, _s.lane("tcp.window"))
_L_SHIFT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.wscale"))
_L_COOKIE = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.tfo.cookie"))
_L_WINDOW = cython.declare(cython.Py_ssize_t, _s.lane("tcp.window_size"))
_L_FACTOR = cython.declare(cython.Py_ssize_t, _s.lane("tcp.scalefactor"))
_L_TIME = cython.declare(cython.Py_ssize_t, _s.lane("tcp.time"))
_L_COMPLETE = cython.declare(cython.Py_ssize_t, _s.lane("tcp.completeness"))
_L_DUPACK = cython.declare(cython.Py_ssize_t, _s.lane("tcp.dupack"))
_L_RTO = cython.declare(cython.Py_ssize_t, _s.lane("tcp.rto"))
_L_RTO_FRAME = cython.declare(cython.Py_ssize_t, _s.lane("tcp.rto_frame"))
_L_ACKS_FRAME = cython.declare(cython.Py_ssize_t, _s.lane("tcp.acks_frame"))
_L_ACK_RTT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.ack_rtt"))
_L_INITIAL_RTT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.initial_rtt"))
_L_IN_FLIGHT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.bytes_in_flight"))
_L_PUSHED = cython.declare(cython.Py_ssize_t, _s.lane("tcp.push_bytes"))
_NUMBER = cython.declare(cython.Py_ssize_t, _s.u64("frame.number"))
_TIME = cython.declare(cython.Py_ssize_t, _s.u64("frame.time"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_ACK_RAW = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_REL_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq"))
_REL_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_RAW_WINDOW = cython.declare(cython.Py_ssize_t, _s.u16("tcp.window_size_value"))
_SHIFT = cython.declare(cython.Py_ssize_t, _s.u8("tcp.options.wscale.shift"))
_WINDOW_SIZE = cython.declare(cython.Py_ssize_t, _s.u32("tcp.window_size"))
_FACTOR = cython.declare(cython.Py_ssize_t, _s.u16("tcp.window_size_scalefactor"))
_TIME_RELATIVE = cython.declare(cython.Py_ssize_t, _s.u64("tcp.time_relative"))
_TIME_DELTA = cython.declare(cython.Py_ssize_t, _s.u64("tcp.time_delta"))
_COMPLETENESS = cython.declare(cython.Py_ssize_t, _s.u8("tcp.completeness"))
_ANALYSIS = cython.declare(cython.Py_ssize_t, _s.u32("shoal.tcp.analysis"))
_DUP_NUM = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.duplicate_ack_num"))
_DUP_FRAME = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.duplicate_ack_frame"))
_RTO = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.rto"))
_RTO_FRAME = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.rto_frame"))
_ACKS_FRAME = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.acks_frame"))
_ACK_RTT = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.ack_rtt"))
_INITIAL_RTT = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.initial_rtt"))
_BYTES_IN_FLIGHT = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.bytes_in_flight"))
_PUSH_BYTES = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.push_bytes_sent"))
_SACK_LE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_le"))
_SACK_RE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_re"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _after(a: cython.uint, b: cython.uint) -> cython.bint:
    """Whether sequence number `a` comes after `b`: the sign of their difference (RFC 9293, section 3.4)."""
    return ((b - a) & _WORD) >= _HALF


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _bits(time: cython.longlong) -> cython.ulonglong:
    """A time as it stands in an unsigned slab."""
    return time & _MASK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _completed(complete: cython.uint, flags: cython.uint, length: cython.uint, creates: cython.bint) -> cython.uint:
    """What the conversation has had, this segment counted; of the one that creates it only a SYN counts."""
    if creates:
        return 0 if flags & (_SYN | _ACK) != _SYN else 9 if length else 1
    if flags & _ACK:
        if flags & _SYN:
            complete |= 2
        else:
            complete |= 8 if length else 4
        if flags & _FIN:
            complete |= 16
    if flags & _RST:
        complete |= 32
    return complete


@cython.cclass
class Analysis:
    """State by the conversation numbers of `Streams`."""

    def __init__(self) -> None:
        self._unacked = Unacked()
        words = np.zeros((_FIRST_SIZE, 44), np.uint32)
        times = np.zeros((_FIRST_SIZE, 8), np.int64)
        self._word = words if cython.compiled else memoryview(words)
        self._time = times if cython.compiled else memoryview(times)

    @property
    def segments_evicted(self) -> int:
        """Unacknowledged segments forgotten at their cap."""
        evicted: int = self._unacked.evicted
        return evicted

    def process(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Fill the analysis of the batch's TCP rows; `numbers` and `turns` are `Streams.conversation` and `.turn`."""
        if columns.rows:
            self._reserve(int(numbers[: columns.rows].max()) + 1)
        self._rows(columns, numbers, turns)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _reserve(self, conversations: cython.Py_ssize_t) -> cython.int:
        """Have room for the conversations numbered below `conversations`."""
        have: cython.Py_ssize_t = self._word.shape[0]  # type: ignore[index]
        self._unacked.reserve(2 * conversations)
        if conversations > have:
            size = max(conversations, have * 2)
            words = np.zeros((size, 44), np.uint32)
            words[:have] = np.asarray(self._word)
            times = np.zeros((size, 8), np.int64)
            times[:have] = np.asarray(self._time)
            self._word = words if cython.compiled else memoryview(words)
            self._time = times if cython.compiled else memoryview(times)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _begin(self, of: cython.Py_ssize_t) -> cython.int:
        """Forget what stood in the row of state."""
        k: cython.Py_ssize_t
        for k in range(44):
            self._word[of, k] = 0
        self._word[of, _WINDOW] = _WORD
        self._word[of, _WORDS + _WINDOW] = _WORD
        for k in range(8):
            self._time[of, k] = 0
        self._unacked.drop(2 * of)
        self._unacked.drop(2 * of + 1)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0, check=True)
    def _marks(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, rev: cython.Py_ssize_t, seq: cython.uint,
               ack: cython.uint, length: cython.uint, flags: cython.uint, window: cython.uint) -> cython.uint:
        """The marks that windows, acknowledgments and gaps give; `fwd` and `rev` are where the directions' words begin.

        Counts duplicate acknowledgments.
        """
        marks: cython.uint = 0
        plain: cython.bint = flags & _SWITCH == 0
        expected: cython.bint = seq == self._word[of, fwd + _NEXT]
        repeats: cython.bint = length == 0 and plain and expected and ack == self._word[of, fwd + _LAST_ACK]
        same_window: cython.bint = window == self._word[of, fwd + _WINDOW]
        scale: cython.uint = self._word[of, rev + _SCALE]
        edge: cython.uint
        if length == 1 and expected and self._word[of, rev + _WINDOW] == 0:
            return _PROBE
        if window == 0 and plain:
            marks |= _ZERO_WINDOW
        if self._word[of, fwd + _NEXT] != 0 and _after(seq, self._word[of, fwd + _NEXT]) and flags & _RST == 0:
            marks |= _LOST
            self._word[of, fwd + _STATE] |= _NO_FLIGHT
        if length <= 1 and plain and seq == (self._word[of, fwd + _NEXT] - 1) & _WORD:
            marks |= _KEEP_ALIVE
        if repeats and window != 0 and not same_window:
            marks |= _WINDOW_UPDATE
        if length > 0 and plain and scale != 0:
            edge = self._word[of, rev + _WINDOW]
            if scale > _NO_SCALING and self._word[of, rev + _STATE] & _UNSCALED == 0:
                edge = edge << (scale - 2)
            if (seq + length) & _WORD == (self._word[of, rev + _LAST_ACK] + edge) & _WORD:
                marks |= _WINDOW_FULL
        if repeats and window != 0 and same_window:
            if self._word[of, rev + _LAST_MARKS] & _KEEP_ALIVE:
                return marks | _KEEP_ALIVE_ACK
            if self._word[of, fwd + _DUP_ACKS] == _TOLD:
                self._word[of, fwd + _DUP_ACKS] = 0
            self._word[of, fwd + _DUP_ACKS] += 1
            return marks | _DUPLICATE_ACK
        if (
            length == 0
            and plain
            and window == 0
            and same_window
            and expected
            and ack == self._word[of, fwd + _LAST_ACK]
            and self._word[of, rev + _LAST_MARKS] & _PROBE
        ):
            marks |= _PROBE_ACK
        return marks

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0, check=True)
    def _resent(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, rev: cython.Py_ssize_t, seq: cython.uint,
                length: cython.uint, flags: cython.uint, now: cython.longlong) -> cython.uint:
        """Which mark a segment has that carries data, SYN or FIN and may repeat what was sent; 0 for none."""
        side: cython.int = fwd != 0
        end: cython.uint = (seq + length) & _WORD
        since: cython.longlong
        back: cython.bint = self._word[of, fwd + _NEXT] != 0 and _after(self._word[of, fwd + _NEXT], seq)
        within: cython.longlong = self._time[of, _T_RTT]
        if length > 1 and seq == (self._word[of, fwd + _NEXT] - 1) & _WORD:
            # The byte of a probe sent again, and more.
            back = False
        if length > 0 and self._word[of, rev + _LAST_ACK] != 0 and not _after(end, self._word[of, rev + _LAST_ACK]):
            return _SPURIOUS
        if not back:
            return 0
        since = now - self._time[of, _T_ACK + 1 - side]
        if (
            self._word[of, rev + _DUP_ACKS] >= 2
            and self._word[of, rev + _LAST_ACK] == seq
            and since >= 0
            and since < _FAST_WITHIN
        ):
            return _FAST
        if within == 0:
            within = _REORDERED_WITHIN
        if flags & 3:
            end = (end + 1) & _WORD
        since = now - self._time[of, _T_NEXT + side]
        if since >= 0 and since < within and self._word[of, fwd + _NEXT] != end:
            return _OUT_OF_ORDER
        return _RETRANSMISSION

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0, check=True)
    def _in_flight(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, rev: cython.Py_ssize_t, length: cython.uint,
                   flags: cython.uint) -> cython.uint:
        """Bytes sent and not acknowledged, less what the other side's last SACK blocks hold; 0 where that makes no sense.

        Counts the bytes since the last PSH.
        """
        k: cython.Py_ssize_t
        edge: cython.uint
        bytes_: cython.uint = self._unacked.span(2 * of + (fwd != 0))
        if self._word[of, fwd + _STATE] & _PUSH_LAST:
            self._word[of, fwd + _PUSHED] = length
        else:
            self._word[of, fwd + _PUSHED] = (self._word[of, fwd + _PUSHED] + length) & _WORD
        self._word[of, fwd + _STATE] &= ~_PUSH_LAST & _WORD
        if flags & _PSH:
            self._word[of, fwd + _STATE] |= _PUSH_LAST
        for k in range(self._word[of, rev + _SACKS]):
            edge = self._word[of, rev + _SACK + 2 * k + 1] - self._word[of, rev + _SACK + 2 * k]
            bytes_ = (bytes_ - edge) & _WORD
        if bytes_ >= _MOST_IN_FLIGHT:
            return 0
        return bytes_ - 1 if bytes_ and flags & 3 else bytes_

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
        word: cython.uint[:, ::1] = self._word
        time: cython.longlong[:, ::1] = self._time
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        of: cython.Py_ssize_t
        fwd: cython.Py_ssize_t
        rev: cython.Py_ssize_t
        side: cython.int
        now: cython.longlong
        delta: cython.longlong
        frame: cython.uint
        seq: cython.uint
        ack: cython.uint
        length: cython.uint
        flags: cython.uint
        window: cython.uint
        marks: cython.uint
        kind: cython.uint
        nextseq: cython.uint
        scale: cython.uint
        base: cython.uint
        complete: cython.uint
        shown: cython.bint
        with cython.nogil:
            for i in range(n):
                of = number[i]
                if of == 0:
                    continue
                side = turn[i] & 1
                fwd = _WORDS if side else 0
                rev = 0 if side else _WORDS
                now = u64[_TIME, i]
                if turn[i] & 2:
                    self._begin(of)
                    time[of, _T_FIRST] = now
                    time[of, _T_LAST] = now
                if lane[_L_FLAGS, i] == 0:
                    continue
                flags = u16[_FLAGS, i]
                marks = _REUSED_PORTS if turn[i] & 4 else 0
                delta = now - time[of, _T_FIRST]
                u64[_TIME_RELATIVE, i] = _bits(delta)
                delta = now - time[of, _T_LAST]
                u64[_TIME_DELTA, i] = _bits(delta)
                lane[_L_TIME, i] = 2
                time[of, _T_LAST] = now
                if flags & _SYN:
                    marks |= _C_SYNACK if flags & _ACK else _C_SYN
                if flags & _FIN:
                    marks |= _C_FIN
                if flags & _RST:
                    marks |= _C_RST
                length = u32[_LEN, i] if lane[_L_LEN, i] else 0
                complete = 1 if turn[i] & 6 == 6 else word[of, _COMPLETE]
                u8[_COMPLETENESS, i] = complete
                lane[_L_COMPLETE, i] = 1
                word[of, _COMPLETE] = _completed(complete, flags, length, turn[i] & 6 == 2)
                window = u16[_RAW_WINDOW, i]
                if lane[_L_RAW_WINDOW, i]:
                    scale = word[of, fwd + _SCALE]
                    lane[_L_WINDOW, i] = 1
                    u32[_WINDOW_SIZE, i] = window
                    if flags & _SYN == 0:
                        lane[_L_FACTOR, i] = 1
                        if scale > _NO_SCALING:
                            u32[_WINDOW_SIZE, i] = window << (scale - 2)
                            u16[_FACTOR, i] = 1 << (scale - 2)
                        else:
                            u16[_FACTOR, i] = 0xFFFE if scale else 0xFFFF
                if lane[_L_LEN, i] == 0:
                    u32[_ANALYSIS, i] = marks
                    continue
                frame = u64[_NUMBER, i] & _WORD
                seq = u32[_SEQ, i]
                ack = u32[_ACK_RAW, i]
                base = (seq - u32[_REL_SEQ, i]) & _WORD
                word[of, fwd + _BASE] = base
                if flags & _ACK:
                    word[of, rev + _BASE] = (ack - u32[_REL_ACK, i]) & _WORD
                    word[of, rev + _STATE] &= ~_NO_FLIGHT & _WORD
                shown = turn[i] & 4 != 0
                kind = self._marks(of, fwd, rev, seq, ack, length, flags, window)
                if kind & _DUPLICATE_ACK:
                    u32[_DUP_NUM, i] = word[of, fwd + _DUP_ACKS]
                    u32[_DUP_FRAME, i] = word[of, fwd + _NON_DUP]
                    lane[_L_DUPACK, i] = 2
                if ack != word[of, fwd + _LAST_ACK]:
                    word[of, fwd + _NON_DUP] = frame
                    word[of, fwd + _DUP_ACKS] = 0
                if (
                    word[of, rev + _TO_BE_ACKED]
                    and flags & _ACK
                    and _after(ack, word[of, rev + _TO_BE_ACKED])
                ):
                    # The dissector shows its analysis of such a segment even where it does not mark it.
                    shown = True
                    # Told once where no gap was seen before it; behind a gap, once for that and once for what follows.
                    if _after(word[of, rev + _NEXT], word[of, rev + _TO_BE_ACKED]):
                        word[of, rev + _TO_BE_ACKED] = word[of, rev + _NEXT]
                        kind |= _ACK_LOST
                    else:
                        if word[of, rev + _DUP_ACKS] == 0:
                            kind |= _ACK_LOST
                        word[of, rev + _DUP_ACKS] = _TOLD
                nextseq = (seq + length) & _WORD
                if length or flags & 3:
                    if kind & _KEEP_ALIVE == 0:
                        kind |= self._resent(of, fwd, rev, seq, length, flags, now)
                        if kind & _RETRANSMISSION:
                            k = self._unacked.eldest(2 * of + side)
                            delta = now - (self._unacked.time_of(k) if k else time[of, _T_NEXT + side])
                            if delta:
                                u64[_RTO, i] = _bits(delta)
                                u32[_RTO_FRAME, i] = (
                                    self._unacked.frame_of(k) if k else word[of, fwd + _NEXT_FRAME]
                                )
                                lane[_L_RTO, i] = 1
                                lane[_L_RTO_FRAME, i] = 1
                    if flags & 3:
                        nextseq = (nextseq + 1) & _WORD
                    self._unacked.add(2 * of + side, frame, seq, nextseq, base, now)
                if kind & _PROBE == 0:
                    if word[of, fwd + _NEXT] == 0 or _after(nextseq, word[of, fwd + _NEXT]):
                        word[of, fwd + _NEXT] = nextseq
                        word[of, fwd + _NEXT_FRAME] = frame
                        time[of, _T_NEXT + side] = now
                    if word[of, fwd + _TO_BE_ACKED] == 0 or seq == word[of, fwd + _TO_BE_ACKED]:
                        word[of, fwd + _TO_BE_ACKED] = word[of, fwd + _NEXT]
                word[of, fwd + _WINDOW] = window
                word[of, fwd + _LAST_ACK] = ack
                time[of, _T_ACK + side] = now
                word[of, fwd + _LAST_MARKS] = kind
                if self._unacked.acknowledge(2 * of + 1 - side, ack, word[of, rev + _BASE]):
                    shown = True
                    u32[_ACKS_FRAME, i] = self._unacked.acked_frame
                    lane[_L_ACKS_FRAME, i] = 1
                    delta = now - self._unacked.acked_time
                    if delta:
                        u64[_ACK_RTT, i] = _bits(delta)
                        lane[_L_ACK_RTT, i] = 1
                if length and word[of, fwd + _STATE] & _NO_FLIGHT == 0:
                    shown = True
                    base = self._in_flight(of, fwd, rev, length, flags)
                    if base:
                        u32[_BYTES_IN_FLIGHT, i] = base
                        lane[_L_IN_FLIGHT, i] = 1
                        u32[_PUSH_BYTES, i] = word[of, fwd + _PUSHED]
                        lane[_L_PUSHED, i] = 1
                if flags & _SYN and flags & _ACK == 0:
                    time[of, _T_SYN] = now
                elif flags & (_SYN | _ACK) == _ACK and time[of, _T_SYN] and time[of, _T_RTT] == 0:
                    time[of, _T_RTT] = now - time[of, _T_SYN]
                # Wireshark counts each kind of retransmission as one.
                marks |= kind | _RETRANSMISSION if kind & (_FAST | _SPURIOUS) else kind
                if flags & (_SYN | _ACK) == _SYN and lane[_L_COOKIE, i]:
                    marks |= _TFO_SYN
                if flags & (_SYN | _ACK) == _SYN | _ACK and u32[_REL_ACK, i] > 1:
                    marks |= _TFO_ACK
                u32[_ANALYSIS, i] = marks
                if (shown or kind) and time[of, _T_RTT]:
                    delta = time[of, _T_RTT]
                    u64[_INITIAL_RTT, i] = _bits(delta)
                    lane[_L_INITIAL_RTT, i] = 1
                # What the options tell counts from the next segment on.
                word[of, fwd + _SACKS] = 0
                if blocks[i + 1] > blocks[i]:
                    base = word[of, rev + _BASE]
                    for k in range(blocks[i], blocks[i + 1]):
                        if word[of, fwd + _SACKS] < _MOST_SACKS:
                            scale = word[of, fwd + _SACKS]
                            word[of, fwd + _SACK + 2 * scale] = (edges[_SACK_LE, k] + base) & _WORD
                            word[of, fwd + _SACK + 2 * scale + 1] = (edges[_SACK_RE, k] + base) & _WORD
                            word[of, fwd + _SACKS] = scale + 1
                if flags & _SYN:
                    if lane[_L_SHIFT, i]:
                        word[of, fwd + _SCALE] = 2 + (u8[_SHIFT, i] if u8[_SHIFT, i] < 14 else 14)
                        if flags & _ACK and word[of, rev + _SCALE] == _NO_SCALING:
                            word[of, fwd + _SCALE] = _NO_SCALING
                    elif word[of, fwd + _SCALE] == 0:
                        word[of, fwd + _SCALE] = _NO_SCALING
                        word[of, rev + _SCALE] = _NO_SCALING
                word[of, fwd + _STATE] &= ~_UNSCALED & _WORD
                if flags & _SYN:
                    word[of, fwd + _STATE] |= _UNSCALED
        return None
