"""What is known of a conversation when one of its segments is judged: what was sent, what each side has, how far it is.

Rows of arrays by the conversation numbers of `Streams`, and the pools `Holes` and `Sent`; `words` tells what is where.
"""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.lines import lines
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp import sent, words
from pipeline.engine.tcp.ranges import Holes
from pipeline.engine.tcp.sent import Sent

_FIRST_SIZE = 1024
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_NO_RTT = cython.declare(cython.longlong, 3_000_000)
_FORWARD = cython.declare(cython.uint, 0x1000)
_MOST_COUNT = cython.declare(cython.uint, 0xFFFF)
_BEFORE = cython.declare(cython.Py_ssize_t, words.LOST_BEFORE_SEGMENTS)
_AFTER = cython.declare(cython.Py_ssize_t, words.LOST_AFTER_SEGMENTS)
_AFTER_BYTES = cython.declare(cython.Py_ssize_t, words.LOST_AFTER_BYTES)
_TWICE = cython.declare(cython.Py_ssize_t, words.RECEIVED_TWICE)
_UNKNOWN = cython.declare(cython.int, words.UNKNOWN)
_NEAR_SENDER = cython.declare(cython.int, words.NEAR_SENDER)
_NEAR_RECEIVER = cython.declare(cython.int, words.NEAR_RECEIVER)
_BETWEEN = cython.declare(cython.int, words.BETWEEN)
_STATE = cython.declare(cython.Py_ssize_t, words.STATE)
_ACKED = cython.declare(cython.Py_ssize_t, words.ACKED)
_WINDOW = cython.declare(cython.Py_ssize_t, words.WINDOW)
_ID = cython.declare(cython.Py_ssize_t, words.ID)
_STEPS = cython.declare(cython.Py_ssize_t, words.STEPS)
_JUMPS = cython.declare(cython.Py_ssize_t, words.JUMPS)
_MSS = cython.declare(cython.Py_ssize_t, words.MSS)
_SACK = cython.declare(cython.Py_ssize_t, words.SACK)
_WORDS = cython.declare(cython.Py_ssize_t, words.WORDS)
_T_BEGAN = cython.declare(cython.Py_ssize_t, words.T_BEGAN)
_T_AHEAD = cython.declare(cython.Py_ssize_t, words.T_AHEAD)
_TSVAL = cython.declare(cython.Py_ssize_t, words.TSVAL)
_HAS_TS = cython.declare(cython.uint, words.HAS_TS)
_HAS_ACKED = cython.declare(cython.uint, words.HAS_ACKED)
_BLOCKS = cython.declare(cython.uint, words.BLOCKS)
_BLOCK = cython.declare(cython.uint, words.BLOCK)
_COUNTED_AFTER = cython.declare(cython.uint, words.COUNTED_AFTER)
_R_LENGTH = cython.declare(cython.Py_ssize_t, sent.LENGTH)
_R_TS_LAST = cython.declare(cython.Py_ssize_t, sent.TS_LAST)
_R_BITS = cython.declare(cython.Py_ssize_t, sent.BITS)
_COUNTS = cython.declare(cython.Py_ssize_t, words.COUNTS)
_TIMES = cython.declare(cython.Py_ssize_t, words.TIMES)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _after(a: cython.uint, b: cython.uint) -> cython.bint:
    """Whether `a` comes after `b`, of sequence numbers or timestamps."""
    return ((b - a) & _WORD) >= _HALF


@cython.cclass
class Evidence:
    """`word` uint32 (conversations, 32) and `time` int64 (conversations, 8), ns: the state. `counts` uint32
    (conversations, 2, 15), by the side that sends; they stop at 2^32 - 1. Growth replaces the arrays."""

    def __init__(self, notes: Notes) -> None:
        self.holes = Holes(notes)
        self.sent = Sent(notes)
        word = lines(_FIRST_SIZE, 2 * words.WORDS, np.uint32)
        times = lines(_FIRST_SIZE, words.TIMES, np.int64)
        counts = np.zeros((_FIRST_SIZE, 2, words.COUNTS), np.uint32)
        self.word = word if cython.compiled else memoryview(word)
        self.time = times if cython.compiled else memoryview(times)
        self.counts = counts if cython.compiled else memoryview(counts)

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "word": np.asarray(self.word), "time": np.asarray(self.time), "counts": np.asarray(self.counts),
            "holes": self.holes.state(), "sent": self.sent.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        size = len(state["word"])
        word = lines(size, 2 * words.WORDS, np.uint32)
        word[:] = state["word"]
        times = lines(size, words.TIMES, np.int64)
        times[:] = state["time"]
        self.word = word if cython.compiled else memoryview(word)
        self.time = times if cython.compiled else memoryview(times)
        self.counts = state["counts"] if cython.compiled else memoryview(state["counts"])
        self.holes.restore(state["holes"])
        self.sent.restore(state["sent"])

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def reserve(self, conversations: cython.Py_ssize_t) -> cython.int:
        """Have room for the conversations numbered below `conversations`."""
        have: cython.Py_ssize_t = self.word.shape[0]  # type: ignore[index]
        self.holes.reserve(2 * conversations)
        self.sent.reserve(2 * conversations)
        if conversations > have:
            size = max(conversations, have * 2)
            word = lines(size, 2 * words.WORDS, np.uint32)
            word[:have] = np.asarray(self.word)
            times = lines(size, words.TIMES, np.int64)
            times[:have] = np.asarray(self.time)
            counts = np.zeros((size, 2, words.COUNTS), np.uint32)
            counts[:have] = np.asarray(self.counts)
            self.word = word if cython.compiled else memoryview(word)
            self.time = times if cython.compiled else memoryview(times)
            self.counts = counts if cython.compiled else memoryview(counts)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def begin(self, of: cython.Py_ssize_t) -> cython.int:
        """Forget what stood in the row of state."""
        k: cython.Py_ssize_t
        for k in range(_TIMES):
            self.time[of, k] = 0
        for k in range(_COUNTS):
            self.counts[of, 0, k] = 0
            self.counts[of, 1, k] = 0
        self.forget(of, 0)
        self.forget(of, 1)
        self.sent.drop(2 * of)
        self.sent.drop(2 * of + 1)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def forget(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """Forget the sequence numbers of one direction."""
        k: cython.Py_ssize_t
        for k in range(_WORDS):
            self.word[of, side * _WORDS + k] = 0
        self.word[of, side * _WORDS + _WINDOW] = _WORD
        self.holes.drop(2 * of + side)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def add(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, what: cython.Py_ssize_t,
             more: cython.uint) -> cython.int:
        """Count, up to the highest number."""
        have: cython.uint = self.counts[of, side, what]
        self.counts[of, side, what] = have + more if more <= _WORD - have else _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def take(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, what: cython.Py_ssize_t,
              less: cython.uint) -> cython.int:
        """Take back what was counted."""
        have: cython.uint = self.counts[of, side, what]
        self.counts[of, side, what] = have - less if less < have else 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def unseen(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.uint:
        """Bytes of the direction of `side` that did not pass (yet): lost before this point and not sent again."""
        return self.holes.length(2 * of + side)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def place(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """Where the capture point is for the data that `side` sends: UNKNOWN, NEAR_SENDER, NEAR_RECEIVER or BETWEEN.

        By the times of the answers from both ends; without them, and where these contradict, by the losses.
        """
        near: cython.int = self.near(of, side)
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
    def near(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """The position by the times alone: an end is near where the way to it takes a quarter of the other's."""
        ahead: cython.longlong = self.time[of, _T_AHEAD + side]
        behind: cython.longlong = self.time[of, _T_AHEAD + 1 - side]
        if ahead == 0 or behind == 0:
            return _UNKNOWN
        if behind * 4 <= ahead:
            return _NEAR_SENDER
        return _NEAR_RECEIVER if ahead * 4 <= behind else _BETWEEN

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def rtt(self, of: cython.Py_ssize_t) -> cython.longlong:
        """Three quarters of the shortest round trip there was; without the times of both ends, 3 ms at the least."""
        rtt: cython.longlong = self.time[of, _T_AHEAD] + self.time[of, _T_AHEAD + 1]
        if rtt < _NO_RTT and (self.time[of, _T_AHEAD] == 0 or self.time[of, _T_AHEAD + 1] == 0):
            return _NO_RTT
        return rtt - (rtt >> 2)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def segments(self, of: cython.Py_ssize_t, length: cython.uint, head: cython.uint) -> cython.uint:
        """How many segments the sender counts for a captured one of `length` bytes under a header of `head`."""
        most: cython.uint = self.word[of, _MSS]
        if most == 0 or (self.word[of, _WORDS + _MSS] and self.word[of, _WORDS + _MSS] < most):
            most = self.word[of, _WORDS + _MSS]
        if most <= head or length <= most + 20 - head:
            return 1
        most = most + 20 - head
        return (length + most - 1) // most

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def has(self, of: cython.Py_ssize_t, rev: cython.Py_ssize_t, start: cython.uint,
             end: cython.uint) -> cython.bint:
        """Whether the receiver, whose words begin at `rev`, has told that it has the range."""
        k: cython.Py_ssize_t
        blocks: cython.uint = (self.word[of, rev + _STATE] & _BLOCKS) >> 8
        if self.word[of, rev + _STATE] & _HAS_ACKED == 0:
            return False
        if not _after(end, self.word[of, rev + _ACKED]):
            return True
        for k in range(blocks):
            if not _after(self.word[of, rev + _SACK + 2 * k], start) and not _after(
                end, self.word[of, rev + _SACK + 2 * k + 1]
            ):
                return True
        return False

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def answered(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, start: cython.uint, ack: cython.uint,
                  tsecr: cython.uint, now: cython.longlong) -> cython.int:
        """The receiver of the direction of `side` acknowledges from `start` on what had been sent again.

        If that answers the original, by its timestamp (RFC 3522) or too soon for the other, it had not been lost.
        """
        at: cython.Py_ssize_t
        ahead: cython.longlong = self.time[of, _T_AHEAD + side]
        _k: cython.int
        for _k in range(64):
            at = self.sent.find(2 * of + side, start, self.time[of, _T_BEGAN])
            if at < 0 or not _after(ack, start) or self.sent.word[at, _R_BITS] & _COUNTED_AFTER == 0:
                break
            if now - self.sent.time[at] >= ahead - (ahead >> 2) and (
                tsecr == 0 or not _after(self.sent.word[at, _R_TS_LAST], tsecr)
            ):
                break
            self._found_needless(of, side, at)
            if self.sent.word[at, _R_LENGTH] == 0:
                break
            start = (start + self.sent.word[at, _R_LENGTH]) & _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _found_needless(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, at: cython.Py_ssize_t) -> cython.int:
        """What was sent again of the remembered segment `at` is no loss beyond this point after all."""
        self.sent.word[at, _R_BITS] &= ~_COUNTED_AFTER & _WORD
        self.take(of, side, _AFTER, 1)
        self.take(of, side, _AFTER_BYTES, self.sent.word[at, _R_LENGTH])
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
            at = self.sent.find(2 * of + side, left, self.time[of, _T_BEGAN])
            if at < 0 or not _after(right, left):
                break
            self.add(of, side, _TWICE, 1)
            if self.sent.word[at, _R_BITS] & _COUNTED_AFTER:
                self._found_needless(of, side, at)
            if self.sent.word[at, _R_LENGTH] == 0:
                break
            left = (left + self.sent.word[at, _R_LENGTH]) & _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def selective(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, ack: cython.uint,
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
        self.word[of, fwd + _STATE] &= ~_BLOCKS & _WORD
        if blocks > 0:
            self.word[of, fwd + _SACK] = first_left
            self.word[of, fwd + _SACK + 1] = first_right
            self.word[of, fwd + _STATE] |= _BLOCK
            if blocks > 1 and not twice:
                self.word[of, fwd + _SACK + 2] = second_left
                self.word[of, fwd + _SACK + 3] = second_right
                self.word[of, fwd + _STATE] += _BLOCK
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def overtaken(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, tsval: cython.uint,
                  ident: cython.uint) -> cython.bint:
        """Whether timestamps or IP IDs show that a segment sent later has passed; not near the sender."""
        fwd: cython.Py_ssize_t = side * _WORDS
        highest: cython.uint = self.word[of, fwd + _TSVAL]
        if self.near(of, side) == _NEAR_SENDER:
            return False
        if tsval and self.word[of, fwd + _STATE] & _HAS_TS and tsval != highest:
            return _after(highest, tsval)
        return (
            ident != 0
            and self.word[of, fwd + _STEPS] >= 2
            and self.word[of, fwd + _STEPS] > 4 * self.word[of, fwd + _JUMPS]
            and (ident - self.word[of, fwd + _ID]) & 0xFFFF >= 0x10000 - _FORWARD
        )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def identified(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, ident: cython.uint) -> cython.int:
        """Follow the IP IDs of a direction: a counter's take small steps forward, or few back where one was late."""
        step: cython.uint = (ident - self.word[of, fwd + _ID]) & 0xFFFF
        if step == 0:
            return 0
        if self.word[of, fwd + _ID] == 0:
            self.word[of, fwd + _ID] = ident
        elif step <= _FORWARD:
            self.word[of, fwd + _ID] = ident
            if self.word[of, fwd + _STEPS] < _MOST_COUNT:
                self.word[of, fwd + _STEPS] += 1
        elif step < 0x10000 - _FORWARD:
            self.word[of, fwd + _ID] = ident
            if self.word[of, fwd + _JUMPS] < _MOST_COUNT:
                self.word[of, fwd + _JUMPS] += 1
        return 0
