"""The state of every conversation, brought forward row by row.

A conversation that changed is written at each full minute of event time, when its ports begin another, and at the end:
so a row's content and place depend on the frames alone, not on how they were cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.flows import words
from pipeline.engine.flows.histograms import Histograms
from pipeline.engine.flows.rows import fill
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots
from pipeline.schema.flows import FLOW_STATES

TICK_NS = 60_000_000_000
"""Event time between the rows of a conversation that goes on."""
HANDED_OUT = 8192
"""Rows handed out at a time, at the most."""
DELAYED_NS = 200_000_000
"""A pure acknowledgment that comes later than this is a delayed one."""
OUTAGE_NS = 1_000_000_000
"""Data sent again and unanswered for longer than this is an outage."""

_s = Slots(PACKETS)
_FIRST_SIZE = 1024
# Bits of `dirty`: changed since its last row; stands in the list of those that changed.
_CHANGED = cython.declare(cython.uint, 1)
_LISTED = cython.declare(cython.uint, 2)
_MINUTE = cython.declare(cython.longlong, TICK_NS)
_HOUR = cython.declare(cython.longlong, 60 * TICK_NS)
_DELAYED = cython.declare(cython.longlong, DELAYED_NS)
_OUTAGE = cython.declare(cython.longlong, OUTAGE_NS)
_MOST_OUT = cython.declare(cython.Py_ssize_t, HANDED_OUT)
_COUNTS = cython.declare(cython.Py_ssize_t, len(words.COUNTS))
_SUMS = cython.declare(cython.Py_ssize_t, len(words.SUMS))
_COUNT_WORDS = cython.declare(cython.Py_ssize_t, words.COUNT_WORDS)
_SUM_WORDS = cython.declare(cython.Py_ssize_t, words.SUM_WORDS)

_SEGMENTS = cython.declare(cython.Py_ssize_t, words.count("segments"))
_IN_FLIGHT = cython.declare(cython.Py_ssize_t, words.count("bytes_in_flight_max"))
_OVER_MSS = cython.declare(cython.Py_ssize_t, words.count("over_mss"))
_DELAYED_ACKS = cython.declare(cython.Py_ssize_t, words.count("delayed_acks"))
_RTO = cython.declare(cython.Py_ssize_t, words.count("rto"))
_SAMPLES = cython.declare(cython.Py_ssize_t, words.count("rtt_samples"))
_TTL_MIN = cython.declare(cython.Py_ssize_t, words.count("ttl_min"))
_TTL_MAX = cython.declare(cython.Py_ssize_t, words.count("ttl_max"))
_MSS = cython.declare(cython.Py_ssize_t, words.count("mss"))
_WSCALE = cython.declare(cython.Py_ssize_t, words.count("wscale"))
_OPTIONS = cython.declare(cython.Py_ssize_t, words.count("options"))
_HISTOGRAM = cython.declare(cython.Py_ssize_t, words.count("histogram"))
_DONE = cython.declare(cython.Py_ssize_t, words.count("done"))
_FIN_END = cython.declare(cython.Py_ssize_t, words.count("fin_end"))
_UNANSWERED = cython.declare(cython.Py_ssize_t, words.count("unanswered"))
_AGAIN = cython.declare(cython.Py_ssize_t, words.count("unanswered_again"))
_PROBES = cython.declare(cython.Py_ssize_t, words.count("unanswered_probes"))
_IS_UDP = cython.declare(cython.Py_ssize_t, words.count("is_udp"))
_CLIENT = cython.declare(cython.Py_ssize_t, words.count("client"))
_FIRST_SENDER = cython.declare(cython.Py_ssize_t, words.count("first_sender"))
_IS_DIRTY = cython.declare(cython.Py_ssize_t, words.count("dirty"))
_STREAM = cython.declare(cython.Py_ssize_t, words.count("stream"))
_PORT = cython.declare(cython.Py_ssize_t, words.count("port_0"))
_IS_IP6 = cython.declare(cython.Py_ssize_t, words.count("is_ip6"))
_ENDED_FIRST = cython.declare(cython.Py_ssize_t, words.count("ended_first"))
_RESET_BY = cython.declare(cython.Py_ssize_t, words.count("reset_by"))
_COMPLETENESS = cython.declare(cython.Py_ssize_t, words.count("completeness"))
_OUTAGES = cython.declare(cython.Py_ssize_t, words.count("outages"))
_PACKETS = cython.declare(cython.Py_ssize_t, words.total("packets"))
_BYTES = cython.declare(cython.Py_ssize_t, words.total("bytes"))
_PAYLOAD = cython.declare(cython.Py_ssize_t, words.total("payload_bytes"))
_UNIQUE = cython.declare(cython.Py_ssize_t, words.total("unique_bytes"))
_AGAIN_BYTES = cython.declare(cython.Py_ssize_t, words.total("retransmission_bytes"))
_CLOSED_TIME = cython.declare(cython.Py_ssize_t, words.total("zero_window_time"))
_RTO_MAX = cython.declare(cython.Py_ssize_t, words.total("rto_max"))
_RTT_MIN = cython.declare(cython.Py_ssize_t, words.total("rtt_min"))
_RTT_MAX = cython.declare(cython.Py_ssize_t, words.total("rtt_max"))
_RTT_SUM = cython.declare(cython.Py_ssize_t, words.total("rtt_sum"))
_CLOSED_SINCE = cython.declare(cython.Py_ssize_t, words.total("closed_since"))
_FIRST_PAYLOAD = cython.declare(cython.Py_ssize_t, words.total("first_payload"))
_UNANSWERED_SINCE = cython.declare(cython.Py_ssize_t, words.total("unanswered_since"))
_FIRST_FRAME = cython.declare(cython.Py_ssize_t, words.total("first_frame"))
_LAST_FRAME = cython.declare(cython.Py_ssize_t, words.total("last_frame"))
_FIRST_TIME = cython.declare(cython.Py_ssize_t, words.total("first_time"))
_LAST_TIME = cython.declare(cython.Py_ssize_t, words.total("last_time"))
_FLOW_ID = cython.declare(cython.Py_ssize_t, words.total("flow_id"))
_INITIAL_RTT = cython.declare(cython.Py_ssize_t, words.total("initial_rtt"))
_OUTAGE_MAX = cython.declare(cython.Py_ssize_t, words.total("outage_max"))
_ADDRESS = cython.declare(cython.Py_ssize_t, words.total("address_0_high"))
_SYN_TIME = cython.declare(cython.Py_ssize_t, words.total("syn_time"))
_SYNACK_TIME = cython.declare(cython.Py_ssize_t, words.total("synack_time"))
_OPEN_TIME = cython.declare(cython.Py_ssize_t, words.total("open_time"))
_NOW = cython.declare(cython.Py_ssize_t, words.total("now"))
_P50 = cython.declare(cython.Py_ssize_t, words.total("p50_0"))
# Bits of `done`: what a side has sent, and whether its FIN was acknowledged.
_D_SYN = cython.declare(cython.uint, words.DONE["syn"])
_D_SYNACK = cython.declare(cython.uint, words.DONE["synack"])
_D_ACK = cython.declare(cython.uint, words.DONE["ack"])
_D_FIN = cython.declare(cython.uint, words.DONE["fin"])
_D_RST = cython.declare(cython.uint, words.DONE["rst"])
_D_BLUNT = cython.declare(cython.uint, words.DONE["blunt_rst"])
_D_FIN_ACKED = cython.declare(cython.uint, words.DONE["fin_acked"])
_D_AFTER_FIN = cython.declare(cython.uint, words.DONE["payload_after_other_fin"])
_D_CROSSED = cython.declare(cython.uint, words.DONE["fin_crossed"])
_D_PAYLOAD = cython.declare(cython.uint, words.DONE["payload"])
_O_SACK = cython.declare(cython.uint, words.OPTIONS["sack_perm"])
_O_TIMESTAMPS = cython.declare(cython.uint, words.OPTIONS["timestamps"])
_O_MSS = cython.declare(cython.uint, words.OPTIONS["mss"])
_O_WSCALE = cython.declare(cython.uint, words.OPTIONS["wscale"])
_O_TTL = cython.declare(cython.uint, words.OPTIONS["ttl"])


def _mark(name: str) -> int:
    source = PACKETS.by_name[name].bits_of
    assert source is not None
    return int(source[1])


_M_RETRANSMISSION = cython.declare(cython.uint, 1 << _mark("tcp.analysis.retransmission"))
_M_FAST = cython.declare(cython.uint, 1 << _mark("tcp.analysis.fast_retransmission"))
_M_SPURIOUS = cython.declare(cython.uint, 1 << _mark("tcp.analysis.spurious_retransmission"))
_M_KEEP_ALIVE = cython.declare(cython.uint, 1 << _mark("tcp.analysis.keep_alive"))
_M_PROBE = cython.declare(cython.uint, 1 << _mark("tcp.analysis.zero_window_probe"))
_M_COUNTED = cython.declare(cython.uint, sum(1 << _mark(f"tcp.analysis.{name}") for name in words.MARKS))
# Bit of the marks to the word that counts it, -1 for none.
_MARK_WORDS: NDArray[np.int32] = np.full(32, -1, np.int32)
for _name in words.MARKS:
    _MARK_WORDS[_mark(f"tcp.analysis.{_name}")] = words.count(_name)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_FIN = cython.declare(cython.uint, 0x01)
_SYN = cython.declare(cython.uint, 0x02)
_RST = cython.declare(cython.uint, 0x04)
_ACK = cython.declare(cython.uint, 0x10)
# Bits of `Streams.turn`.
_T_SIDE = cython.declare(cython.int, 1)
_T_BEGINS = cython.declare(cython.int, 2)
_T_UDP = cython.declare(cython.int, 8)

_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_L_FLAGS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.flags"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_UDP_LENGTH = cython.declare(cython.Py_ssize_t, _s.lane("udp.length"))
_L_MSS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.mss"))
_L_WSCALE = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.wscale"))
_L_SACK_PERM = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.sack_perm"))
_L_TIMESTAMP = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.timestamp"))
_L_WINDOW = cython.declare(cython.Py_ssize_t, _s.lane("tcp.window_size"))
_L_RTO = cython.declare(cython.Py_ssize_t, _s.lane("tcp.rto"))
_L_ACK_RTT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.ack_rtt"))
_L_INITIAL_RTT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.initial_rtt"))
_L_IN_FLIGHT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.bytes_in_flight"))
_C_NUMBER = cython.declare(cython.Py_ssize_t, _s.u64("frame.number"))
_C_TIME = cython.declare(cython.Py_ssize_t, _s.u64("frame.time"))
_C_FLOW_ID = cython.declare(cython.Py_ssize_t, _s.u64("shoal.flow_id"))
_C_RTO = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.rto"))
_C_ACK_RTT = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.ack_rtt"))
_C_INITIAL_RTT = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.initial_rtt"))
_C_FRAME_LEN = cython.declare(cython.Py_ssize_t, _s.u32("frame.len"))
_C_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_C_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_C_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_C_WINDOW = cython.declare(cython.Py_ssize_t, _s.u32("tcp.window_size"))
_C_MARKS = cython.declare(cython.Py_ssize_t, _s.u32("shoal.tcp.analysis"))
_C_IN_FLIGHT = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.bytes_in_flight"))
_C_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("tcp.stream"))
_C_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("udp.stream"))
_C_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_C_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_C_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_C_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_C_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_C_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_C_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_C_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_C_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_C_UDP_LENGTH = cython.declare(cython.Py_ssize_t, _s.u16("udp.length"))
_C_MSS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.options.mss_val"))
_C_WSCALE = cython.declare(cython.Py_ssize_t, _s.u8("tcp.options.wscale.shift"))
_C_TTL = cython.declare(cython.Py_ssize_t, _s.u8("ip.ttl"))
_C_HLIM = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.hlim"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _half(b: cython.uchar[:, :, ::1], slot: cython.Py_ssize_t, row: cython.Py_ssize_t,
          at: cython.Py_ssize_t) -> cython.longlong:
    """Eight bytes of an address cell, big-endian, as a signed number."""
    value: cython.longlong = b[slot, row, at] - 256 if b[slot, row, at] > 127 else b[slot, row, at]
    k: cython.Py_ssize_t
    for k in range(at + 1, at + 8):
        value = value * 256 + b[slot, row, k]
    return value


@cython.cclass
class Flows:
    """Conversations by the numbers of `Streams`. `sink` takes each batch of rows (`FLOW_STATES`), in their order."""

    def __init__(self, sink: Callable[[Columns], None] | None = None) -> None:
        self.sink = sink
        self.rows = 0
        self._histograms = Histograms()
        numbers = np.zeros((2, _FIRST_SIZE), np.uint32)
        counts = np.zeros((_FIRST_SIZE, _COUNT_WORDS), np.uint32)
        sums = np.zeros((_FIRST_SIZE, _SUM_WORDS), np.int64)
        changed = np.zeros(_FIRST_SIZE, np.uint32)
        out_counts = np.zeros((_MOST_OUT, _COUNT_WORDS), np.uint32)
        out_sums = np.zeros((_MOST_OUT, _SUM_WORDS), np.int64)
        plain = not cython.compiled
        self._row = memoryview(numbers) if plain else numbers
        self._count = memoryview(counts) if plain else counts
        self._sum = memoryview(sums) if plain else sums
        self._dirty = memoryview(changed) if plain else changed
        self._out_count = memoryview(out_counts) if plain else out_counts
        self._out_sum = memoryview(out_sums) if plain else out_sums
        self._used = self._changed = self._out = 0
        self._tick = self._now = 0

    @property
    def histograms_refused(self) -> int:
        """Directions whose round trip times have no percentiles, for the cap was reached."""
        refused: int = self._histograms.refused
        return refused

    def process(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Take up the batch's TCP and UDP rows; `numbers` and `turns` are `Streams.conversation` and `.turn`."""
        if columns.rows:
            self._reserve(columns.rows, int(numbers[: columns.rows].max()) + 1)
            self._rows(columns, numbers, turns)

    def flush(self) -> None:
        """Hand out the rows that wait; without it they are handed out `HANDED_OUT` at a time."""
        self._hand_out()

    def finish(self) -> None:
        """Write every conversation that changed since its last row; the capture is at its end."""
        self._tell_changed()
        self._hand_out()

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
            counts[:have] = np.asarray(self._count)
            sums = np.zeros((size, _SUM_WORDS), np.int64)
            sums[:have] = np.asarray(self._sum)
            changed = np.zeros(size, np.uint32)
            changed[:have] = np.asarray(self._dirty)
            self._count = memoryview(counts) if plain else counts
            self._sum = memoryview(sums) if plain else sums
            self._dirty = memoryview(changed) if plain else changed
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _hand_out(self) -> cython.int:
        """Give the sink the rows that wait."""
        n: cython.Py_ssize_t = self._out
        self._out = 0
        self.rows += n
        if n and self.sink is not None:
            self.sink(fill(Columns(FLOW_STATES, n), np.asarray(self._out_count)[:n], np.asarray(self._out_sum)[:n]))
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _tell(self, at: cython.Py_ssize_t) -> cython.int:
        """Put the conversation at `at` among the rows that wait."""
        k: cython.Py_ssize_t
        side: cython.Py_ssize_t
        histogram: cython.uint
        if self._out >= _MOST_OUT:
            with cython.gil:
                self._hand_out()
        for k in range(_COUNT_WORDS):
            self._out_count[self._out, k] = self._count[at, k]
        for k in range(_SUM_WORDS):
            self._out_sum[self._out, k] = self._sum[at, k]
        for side in range(2):
            histogram = self._count[at, side * _COUNTS + _HISTOGRAM]
            for k in range(2):
                self._out_sum[self._out, _P50 + 2 * side + k] = -1 if histogram == 0 else self._histograms.quantile(
                    histogram, self._count[at, side * _COUNTS + _SAMPLES], 95 if k else 50
                )
        self._out_sum[self._out, _NOW] = self._now
        self._out += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _tell_changed(self) -> cython.int:
        """Put every conversation that changed among the rows that wait."""
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        for k in range(self._changed):
            at = self._dirty[k]
            if self._count[at, _IS_DIRTY] & _CHANGED:
                self._tell(at)
            self._count[at, _IS_DIRTY] = 0
        self._changed = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _clear(self, at: cython.Py_ssize_t) -> cython.int:
        """Forget what stood at `at`."""
        k: cython.Py_ssize_t
        for k in range(2):
            if self._count[at, k * _COUNTS + _HISTOGRAM]:
                self._histograms.give(self._count[at, k * _COUNTS + _HISTOGRAM])
        for k in range(_COUNT_WORDS):
            self._count[at, k] = 0
        for k in range(_SUM_WORDS):
            self._sum[at, k] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _answer(self, at: cython.Py_ssize_t, side: cython.int, now: cython.longlong) -> cython.int:
        """Side `side` is heard: what the other sent is not unanswered any more."""
        c: cython.Py_ssize_t = (1 - side) * _COUNTS
        s: cython.Py_ssize_t = (1 - side) * _SUMS
        lasted: cython.longlong
        if self._count[at, c + _UNANSWERED]:
            lasted = now - self._sum[at, s + _UNANSWERED_SINCE]
            if self._count[at, c + _AGAIN] >= 2 and lasted > _OUTAGE:
                self._count[at, _OUTAGES] += 1
                if lasted > self._sum[at, _OUTAGE_MAX]:
                    self._sum[at, _OUTAGE_MAX] = lasted
            self._count[at, c + _UNANSWERED] = 0
            self._count[at, c + _AGAIN] = 0
        self._count[at, c + _PROBES] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _round_trip(self, at: cython.Py_ssize_t, side: cython.int, time: cython.longlong) -> cython.int:
        """Count the time from a segment of side `side` to its acknowledgment."""
        c: cython.Py_ssize_t = side * _COUNTS
        s: cython.Py_ssize_t = side * _SUMS
        if self._count[at, c + _SAMPLES] == 0:
            self._count[at, c + _HISTOGRAM] = self._histograms.take()
            self._sum[at, s + _RTT_MIN] = time
            self._sum[at, s + _RTT_MAX] = time
        if self._count[at, c + _HISTOGRAM]:
            self._histograms.add(self._count[at, c + _HISTOGRAM], time)
        self._count[at, c + _SAMPLES] += 1
        self._sum[at, s + _RTT_SUM] += time
        if time < self._sum[at, s + _RTT_MIN]:
            self._sum[at, s + _RTT_MIN] = time
        if time > self._sum[at, s + _RTT_MAX]:
            self._sum[at, s + _RTT_MAX] = time
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _connection(self, at: cython.Py_ssize_t, side: cython.int, flags: cython.uint, length: cython.uint,
                    nxtseq: cython.uint, ack: cython.uint, now: cython.longlong) -> cython.int:
        """Note what the segment does to the connection."""
        c: cython.Py_ssize_t = side * _COUNTS
        r: cython.Py_ssize_t = (1 - side) * _COUNTS
        done: cython.uint = self._count[at, c + _DONE]
        other: cython.uint = self._count[at, r + _DONE]
        complete: cython.uint = self._count[at, _COMPLETENESS]
        if flags & _SYN:
            if flags & _ACK:
                done |= _D_SYNACK
                complete |= 2
                self._sum[at, _SYNACK_TIME] = now
                if self._count[at, _CLIENT] == 0:
                    self._count[at, _CLIENT] = 2 - side
            else:
                if done & _D_SYN == 0:
                    self._sum[at, _SYN_TIME] = now
                done |= _D_SYN
                complete |= 1
                if self._count[at, _CLIENT] == 0 or other & _D_SYN == 0:
                    self._count[at, _CLIENT] = side + 1
        elif flags & _RST:
            if self._count[at, _RESET_BY] == 0:
                self._count[at, _RESET_BY] = side + 1
                # Frozen as they are when the connection ends, for the words.
                if flags & _ACK == 0:
                    done |= _D_BLUNT
            done |= _D_RST
            complete |= 32
        elif flags & _ACK:
            if other & _D_SYNACK and done & _D_ACK == 0 and self._sum[at, _OPEN_TIME] == 0:
                self._sum[at, _OPEN_TIME] = now
            done |= _D_ACK
            complete |= 8 if length else 4
        if length:
            done |= _D_PAYLOAD
            if other & _D_FIN:
                done |= _D_AFTER_FIN
        if flags & _FIN:
            if self._count[at, _ENDED_FIRST] == 0:
                self._count[at, _ENDED_FIRST] = side + 1
            if done & _D_FIN == 0:
                self._count[at, c + _FIN_END] = nxtseq
                if other & _D_FIN and (ack - self._count[at, r + _FIN_END]) & _WORD >= _HALF:
                    done |= _D_CROSSED
            done |= _D_FIN
            complete |= 16
        if flags & _ACK and other & _D_FIN and (ack - self._count[at, r + _FIN_END]) & _WORD < _HALF:
            self._count[at, r + _DONE] = other | _D_FIN_ACKED
        self._count[at, c + _DONE] = done
        self._count[at, _COMPLETENESS] = complete
        return 0

    @cython.cfunc
    def _rows(self, columns: Any, numbers: Any, turns: Any) -> object:
        plain = not cython.compiled
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u8: cython.uchar[:, ::1] = memoryview(columns.u8) if plain else columns.u8
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        u64: cython.ulonglong[:, ::1] = memoryview(columns.u64) if plain else columns.u64
        b16: cython.uchar[:, :, ::1] = memoryview(columns.b16) if plain else columns.b16
        number: cython.int[::1] = memoryview(numbers) if plain else numbers
        turn: cython.uchar[::1] = memoryview(turns) if plain else turns
        signed = columns.values("frame.time").view("i8")
        times: cython.longlong[::1] = memoryview(signed) if plain else signed
        marked: cython.int[::1] = memoryview(_MARK_WORDS) if plain else _MARK_WORDS
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        c: cython.Py_ssize_t
        s: cython.Py_ssize_t
        side: cython.int
        udp: cython.int
        now: cython.longlong
        time: cython.longlong
        length: cython.uint
        flags: cython.uint
        marks: cython.uint
        nxtseq: cython.uint
        ttl: cython.uint
        listed: cython.uint
        with cython.nogil:
            for i in range(n):
                if number[i] == 0:
                    continue
                side = turn[i] & _T_SIDE
                udp = 1 if turn[i] & _T_UDP else 0
                now = times[i]
                if now >= self._tick or now < self._tick - _HOUR:
                    if self._tick:
                        self._tell_changed()
                    self._tick = now - now % _MINUTE + _MINUTE
                if now > self._now:
                    self._now = now
                at = self._row[udp, number[i]]
                if at == 0 or turn[i] & _T_BEGINS:
                    listed = 0
                    if at == 0:
                        self._used += 1
                        at = self._used
                        self._row[udp, number[i]] = at
                    else:
                        if self._count[at, _IS_DIRTY] & _CHANGED:
                            self._tell(at)
                        listed = self._count[at, _IS_DIRTY] & _LISTED
                        self._clear(at)
                    self._count[at, _IS_DIRTY] = listed
                    self._count[at, _IS_UDP] = udp
                    self._count[at, _FIRST_SENDER] = side + 1
                    self._count[at, _STREAM] = u32[_C_UDP_STREAM if udp else _C_TCP_STREAM, i]
                    self._count[at, _PORT + side] = u16[_C_UDP_SRC if udp else _C_TCP_SRC, i]
                    self._count[at, _PORT + 1 - side] = u16[_C_UDP_DST if udp else _C_TCP_DST, i]
                    if lane[_L_IP, i]:
                        self._sum[at, _ADDRESS + 2 * side + 1] = u32[_C_SRC4, i]
                        self._sum[at, _ADDRESS + 3 - 2 * side] = u32[_C_DST4, i]
                    else:
                        self._count[at, _IS_IP6] = 1
                        self._sum[at, _ADDRESS + 2 * side] = _half(b16, _C_SRC6, i, 0)
                        self._sum[at, _ADDRESS + 2 * side + 1] = _half(b16, _C_SRC6, i, 8)
                        self._sum[at, _ADDRESS + 2 - 2 * side] = _half(b16, _C_DST6, i, 0)
                        self._sum[at, _ADDRESS + 3 - 2 * side] = _half(b16, _C_DST6, i, 8)
                    self._sum[at, _FLOW_ID] = cython.cast(cython.longlong, u64[_C_FLOW_ID, i])
                    self._sum[at, _FIRST_FRAME] = u64[_C_NUMBER, i]
                    self._sum[at, _FIRST_TIME] = now
                if self._count[at, _IS_DIRTY] == 0:
                    self._dirty[self._changed] = at
                    self._changed += 1
                self._count[at, _IS_DIRTY] = _CHANGED | _LISTED
                c = side * _COUNTS
                s = side * _SUMS
                self._sum[at, _LAST_FRAME] = u64[_C_NUMBER, i]
                self._sum[at, _LAST_TIME] = now
                self._sum[at, s + _PACKETS] += 1
                self._sum[at, s + _BYTES] += u32[_C_FRAME_LEN, i]
                ttl = u8[_C_TTL, i] if lane[_L_IP, i] else u8[_C_HLIM, i]
                if self._count[at, c + _OPTIONS] & _O_TTL == 0:
                    self._count[at, c + _OPTIONS] |= _O_TTL
                    self._count[at, c + _TTL_MIN] = ttl
                if ttl < self._count[at, c + _TTL_MIN]:
                    self._count[at, c + _TTL_MIN] = ttl
                if ttl > self._count[at, c + _TTL_MAX]:
                    self._count[at, c + _TTL_MAX] = ttl
                if udp:
                    if lane[_L_UDP_LENGTH, i] and u16[_C_UDP_LENGTH, i] > 8:
                        self._sum[at, s + _PAYLOAD] += u16[_C_UDP_LENGTH, i] - 8
                        if self._sum[at, s + _FIRST_PAYLOAD] == 0:
                            self._sum[at, s + _FIRST_PAYLOAD] = now
                    continue
                if lane[_L_FLAGS, i] == 0 or lane[_L_LEN, i] == 0:
                    continue
                flags = u16[_C_FLAGS, i]
                length = u32[_C_LEN, i]
                marks = u32[_C_MARKS, i]
                nxtseq = (u32[_C_SEQ, i] + length + (1 if flags & (_SYN | _FIN) else 0)) & _WORD
                self._answer(at, side, now)
                self._connection(at, side, flags, length, nxtseq, u32[_C_ACK, i], now)
                if length:
                    self._count[at, c + _SEGMENTS] += 1
                    self._sum[at, s + _PAYLOAD] += length
                    if self._sum[at, s + _FIRST_PAYLOAD] == 0:
                        self._sum[at, s + _FIRST_PAYLOAD] = now
                    k = (1 - side) * _COUNTS
                    if self._count[at, k + _OPTIONS] & _O_MSS and length > self._count[at, k + _MSS]:
                        self._count[at, c + _OVER_MSS] += 1
                if marks & (_M_KEEP_ALIVE | _M_PROBE):
                    self._count[at, c + _PROBES] += 1
                elif length or flags & (_SYN | _FIN):
                    if self._count[at, c + _UNANSWERED] == 0:
                        self._sum[at, s + _UNANSWERED_SINCE] = now
                    self._count[at, c + _UNANSWERED] += 1
                    if marks & _M_RETRANSMISSION:
                        self._count[at, c + _AGAIN] += 1
                if marks & _M_COUNTED:
                    for k in range(marked.shape[0]):
                        if marks & (cython.cast(cython.uint, 1) << k) and marked[k] >= 0:
                            self._count[at, c + marked[k]] += 1
                    if marks & _M_RETRANSMISSION:
                        self._sum[at, s + _AGAIN_BYTES] += length
                    if marks & _M_FAST:
                        self._sum[at, s + _AGAIN_BYTES + 1] += length
                    if marks & _M_SPURIOUS:
                        self._sum[at, s + _AGAIN_BYTES + 2] += length
                if lane[_L_WINDOW, i] and flags & (_SYN | _RST) == 0:
                    if u32[_C_WINDOW, i] == 0:
                        if self._sum[at, s + _CLOSED_SINCE] == 0:
                            self._sum[at, s + _CLOSED_SINCE] = now
                    elif self._sum[at, s + _CLOSED_SINCE]:
                        self._sum[at, s + _CLOSED_TIME] += now - self._sum[at, s + _CLOSED_SINCE]
                        self._sum[at, s + _CLOSED_SINCE] = 0
                if lane[_L_ACK_RTT, i]:
                    time = cython.cast(cython.longlong, u64[_C_ACK_RTT, i])
                    if time > 0:
                        self._round_trip(at, 1 - side, time)
                        if length == 0 and flags & (_SYN | _FIN | _RST) == 0 and time > _DELAYED:
                            self._count[at, c + _DELAYED_ACKS] += 1
                if lane[_L_RTO, i]:
                    time = cython.cast(cython.longlong, u64[_C_RTO, i])
                    self._count[at, c + _RTO] += 1
                    if time > self._sum[at, s + _RTO_MAX]:
                        self._sum[at, s + _RTO_MAX] = time
                if lane[_L_IN_FLIGHT, i] and u32[_C_IN_FLIGHT, i] > self._count[at, c + _IN_FLIGHT]:
                    self._count[at, c + _IN_FLIGHT] = u32[_C_IN_FLIGHT, i]
                if lane[_L_INITIAL_RTT, i]:
                    self._sum[at, _INITIAL_RTT] = cython.cast(cython.longlong, u64[_C_INITIAL_RTT, i])
                if lane[_L_TIMESTAMP, i]:
                    self._count[at, c + _OPTIONS] |= _O_TIMESTAMPS
                if flags & _SYN:
                    if lane[_L_SACK_PERM, i]:
                        self._count[at, c + _OPTIONS] |= _O_SACK
                    if lane[_L_MSS, i]:
                        self._count[at, c + _OPTIONS] |= _O_MSS
                        self._count[at, c + _MSS] = u16[_C_MSS, i]
                    if lane[_L_WSCALE, i]:
                        self._count[at, c + _OPTIONS] |= _O_WSCALE
                        self._count[at, c + _WSCALE] = u8[_C_WSCALE, i]
        return None
