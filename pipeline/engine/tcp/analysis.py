"""Marks, times and counts of each TCP segment, as Wireshark's dissector gives them with its default preferences.

Every conversation has a row of state. The marks of a segment follow from the state that its predecessors left
(`rules.py`); what a segment shows, and in which order it changes the state, is here.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

if not cython.compiled:
    from pipeline.engine.tcp.options import given_up, multipath
    from pipeline.engine.tcp.rules import Rules, completed

from pipeline.engine import turns as bits
from pipeline.engine.tcp import layout
from pipeline.schema import LAYER_ID, PACKETS
from pipeline.schema.columns import Columns, Slots

_s = Slots(PACKETS)
_FIN = cython.declare(cython.uint, layout.FIN)
_SYN = cython.declare(cython.uint, layout.SYN)
_RST = cython.declare(cython.uint, layout.RST)
_ACK = cython.declare(cython.uint, layout.ACK)
_RETRANSMISSION = cython.declare(cython.uint, layout.RETRANSMISSION)
_FAST = cython.declare(cython.uint, layout.FAST)
_SPURIOUS = cython.declare(cython.uint, layout.SPURIOUS)
_ACK_LOST = cython.declare(cython.uint, layout.ACK_LOST)
_DUPLICATE_ACK = cython.declare(cython.uint, layout.DUPLICATE_ACK)
_KEEP_ALIVE = cython.declare(cython.uint, layout.KEEP_ALIVE)
_REUSED_PORTS = cython.declare(cython.uint, layout.REUSED_PORTS)
_TFO_SYN = cython.declare(cython.uint, layout.TFO_SYN)
_TFO_ACK = cython.declare(cython.uint, layout.TFO_ACK)
_C_SYN = cython.declare(cython.uint, layout.C_SYN)
_C_SYNACK = cython.declare(cython.uint, layout.C_SYNACK)
_C_FIN = cython.declare(cython.uint, layout.C_FIN)
_C_RST = cython.declare(cython.uint, layout.C_RST)
_NO_FLIGHT = cython.declare(cython.uint, layout.NO_FLIGHT)
_NO_SCALING = cython.declare(cython.uint, layout.NO_SCALING)
_T_FIRST = cython.declare(cython.Py_ssize_t, layout.T_FIRST)
_T_LAST = cython.declare(cython.Py_ssize_t, layout.T_LAST)
_T_RTT = cython.declare(cython.Py_ssize_t, layout.T_RTT)
_T_NEXT = cython.declare(cython.Py_ssize_t, layout.T_NEXT)
_T_ACK = cython.declare(cython.Py_ssize_t, layout.T_ACK)
_COMPLETE = cython.declare(cython.Py_ssize_t, layout.COMPLETE)
_MULTIPATH = cython.declare(cython.Py_ssize_t, layout.MULTIPATH)
_MOST_SACKS = cython.declare(cython.Py_ssize_t, layout.MOST_SACKS)
_OTHER = cython.declare(cython.Py_ssize_t, layout.DIRECTION)
_BASE = cython.declare(cython.Py_ssize_t, layout.word("base"))
_NEXT = cython.declare(cython.Py_ssize_t, layout.word("next"))
_NEXT_FRAME = cython.declare(cython.Py_ssize_t, layout.word("next_frame"))
_TO_BE_ACKED = cython.declare(cython.Py_ssize_t, layout.word("to_be_acked"))
_WINDOW = cython.declare(cython.Py_ssize_t, layout.word("window"))
_LAST_ACK = cython.declare(cython.Py_ssize_t, layout.word("last_ack"))
_DUP_ACKS = cython.declare(cython.Py_ssize_t, layout.word("dup_acks"))
_NON_DUP = cython.declare(cython.Py_ssize_t, layout.word("non_dup"))
_LAST_MARKS = cython.declare(cython.Py_ssize_t, layout.word("last_marks"))
_BITS = cython.declare(cython.Py_ssize_t, layout.word("bits"))
_SCALE = cython.declare(cython.Py_ssize_t, layout.word("scale"))
_PUSHED = cython.declare(cython.Py_ssize_t, layout.word("pushed"))
_KINDS = cython.declare(cython.Py_ssize_t, layout.word("multipath"))
_SACKS = cython.declare(cython.Py_ssize_t, layout.word("sacks"))
_SACK = cython.declare(cython.Py_ssize_t, layout.word("sack"))
# Bits of `Streams.turn`.
_SIDE = cython.declare(cython.uint, bits.SIDE)
_BEGINS = cython.declare(cython.uint, bits.BEGINS)
_REUSED = cython.declare(cython.uint, bits.REUSED)
_ANNOUNCED = cython.declare(cython.uint, bits.ANNOUNCED)
_QUOTED = cython.declare(cython.uint, bits.QUOTED)
_TCP = cython.declare(cython.uint, LAYER_ID["tcp"])
_IS_MULTIPATH = cython.declare(cython.uint, 0x100)
_MOST_SHIFT = cython.declare(cython.uint, 14)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)

_L_FLAGS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.flags"))
_L_URGENT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.urgent"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_SHIFT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.wscale"))
_L_COOKIE = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.tfo.cookie"))
_L_MPTCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.mptcp"))
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
_SHORT = cython.declare(cython.Py_ssize_t, _s.u8("shoal.short"))
_MALFORMED = cython.declare(cython.Py_ssize_t, _s.u8("shoal.malformed"))
_PAYLOAD = cython.declare(cython.Py_ssize_t, _s.u16("shoal.payload.offset"))
_PAYLOAD_LEN = cython.declare(cython.Py_ssize_t, _s.u32("shoal.payload.len"))
_Q_VERSION = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.version"))
_Q_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.hdr_len"))
_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("tcp.hdr_len"))
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
def _bits(time: cython.longlong) -> cython.ulonglong:
    """A time as it stands in an unsigned slab."""
    return time & _MASK


@cython.cclass
class Analysis(Rules):
    """The analysis of all conversations."""

    @property
    def segments_evicted(self) -> int:
        """Unacknowledged segments forgotten at their cap."""
        evicted: int = self._unacked.evicted
        return evicted

    def process(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Fill the analysis of the batch's TCP rows; `numbers` and `turns` are `Streams.conversation` and `.turn`."""
        if columns.rows:
            numbers = np.where(turns[: columns.rows] & bits.DATAGRAM, 0, numbers[: columns.rows])
            self._reserve(int(numbers.max()) + 1)
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
        raw: cython.const[cython.uchar][::1] = memoryview(columns.raw_buffer)
        raw_offset: cython.const[cython.longlong][::1] = (
            memoryview(columns.raw_offset) if plain else columns.raw_offset
        )
        turn: cython.uchar[::1] = memoryview(turns) if plain else turns
        word: cython.uint[:, ::1] = self._word
        time: cython.longlong[:, ::1] = self._time
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        captured: cython.Py_ssize_t
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
        told: cython.uint
        nextseq: cython.uint
        scale: cython.uint
        base: cython.uint
        complete: cython.uint
        dup_acks: cython.uint = 0
        dup_frame: cython.uint = 0
        rto: cython.ulonglong = 0
        rto_frame: cython.uint = 0
        in_flight: cython.uint = 0
        acked: cython.bint = False
        shown: cython.bint
        with cython.nogil:
            for i in range(n):
                of = number[i]
                if of == 0:
                    continue
                side = turn[i] & _SIDE
                self._unacked.row = i
                fwd = _OTHER if side else 0
                rev = 0 if side else _OTHER
                now = u64[_TIME, i]
                if turn[i] & _QUOTED:
                    k = raw_offset[i] + u16[_PAYLOAD, i]
                    captured = k + u32[_PAYLOAD_LEN, i]
                    k += 40 if u8[_Q_VERSION, i] == 6 else u8[_Q_HDR_LEN, i]
                    if k + 16 <= captured:
                        self._quoted(of, fwd, raw[k + 13], k + (raw[k + 12] >> 4) * 4 <= captured, now)
                    continue
                if turn[i] & _BEGINS:
                    self._begin(of)
                    time[of, _T_FIRST] = now
                    time[of, _T_LAST] = now
                if lane[_L_FLAGS, i] == 0:
                    # The header says that it is shorter than a header can be.
                    u8[_COMPLETENESS, i] = word[of, _COMPLETE]
                    lane[_L_COMPLETE, i] = 1
                    time[of, _T_LAST] = now
                    continue
                flags = u16[_FLAGS, i]
                # What is shown wherever the flags are, and what only behind a header captured to its end.
                told = 0
                marks = _REUSED_PORTS if turn[i] & _REUSED else 0
                shown = marks != 0
                if lane[_L_URGENT, i]:
                    delta = now - time[of, _T_FIRST]
                    u64[_TIME_RELATIVE, i] = _bits(delta)
                    delta = now - time[of, _T_LAST]
                    u64[_TIME_DELTA, i] = _bits(delta)
                    lane[_L_TIME, i] = 2
                time[of, _T_LAST] = now
                if flags & _SYN:
                    told |= _C_SYNACK if flags & _ACK else _C_SYN
                    if flags & _ACK and u32[_REL_ACK, i] > 1:
                        told |= _TFO_ACK
                    elif flags & _ACK == 0 and lane[_L_COOKIE, i]:
                        told |= _TFO_SYN
                if flags & _FIN:
                    told |= _C_FIN
                if flags & _RST:
                    told |= _C_RST
                length = u32[_LEN, i] if lane[_L_LEN, i] else 0
                complete = 1 if turn[i] & (_BEGINS | _REUSED) == _BEGINS | _REUSED else word[of, _COMPLETE]
                u8[_COMPLETENESS, i] = complete
                lane[_L_COMPLETE, i] = 1
                word[of, _COMPLETE] = completed(
                    complete, flags, length, turn[i] & (_BEGINS | _REUSED | _ANNOUNCED) == _BEGINS
                )
                window = u16[_RAW_WINDOW, i]
                scale = word[of, fwd + _SCALE]
                lane[_L_WINDOW, i] = 1
                u32[_WINDOW_SIZE, i] = window
                if flags & _SYN == 0:
                    lane[_L_FACTOR, i] = 1
                    if scale <= _NO_SCALING:
                        u16[_FACTOR, i] = 0xFFFE if scale else 0xFFFF
                    else:
                        u16[_FACTOR, i] = 1 << (scale - 2)
                        if lane[_L_LEN, i]:
                            u32[_WINDOW_SIZE, i] = window << (scale - 2)
                word[of, fwd + _SACKS] = 0
                if flags & (_SYN | _ACK) == _SYN and u32[_SEQ, i] == word[of, fwd + _BASE]:
                    # The SYN again; what a RST said of the next number is void.
                    word[of, fwd + _NEXT] = word[of, fwd + _TO_BE_ACKED]
                if lane[_L_LEN, i]:
                    frame = u64[_NUMBER, i] & _WORD
                    seq = u32[_SEQ, i]
                    ack = u32[_ACK_RAW, i]
                    base = (seq - u32[_REL_SEQ, i]) & _WORD
                    if base != word[of, fwd + _BASE]:
                        # Set for the first time, or anew by the answer to a SYN.
                        word[of, fwd + _BASE] = base
                        self._unacked.rebase(2 * of + side, base)
                    if flags & _ACK:
                        base = (ack - u32[_REL_ACK, i]) & _WORD
                        if base != word[of, rev + _BASE]:
                            word[of, rev + _BASE] = base
                            self._unacked.rebase(2 * of + 1 - side, base)
                        word[of, rev + _BITS] &= ~_NO_FLIGHT & _WORD
                    marks |= self._marks(of, fwd, rev, seq, ack, length, flags, window)
                    dup_acks = word[of, fwd + _DUP_ACKS]
                    dup_frame = word[of, fwd + _NON_DUP]
                    if ack != word[of, fwd + _LAST_ACK]:
                        word[of, fwd + _NON_DUP] = frame
                        word[of, fwd + _DUP_ACKS] = 0
                    if flags & _ACK:
                        k = self._acks_unseen(of, rev, ack)
                        if k:
                            # The dissector shows its analysis of such a segment even where it does not mark it.
                            shown = True
                            if k == 2:
                                marks |= _ACK_LOST
                    nextseq = (seq + length) & _WORD
                    if length or flags & 3:
                        if marks & _KEEP_ALIVE == 0:
                            marks |= self._resent(of, fwd, rev, seq, length, flags, now)
                            if marks & _RETRANSMISSION:
                                k = self._unacked.eldest(2 * of + side)
                                delta = now - (self._unacked.time_of(k) if k else time[of, _T_NEXT + side])
                                rto = _bits(delta)
                                rto_frame = self._unacked.frame_of(k) if k else word[of, fwd + _NEXT_FRAME]
                        if flags & 3:
                            nextseq = (nextseq + 1) & _WORD
                        self._unacked.add(2 * of + side, frame, seq, nextseq, word[of, fwd + _BASE], now)
                    word[of, fwd + _LAST_MARKS] = marks
                    self._sent(of, fwd, seq, nextseq, frame, now)
                    word[of, fwd + _KINDS] = word[of, _MULTIPATH]
                    word[of, fwd + _WINDOW] = window
                    word[of, fwd + _LAST_ACK] = ack
                    time[of, _T_ACK + side] = now
                    acked = self._unacked.acknowledge(2 * of + 1 - side, ack, word[of, rev + _BASE])
                    in_flight = 0
                    if length and word[of, fwd + _BITS] & _NO_FLIGHT == 0:
                        shown = True
                        in_flight = self._in_flight(of, fwd, rev, length, flags)
                self._shaken(of, fwd, flags, now)
                # What the options tell counts from the next segment on.
                if blocks[i + 1] > blocks[i]:
                    for k in range(blocks[i], blocks[i + 1]):
                        if word[of, fwd + _SACKS] < _MOST_SACKS:
                            scale = word[of, fwd + _SACKS]
                            word[of, fwd + _SACK + 2 * scale] = edges[_SACK_LE, k]
                            word[of, fwd + _SACK + 2 * scale + 1] = edges[_SACK_RE, k]
                            word[of, fwd + _SACKS] = scale + 1
                if lane[_L_SHIFT, i]:
                    word[of, fwd + _SCALE] = 2 + (u8[_SHIFT, i] if u8[_SHIFT, i] < _MOST_SHIFT else _MOST_SHIFT)
                if u8[_SHORT, i] == _TCP or u8[_MALFORMED, i] == _TCP:
                    # The payload begins behind the header; it is the header itself where that is not all there.
                    k = raw_offset[i] + u16[_PAYLOAD, i]
                    captured = k + u32[_PAYLOAD_LEN, i]
                    if u8[_SHORT, i] != _TCP and (lane[_L_LEN, i] or u32[_PAYLOAD_LEN, i] >= u8[_HDR_LEN, i]):
                        k -= u8[_HDR_LEN, i]
                    if lane[_L_URGENT, i] == 0 or given_up(
                        raw, k + 20, k + u8[_HDR_LEN, i], captured, u32[_REL_ACK, i]
                    ):
                        u32[_ANALYSIS, i] = told
                        continue
                if lane[_L_LEN, i]:
                    if marks & _DUPLICATE_ACK:
                        u32[_DUP_NUM, i] = dup_acks
                        u32[_DUP_FRAME, i] = dup_frame
                        lane[_L_DUPACK, i] = 2
                    if marks & _RETRANSMISSION and rto:
                        u64[_RTO, i] = rto
                        u32[_RTO_FRAME, i] = rto_frame
                        lane[_L_RTO, i] = 1
                        lane[_L_RTO_FRAME, i] = 1
                    if acked:
                        shown = True
                        u32[_ACKS_FRAME, i] = self._unacked.acked_frame
                        lane[_L_ACKS_FRAME, i] = 1
                        delta = now - self._unacked.acked_time
                        if delta:
                            u64[_ACK_RTT, i] = _bits(delta)
                            lane[_L_ACK_RTT, i] = 1
                    if in_flight:
                        u32[_BYTES_IN_FLIGHT, i] = in_flight
                        lane[_L_IN_FLIGHT, i] = 1
                        u32[_PUSH_BYTES, i] = word[of, fwd + _PUSHED]
                        lane[_L_PUSHED, i] = 1
                if (shown or marks) and time[of, _T_RTT]:
                    delta = time[of, _T_RTT]
                    u64[_INITIAL_RTT, i] = _bits(delta)
                    lane[_L_INITIAL_RTT, i] = 1
                # Wireshark counts each kind of retransmission as one.
                if marks & (_FAST | _SPURIOUS):
                    marks |= _RETRANSMISSION
                u32[_ANALYSIS, i] = told | marks
                if lane[_L_MPTCP, i]:
                    k = raw_offset[i] + u16[_PAYLOAD, i]
                    base = multipath(raw, k - u8[_HDR_LEN, i] + 20, k)
                    if base & _IS_MULTIPATH or word[of, _MULTIPATH]:
                        word[of, _MULTIPATH] |= base | _IS_MULTIPATH
                if flags & _SYN:
                    if word[of, fwd + _SCALE] == 0:
                        word[of, fwd + _SCALE] = _NO_SCALING
                        word[of, rev + _SCALE] = _NO_SCALING
                    elif flags & _ACK and word[of, rev + _SCALE] == _NO_SCALING:
                        word[of, fwd + _SCALE] = _NO_SCALING
        return None
