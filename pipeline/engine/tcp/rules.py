"""What the state of a TCP conversation says of its next segment: the rules of Wireshark's dissector, in its order.

An unset sequence number is 0, as there, where a true 0 is taken for unset too.
"""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.lines import lines
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp import layout
from pipeline.engine.tcp.unacked import Unacked

_FIRST_SIZE = 1024
_WORDS = cython.declare(cython.Py_ssize_t, layout.WORDS)
_TIMES = cython.declare(cython.Py_ssize_t, layout.TIMES)
_OTHER = cython.declare(cython.Py_ssize_t, layout.DIRECTION)
_NEXT = cython.declare(cython.Py_ssize_t, layout.word("next"))
_NEXT_FRAME = cython.declare(cython.Py_ssize_t, layout.word("next_frame"))
_TO_BE_ACKED = cython.declare(cython.Py_ssize_t, layout.word("to_be_acked"))
_WINDOW = cython.declare(cython.Py_ssize_t, layout.word("window"))
_LAST_ACK = cython.declare(cython.Py_ssize_t, layout.word("last_ack"))
_DUP_ACKS = cython.declare(cython.Py_ssize_t, layout.word("dup_acks"))
_LAST_MARKS = cython.declare(cython.Py_ssize_t, layout.word("last_marks"))
_BITS = cython.declare(cython.Py_ssize_t, layout.word("bits"))
_SCALE = cython.declare(cython.Py_ssize_t, layout.word("scale"))
_PUSHED = cython.declare(cython.Py_ssize_t, layout.word("pushed"))
_KINDS = cython.declare(cython.Py_ssize_t, layout.word("multipath"))
_COMPLETE = cython.declare(cython.Py_ssize_t, layout.COMPLETE)
_MULTIPATH = cython.declare(cython.Py_ssize_t, layout.MULTIPATH)
_SACKS = cython.declare(cython.Py_ssize_t, layout.word("sacks"))
_SACK = cython.declare(cython.Py_ssize_t, layout.word("sack"))
_T_LAST = cython.declare(cython.Py_ssize_t, layout.T_LAST)
_T_SYN = cython.declare(cython.Py_ssize_t, layout.T_SYN)
_T_RTT = cython.declare(cython.Py_ssize_t, layout.T_RTT)
_T_NEXT = cython.declare(cython.Py_ssize_t, layout.T_NEXT)
_T_ACK = cython.declare(cython.Py_ssize_t, layout.T_ACK)
_FIN = cython.declare(cython.uint, layout.FIN)
_SYN = cython.declare(cython.uint, layout.SYN)
_RST = cython.declare(cython.uint, layout.RST)
_PSH = cython.declare(cython.uint, layout.PSH)
_ACK = cython.declare(cython.uint, layout.ACK)
_SWITCH = cython.declare(cython.uint, layout.SWITCH)
_RETRANSMISSION = cython.declare(cython.uint, layout.RETRANSMISSION)
_FAST = cython.declare(cython.uint, layout.FAST)
_SPURIOUS = cython.declare(cython.uint, layout.SPURIOUS)
_OUT_OF_ORDER = cython.declare(cython.uint, layout.OUT_OF_ORDER)
_LOST = cython.declare(cython.uint, layout.LOST)
_DUPLICATE_ACK = cython.declare(cython.uint, layout.DUPLICATE_ACK)
_WINDOW_UPDATE = cython.declare(cython.uint, layout.WINDOW_UPDATE)
_WINDOW_FULL = cython.declare(cython.uint, layout.WINDOW_FULL)
_ZERO_WINDOW = cython.declare(cython.uint, layout.ZERO_WINDOW)
_PROBE = cython.declare(cython.uint, layout.PROBE)
_PROBE_ACK = cython.declare(cython.uint, layout.PROBE_ACK)
_KEEP_ALIVE = cython.declare(cython.uint, layout.KEEP_ALIVE)
_KEEP_ALIVE_ACK = cython.declare(cython.uint, layout.KEEP_ALIVE_ACK)
_NO_FLIGHT = cython.declare(cython.uint, layout.NO_FLIGHT)
_PUSH_LAST = cython.declare(cython.uint, layout.PUSH_LAST)
_UNSCALED = cython.declare(cython.uint, layout.UNSCALED)
_NO_SCALING = cython.declare(cython.uint, layout.NO_SCALING)
_TOLD = cython.declare(cython.uint, layout.TOLD)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
# Times in ns; in the dissector they have no sign, so that time which runs back is late, and never soon.
_FAST_WITHIN = cython.declare(cython.ulonglong, 20_000_000)
_REORDERED_WITHIN = cython.declare(cython.ulonglong, 3_000_000)
_MOST_IN_FLIGHT = cython.declare(cython.uint, 2_000_000_000)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _after(a: cython.uint, b: cython.uint) -> cython.bint:
    """Whether sequence number `a` comes after `b`: the sign of their difference (RFC 9293, section 3.4)."""
    return ((b - a) & _WORD) >= _HALF


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def completed(complete: cython.uint, flags: cython.uint, length: cython.uint, creates: cython.bint) -> cython.uint:
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
class Rules:
    """State by the conversation numbers of `Streams`: words and times, laid out as `layout` says."""

    def __init__(self, notes: Notes | None = None) -> None:
        self._unacked = Unacked(notes or Notes())
        words = lines(_FIRST_SIZE, _WORDS, np.uint32)
        times = lines(_FIRST_SIZE, _TIMES, np.int64)
        self._word = words if cython.compiled else memoryview(words)
        self._time = times if cython.compiled else memoryview(times)

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"word": np.asarray(self._word), "time": np.asarray(self._time), "unacked": self._unacked.state()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        words = lines(len(state["word"]), _WORDS, np.uint32)
        words[:] = state["word"]
        times = lines(len(state["time"]), _TIMES, np.int64)
        times[:] = state["time"]
        self._word = words if cython.compiled else memoryview(words)
        self._time = times if cython.compiled else memoryview(times)
        self._unacked.restore(state["unacked"])

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _reserve(self, conversations: cython.Py_ssize_t) -> cython.int:
        """Have room for the conversations numbered below `conversations`."""
        have: cython.Py_ssize_t = self._word.shape[0]  # type: ignore[index]
        self._unacked.reserve(2 * conversations)
        if conversations > have:
            size = max(conversations, have * 4)
            words = lines(size, _WORDS, np.uint32)
            words[:have] = np.asarray(self._word)
            times = lines(size, _TIMES, np.int64)
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
        for k in range(_WORDS):
            self._word[of, k] = 0
        self._word[of, _WINDOW] = _WORD
        self._word[of, _OTHER + _WINDOW] = _WORD
        for k in range(_TIMES):
            self._time[of, k] = 0
        self._unacked.drop(2 * of)
        self._unacked.drop(2 * of + 1)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
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
            self._word[of, fwd + _BITS] |= _NO_FLIGHT
        if length <= 1 and plain and seq == (self._word[of, fwd + _NEXT] - 1) & _WORD:
            marks |= _KEEP_ALIVE
        if repeats and window != 0 and not same_window:
            marks |= _WINDOW_UPDATE
        if length > 0 and plain and scale != 0:
            edge = self._word[of, rev + _WINDOW]
            if scale > _NO_SCALING and self._word[of, rev + _BITS] & _UNSCALED == 0:
                edge = (edge << (scale - 2)) & _WORD
            if (seq + length) & _WORD == (self._word[of, rev + _LAST_ACK] + edge) & _WORD:
                marks |= _WINDOW_FULL
        if repeats and same_window:
            if window == 0:
                if self._word[of, rev + _LAST_MARKS] & _PROBE:
                    marks |= _PROBE_ACK
            elif self._word[of, rev + _LAST_MARKS] & _KEEP_ALIVE:
                marks |= _KEEP_ALIVE_ACK
            elif self._word[of, _MULTIPATH] == self._word[of, fwd + _KINDS]:
                # A kind of multipath option that has come up since allows for a duplicate (RFC 8684, section 4).
                if self._word[of, fwd + _DUP_ACKS] == _TOLD:
                    self._word[of, fwd + _DUP_ACKS] = 0
                self._word[of, fwd + _DUP_ACKS] += 1
                marks |= _DUPLICATE_ACK
        return marks

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _acks_unseen(self, of: cython.Py_ssize_t, rev: cython.Py_ssize_t, ack: cython.uint) -> cython.int:
        """Whether an acknowledgment goes beyond what was captured (else 0), and whether it is told (2, else 1).

        Behind a gap it is told once for that, and once for what follows; then not before a duplicate acknowledgment
        or a new one from there.
        """
        told: cython.int = 2
        if self._word[of, rev + _TO_BE_ACKED] == 0 or not _after(ack, self._word[of, rev + _TO_BE_ACKED]):
            return 0
        if _after(self._word[of, rev + _NEXT], self._word[of, rev + _TO_BE_ACKED]):
            self._word[of, rev + _TO_BE_ACKED] = self._word[of, rev + _NEXT]
            return told
        if self._word[of, rev + _DUP_ACKS] != 0:
            told = 1
        self._word[of, rev + _DUP_ACKS] = _TOLD
        return told

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def _resent(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, rev: cython.Py_ssize_t, seq: cython.uint,
                length: cython.uint, flags: cython.uint, now: cython.longlong) -> cython.uint:
        """Which mark a segment has that carries data, SYN or FIN and may repeat what was sent; 0 for none."""
        side: cython.int = fwd != 0
        end: cython.uint = (seq + length) & _WORD
        since: cython.ulonglong
        within: cython.ulonglong
        rtt: cython.longlong
        back: cython.bint = self._word[of, fwd + _NEXT] != 0 and _after(self._word[of, fwd + _NEXT], seq)
        if length > 1 and seq == (self._word[of, fwd + _NEXT] - 1) & _WORD:
            # The byte of a probe sent again, and more.
            back = False
        if length > 0 and self._word[of, rev + _LAST_ACK] != 0 and not _after(end, self._word[of, rev + _LAST_ACK]):
            return _SPURIOUS
        if not back:
            return 0
        since = (now - self._time[of, _T_ACK + 1 - side]) & _MASK
        if self._word[of, rev + _DUP_ACKS] >= 2 and self._word[of, rev + _LAST_ACK] == seq and since < _FAST_WITHIN:
            return _FAST
        rtt = self._time[of, _T_RTT]
        within = rtt & _MASK
        if within == 0:
            within = _REORDERED_WITHIN
        if flags & 3:
            end = (end + 1) & _WORD
        since = (now - self._time[of, _T_NEXT + side]) & _MASK
        if since < within and self._word[of, fwd + _NEXT] != end:
            return _OUT_OF_ORDER
        return _RETRANSMISSION

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _sent(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, seq: cython.uint, nextseq: cython.uint,
              frame: cython.uint, now: cython.longlong) -> cython.int:
        """Note how far the direction has come, and how far it may be acknowledged."""
        side: cython.int = fwd != 0
        reached: cython.uint = self._word[of, fwd + _NEXT]
        if self._word[of, fwd + _LAST_MARKS] & _PROBE:
            return 0
        if reached == 0 or _after(nextseq, reached):
            self._word[of, fwd + _NEXT] = nextseq
            self._word[of, fwd + _NEXT_FRAME] = frame
            self._time[of, _T_NEXT + side] = now
        if self._word[of, fwd + _TO_BE_ACKED] == 0 or seq == self._word[of, fwd + _TO_BE_ACKED]:
            self._word[of, fwd + _TO_BE_ACKED] = self._word[of, fwd + _NEXT]
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def _in_flight(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, rev: cython.Py_ssize_t, length: cython.uint,
                   flags: cython.uint) -> cython.uint:
        """Bytes sent and not acknowledged, less the other side's last SACK blocks; 0 where that makes no sense.

        Counts the bytes since the last PSH.
        """
        k: cython.Py_ssize_t
        bytes_: cython.uint = self._unacked.span(2 * of + (fwd != 0))
        block: cython.uint
        if self._word[of, fwd + _BITS] & _PUSH_LAST:
            self._word[of, fwd + _PUSHED] = length
        else:
            self._word[of, fwd + _PUSHED] = (self._word[of, fwd + _PUSHED] + length) & _WORD
        self._word[of, fwd + _BITS] &= ~_PUSH_LAST & _WORD
        if flags & _PSH:
            self._word[of, fwd + _BITS] |= _PUSH_LAST
        for k in range(self._word[of, rev + _SACKS]):
            block = (self._word[of, rev + _SACK + 2 * k + 1] - self._word[of, rev + _SACK + 2 * k]) & _WORD
            bytes_ = (bytes_ - block) & _WORD
        if bytes_ == 0 or bytes_ >= _MOST_IN_FLIGHT:
            return 0
        return bytes_ - 1 if flags & 3 else bytes_

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _shaken(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, flags: cython.uint,
                now: cython.longlong) -> cython.int:
        """What a segment means for the handshake: its round trip, and from when on the windows are scaled."""
        if flags & (_SYN | _ACK) == _SYN:
            self._time[of, _T_SYN] = now
        elif flags & (_SYN | _ACK) == _ACK and self._time[of, _T_SYN] and self._time[of, _T_RTT] == 0:
            self._time[of, _T_RTT] = now - self._time[of, _T_SYN]
        if flags & _SYN:
            self._word[of, fwd + _BITS] |= _UNSCALED
        elif flags & _ACK:
            self._word[of, fwd + _BITS] &= ~_UNSCALED & _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _quoted(self, of: cython.Py_ssize_t, fwd: cython.Py_ssize_t, flags: cython.uint, whole: cython.bint,
                now: cython.longlong) -> cython.int:
        """The dissector takes what an ICMP error quotes for a segment, of unknown length, of the conversation.

        Its SACK blocks, where the `whole` header is quoted, are taken to be those of the segment before.
        """
        self._word[of, _COMPLETE] = completed(self._word[of, _COMPLETE], flags, 0, False)
        if not whole:
            self._word[of, fwd + _SACKS] = 0
        self._time[of, _T_LAST] = now
        self._shaken(of, fwd, flags, now)
        return 0
