"""What a TCP segment adds to its conversation: the connection's course, marks, round trips, windows, options."""

from __future__ import annotations

import cython
import numpy as np
from numpy.typing import NDArray

if not cython.compiled:
    from pipeline.engine.flows.table import Table, as_signed

from pipeline.engine.flows import words
from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots

DELAYED_NS = 200_000_000
"""A pure acknowledgment that comes later than this is a delayed one."""
OUTAGE_NS = 1_000_000_000
"""Data sent again and unanswered for longer than this is an outage."""

_s = Slots(PACKETS)


def _mark(name: str) -> int:
    source = PACKETS.by_name[name].bits_of
    assert source is not None
    return int(source[1])


MARK_WORDS: NDArray[np.int32] = np.full(32, -1, np.int32)
"""Bit of `shoal.tcp.analysis` to the word that counts it, -1 for none; shape (32,)."""
for _name in words.MARKS:
    MARK_WORDS[_mark(f"tcp.analysis.{_name}")] = words.count(_name)
_DELAYED = cython.declare(cython.longlong, DELAYED_NS)
_OUTAGE = cython.declare(cython.longlong, OUTAGE_NS)
_COUNTS = cython.declare(cython.Py_ssize_t, len(words.COUNTS))
_SUMS = cython.declare(cython.Py_ssize_t, len(words.SUMS))
_SEGMENTS = cython.declare(cython.Py_ssize_t, words.count("segments"))
_IN_FLIGHT = cython.declare(cython.Py_ssize_t, words.count("bytes_in_flight_max"))
_OVER_MSS = cython.declare(cython.Py_ssize_t, words.count("over_mss"))
_DELAYED_ACKS = cython.declare(cython.Py_ssize_t, words.count("delayed_acks"))
_RTO = cython.declare(cython.Py_ssize_t, words.count("rto"))
_SAMPLES = cython.declare(cython.Py_ssize_t, words.count("rtt_samples"))
_MSS = cython.declare(cython.Py_ssize_t, words.count("mss"))
_WSCALE = cython.declare(cython.Py_ssize_t, words.count("wscale"))
_OPTIONS = cython.declare(cython.Py_ssize_t, words.count("options"))
_HISTOGRAM = cython.declare(cython.Py_ssize_t, words.count("histogram"))
_DONE = cython.declare(cython.Py_ssize_t, words.count("done"))
_FIN_END = cython.declare(cython.Py_ssize_t, words.count("fin_end"))
_UNANSWERED = cython.declare(cython.Py_ssize_t, words.count("unanswered"))
_AGAIN = cython.declare(cython.Py_ssize_t, words.count("unanswered_again"))
_PROBES = cython.declare(cython.Py_ssize_t, words.count("unanswered_probes"))
_CLIENT = cython.declare(cython.Py_ssize_t, words.count("client"))
_ENDED_FIRST = cython.declare(cython.Py_ssize_t, words.count("ended_first"))
_RESET_BY = cython.declare(cython.Py_ssize_t, words.count("reset_by"))
_COMPLETENESS = cython.declare(cython.Py_ssize_t, words.count("completeness"))
_RESET_HOW = cython.declare(cython.Py_ssize_t, words.count("reset_how"))
_LAST_ACK = cython.declare(cython.Py_ssize_t, words.count("last_ack"))
_OUTAGES = cython.declare(cython.Py_ssize_t, words.count("outages"))
_PAYLOAD = cython.declare(cython.Py_ssize_t, words.total("payload_bytes"))
_AGAIN_BYTES = cython.declare(cython.Py_ssize_t, words.total("retransmission_bytes"))
_CLOSED_TIME = cython.declare(cython.Py_ssize_t, words.total("zero_window_time"))
_RTO_MAX = cython.declare(cython.Py_ssize_t, words.total("rto_max"))
_RTT_MIN = cython.declare(cython.Py_ssize_t, words.total("rtt_min"))
_RTT_MAX = cython.declare(cython.Py_ssize_t, words.total("rtt_max"))
_RTT_SUM = cython.declare(cython.Py_ssize_t, words.total("rtt_sum"))
_CLOSED_SINCE = cython.declare(cython.Py_ssize_t, words.total("closed_since"))
_FIRST_PAYLOAD = cython.declare(cython.Py_ssize_t, words.total("first_payload"))
_UNANSWERED_SINCE = cython.declare(cython.Py_ssize_t, words.total("unanswered_since"))
_INITIAL_RTT = cython.declare(cython.Py_ssize_t, words.total("initial_rtt"))
_OUTAGE_MAX = cython.declare(cython.Py_ssize_t, words.total("outage_max"))
_SYN_TIME = cython.declare(cython.Py_ssize_t, words.total("syn_time"))
_SYNACK_TIME = cython.declare(cython.Py_ssize_t, words.total("synack_time"))
_OPEN_TIME = cython.declare(cython.Py_ssize_t, words.total("open_time"))
# Bits of `done`: what a side has sent.
_D_SYN = cython.declare(cython.uint, words.DONE["syn"])
_D_SYNACK = cython.declare(cython.uint, words.DONE["synack"])
_D_ACK = cython.declare(cython.uint, words.DONE["ack"])
_D_FIN = cython.declare(cython.uint, words.DONE["fin"])
_D_AFTER_FIN = cython.declare(cython.uint, words.DONE["payload_after_other_fin"])
_D_CROSSED = cython.declare(cython.uint, words.DONE["fin_crossed"])
_D_PAYLOAD = cython.declare(cython.uint, words.DONE["payload"])
_R_BLUNT = cython.declare(cython.uint, words.RESET_HOW["blunt"])
_R_AFTER_OWN = cython.declare(cython.uint, words.RESET_HOW["after_own_fin"])
_R_AFTER_OTHER = cython.declare(cython.uint, words.RESET_HOW["after_other_fin"])
_R_SENT_AFTER = cython.declare(cython.uint, words.RESET_HOW["other_sent_after"])
_R_PROBES = cython.declare(cython.uint, words.RESET_HOW["probes_unanswered"])
_R_DATA = cython.declare(cython.uint, words.RESET_HOW["data_unanswered"])
_R_UNKNOWN = cython.declare(cython.uint, words.RESET_HOW["unknown"])
_GONE_AFTER = cython.declare(cython.uint, words.GONE_AFTER)
_O_SACK = cython.declare(cython.uint, words.OPTIONS["sack_perm"])
_O_TIMESTAMPS = cython.declare(cython.uint, words.OPTIONS["timestamps"])
_O_MSS = cython.declare(cython.uint, words.OPTIONS["mss"])
_O_WSCALE = cython.declare(cython.uint, words.OPTIONS["wscale"])
_M_RETRANSMISSION = cython.declare(cython.uint, 1 << _mark("tcp.analysis.retransmission"))
_M_OUT_OF_ORDER = cython.declare(cython.uint, 1 << _mark("tcp.analysis.out_of_order"))
_M_FAST = cython.declare(cython.uint, 1 << _mark("tcp.analysis.fast_retransmission"))
_M_SPURIOUS = cython.declare(cython.uint, 1 << _mark("tcp.analysis.spurious_retransmission"))
_M_KEEP_ALIVE = cython.declare(cython.uint, 1 << _mark("tcp.analysis.keep_alive"))
_M_PROBE = cython.declare(cython.uint, 1 << _mark("tcp.analysis.zero_window_probe"))
_M_COUNTED = cython.declare(cython.uint, sum(1 << _mark(f"tcp.analysis.{name}") for name in words.MARKS))
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_FIN = cython.declare(cython.uint, 0x01)
_SYN = cython.declare(cython.uint, 0x02)
_RST = cython.declare(cython.uint, 0x04)
_ACK = cython.declare(cython.uint, 0x10)
_L_FLAGS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.flags"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_MSS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.mss"))
_L_WSCALE = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.wscale"))
_L_SACK_PERM = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.sack_perm"))
_L_TIMESTAMP = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.timestamp"))
_L_WINDOW = cython.declare(cython.Py_ssize_t, _s.lane("tcp.window_size"))
_L_RTO = cython.declare(cython.Py_ssize_t, _s.lane("tcp.rto"))
_L_ACK_RTT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.ack_rtt"))
_L_INITIAL_RTT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.initial_rtt"))
_L_IN_FLIGHT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.bytes_in_flight"))
_C_RTO = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.rto"))
_C_ACK_RTT = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.ack_rtt"))
_C_INITIAL_RTT = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.initial_rtt"))
_C_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_C_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_C_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_C_WINDOW = cython.declare(cython.Py_ssize_t, _s.u32("tcp.window_size"))
_C_MARKS = cython.declare(cython.Py_ssize_t, _s.u32("shoal.tcp.analysis"))
_C_IN_FLIGHT = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.bytes_in_flight"))
_C_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_C_MSS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.options.mss_val"))
_C_WSCALE = cython.declare(cython.Py_ssize_t, _s.u8("tcp.options.wscale.shift"))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _answer(t: Table, at: cython.Py_ssize_t, side: cython.int, now: cython.longlong) -> cython.int:
    """Side `side` is heard: what the other sent is not unanswered any more."""
    c: cython.Py_ssize_t = (1 - side) * _COUNTS
    s: cython.Py_ssize_t = (1 - side) * _SUMS
    lasted: cython.longlong
    if t.count[at, c + _UNANSWERED]:
        lasted = now - t.sum[at, s + _UNANSWERED_SINCE]
        if t.count[at, c + _AGAIN] >= 2 and lasted > _OUTAGE:
            t.count[at, _OUTAGES] += 1
            if lasted > t.sum[at, _OUTAGE_MAX]:
                t.sum[at, _OUTAGE_MAX] = lasted
        t.count[at, c + _UNANSWERED] = 0
        t.count[at, c + _AGAIN] = 0
    t.count[at, c + _PROBES] = 0
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _reset_how(t: Table, at: cython.Py_ssize_t, side: cython.int, flags: cython.uint,
               seq: cython.uint) -> cython.uint:
    """The bits of `words.RESET_HOW` for an RST of side `side`."""
    c: cython.Py_ssize_t = side * _COUNTS
    r: cython.Py_ssize_t = (1 - side) * _COUNTS
    how: cython.uint = 0
    if flags & _ACK == 0:
        how |= _R_BLUNT
        if seq == t.count[at, r + _LAST_ACK]:
            how |= _R_UNKNOWN
    if t.count[at, c + _DONE] & _D_FIN:
        how |= _R_AFTER_OWN
    if t.count[at, r + _DONE] & _D_FIN:
        how |= _R_AFTER_OTHER
    if t.count[at, r + _DONE] & _D_AFTER_FIN:
        how |= _R_SENT_AFTER
    if t.count[at, c + _PROBES] > 0:
        how |= _R_PROBES
    if t.count[at, c + _AGAIN] >= _GONE_AFTER:
        how |= _R_DATA
    return how


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _connection(t: Table, at: cython.Py_ssize_t, side: cython.int, flags: cython.uint, length: cython.uint,
                seq: cython.uint, ack: cython.uint, now: cython.longlong) -> cython.int:
    """Note what the segment does to the connection."""
    nxtseq: cython.uint = (seq + length + (1 if flags & (_SYN | _FIN) else 0)) & _WORD
    c: cython.Py_ssize_t = side * _COUNTS
    r: cython.Py_ssize_t = (1 - side) * _COUNTS
    done: cython.uint = t.count[at, c + _DONE]
    other: cython.uint = t.count[at, r + _DONE]
    complete: cython.uint = t.count[at, _COMPLETENESS]
    if t.count[at, _RESET_BY]:
        if flags & (_SYN | _ACK) != _SYN | _ACK:
            # What comes after the first RST are echoes.
            return 0
        # The RST was not this connection's: it is opened after all.
        t.count[at, _RESET_BY] = t.count[at, _RESET_HOW] = 0
    if flags & _SYN:
        if flags & _ACK:
            done |= _D_SYNACK
            complete |= 2
            t.sum[at, _SYNACK_TIME] = now
            if t.count[at, _CLIENT] == 0:
                t.count[at, _CLIENT] = 2 - side
        else:
            if done & _D_SYN == 0:
                t.sum[at, _SYN_TIME] = now
            done |= _D_SYN
            complete |= 1
            if t.count[at, _CLIENT] == 0 or other & _D_SYN == 0:
                t.count[at, _CLIENT] = side + 1
    elif flags & _RST:
        t.count[at, _RESET_BY] = side + 1
        t.count[at, _RESET_HOW] = _reset_how(t, at, side, flags, seq)
        complete |= 32
    elif flags & _ACK:
        if other & _D_SYNACK and done & _D_ACK == 0 and t.sum[at, _OPEN_TIME] == 0:
            t.sum[at, _OPEN_TIME] = now
        done |= _D_ACK
        complete |= 8 if length else 4
    if length:
        done |= _D_PAYLOAD
        if other & _D_FIN:
            done |= _D_AFTER_FIN
    if flags & _FIN:
        if t.count[at, _ENDED_FIRST] == 0:
            t.count[at, _ENDED_FIRST] = side + 1
        if done & _D_FIN == 0:
            t.count[at, c + _FIN_END] = nxtseq
            if other & _D_FIN and (ack - t.count[at, r + _FIN_END]) & _WORD >= _HALF:
                done |= _D_CROSSED
        done |= _D_FIN
        complete |= 16
    t.count[at, c + _DONE] = done
    t.count[at, _COMPLETENESS] = complete
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _round_trip(t: Table, at: cython.Py_ssize_t, side: cython.int, time: cython.longlong) -> cython.int:
    """Count the time from a segment of side `side` to its acknowledgment."""
    c: cython.Py_ssize_t = side * _COUNTS
    s: cython.Py_ssize_t = side * _SUMS
    if t.count[at, c + _SAMPLES] == 0:
        t.count[at, c + _HISTOGRAM] = t.histograms.take()
        t.sum[at, s + _RTT_MIN] = time
        t.sum[at, s + _RTT_MAX] = time
    if t.count[at, c + _HISTOGRAM]:
        t.histograms.add(t.count[at, c + _HISTOGRAM], time)
    t.count[at, c + _SAMPLES] += 1
    t.sum[at, s + _RTT_SUM] += time
    if time < t.sum[at, s + _RTT_MIN]:
        t.sum[at, s + _RTT_MIN] = time
    if time > t.sum[at, s + _RTT_MAX]:
        t.sum[at, s + _RTT_MAX] = time
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def segment(t: Table, i: cython.Py_ssize_t, at: cython.Py_ssize_t, side: cython.int) -> cython.int:
    """Count the segment of row `i`, which side `side` of the conversation at `at` sent."""
    c: cython.Py_ssize_t = side * _COUNTS
    s: cython.Py_ssize_t = side * _SUMS
    k: cython.Py_ssize_t
    now: cython.longlong = t.times[i]
    time: cython.longlong
    length: cython.uint
    flags: cython.uint
    marks: cython.uint
    if t.lane[_L_FLAGS, i] == 0 or t.lane[_L_LEN, i] == 0:
        return 0
    flags = t.u16[_C_FLAGS, i]
    length = t.u32[_C_LEN, i]
    marks = t.u32[_C_MARKS, i]
    _answer(t, at, side, now)
    _connection(t, at, side, flags, length, t.u32[_C_SEQ, i], t.u32[_C_ACK, i], now)
    if flags & _ACK:
        t.count[at, c + _LAST_ACK] = t.u32[_C_ACK, i]
    if length:
        t.count[at, c + _SEGMENTS] += 1
        t.sum[at, s + _PAYLOAD] += length
        if t.sum[at, s + _FIRST_PAYLOAD] == 0:
            t.sum[at, s + _FIRST_PAYLOAD] = now
        k = (1 - side) * _COUNTS
        if t.count[at, k + _OPTIONS] & _O_MSS and length > t.count[at, k + _MSS]:
            t.count[at, c + _OVER_MSS] += 1
    if marks & (_M_KEEP_ALIVE | _M_PROBE):
        t.count[at, c + _PROBES] += 1
    elif length or flags & _FIN:
        if t.count[at, c + _UNANSWERED] == 0:
            t.sum[at, s + _UNANSWERED_SINCE] = now
        t.count[at, c + _UNANSWERED] += 1
        # At the sender Wireshark calls some of what is sent again out of order.
        if marks & (_M_RETRANSMISSION | _M_OUT_OF_ORDER):
            t.count[at, c + _AGAIN] += 1
    if marks & _M_COUNTED:
        for k in range(t.marked.shape[0]):
            if marks & (cython.cast(cython.uint, 1) << k) and t.marked[k] >= 0:
                t.count[at, c + t.marked[k]] += 1  # type: ignore[assignment]
        if marks & _M_RETRANSMISSION:
            t.sum[at, s + _AGAIN_BYTES] += length
        if marks & _M_FAST:
            t.sum[at, s + _AGAIN_BYTES + 1] += length
        if marks & _M_SPURIOUS:
            t.sum[at, s + _AGAIN_BYTES + 2] += length
    if t.lane[_L_WINDOW, i] and flags & (_SYN | _RST) == 0:
        if t.u32[_C_WINDOW, i] == 0:
            if t.sum[at, s + _CLOSED_SINCE] == 0:
                t.sum[at, s + _CLOSED_SINCE] = now
        elif t.sum[at, s + _CLOSED_SINCE]:
            t.sum[at, s + _CLOSED_TIME] += now - t.sum[at, s + _CLOSED_SINCE]
            t.sum[at, s + _CLOSED_SINCE] = 0
    if t.lane[_L_ACK_RTT, i]:
        time = as_signed(t.u64[_C_ACK_RTT, i])
        if time > 0:
            t.histograms.row = i
            _round_trip(t, at, 1 - side, time)
            if length == 0 and flags & (_SYN | _FIN | _RST) == 0 and time > _DELAYED:
                t.count[at, c + _DELAYED_ACKS] += 1
    if t.lane[_L_RTO, i]:
        time = as_signed(t.u64[_C_RTO, i])
        t.count[at, c + _RTO] += 1
        if time > t.sum[at, s + _RTO_MAX]:
            t.sum[at, s + _RTO_MAX] = time
    if t.lane[_L_IN_FLIGHT, i] and t.u32[_C_IN_FLIGHT, i] > t.count[at, c + _IN_FLIGHT]:
        t.count[at, c + _IN_FLIGHT] = t.u32[_C_IN_FLIGHT, i]
    if t.lane[_L_INITIAL_RTT, i]:
        t.sum[at, _INITIAL_RTT] = as_signed(t.u64[_C_INITIAL_RTT, i])
    if t.lane[_L_TIMESTAMP, i]:
        t.count[at, c + _OPTIONS] |= _O_TIMESTAMPS
    if flags & _SYN:
        if t.lane[_L_SACK_PERM, i]:
            t.count[at, c + _OPTIONS] |= _O_SACK
        if t.lane[_L_MSS, i]:
            t.count[at, c + _OPTIONS] |= _O_MSS
            t.count[at, c + _MSS] = t.u16[_C_MSS, i]
        if t.lane[_L_WSCALE, i]:
            t.count[at, c + _OPTIONS] |= _O_WSCALE
            t.count[at, c + _WSCALE] = t.u8[_C_WSCALE, i]
    return 0
