"""Why a segment is there: sent again, needed or not, overtaken on its way, or duplicated by the network.

Wireshark's marks are guesses from sequence numbers and times. Here each segment that carries data, SYN or FIN is held
against what passed before: the sequence ranges seen, and of earlier segments the IP ID, the timestamp (RFC 7323), the
checksum and the time; and against what the receiver told it has (RFC 9293, RFC 2018, RFC 2883).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.minutes import Tick, rows_of_ticks
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp import words
from pipeline.engine.tcp.evidence import Evidence
from pipeline.engine.tcp.sent import FLIGHT
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

if not cython.compiled:
    from pipeline.engine.tcp.judge import judge

_s = Slots(PACKETS)
# The state of a row is asked for so many rows before it is needed.
_AHEAD = cython.declare(cython.Py_ssize_t, 12)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)
_FIN = cython.declare(cython.uint, 0x01)
_SYN = cython.declare(cython.uint, 0x02)
_RST = cython.declare(cython.uint, 0x04)
_ACK = cython.declare(cython.uint, 0x10)
_AFTER = cython.declare(cython.Py_ssize_t, words.LOST_AFTER_SEGMENTS)
_REORDERED = cython.declare(cython.int, words.REORDERED)
_REORDERED_SEGMENTS = cython.declare(cython.Py_ssize_t, words.REORDERED_SEGMENTS)
_REORDERED_BYTES = cython.declare(cython.Py_ssize_t, words.REORDERED_BYTES)
_ID = cython.declare(cython.Py_ssize_t, words.ID)
_MISSED = cython.declare(cython.Py_ssize_t, words.MISSED_BYTES)
_HIGH = cython.declare(cython.Py_ssize_t, words.HIGH)
_LOW = cython.declare(cython.Py_ssize_t, words.LOW)
_STATE = cython.declare(cython.Py_ssize_t, words.STATE)
_ACKED = cython.declare(cython.Py_ssize_t, words.ACKED)
_WINDOW = cython.declare(cython.Py_ssize_t, words.WINDOW)
_TIMED = cython.declare(cython.Py_ssize_t, words.TIMED)
_TSVAL = cython.declare(cython.Py_ssize_t, words.TSVAL)
_TS_TIMED = cython.declare(cython.Py_ssize_t, words.TS_TIMED)
_MSS = cython.declare(cython.Py_ssize_t, words.MSS)
_WORDS = cython.declare(cython.Py_ssize_t, words.WORDS)
_T_BEGAN = cython.declare(cython.Py_ssize_t, words.T_BEGAN)
_T_AHEAD = cython.declare(cython.Py_ssize_t, words.T_AHEAD)
_T_TIMED = cython.declare(cython.Py_ssize_t, words.T_TIMED)
_T_TS_TIMED = cython.declare(cython.Py_ssize_t, words.T_TS_TIMED)
_KNOWN = cython.declare(cython.uint, words.KNOWN)
_HAS_ACKED = cython.declare(cython.uint, words.HAS_ACKED)
_TIMING = cython.declare(cython.uint, words.TIMING)
_TS_TIMING = cython.declare(cython.uint, words.TS_TIMING)
_PROBED = cython.declare(cython.uint, words.PROBED)
_HAS_TS = cython.declare(cython.uint, words.HAS_TS)
_BLOCKS = cython.declare(cython.uint, words.BLOCKS)
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
_L_IN_FLIGHT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.bytes_in_flight"))
_IN_FLIGHT = cython.declare(cython.Py_ssize_t, _s.u32("tcp.analysis.bytes_in_flight"))
_FLIGHT = cython.declare(cython.Py_ssize_t, FLIGHT)
_CONGESTION = cython.declare(cython.Py_ssize_t, words.CONGESTION)
_RESENT = cython.declare(cython.int, words.RESENT)
_NEEDLESS = cython.declare(cython.int, words.NEEDLESS)
_SIDE = cython.declare(cython.int, bits.SIDE)
_BEGINS = cython.declare(cython.int, bits.BEGINS)
_REUSED = cython.declare(cython.int, bits.REUSED)
_DATAGRAM = cython.declare(cython.int, bits.DATAGRAM)
_QUOTED = cython.declare(cython.int, bits.QUOTED)
_CAUSE = cython.declare(cython.Py_ssize_t, _s.u8("shoal.tcp.cause"))
_SACK_LE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_le"))
_SACK_RE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_re"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _after(a: cython.uint, b: cython.uint) -> cython.bint:
    """Whether `a` comes after `b`, of sequence numbers or timestamps."""
    return ((b - a) & _WORD) >= _HALF


@cython.cclass
class Causes:
    """Fills `shoal.tcp.cause`, and keeps counts of each conversation.

    `fresh` uint32 of shape (rows of the largest batch,): payload bytes of each row of the last batch that had not
    passed before. `evidence` holds the counts. A row that begins a conversation anew (turn bit 2) empties its counts:
    who wants the old ones copies them before.
    """

    def __init__(self, notes: Notes | None = None) -> None:
        self.evidence = Evidence(notes or Notes())
        self.fresh: NDArray[np.uint32] = np.zeros(0, np.uint32)

    @property
    def holes_evicted(self) -> int:
        """Sequence ranges not seen yet that were forgotten at their cap."""
        evicted: int = self.evidence.holes.evicted
        return evicted

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        state: Tree = self.evidence.state()
        return state

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.evidence.restore(state)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def tick(self, now: cython.longlong) -> cython.int:
        """A minute ends."""
        return self.evidence.sent.tick(now)

    def table(self) -> NDArray[np.uint32]:
        """`Evidence.counts` as an array."""
        return np.asarray(self.evidence.counts)

    def unseen_bytes(self, of: int, side: int) -> int:
        """What `Evidence.unseen` tells, for Python."""
        return int(self.evidence.unseen(of, side))

    def position(self, of: int, side: int) -> int:
        """What `Evidence.place` tells, for Python."""
        return int(self.evidence.place(of, side))

    def process(
        self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8], ticks: Sequence[Tick]
    ) -> None:
        """Fill `shoal.tcp.cause` of the batch; `numbers` and `turns` are `Streams.conversation` and `.turn`."""
        self.reserve(columns.rows, numbers)
        first = 0
        for row, now in rows_of_ticks(columns, ticks):
            self.rows(columns, numbers, turns, first, row)
            self.tick(now)
            first = row
        self.rows(columns, numbers, turns, first, columns.rows)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def reserve(self, rows: cython.Py_ssize_t, numbers: Any) -> cython.int:
        """Have room for a batch."""
        if rows > self.fresh.shape[0]:
            self.fresh = np.zeros(rows, np.uint32)
        if rows:
            self.evidence.reserve(int(numbers[:rows].max()) + 1)
        return 0

    @cython.cfunc
    def rows(self, columns: Any, numbers: Any, turns: Any, first: cython.Py_ssize_t,
             last: cython.Py_ssize_t) -> object:
        """The rows from `first` up to `last`, for who has something to do between two rows."""
        plain = not cython.compiled
        e: Evidence = self.evidence
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
        word: cython.uint[:, ::1] = e.word
        time: cython.longlong[:, ::1] = e.time
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
            for i in range(first, last):
                if cython.compiled and i + _AHEAD < n:
                    of = number[i + _AHEAD]
                    prefetch(cython.address(word[of, 0]))  # type: ignore[name-defined]  # noqa: F821
                    prefetch(cython.address(word[of, _WORDS]))  # type: ignore[name-defined]  # noqa: F821
                    prefetch(cython.address(time[of, 0]))  # type: ignore[name-defined]  # noqa: F821
                    e.holes.expect(2 * of)
                fresh[i] = 0
                of = number[i]
                if of == 0 or turn[i] & (_DATAGRAM | _QUOTED):
                    continue
                side = turn[i] & _SIDE
                now = u64[_TIME, i]
                e.holes.row = i
                e.sent.row = i
                if turn[i] & _BEGINS:
                    e.begin(of)
                    time[of, _T_BEGAN] = now
                elif turn[i] & _REUSED:
                    e.forget(of, side)
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
                    if e.holes.count(2 * of + 1 - side):
                        e.add(of, 1 - side, _MISSED, e.holes.acknowledge(2 * of + 1 - side, ack))
                    if word[of, fwd + _STATE] & _HAS_ACKED == 0 or _after(ack, word[of, fwd + _ACKED]):
                        if e.counts[of, 1 - side, _AFTER]:
                            base = u32[_TS_ECR, i] if lane[_L_TS, i] else 0
                            e.answered(of, 1 - side, word[of, fwd + _ACKED], ack, base, now)
                        word[of, fwd + _ACKED] = ack
                        word[of, fwd + _STATE] |= _HAS_ACKED
                    word[of, fwd + _WINDOW] = u16[_RAW_WINDOW, i]
                    if blocks[i + 1] > blocks[i]:
                        k = blocks[i]
                        base = (ack - u32[_REL_ACK, i]) & _WORD
                        told = blocks[i + 1] - blocks[i]
                        ack = k + 1 if told > 1 else k
                        e.selective(
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
                            e.sent.flight = u32[_IN_FLIGHT, i] if lane[_L_IN_FLIGHT, i] else 0
                            e.sent.put(2 * of + side, start, length, tsval, ident, u16[_CHECKSUM, i], 0, now)
                            if state & _TIMING == 0:
                                word[of, fwd + _TIMED] = end
                                time[of, _T_TIMED + side] = now
                                word[of, fwd + _STATE] |= _TIMING
                    elif _after(start, word[of, fwd + _HIGH]):
                        e.holes.open(2 * of + side, word[of, fwd + _HIGH], start, tsval, ident, now)
                        word[of, fwd + _HIGH] = end
                        fresh[i] = length
                        e.sent.flight = u32[_IN_FLIGHT, i] if lane[_L_IN_FLIGHT, i] else 0
                        e.sent.put(2 * of + side, start, length, tsval, ident, u16[_CHECKSUM, i], 0, now)
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
                        # Looked for before the judge remembers this transmission.
                        k = e.sent.find(2 * of + side, start, time[of, _T_BEGAN])
                        span = e.sent.word[k, _FLIGHT] if k >= 0 else 0
                        told = judge(
                            e, of, side, start, end, length, u8[_HDR_LEN, i], flags, tsval, ident,
                            u16[_CHECKSUM, i], now,
                        )
                        u8[_CAUSE, i] = told & 7
                        if e.counts[of, side, _CONGESTION] == 0 and (told & 7 == _RESENT or told & 7 == _NEEDLESS):
                            e.counts[of, side, _CONGESTION] = span if span else _WORD
                        span = told >> 3
                        fresh[i] = span if span < length else length
                elif _after(start, word[of, fwd + _HIGH]):
                    # What it was sent behind has not passed. Since when it is missed, this does not tell.
                    e.holes.open(2 * of + side, word[of, fwd + _HIGH], start, tsval, ident, 0)
                    word[of, fwd + _HIGH] = start
                if (
                    fresh[i]
                    and u8[_CAUSE, i] == 0
                    and (_after(word[of, fwd + _TSVAL], tsval) or (word[of, fwd + _ID] - ident) & 0xFFFF < 0x8000)
                    and e.overtaken(of, side, tsval, ident)
                ):
                    # In its place, and yet behind an acknowledgment, or something sent again, that was sent after it.
                    u8[_CAUSE, i] = _REORDERED
                    e.add(of, side, _REORDERED_SEGMENTS, e.segments(of, length, u8[_HDR_LEN, i]))
                    e.add(of, side, _REORDERED_BYTES, length)
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
                    e.identified(of, fwd, ident)
        return None
