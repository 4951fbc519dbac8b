"""Why a segment is there: sent again, needed or not, overtaken on its way, or duplicated by the network.

Wireshark's marks are guesses from sequence numbers and times. Here each segment that carries data, SYN or FIN is held
against what passed before: the sequence ranges seen, and of earlier segments the IP ID, the timestamp (RFC 7323), the
checksum and the time; and against what the receiver told it has (RFC 9293, RFC 2018, RFC 2883).
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp.ranges import Holes
from pipeline.engine.tcp.sent import BITS, CHECKSUM, ID_FIRST, ID_LAST, LENGTH, TS_FIRST, TS_LAST, Sent
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

NONE, RESENT, NEEDLESS, REORDERED, DUPLICATED = range(5)
"""Values of `shoal.tcp.cause`."""

(
    RESENT_SEGMENTS, NEEDLESS_SEGMENTS, REORDERED_SEGMENTS, DUPLICATED_SEGMENTS,
    RESENT_BYTES, NEEDLESS_BYTES, REORDERED_BYTES, DUPLICATED_BYTES,
    LOST_BEFORE_SEGMENTS, LOST_BEFORE_BYTES, LOST_AFTER_SEGMENTS, LOST_AFTER_BYTES, MISSED_BYTES, RECEIVED_TWICE,
) = range(14)  # fmt: skip
"""What `Causes.counts` has of each direction. Segments are those of the sender: a captured one that offloading has made
of several counts as so many. Of each cause segments and payload bytes; segments and bytes that were lost before this
capture point, and beyond it; bytes that the receiver acknowledged and that never passed here; segments that it told it
got twice."""

UNKNOWN, NEAR_SENDER, NEAR_RECEIVER, BETWEEN = range(4)
"""Where the capture point is, seen from the data of one direction."""

_s = Slots(PACKETS)
_FIRST_SIZE = 1024
_KINDS = RECEIVED_TWICE + 1
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_FIN = cython.declare(cython.uint, 0x01)
_SYN = cython.declare(cython.uint, 0x02)
_RST = cython.declare(cython.uint, 0x04)
_ACK = cython.declare(cython.uint, 0x10)
_NONE = cython.declare(cython.int, NONE)
_RESENT = cython.declare(cython.int, RESENT)
_NEEDLESS = cython.declare(cython.int, NEEDLESS)
_REORDERED = cython.declare(cython.int, REORDERED)
_DUPLICATED = cython.declare(cython.int, DUPLICATED)
_SEGMENTS = cython.declare(cython.Py_ssize_t, RESENT_SEGMENTS)
_BYTES = cython.declare(cython.Py_ssize_t, RESENT_BYTES)
_BEFORE = cython.declare(cython.Py_ssize_t, LOST_BEFORE_SEGMENTS)
_BEFORE_BYTES = cython.declare(cython.Py_ssize_t, LOST_BEFORE_BYTES)
_AFTER = cython.declare(cython.Py_ssize_t, LOST_AFTER_SEGMENTS)
_AFTER_BYTES = cython.declare(cython.Py_ssize_t, LOST_AFTER_BYTES)
_MISSED = cython.declare(cython.Py_ssize_t, MISSED_BYTES)
_TWICE = cython.declare(cython.Py_ssize_t, RECEIVED_TWICE)
_UNKNOWN = cython.declare(cython.int, UNKNOWN)
_NEAR_SENDER = cython.declare(cython.int, NEAR_SENDER)
_NEAR_RECEIVER = cython.declare(cython.int, NEAR_RECEIVER)
_BETWEEN = cython.declare(cython.int, BETWEEN)
_R_LENGTH = cython.declare(cython.Py_ssize_t, LENGTH)
_R_TS_FIRST = cython.declare(cython.Py_ssize_t, TS_FIRST)
_R_TS_LAST = cython.declare(cython.Py_ssize_t, TS_LAST)
_R_ID_FIRST = cython.declare(cython.Py_ssize_t, ID_FIRST)
_R_ID_LAST = cython.declare(cython.Py_ssize_t, ID_LAST)
_R_CHECKSUM = cython.declare(cython.Py_ssize_t, CHECKSUM)
_R_BITS = cython.declare(cython.Py_ssize_t, BITS)

# Words of a direction. Of sequence numbers: the highest seen and the lowest; what this side acknowledged last, its last
# window (_WORD: none yet); the segment whose acknowledgment times the way to the receiver; up to two SACK blocks.
_HIGH = cython.declare(cython.Py_ssize_t, 0)
_LOW = cython.declare(cython.Py_ssize_t, 1)
_STATE = cython.declare(cython.Py_ssize_t, 2)
_ACKED = cython.declare(cython.Py_ssize_t, 3)
_WINDOW = cython.declare(cython.Py_ssize_t, 4)
_TIMED = cython.declare(cython.Py_ssize_t, 5)
_TSVAL = cython.declare(cython.Py_ssize_t, 6)
_TS_TIMED = cython.declare(cython.Py_ssize_t, 7)
_ID = cython.declare(cython.Py_ssize_t, 8)
_STEPS = cython.declare(cython.Py_ssize_t, 9)
_JUMPS = cython.declare(cython.Py_ssize_t, 10)
_MSS = cython.declare(cython.Py_ssize_t, 11)
_SACK = cython.declare(cython.Py_ssize_t, 12)
_WORDS = cython.declare(cython.Py_ssize_t, 16)
# Bits of _STATE: its sequence numbers are known; it has acknowledged; a segment, a timestamp is being timed; a probe of
# a closed window is out; it has timestamps; how many SACK blocks there are, from bit 8 on.
_KNOWN = cython.declare(cython.uint, 1)
_HAS_ACKED = cython.declare(cython.uint, 2)
_TIMING = cython.declare(cython.uint, 4)
_TS_TIMING = cython.declare(cython.uint, 8)
_PROBED = cython.declare(cython.uint, 16)
_HAS_TS = cython.declare(cython.uint, 32)
_BLOCKS = cython.declare(cython.uint, 0x300)
_BLOCK = cython.declare(cython.uint, 0x100)
# Times, ns: when the conversation began; then of each direction the shortest time from a segment to the answer of its
# receiver (0: not known), and since when a segment and a timestamp are being timed.
_T_BEGAN = cython.declare(cython.Py_ssize_t, 0)
_T_AHEAD = cython.declare(cython.Py_ssize_t, 1)
_T_TIMED = cython.declare(cython.Py_ssize_t, 3)
_T_TS_TIMED = cython.declare(cython.Py_ssize_t, 5)
# Bits of a remembered segment: it was counted as lost beyond this point, or before it; it came late.
_COUNTED_AFTER = cython.declare(cython.uint, 1)
_COUNTED_BEFORE = cython.declare(cython.uint, 2)
_WAS_LATE = cython.declare(cython.uint, 4)

# ns: a few ticks of most stacks' timestamps; the shortest retransmission timeout in use; for a round trip not known.
_TICKS = cython.declare(cython.longlong, 5_000_000)
_LEAST_RTO = cython.declare(cython.longlong, 200_000_000)
_NO_RTT = cython.declare(cython.longlong, 3_000_000)
_FORWARD = cython.declare(cython.uint, 0x1000)
_MOST_COUNT = cython.declare(cython.uint, 0xFFFF)

_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_TS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.timestamp"))
_L_MSS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.mss"))
_TIME = cython.declare(cython.Py_ssize_t, _s.u64("frame.time"))
_IP_ID = cython.declare(cython.Py_ssize_t, _s.u16("ip.id"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_ACK_RAW = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_REL_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_RAW_WINDOW = cython.declare(cython.Py_ssize_t, _s.u16("tcp.window_size_value"))
_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.u8("tcp.hdr_len"))
_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("tcp.checksum"))
_MSS_VAL = cython.declare(cython.Py_ssize_t, _s.u16("tcp.options.mss_val"))
_TS_VAL = cython.declare(cython.Py_ssize_t, _s.u32("tcp.options.timestamp.tsval"))
_TS_ECR = cython.declare(cython.Py_ssize_t, _s.u32("tcp.options.timestamp.tsecr"))
_CAUSE = cython.declare(cython.Py_ssize_t, _s.u8("shoal.tcp.cause"))
_SACK_LE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_le"))
_SACK_RE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_re"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _after(a: cython.uint, b: cython.uint) -> cython.bint:
    """Whether `a` comes after `b`, of sequence numbers or timestamps."""
    return ((b - a) & _WORD) >= _HALF


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _later(a: cython.uint, b: cython.uint) -> cython.bint:
    """Whether IP ID `a` comes after `b`."""
    return ((b - a) & 0xFFFF) >= 0x8000


@cython.cclass
class Causes:
    """State by the conversation numbers of `Streams`: a row of each array for a conversation.

    `fresh` uint32 of shape (rows of the largest batch,): payload bytes of each row of the last batch that had not
    passed before. `counts` uint32 of shape (conversations, 2, 14) holds for each direction (the side that sends) the
    numbers named above; they stop at 2^32 - 1. A row that begins a conversation anew (turn bit 2) empties its counts:
    who wants the old ones copies them before. Growth replaces the arrays, so no view outlives a `process`.
    """

    def __init__(self) -> None:
        self._holes = Holes()
        self._sent = Sent()
        self.fresh: NDArray[np.uint32] = np.zeros(0, np.uint32)
        words = np.zeros((_FIRST_SIZE, 32), np.uint32)
        times = np.zeros((_FIRST_SIZE, 7), np.int64)
        counts = np.zeros((_FIRST_SIZE, 2, _KINDS), np.uint32)
        self._word = words if cython.compiled else memoryview(words)
        self._time = times if cython.compiled else memoryview(times)
        self.counts = counts if cython.compiled else memoryview(counts)

    @property
    def holes_evicted(self) -> int:
        """Sequence ranges not seen yet that were forgotten at their cap."""
        evicted: int = self._holes.evicted
        return evicted

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "word": np.asarray(self._word), "time": np.asarray(self._time), "counts": np.asarray(self.counts),
            "holes": self._holes.state(), "sent": self._sent.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._word = state["word"] if cython.compiled else memoryview(state["word"])
        self._time = state["time"] if cython.compiled else memoryview(state["time"])
        self.counts = state["counts"] if cython.compiled else memoryview(state["counts"])
        self._holes.restore(state["holes"])
        self._sent.restore(state["sent"])

    def table(self) -> NDArray[np.uint32]:
        """`counts` as an array."""
        return np.asarray(self.counts)

    def process(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Fill `shoal.tcp.cause` of the batch; `numbers` and `turns` are `Streams.conversation` and `.turn`."""
        if columns.rows > self.fresh.shape[0]:
            self.fresh = np.zeros(columns.rows, np.uint32)
        if columns.rows:
            self._reserve(int(numbers[: columns.rows].max()) + 1)
        self._rows(columns, numbers, turns)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _reserve(self, conversations: cython.Py_ssize_t) -> cython.int:
        """Have room for the conversations numbered below `conversations`."""
        have: cython.Py_ssize_t = self._word.shape[0]  # type: ignore[index]
        self._holes.reserve(2 * conversations)
        if conversations > have:
            size = max(conversations, have * 2)
            words = np.zeros((size, 32), np.uint32)
            words[:have] = np.asarray(self._word)
            times = np.zeros((size, 7), np.int64)
            times[:have] = np.asarray(self._time)
            counts = np.zeros((size, 2, _KINDS), np.uint32)
            counts[:have] = np.asarray(self.counts)
            self._word = words if cython.compiled else memoryview(words)
            self._time = times if cython.compiled else memoryview(times)
            self.counts = counts if cython.compiled else memoryview(counts)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _begin(self, of: cython.Py_ssize_t) -> cython.int:
        """Forget what stood in the row of state."""
        k: cython.Py_ssize_t
        for k in range(7):
            self._time[of, k] = 0
        for k in range(_TWICE + 1):
            self.counts[of, 0, k] = 0
            self.counts[of, 1, k] = 0
        self._forget(of, 0)
        self._forget(of, 1)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _forget(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """Forget the sequence numbers of one direction."""
        k: cython.Py_ssize_t
        for k in range(_WORDS):
            self._word[of, side * _WORDS + k] = 0
        self._word[of, side * _WORDS + _WINDOW] = _WORD
        self._holes.drop(2 * of + side)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _add(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, what: cython.Py_ssize_t,
             more: cython.uint) -> cython.int:
        """Count, up to the highest number."""
        have: cython.uint = self.counts[of, side, what]
        self.counts[of, side, what] = have + more if more <= _WORD - have else _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _take(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, what: cython.Py_ssize_t,
              less: cython.uint) -> cython.int:
        """Take back what was counted."""
        have: cython.uint = self.counts[of, side, what]
        self.counts[of, side, what] = have - less if less < have else 0
        return 0

    def open_bytes(self, of: int, side: int) -> int:
        """What `unseen` tells, for Python."""
        return int(self.unseen(of, side))

    def position(self, of: int, side: int) -> int:
        """What `place` tells, for Python."""
        return int(self.place(of, side))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def unseen(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.uint:
        """Bytes of the direction of `side` that did not pass (yet): lost before this point and not sent again."""
        return self._holes.length(2 * of + side)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def place(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """Where the capture point is for the data that `side` sends: UNKNOWN, NEAR_SENDER, NEAR_RECEIVER or BETWEEN.

        By the times of the answers from both ends; without them, and where these contradict, by the losses.
        """
        near: cython.int = self._near(of, side)
        before: cython.uint = self.counts[of, side, _BEFORE]
        after: cython.uint = self.counts[of, side, _AFTER]
        if near == _NEAR_SENDER:
            return _BETWEEN if before > after else near
        if near == _NEAR_RECEIVER:
            return _BETWEEN if after > before else near
        if near == _BETWEEN or before + after == 0:
            return near
        if before == 0:
            return _NEAR_SENDER
        return _NEAR_RECEIVER if after == 0 else _BETWEEN

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _near(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """The position by the times alone: an end is near where the way to it takes a quarter of the other's."""
        ahead: cython.longlong = self._time[of, _T_AHEAD + side]
        behind: cython.longlong = self._time[of, _T_AHEAD + 1 - side]
        if ahead == 0 or behind == 0:
            return _UNKNOWN
        if behind * 4 <= ahead:
            return _NEAR_SENDER
        return _NEAR_RECEIVER if ahead * 4 <= behind else _BETWEEN

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _rtt(self, of: cython.Py_ssize_t) -> cython.longlong:
        """The shortest round trip there can be, less a sixteenth; where an end has not been timed, 3 ms at the least."""
        rtt: cython.longlong = self._time[of, _T_AHEAD] + self._time[of, _T_AHEAD + 1]
        if rtt < _NO_RTT and (self._time[of, _T_AHEAD] == 0 or self._time[of, _T_AHEAD + 1] == 0):
            return _NO_RTT
        return rtt - (rtt >> 4)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def _segments(self, of: cython.Py_ssize_t, length: cython.uint, head: cython.uint) -> cython.uint:
        """How many segments the sender counts for a captured one of `length` bytes under a header of `head`."""
        most: cython.uint = self._word[of, _MSS]
        if most == 0 or (self._word[of, _WORDS + _MSS] and self._word[of, _WORDS + _MSS] < most):
            most = self._word[of, _WORDS + _MSS]
        if most <= head or length <= most + 20 - head:
            return 1
        most = most + 20 - head
        return (length + most - 1) // most

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _has(self, of: cython.Py_ssize_t, rev: cython.Py_ssize_t, start: cython.uint,
             end: cython.uint) -> cython.bint:
        """Whether the receiver, whose words begin at `rev`, has told that it has the range."""
        k: cython.Py_ssize_t
        blocks: cython.uint = (self._word[of, rev + _STATE] & _BLOCKS) >> 8
        if self._word[of, rev + _STATE] & _HAS_ACKED == 0:
            return False
        if not _after(end, self._word[of, rev + _ACKED]):
            return True
        for k in range(blocks):
            if not _after(self._word[of, rev + _SACK + 2 * k], start) and not _after(
                end, self._word[of, rev + _SACK + 2 * k + 1]
            ):
                return True
        return False

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _answered(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, start: cython.uint, ack: cython.uint,
                  tsecr: cython.uint, now: cython.longlong) -> cython.int:
        """The receiver of the direction of `side` acknowledges from `start` on what had been sent again.

        If that answers the original, by its timestamp (RFC 3522) or too soon for the other, it had not been lost.
        """
        at: cython.Py_ssize_t
        ahead: cython.longlong = self._time[of, _T_AHEAD + side]
        _k: cython.int
        for _k in range(64):
            at = self._sent.find(2 * of + side, start, self._time[of, _T_BEGAN])
            if at < 0 or not _after(ack, start) or self._sent.word[at, _R_BITS] & _COUNTED_AFTER == 0:
                break
            if now - self._sent.time[at] >= ahead - (ahead >> 2) and (
                tsecr == 0 or not _after(self._sent.word[at, _R_TS_LAST], tsecr)
            ):
                break
            self._found_needless(of, side, at)
            if self._sent.word[at, _R_LENGTH] == 0:
                break
            start = (start + self._sent.word[at, _R_LENGTH]) & _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _found_needless(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, at: cython.Py_ssize_t) -> cython.int:
        """What was sent again of the remembered segment `at` is no loss beyond this point after all."""
        self._sent.word[at, _R_BITS] &= ~_COUNTED_AFTER & _WORD
        self._take(of, side, _AFTER, 1)
        self._take(of, side, _AFTER_BYTES, self._sent.word[at, _R_LENGTH])
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _received_twice(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, left: cython.uint,
                        right: cython.uint) -> cython.int:
        """The receiver told that it had got the range before: what was sent again of it had not been lost."""
        at: cython.Py_ssize_t
        _k: cython.int
        for _k in range(64):
            at = self._sent.find(2 * of + side, left, self._time[of, _T_BEGAN])
            if at < 0 or not _after(right, left):
                break
            self._add(of, side, _TWICE, 1)
            if self._sent.word[at, _R_BITS] & _COUNTED_AFTER:
                self._found_needless(of, side, at)
            if self._sent.word[at, _R_LENGTH] == 0:
                break
            left = (left + self._sent.word[at, _R_LENGTH]) & _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _selective(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, ack: cython.uint,
                   first_left: cython.uint, first_right: cython.uint, second_left: cython.uint,
                   second_right: cython.uint, blocks: cython.int) -> cython.int:
        """Take up the first two SACK blocks of a segment from `side`; the first may be a D-SACK (RFC 2883)."""
        fwd: cython.Py_ssize_t = side * _WORDS
        twice: cython.bint = not _after(first_right, ack)
        if not twice and blocks > 1:
            twice = not _after(second_left, first_left) and not _after(first_right, second_right)
        if twice:
            self._received_twice(of, 1 - side, first_left, first_right)
            first_left = second_left
            first_right = second_right
            blocks -= 1
        self._word[of, fwd + _STATE] &= ~_BLOCKS & _WORD
        if blocks > 0:
            self._word[of, fwd + _SACK] = first_left
            self._word[of, fwd + _SACK + 1] = first_right
            self._word[of, fwd + _STATE] |= _BLOCK
            if blocks > 1 and not twice:
                self._word[of, fwd + _SACK + 2] = second_left
                self._word[of, fwd + _SACK + 3] = second_right
                self._word[of, fwd + _STATE] += _BLOCK
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _identified(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, ident: cython.uint) -> cython.int:
        """Follow the IP IDs of a direction: a counter's take small steps forward, or few back where one was late."""
        step: cython.uint = (ident - self._word[of, fwd + _ID]) & 0xFFFF
        if step == 0:
            return 0
        if self._word[of, fwd + _ID] == 0:
            self._word[of, fwd + _ID] = ident
        elif step <= _FORWARD:
            self._word[of, fwd + _ID] = ident
            if self._word[of, fwd + _STEPS] < _MOST_COUNT:
                self._word[of, fwd + _STEPS] += 1
        elif step < 0x10000 - _FORWARD:
            self._word[of, fwd + _ID] = ident
            if self._word[of, fwd + _JUMPS] < _MOST_COUNT:
                self._word[of, fwd + _JUMPS] += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _by_hole(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, tsval: cython.uint, ident: cython.uint,
                 now: cython.longlong) -> cython.int:
        """Why a segment comes only now that fills (part of) a hole: the one that passed it by was sent before or after.

        Without timestamps and IP IDs that tell, less than a round trip is too short for it to have been sent again; and
        a round trip of more than some ticks of the timestamps gives what is sent again a later one.
        """
        fwd: cython.Py_ssize_t = side * _WORDS
        steps: cython.uint = self._word[of, fwd + _STEPS]
        if tsval and self._holes.tsval and tsval != self._holes.tsval:
            return _RESENT if _after(tsval, self._holes.tsval) else _REORDERED
        if ident and self._holes.ident and steps >= 2 and steps > 4 * self._word[of, fwd + _JUMPS]:
            return _RESENT if _later(ident, self._holes.ident) else _REORDERED
        if now - self._holes.time < self._rtt(of):
            return _RESENT if tsval == 0 and self._near(of, side) == _NEAR_SENDER else _REORDERED
        if tsval and self._holes.tsval and (_after(self._word[of, fwd + _TSVAL], tsval) or self._rtt(of) > _TICKS):
            return _REORDERED
        return _RESENT

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _by_earlier(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, at: cython.Py_ssize_t,
                    tsval: cython.uint, ident: cython.uint, checksum: cython.uint,
                    now: cython.longlong) -> cython.int:
        """Why a segment comes that passed before as the remembered one at `at` tells (-1: it is not remembered).

        The network's duplicate has the IP ID and the timestamp of what it duplicates; what was sent again has later
        ones; earlier ones are those of an original that what was sent again overtook.
        """
        fwd: cython.Py_ssize_t = side * _WORDS
        steps: cython.uint = self._word[of, fwd + _STEPS]
        jumps: cython.uint = self._word[of, fwd + _JUMPS]
        ordered: cython.bint = steps >= 2 and steps > 4 * jumps
        first: cython.uint
        last: cython.uint
        same: cython.bint
        late: cython.bint
        since: cython.longlong
        if at < 0:
            if (tsval and _after(self._word[of, fwd + _TSVAL], tsval)) or (
                ident and ordered and _later(self._word[of, fwd + _ID], ident)
            ):
                return _REORDERED if self.counts[of, side, _SEGMENTS] else _DUPLICATED
            return _RESENT
        first = self._sent.word[at, _R_TS_FIRST]
        last = self._sent.word[at, _R_TS_LAST]
        same = tsval != 0 and (tsval == first or tsval == last)
        if tsval and first and not same:
            return _REORDERED if _after(first, tsval) else _RESENT
        first = self._sent.word[at, _R_ID_FIRST]
        last = self._sent.word[at, _R_ID_LAST]
        if ident and first and steps + jumps >= 2:
            if ident == first or ident == last:
                return _DUPLICATED
            if ordered:
                return _REORDERED if _later(first, ident) else _RESENT
            return _RESENT
        if self._sent.word[at, _R_CHECKSUM] != checksum:
            return _RESENT
        since = now - self._sent.time[at]
        if not same:
            if self._near(of, side) == _NEAR_SENDER:
                return _RESENT
            if self._sent.word[at, _R_BITS] & _COUNTED_BEFORE and since < _LEAST_RTO:
                # Its hole was filled by what was sent again; that this was sent once more so soon is less likely.
                return _REORDERED
        # What is sent again takes a round trip, counted from when a late original should have come.
        late = self._sent.word[at, _R_BITS] & _WAS_LATE != 0
        return _DUPLICATED if since < self._rtt(of) >> (0 if same else 4 if late else 1) else _RESENT

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _repeats(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.longlong:
        """How many segments of the direction have passed before."""
        return (
            cython.cast(cython.longlong, self.counts[of, side, _SEGMENTS])
            + self.counts[of, side, _SEGMENTS + _NEEDLESS - 1]
            + self.counts[of, side, _SEGMENTS + _DUPLICATED - 1]
        )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _judge(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, start: cython.uint, end: cython.uint,
               length: cython.uint, head: cython.uint, flags: cython.uint, tsval: cython.uint,
               ident: cython.uint, checksum: cython.uint, now: cython.longlong) -> cython.int:
        """The cause of a segment that begins below the highest sequence number of its direction, counted.

        In the higher bits, from the fourth on, how much of its sequence range is new.
        """
        fwd: cython.Py_ssize_t = side * _WORDS
        rev: cython.Py_ssize_t = _WORDS - fwd
        at: cython.Py_ssize_t = self._sent.find(2 * of + side, start, self._time[of, _T_BEGAN])
        high: cython.uint = self._word[of, fwd + _HIGH]
        low: cython.uint = self._word[of, fwd + _LOW]
        filled: cython.uint = self._holes.fill(2 * of + side, start, end)
        fresh: cython.uint = filled
        segments: cython.uint = self._segments(of, length, head)
        bits: cython.uint
        cause: cython.int
        if _after(low, start):
            # What the capture has not seen the beginning of.
            if filled == 0:
                self._holes.tsval = 0
                self._holes.ident = 0
                self._holes.time = self._time[of, _T_BEGAN]
            filled += ((low if _after(end, low) else end) - start) & _WORD
            fresh = filled
            self._word[of, fwd + _LOW] = start
        if _after(end, high):
            fresh += (end - high) & _WORD
            self._word[of, fwd + _HIGH] = end
        if filled:
            cause = self._by_hole(of, side, tsval, ident, now)
        elif flags & (_SYN | _ACK) == (_SYN | _ACK) and self._repeats(of, 1 - side) > self._repeats(of, side):
            # The answer to a repeated SYN.
            cause = _RESENT
        else:
            cause = self._by_earlier(of, side, at, tsval, ident, checksum, now)
        if cause == _RESENT and (
            self._has(of, rev, start, end) or (filled == 0 and self._near(of, side) == _NEAR_RECEIVER)
        ):
            cause = _NEEDLESS
        self._add(of, side, _SEGMENTS + cause - 1, segments)
        self._add(of, side, _BYTES + cause - 1, length)
        if cause == _RESENT:
            self._add(of, side, _BEFORE if filled else _AFTER, segments)
            self._add(of, side, _BEFORE_BYTES if filled else _AFTER_BYTES, length)
        if filled or at < 0:
            bits = 0
            if cause == _RESENT:
                bits = _COUNTED_BEFORE if filled else _COUNTED_AFTER
            elif cause == _REORDERED:
                bits = _WAS_LATE
            self._sent.put(2 * of + side, start, length, tsval, ident, checksum, bits, now)
        elif cause == _REORDERED:
            self._sent.word[at, _R_TS_FIRST] = tsval
            self._sent.word[at, _R_ID_FIRST] = ident
            if self._sent.word[at, _R_BITS] & _COUNTED_BEFORE:
                self._sent.word[at, _R_BITS] &= ~_COUNTED_BEFORE & _WORD
                self._take(of, side, _BEFORE, segments)
                self._take(of, side, _BEFORE_BYTES, length)
        elif cause == _RESENT or cause == _NEEDLESS:
            self._sent.word[at, _R_TS_LAST] = tsval
            self._sent.word[at, _R_ID_LAST] = ident
            self._sent.word[at, _R_CHECKSUM] = checksum
            self._sent.word[at, _R_LENGTH] = length
            if cause == _RESENT:
                self._sent.word[at, _R_BITS] |= _COUNTED_AFTER
            self._sent.time[at] = now
        return cause | (fresh << 3 if fresh < 0x1000000 else 0x8000000)

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
        fresh: cython.uint[::1] = memoryview(self.fresh) if plain else self.fresh
        word: cython.uint[:, ::1] = self._word
        time: cython.longlong[:, ::1] = self._time
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        of: cython.Py_ssize_t
        side: cython.Py_ssize_t
        fwd: cython.Py_ssize_t
        rev: cython.Py_ssize_t
        now: cython.longlong
        gap: cython.longlong
        start: cython.uint
        end: cython.uint
        ack: cython.uint
        base: cython.uint
        length: cython.uint
        span: cython.uint
        flags: cython.uint
        state: cython.uint
        tsval: cython.uint
        ident: cython.uint
        told: cython.int
        with cython.nogil:
            for i in range(n):
                fresh[i] = 0
                of = number[i]
                if of == 0 or turn[i] & 8:
                    continue
                side = turn[i] & 1
                now = u64[_TIME, i]
                if turn[i] & 2:
                    self._begin(of)
                    time[of, _T_BEGAN] = now
                elif turn[i] & 4:
                    self._forget(of, side)
                if lane[_L_LEN, i] == 0:
                    continue
                flags = u16[_FLAGS, i]
                if flags & _RST:
                    continue
                fwd = side * _WORDS
                rev = _WORDS - fwd
                start = u32[_SEQ, i]
                length = u32[_LEN, i]
                if flags & _ACK:
                    ack = u32[_ACK_RAW, i]
                    state = word[of, rev + _STATE]
                    if state & _TIMING and not _after(word[of, rev + _TIMED], ack):
                        gap = now - time[of, _T_TIMED + 1 - side]
                        word[of, rev + _STATE] &= ~_TIMING & _WORD
                        if gap > 0 and (time[of, _T_AHEAD + 1 - side] == 0 or gap < time[of, _T_AHEAD + 1 - side]):
                            time[of, _T_AHEAD + 1 - side] = gap
                    if state & _PROBED and ack == (word[of, rev + _HIGH] + 1) & _WORD:
                        # The byte of the probe was taken after all.
                        word[of, rev + _HIGH] = ack
                        word[of, rev + _STATE] &= ~_PROBED & _WORD
                    if self._holes.count(2 * of + 1 - side):
                        self._add(of, 1 - side, _MISSED, self._holes.acknowledge(2 * of + 1 - side, ack))
                    if word[of, fwd + _STATE] & _HAS_ACKED == 0 or _after(ack, word[of, fwd + _ACKED]):
                        if self.counts[of, 1 - side, _AFTER]:
                            base = u32[_TS_ECR, i] if lane[_L_TS, i] else 0
                            self._answered(of, 1 - side, word[of, fwd + _ACKED], ack, base, now)
                        word[of, fwd + _ACKED] = ack
                        word[of, fwd + _STATE] |= _HAS_ACKED
                    word[of, fwd + _WINDOW] = u16[_RAW_WINDOW, i]
                    if blocks[i + 1] > blocks[i]:
                        k = blocks[i]
                        base = (ack - u32[_REL_ACK, i]) & _WORD
                        told = blocks[i + 1] - blocks[i]
                        ack = k + 1 if told > 1 else k
                        self._selective(
                            of, side, u32[_ACK_RAW, i], (edges[_SACK_LE, k] + base) & _WORD,
                            (edges[_SACK_RE, k] + base) & _WORD, (edges[_SACK_LE, ack] + base) & _WORD,
                            (edges[_SACK_RE, ack] + base) & _WORD, told,
                        )
                    elif word[of, fwd + _STATE] & _BLOCKS:
                        word[of, fwd + _STATE] &= ~_BLOCKS & _WORD
                tsval = 0
                if lane[_L_TS, i]:
                    tsval = u32[_TS_VAL, i]
                    state = word[of, rev + _STATE]
                    if state & _TS_TIMING and flags & _ACK and not _after(word[of, rev + _TS_TIMED], u32[_TS_ECR, i]):
                        gap = now - time[of, _T_TS_TIMED + 1 - side]
                        word[of, rev + _STATE] &= ~_TS_TIMING & _WORD
                        if gap > 0 and (time[of, _T_AHEAD + 1 - side] == 0 or gap < time[of, _T_AHEAD + 1 - side]):
                            time[of, _T_AHEAD + 1 - side] = gap
                ident = u16[_IP_ID, i] if lane[_L_IP, i] else 0
                span = length + (flags & _FIN) + (1 if flags & _SYN else 0)
                end = (start + span) & _WORD
                state = word[of, fwd + _STATE]
                if state & _KNOWN == 0:
                    word[of, fwd + _HIGH] = start
                    word[of, fwd + _LOW] = start
                    word[of, fwd + _STATE] |= _KNOWN
                if span:
                    if flags & _SYN and lane[_L_MSS, i]:
                        word[of, fwd + _MSS] = u16[_MSS_VAL, i]
                    if start == word[of, fwd + _HIGH]:
                        if length == 1 and span == 1 and word[of, rev + _WINDOW] == 0:
                            word[of, fwd + _STATE] |= _PROBED
                        else:
                            word[of, fwd + _HIGH] = end
                            fresh[i] = length
                            self._sent.put(2 * of + side, start, length, tsval, ident, u16[_CHECKSUM, i], 0, now)
                            if state & _TIMING == 0:
                                word[of, fwd + _TIMED] = end
                                time[of, _T_TIMED + side] = now
                                word[of, fwd + _STATE] |= _TIMING
                    elif _after(start, word[of, fwd + _HIGH]):
                        self._holes.open(2 * of + side, word[of, fwd + _HIGH], start, tsval, ident, now)
                        word[of, fwd + _HIGH] = end
                        fresh[i] = length
                        self._sent.put(2 * of + side, start, length, tsval, ident, u16[_CHECKSUM, i], 0, now)
                    elif length == 1 and span == 1 and (
                        word[of, rev + _WINDOW] == 0
                        or (
                            end == word[of, fwd + _HIGH]
                            and word[of, rev + _STATE] & _HAS_ACKED
                            and not _after(end, word[of, rev + _ACKED])
                        )
                    ):
                        # A probe of a closed window sent again, or a keep-alive: both carry a byte to be refused.
                        pass
                    else:
                        # An acknowledgment may answer either (Karn); but only few SYNs are timed, and sent again late.
                        if flags & _SYN:
                            time[of, _T_TIMED + side] = now
                        else:
                            word[of, fwd + _STATE] &= ~_TIMING & _WORD
                        told = self._judge(
                            of, side, start, end, length, u8[_HDR_LEN, i], flags, tsval, ident, u16[_CHECKSUM, i], now
                        )
                        u8[_CAUSE, i] = told & 7
                        span = told >> 3
                        fresh[i] = span if span < length else length
                elif _after(start, word[of, fwd + _HIGH]):
                    # What it was sent behind has not passed. Since when it is missed, this does not tell.
                    self._holes.open(2 * of + side, word[of, fwd + _HIGH], start, tsval, ident, 0)
                    word[of, fwd + _HIGH] = start
                if tsval and (
                    word[of, fwd + _STATE] & _HAS_TS == 0 or _after(tsval, word[of, fwd + _TSVAL])
                ):
                    word[of, fwd + _TSVAL] = tsval
                    if word[of, fwd + _STATE] & _TS_TIMING == 0:
                        word[of, fwd + _TS_TIMED] = tsval
                        time[of, _T_TS_TIMED + side] = now
                        word[of, fwd + _STATE] |= _TS_TIMING
                    word[of, fwd + _STATE] |= _HAS_TS
                if ident:
                    self._identified(of, fwd, ident)
        return None
