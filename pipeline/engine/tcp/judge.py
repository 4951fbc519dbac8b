"""The cause of a segment that begins below what was seen of its direction."""

from __future__ import annotations

import cython

from pipeline.engine.tcp import sent, words
from pipeline.engine.tcp.evidence import Evidence

_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_SYN = cython.declare(cython.uint, 0x02)
_ACK = cython.declare(cython.uint, 0x10)
# ns: a few ticks of most stacks' timestamps, and the shortest retransmission timeout in use.
_TICKS = cython.declare(cython.longlong, 5_000_000)
_LEAST_RTO = cython.declare(cython.longlong, 200_000_000)
_RESENT = cython.declare(cython.int, words.RESENT)
_NEEDLESS = cython.declare(cython.int, words.NEEDLESS)
_REORDERED = cython.declare(cython.int, words.REORDERED)
_DUPLICATED = cython.declare(cython.int, words.DUPLICATED)
_SEGMENTS = cython.declare(cython.Py_ssize_t, words.RESENT_SEGMENTS)
_BYTES = cython.declare(cython.Py_ssize_t, words.RESENT_BYTES)
_BEFORE = cython.declare(cython.Py_ssize_t, words.LOST_BEFORE_SEGMENTS)
_BEFORE_BYTES = cython.declare(cython.Py_ssize_t, words.LOST_BEFORE_BYTES)
_AFTER = cython.declare(cython.Py_ssize_t, words.LOST_AFTER_SEGMENTS)
_AFTER_BYTES = cython.declare(cython.Py_ssize_t, words.LOST_AFTER_BYTES)
_NEAR_SENDER = cython.declare(cython.int, words.NEAR_SENDER)
_NEAR_RECEIVER = cython.declare(cython.int, words.NEAR_RECEIVER)
_HIGH = cython.declare(cython.Py_ssize_t, words.HIGH)
_LOW = cython.declare(cython.Py_ssize_t, words.LOW)
_TSVAL = cython.declare(cython.Py_ssize_t, words.TSVAL)
_ID = cython.declare(cython.Py_ssize_t, words.ID)
_STEPS = cython.declare(cython.Py_ssize_t, words.STEPS)
_JUMPS = cython.declare(cython.Py_ssize_t, words.JUMPS)
_WORDS = cython.declare(cython.Py_ssize_t, words.WORDS)
_T_BEGAN = cython.declare(cython.Py_ssize_t, words.T_BEGAN)
_COUNTED_AFTER = cython.declare(cython.uint, words.COUNTED_AFTER)
_COUNTED_BEFORE = cython.declare(cython.uint, words.COUNTED_BEFORE)
_WAS_LATE = cython.declare(cython.uint, words.WAS_LATE)
_R_LENGTH = cython.declare(cython.Py_ssize_t, sent.LENGTH)
_R_TS_FIRST = cython.declare(cython.Py_ssize_t, sent.TS_FIRST)
_R_TS_LAST = cython.declare(cython.Py_ssize_t, sent.TS_LAST)
_R_ID_FIRST = cython.declare(cython.Py_ssize_t, sent.ID_FIRST)
_R_ID_LAST = cython.declare(cython.Py_ssize_t, sent.ID_LAST)
_R_CHECKSUM = cython.declare(cython.Py_ssize_t, sent.CHECKSUM)
_R_BITS = cython.declare(cython.Py_ssize_t, sent.BITS)


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


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _by_hole(e: Evidence, of: cython.Py_ssize_t, side: cython.Py_ssize_t, tsval: cython.uint, ident: cython.uint,
             now: cython.longlong) -> cython.int:
    """Why a segment comes only now that fills (part of) a hole: the one that passed it by was sent before or after.

    Without timestamps and IP IDs that tell, less than a round trip is too short for it to have been sent again; and
    a round trip of more than some ticks of the timestamps gives what is sent again a later one.
    """
    fwd: cython.Py_ssize_t = side * _WORDS
    steps: cython.uint = e.word[of, fwd + _STEPS]
    if tsval and e.holes.tsval and tsval != e.holes.tsval:
        return _RESENT if _after(tsval, e.holes.tsval) else _REORDERED
    if ident and e.holes.ident and steps >= 2 and steps > 4 * e.word[of, fwd + _JUMPS]:
        return _RESENT if _later(ident, e.holes.ident) else _REORDERED
    if now - e.holes.time < e.rtt(of):
        return _RESENT if tsval == 0 and e.near(of, side) == _NEAR_SENDER else _REORDERED
    if tsval and e.holes.tsval and (
        _after(e.word[of, fwd + _TSVAL], tsval) or (e.holes.time != 0 and e.rtt(of) > _TICKS)
    ):
        return _REORDERED
    return _RESENT


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _by_earlier(e: Evidence, of: cython.Py_ssize_t, side: cython.Py_ssize_t, at: cython.Py_ssize_t,
                tsval: cython.uint, ident: cython.uint, checksum: cython.uint,
                now: cython.longlong) -> cython.int:
    """Why a segment comes that passed before as the remembered one at `at` tells (-1: it is not remembered).

    The network's duplicate has the IP ID and the timestamp of what it duplicates; what was sent again has later
    ones; earlier ones are those of an original that what was sent again overtook.
    """
    fwd: cython.Py_ssize_t = side * _WORDS
    steps: cython.uint = e.word[of, fwd + _STEPS]
    jumps: cython.uint = e.word[of, fwd + _JUMPS]
    ordered: cython.bint = steps >= 2 and steps > 4 * jumps
    first: cython.uint
    last: cython.uint
    same: cython.bint
    late: cython.bint
    since: cython.longlong
    if at < 0:
        if (tsval and _after(e.word[of, fwd + _TSVAL], tsval)) or (
            ident and ordered and _later(e.word[of, fwd + _ID], ident)
        ):
            # A duplicate begins where its original did; this one was overtaken by parts of itself, sent again.
            return _REORDERED
        return _RESENT
    first = e.sent.word[at, _R_TS_FIRST]
    last = e.sent.word[at, _R_TS_LAST]
    same = tsval != 0 and (tsval == first or tsval == last)
    if tsval and first and not same:
        return _REORDERED if _after(first, tsval) else _RESENT
    first = e.sent.word[at, _R_ID_FIRST]
    last = e.sent.word[at, _R_ID_LAST]
    if ident and first and steps + jumps >= 2:
        if ident == first or ident == last:
            return _DUPLICATED
        if ordered:
            return _REORDERED if _later(first, ident) else _RESENT
        return _RESENT
    if e.sent.word[at, _R_CHECKSUM] != checksum:
        return _RESENT
    since = now - e.sent.time[at]
    if not same:
        if e.near(of, side) == _NEAR_SENDER:
            return _RESENT
        if e.sent.word[at, _R_BITS] & _COUNTED_BEFORE and since < _LEAST_RTO:
            # Its hole was filled by what was sent again; that this was sent once more so soon is less likely.
            return _REORDERED
    # What is sent again takes a round trip, counted from when a late original should have come.
    late = e.sent.word[at, _R_BITS] & _WAS_LATE != 0
    return _DUPLICATED if since < e.rtt(of) >> (0 if same else 4 if late else 1) else _RESENT


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _repeats(e: Evidence, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.longlong:
    """How many segments of the direction have passed before."""
    return (
        cython.cast(cython.longlong, e.counts[of, side, _SEGMENTS])
        + e.counts[of, side, _SEGMENTS + _NEEDLESS - 1]
        + e.counts[of, side, _SEGMENTS + _DUPLICATED - 1]
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def judge(e: Evidence, of: cython.Py_ssize_t, side: cython.Py_ssize_t, start: cython.uint, end: cython.uint,
           length: cython.uint, head: cython.uint, flags: cython.uint, tsval: cython.uint,
           ident: cython.uint, checksum: cython.uint, now: cython.longlong) -> cython.int:
    """The cause of a segment that begins below the highest sequence number of its direction, counted.

    In the higher bits, from the fourth on, how much of its sequence range is new.
    """
    fwd: cython.Py_ssize_t = side * _WORDS
    rev: cython.Py_ssize_t = _WORDS - fwd
    at: cython.Py_ssize_t = e.sent.find(2 * of + side, start, e.time[of, _T_BEGAN])
    high: cython.uint = e.word[of, fwd + _HIGH]
    low: cython.uint = e.word[of, fwd + _LOW]
    filled: cython.uint = e.holes.fill(2 * of + side, start, end)
    fresh: cython.uint = filled
    segments: cython.uint = e.segments(of, length, head)
    bits: cython.uint
    cause: cython.int
    shown: cython.int
    if _after(low, start):
        # What the capture has not seen the beginning of.
        if filled == 0:
            e.holes.tsval = 0
            e.holes.ident = 0
            e.holes.time = e.time[of, _T_BEGAN]
        filled += ((low if _after(end, low) else end) - start) & _WORD
        fresh = filled
        e.word[of, fwd + _LOW] = start
    if _after(end, high):
        fresh += (end - high) & _WORD
        e.word[of, fwd + _HIGH] = end
    if filled:
        cause = _by_hole(e, of, side, tsval, ident, now)
    elif flags & (_SYN | _ACK) == (_SYN | _ACK) and _repeats(e, of, 1 - side) > _repeats(e, of, side):
        # The answer to a repeated SYN.
        cause = _RESENT
    else:
        cause = _by_earlier(e, of, side, at, tsval, ident, checksum, now)
    if cause == _RESENT and (
        e.has(of, rev, start, end) or (filled == 0 and e.near(of, side) == _NEAR_RECEIVER)
    ):
        cause = _NEEDLESS
    shown = cause
    if (cause == _RESENT or cause == _NEEDLESS) and e.overtaken(of, side, tsval, ident):
        shown = _REORDERED
    e.add(of, side, _SEGMENTS + shown - 1, segments)
    e.add(of, side, _BYTES + shown - 1, length)
    if cause == _RESENT:
        e.add(of, side, _BEFORE if filled else _AFTER, segments)
        e.add(of, side, _BEFORE_BYTES if filled else _AFTER_BYTES, length)
    if filled or at < 0:
        bits = 0
        if cause == _RESENT:
            bits = _COUNTED_BEFORE if filled else _COUNTED_AFTER
        elif cause == _REORDERED:
            bits = _WAS_LATE
        e.sent.put(2 * of + side, start, length, tsval, ident, checksum, bits, now)
    elif cause == _REORDERED:
        e.sent.word[at, _R_TS_FIRST] = tsval
        e.sent.word[at, _R_ID_FIRST] = ident
        if e.sent.word[at, _R_BITS] & _COUNTED_BEFORE:
            e.sent.word[at, _R_BITS] &= ~_COUNTED_BEFORE & _WORD
            e.take(of, side, _BEFORE, segments)
            e.take(of, side, _BEFORE_BYTES, length)
    elif cause == _RESENT or cause == _NEEDLESS:
        e.sent.word[at, _R_TS_LAST] = tsval
        e.sent.word[at, _R_ID_LAST] = ident
        e.sent.word[at, _R_CHECKSUM] = checksum
        e.sent.word[at, _R_LENGTH] = length
        if cause == _RESENT:
            e.sent.word[at, _R_BITS] |= _COUNTED_AFTER
        e.sent.time[at] = now
    return shown | (fresh << 3 if fresh < 0x1000000 else 0x8000000)
