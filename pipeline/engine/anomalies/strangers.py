"""Segments that are not of the side whose address they bear: what has another TTL, and resets that are injected.

What is found is sure only with a segment that comes later; until then the frame that shows it is kept.
"""

from __future__ import annotations

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.anomalies import words
from pipeline.engine.snapshot import Tree

_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_SYN = cython.declare(cython.uint, 0x02)
_ACK = cython.declare(cython.uint, 0x10)
_HOT = cython.declare(cython.Py_ssize_t, words.HOT)
_COLD = cython.declare(cython.Py_ssize_t, words.COLD)
_COLD_WORDS = cython.declare(cython.Py_ssize_t, words.COLD_WORDS)
_STATE = cython.declare(cython.Py_ssize_t, words.STATE)
_PATH = cython.declare(cython.Py_ssize_t, words.PATH)
_NEXT = cython.declare(cython.Py_ssize_t, words.NEXT)
_ACKED = cython.declare(cython.Py_ssize_t, words.ACKED)
_ODD_SEQ = cython.declare(cython.Py_ssize_t, words.ODD_SEQ)
_ODD_SEEN = cython.declare(cython.Py_ssize_t, words.ODD_SEEN)
_ODD_FRAME = cython.declare(cython.Py_ssize_t, words.ODD_FRAME)
_RST_SEQ = cython.declare(cython.Py_ssize_t, words.RST_SEQ)
_RST_SEEN = cython.declare(cython.Py_ssize_t, words.RST_SEEN)
_RST_FRAME = cython.declare(cython.Py_ssize_t, words.RST_FRAME)
_RST_OTHER = cython.declare(cython.Py_ssize_t, words.RST_OTHER)
_KNOWN = cython.declare(cython.uint, words.KNOWN)
_HAS_PATH = cython.declare(cython.uint, words.HAS_PATH)
_HAS_ACKED = cython.declare(cython.uint, words.HAS_ACKED)
_BARE = cython.declare(cython.uint, words.BARE)
_DATA = cython.declare(cython.uint, words.DATA)
_S_ODD = cython.declare(cython.uint, words.ODD)
_S_ODD_DATA = cython.declare(cython.uint, words.ODD_DATA)
_S_ODD_FITS = cython.declare(cython.uint, words.ODD_FITS)
_S_RESET = cython.declare(cython.uint, words.RESET)
_TOLD_TTL = cython.declare(cython.uint, words.TOLD_TTL)
_TOLD_RST = cython.declare(cython.uint, words.TOLD_RST)
_WHY_TTL = cython.declare(cython.uint, words.ODD_TTL)
_WHY_NUMBER = cython.declare(cython.uint, words.ODD_NUMBER)
_WHY_GUESSED = cython.declare(cython.uint, words.GUESSED)
_TTL_JUMP = cython.declare(cython.int, words.TTL_JUMP)
_RST_INJECTION = cython.declare(cython.int, words.RST_INJECTION)
_HOPS = cython.declare(cython.int, words.HOPS)
_ESTABLISHED = cython.declare(cython.uint, words.ESTABLISHED)
_INJECTED = cython.declare(cython.uint, words.INJECTED)
_BACK = cython.declare(cython.uint, words.BACK)
_REACH = cython.declare(cython.uint, words.REACH)
_GUESSES = cython.declare(cython.uint, words.GUESSES)
_WENT_ON = cython.declare(cython.uint, words.WENT_ON)
_GOES_ON_NS = cython.declare(cython.longlong, words.GOES_ON_NS)
_GUESSING_NS = cython.declare(cython.longlong, words.GUESSING_NS)
# Bits of `Streams.turn`.

Found = tuple[int, int, int, int, int, int]
"""What is found: its kind (`words.KINDS`), the row that makes it sure, frame and time (ns) of the one that shows it,
the side that it is about, and a word more, as the kind has it."""


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def after(a: cython.uint, b: cython.uint) -> cython.bint:
    """Whether `a` comes after `b`, of sequence numbers."""
    return a != b and ((a - b) & _WORD) < _HALF


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def far(a: cython.int, b: cython.int) -> cython.bint:
    """Whether two TTLs are not of one path."""
    return a > b + _HOPS or b > a + _HOPS


@cython.cclass
class Strangers:
    """What is known of both sides of each TCP conversation, a line of words each, and what is found in the row under
    way (`frame`, `time` in ns, `row`). `found` is what the last batch has shown."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self._room(np.zeros((0, words.WORDS), np.uint32))

    def _room(self, line: NDArray[np.uint32]) -> None:
        self._line = line if cython.compiled else memoryview(line)

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {"line": np.asarray(self._line)}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._room(state["line"])

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _keep(self, of: cython.Py_ssize_t, at: cython.Py_ssize_t) -> cython.int:
        """Write the frame and the time of the row at `at`, a word FRAME."""
        self._line[of, at] = self.frame & _WORD
        self._line[of, at + 1] = (self.time >> 32) & _WORD
        self._line[of, at + 2] = self.time & _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _since(self, of: cython.Py_ssize_t, at: cython.Py_ssize_t) -> cython.longlong:
        """The time from what is kept at `at` to the row, ns."""
        return self.time - ((cython.cast(cython.longlong, self._line[of, at + 1]) << 32) | self._line[of, at + 2])

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _tell(self, of: cython.Py_ssize_t, at: cython.Py_ssize_t, kind: cython.int, more: cython.uint) -> cython.int:
        """What is kept at `at` is sure."""
        side: cython.Py_ssize_t = 1 if at >= _COLD + _COLD_WORDS else 0
        past: cython.uint = (self.frame - self._line[of, at]) & _WORD
        with cython.gil:
            self.found.append((kind, self.row, self.frame - past, self.time - self._since(of, at), side, more))
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _another_path(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, ttl: cython.int, seq: cython.uint,
                      length: cython.uint, flags: cython.uint) -> cython.int:
        """A segment whose TTL is not the path's, or that follows one."""
        hot: cython.Py_ssize_t = side * _HOT
        cold: cython.Py_ssize_t = _COLD + side * _COLD_WORDS
        state: cython.uint = self._line[of, hot + _STATE]
        path: cython.uint = self._line[of, hot + _PATH]
        seen: cython.uint = self._line[of, cold + _ODD_SEEN]
        kind: cython.uint = _DATA if length else _BARE
        if state & _HAS_PATH == 0:
            self._line[of, hot + _STATE] |= _HAS_PATH
            self._line[of, hot + _PATH] = ttl | (0x100 if flags & _SYN == 0 else 0)
            if flags & _SYN == 0:
                self._line[of, hot + _STATE] |= kind
            return 0
        if not far(ttl, path & 0xFF):
            # A hop more or less is the same path; what is nearest to the segments that come counts.
            if flags & _SYN == 0:
                self._line[of, hot + _PATH] = ttl | (path & 0xFF00) + (0x100 if path < 0xFF00 else 0)
                self._line[of, hot + _STATE] |= kind
            if state & _S_ODD == 0:
                return 0
            if state & _S_ODD_DATA and length and seq == self._line[of, cold + _ODD_SEQ]:
                # The same bytes from both: one of them is not the sender's.
                self._jumped(of, side)
                return 0
            seen += 0x10000
            self._line[of, cold + _ODD_SEEN] = seen
            if seen >> 16 >= _BACK:
                if state & _S_ODD_FITS:
                    self._jumped(of, side)
                self._line[of, hot + _STATE] &= ~_S_ODD & _WORD
            return 0
        if flags & _SYN:
            return 0
        if state & _S_ODD == 0:
            self._line[of, hot + _STATE] &= ~(_S_ODD_DATA | _S_ODD_FITS) & _WORD
            self._line[of, hot + _STATE] |= _S_ODD
            if length:
                self._line[of, hot + _STATE] |= _S_ODD_DATA
            if path >> 8 >= _ESTABLISHED and state & kind:
                self._line[of, hot + _STATE] |= _S_ODD_FITS
            self._line[of, cold + _ODD_SEQ] = seq
            self._line[of, cold + _ODD_SEEN] = ttl | 0x100
            self._keep(of, cold + _ODD_FRAME)
        elif (seen >> 8) & 0xFF >= _INJECTED:
            # Not one or two strangers, but another path, or another host behind the address.
            self._line[of, hot + _PATH] = ttl | 0x100
            self._line[of, hot + _STATE] &= ~(_S_ODD | _BARE | _DATA) & _WORD
            self._line[of, hot + _STATE] |= kind | _TOLD_TTL
        else:
            self._line[of, cold + _ODD_SEEN] = (seen + 0x100) & 0xFFFF
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _jumped(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """The segments between were not of the path."""
        hot: cython.Py_ssize_t = side * _HOT
        cold: cython.Py_ssize_t = _COLD + side * _COLD_WORDS
        ttls: cython.uint = self._line[of, cold + _ODD_SEEN] & 0xFF | (self._line[of, hot + _PATH] & 0xFF) << 8
        if self._line[of, hot + _STATE] & _TOLD_TTL == 0:
            self._tell(of, cold + _ODD_FRAME, _TTL_JUMP, ttls)
        self._line[of, hot + _STATE] |= _TOLD_TTL
        self._line[of, hot + _STATE] &= ~_S_ODD & _WORD
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _reset(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, ttl: cython.int, seq: cython.uint) -> cython.int:
        """A reset: whether it is this side's, what follows will tell."""
        hot: cython.Py_ssize_t = side * _HOT
        cold: cython.Py_ssize_t = _COLD + side * _COLD_WORDS
        state: cython.uint = self._line[of, hot + _STATE]
        ahead: cython.uint = (seq - self._line[of, hot + _NEXT]) & _WORD
        why: cython.uint = 0
        seen: cython.uint = self._line[of, cold + _RST_SEEN]
        answers: cython.bint = (
            self._line[of, _HOT - hot + _STATE] & _HAS_ACKED != 0 and seq == self._line[of, _HOT - hot + _ACKED]
        )
        if state & _KNOWN == 0 or state & _TOLD_RST:
            return 0
        if _REACH < ahead <= (0 - _REACH) & _WORD:
            return 0
        if state & _HAS_PATH and far(ttl, self._line[of, hot + _PATH] & 0xFF):
            why |= _WHY_TTL
        # One more, or less, is the number of a FIN.
        if (ahead + 1) & _WORD > 2 and not answers:
            why |= _WHY_NUMBER
        if state & _S_RESET == 0:
            self._line[of, hot + _STATE] |= _S_RESET
            self._line[of, cold + _RST_SEEN] = why | (0x100 if 1 < ahead < _HALF and not answers else 0)
            self._line[of, cold + _RST_OTHER] = self._line[of, _HOT - hot + _NEXT]
            self._keep(of, cold + _RST_FRAME)
        elif 1 < ahead < _HALF and not answers and after(seq, self._line[of, cold + _RST_SEQ]) and (
            self._since(of, cold + _RST_FRAME) < _GUESSING_NS
        ):
            seen = (seen | why) + 0x100
            self._line[of, cold + _RST_SEEN] = seen
            if (seen >> 8) & 0xFF >= _GUESSES:
                self._line[of, hot + _STATE] |= _TOLD_RST
                self._tell(of, cold + _RST_FRAME, _RST_INJECTION, seen & 0xFF | _WHY_GUESSED)
        self._line[of, cold + _RST_SEQ] = seq
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _goes_on(self, of: cython.Py_ssize_t, side: cython.Py_ssize_t, seq: cython.uint,
                 length: cython.uint, ack: cython.uint, flags: cython.uint) -> cython.int:
        """The side whose reset is judged has sent something else."""
        hot: cython.Py_ssize_t = side * _HOT
        cold: cython.Py_ssize_t = _COLD + side * _COLD_WORDS
        seen: cython.uint = self._line[of, cold + _RST_SEEN]
        end: cython.uint = (seq + length) & _WORD
        if self._line[of, hot + _STATE] & _TOLD_RST or self._since(of, cold + _RST_FRAME) > _GOES_ON_NS:
            self._line[of, hot + _STATE] &= ~_S_RESET & _WORD
            return 0
        # Who had sent a reset could neither send new data beyond it, nor acknowledge what came after it.
        if (length == 0 or not after(end, self._line[of, hot + _NEXT]) or not after(
            end, self._line[of, cold + _RST_SEQ]
        )) and (
            flags & _ACK == 0 or self._line[of, _HOT - hot + _STATE] & _KNOWN == 0
            or not after(ack, self._line[of, cold + _RST_OTHER])
        ):
            return 0
        seen += 0x10000
        self._line[of, cold + _RST_SEEN] = seen
        if seen >> 16 >= (1 if seen & 0xFF else _WENT_ON):
            self._line[of, hot + _STATE] |= _TOLD_RST
            self._tell(of, cold + _RST_FRAME, _RST_INJECTION, seen & 0xFF)
        return 0
