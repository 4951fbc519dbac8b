"""What a window counts of conversations, whoever sends: what each side sent, how it begins and ends, what marks it has.

Beside the slots of windows, a conversation keeps little: who is the client, what SYNs wait for an answer, since when a
window is closed, what has ended.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pipeline.engine import turns as bits
from pipeline.engine.flows.state import SYSTEM_PORTS
from pipeline.engine.snapshot import Tree
from pipeline.engine.tcp.words import DUPLICATED, NEEDLESS, REORDERED, RESENT
from pipeline.engine.windows import layout, ledger
from pipeline.engine.windows.ledger_rows import LedgerRows
from pipeline.engine.windows.ticks import LATEST
from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots

if not cython.compiled:
    from pipeline.engine.addresses import half
    from pipeline.engine.windows.sketch import bucket_of

_FIRST_SIZE = 256
_SPLIT = cython.declare(cython.Py_ssize_t, len(layout.SPLIT))
_LONG = cython.declare(cython.Py_ssize_t, len(layout.SPLIT_LONG))
_CLOSED_TIME = cython.declare(cython.Py_ssize_t, layout.long("shoal.zero_window_time"))
_SEGMENTS = cython.declare(cython.Py_ssize_t, layout.word("shoal.segments"))
_RESETS = cython.declare(cython.Py_ssize_t, layout.word("shoal.resets"))
_SYNS = cython.declare(cython.Py_ssize_t, layout.word("shoal.syns"))
_UNANSWERED = cython.declare(cython.Py_ssize_t, layout.word("shoal.syns_unanswered"))
_REFUSED = cython.declare(cython.Py_ssize_t, layout.word("shoal.refused"))
_CLOSED = cython.declare(cython.Py_ssize_t, layout.word("shoal.flows_closed"))
_CAUSE = cython.declare(cython.Py_ssize_t, layout.word("shoal.resent") - RESENT)
_MARK = cython.declare(cython.Py_ssize_t, layout.MARK)
_MARKS = cython.declare(cython.int, layout.word("tcp.connection.rst") - layout.MARK + 1)
_PORT = cython.declare(cython.Py_ssize_t, ledger.PORT)
_SERVER = cython.declare(cython.Py_ssize_t, ledger.SERVER)
_STREAM = cython.declare(cython.Py_ssize_t, ledger.STREAM)
_WORD = cython.declare(cython.Py_ssize_t, ledger.WORD)
_NEXT = cython.declare(cython.Py_ssize_t, ledger.NEXT)
_TIME = cython.declare(cython.Py_ssize_t, ledger.TIME)
_ADDRESS = cython.declare(cython.Py_ssize_t, ledger.ADDRESS)
_FLOW = cython.declare(cython.Py_ssize_t, ledger.FLOW)
# What is known of a conversation. Bits of the first word: the client (1 or 2, 0 for not known), who sent first, what
# each side has sent (the bit of side 0, shifted by the side), how it ended; the other word is the pass of its SYNs.
_CLIENT = cython.declare(cython.uint, 3)
_SENDER = cython.declare(cython.uint, 12)
_UDP = cython.declare(cython.uint, 16)
_HAS_SYN = cython.declare(cython.uint, 32)
_HAS_FIN = cython.declare(cython.uint, 128)
_RESET = cython.declare(cython.uint, 512)
_ENDED = cython.declare(cython.uint, 1024)
# Of each side: since when its window is closed (0: it is not), the latest window in which it sent a SYN that waits for
# an answer, and how many in it and in the seven windows before, a byte each.
_CLOSED_SINCE = cython.declare(cython.Py_ssize_t, 0)
_SYN_TIME = cython.declare(cython.Py_ssize_t, 2)
_SYN_COUNTS = cython.declare(cython.Py_ssize_t, 4)
_KNOWN = cython.declare(cython.Py_ssize_t, 6)
_LATEST = cython.declare(cython.longlong, LATEST)
_WORD32 = cython.declare(cython.uint, 0xFFFFFFFF)
_WORD64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_MAPPED = cython.declare(cython.ulonglong, 0xFFFF00000000)
_SYSTEM_PORTS = cython.declare(cython.uint, SYSTEM_PORTS)
_RESENT = cython.declare(cython.uint, RESENT)
_NEEDLESS = cython.declare(cython.uint, NEEDLESS)
assert (RESENT, NEEDLESS, REORDERED, DUPLICATED) == (1, 2, 3, 4)
_T_SIDE = cython.declare(cython.int, bits.SIDE)
_T_BEGINS = cython.declare(cython.int, bits.BEGINS)
_T_UDP = cython.declare(cython.int, bits.DATAGRAM)
_FIN = cython.declare(cython.uint, 0x01)
_SYN = cython.declare(cython.uint, 0x02)
_RST = cython.declare(cython.uint, 0x04)
_ACK = cython.declare(cython.uint, 0x10)


def _bit(name: str) -> int:
    source = PACKETS.by_name[name].bits_of
    assert source is not None
    return 1 << source[1]


_M_AGAIN = cython.declare(
    cython.uint, _bit("tcp.analysis.retransmission") | _bit("tcp.analysis.out_of_order")
)
_s = Slots(PACKETS)
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_L_ICMP = cython.declare(cython.Py_ssize_t, _s.lane("icmp"))
_L_ICMP6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6"))
_L_FLAGS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.flags"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_WINDOW = cython.declare(cython.Py_ssize_t, _s.lane("tcp.window_size"))
_L_ACK_RTT = cython.declare(cython.Py_ssize_t, _s.lane("tcp.ack_rtt"))
_C_FLOW = cython.declare(cython.Py_ssize_t, _s.u64("shoal.flow_id"))
_C_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_C_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_C_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_C_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_C_ICMP = cython.declare(cython.Py_ssize_t, _s.u8("icmp.type"))
_C_ICMP6 = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.type"))
_C_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_C_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_C_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_C_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_C_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("tcp.stream"))
_C_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("udp.stream"))
_C_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_C_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_C_WINDOW = cython.declare(cython.Py_ssize_t, _s.u32("tcp.window_size"))
_C_MARKS = cython.declare(cython.Py_ssize_t, _s.u32("shoal.tcp.analysis"))
_C_CAUSE = cython.declare(cython.Py_ssize_t, _s.u8("shoal.tcp.cause"))
_C_ACK_RTT = cython.declare(cython.Py_ssize_t, _s.u64("tcp.analysis.ack_rtt"))
_Q_SRC = cython.declare(cython.Py_ssize_t, _s.b16("shoal.quoted.src"))
_Q_DST = cython.declare(cython.Py_ssize_t, _s.b16("shoal.quoted.dst"))
_Q_SRCPORT = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.srcport"))
_Q_DSTPORT = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.dstport"))
_Q_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("shoal.quoted.stream"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def server_of(known: cython.uint, one: cython.uint, two: cython.uint) -> cython.uint:
    """Which side is the server, 1 or 2, of a conversation of which this is known, by the ports of side 0 and side 1.

    As `flows.State` has it: not the client; without one that is known, not the side with the higher port (of UDP only
    where just one is a system port); else not the first sender.
    """
    client: cython.uint = known & _CLIENT
    if client == 0:
        if known & _UDP:
            if (one < _SYSTEM_PORTS) != (two < _SYSTEM_PORTS):
                client = 2 if one < two else 1
        elif one != two:
            client = 2 if one < two else 1
        if client == 0:
            client = (known & _SENDER) >> 2
    return 3 - client


@cython.cclass
class ConversationCounts(LedgerRows):
    """The counts of conversations, in windows of `base` ns; what comes more than `lateness` ns behind the end of its
    window is late. Rows of a batch are read from the columns that `_bind` takes."""

    def __init__(self, base: int, lateness: int) -> None:
        plain = not cython.compiled
        LedgerRows.__init__(self)
        self._base = base
        self._lateness = lateness
        self._now = self._passes = self._from = self._used = 0
        row, known = np.zeros((2, _FIRST_SIZE), np.uint32), np.zeros((_FIRST_SIZE, _KNOWN), np.uint64)
        words = np.zeros((_FIRST_SIZE, 2), np.uint32)
        self._row = memoryview(row) if plain else row
        self._bits = memoryview(words) if plain else words
        self._known = memoryview(known) if plain else known

    def counts(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "numbers": [self._now, self._passes, self._used],
            "row": np.asarray(self._row), "bits": np.asarray(self._bits)[: self._used + 1],
            "known": np.asarray(self._known)[: self._used + 1], "slots": self.slots(),
        }  # fmt: skip

    def restore_counts(self, state: Tree) -> None:
        """Know what `counts` told."""
        plain = not cython.compiled
        self._now, self._passes, self._used = state["numbers"]
        self._row = memoryview(state["row"]) if plain else state["row"]
        self._bits = memoryview(state["bits"]) if plain else state["bits"]
        self._known = memoryview(state["known"]) if plain else state["known"]
        self.restore_slots(state["slots"])

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _bind(self, columns: Any, numbers: cython.Py_ssize_t) -> cython.int:
        """Take the batch's columns; have room for as many conversations more, and for numbers below `numbers`."""
        plain = not cython.compiled
        times = columns.values("frame.time").view("i8")
        self._times = memoryview(times) if plain else times
        self._lane = memoryview(columns.lane) if plain else columns.lane
        self._u8 = memoryview(columns.u8) if plain else columns.u8
        self._u16 = memoryview(columns.u16) if plain else columns.u16
        self._u32 = memoryview(columns.u32) if plain else columns.u32
        self._u64 = memoryview(columns.u64) if plain else columns.u64
        self._b16 = memoryview(columns.b16) if plain else columns.b16
        row, words = np.asarray(self._row), np.asarray(self._bits)
        if numbers > row.shape[1]:
            more = np.zeros((2, max(numbers, 2 * row.shape[1])), np.uint32)
            more[:, : row.shape[1]] = row
            self._row = memoryview(more) if plain else more
        size = self._used + columns.rows + 1
        heads = np.asarray(self.head)
        if size > len(words) or size > len(heads):
            size = max(size, 2 * len(words))
            grown = [np.zeros((size, 2), np.uint32), np.zeros((size, _KNOWN), np.uint64), np.zeros(size, np.uint32)]
            for new, old in zip(grown, (words, np.asarray(self._known), heads), strict=True):
                new[: min(len(old), size)] = old[:size]
            self._bits, self._known, self.head = [memoryview(a) for a in grown] if plain else grown
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _is_late(self, window: cython.ulonglong) -> cython.bint:
        """Whether the window that begins then is closed for good."""
        return window + self._base + self._lateness < self._now

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _forget(self) -> cython.int:
        """All numbers are given anew."""
        k: cython.Py_ssize_t
        for k in range(self._row.shape[1]):  # type: ignore[index]
            self._row[0, k] = 0
            self._row[1, k] = 0
        for k in range(self._used + 1):
            self.head[k] = 0
        self._used = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _conversation(self, number: cython.Py_ssize_t, turn: cython.int) -> cython.Py_ssize_t:
        """Where the conversation of a row stands; it may begin with it."""
        udp: cython.int = 1 if turn & _T_UDP else 0
        at: cython.Py_ssize_t = self._row[udp, number]
        k: cython.Py_ssize_t
        if at != 0 and turn & _T_BEGINS == 0:
            return at
        if at == 0:
            self._used += 1
            at = self._used
            self._row[udp, number] = at
        # What was counted of another one that bore the number is told as it stands.
        self.head[at] = 0
        self._bits[at, 0] = ((turn & _T_SIDE) + 1) << 2 | (_UDP if udp else 0)
        self._bits[at, 1] = 0
        for k in range(_KNOWN):
            self._known[at, k] = 0
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _opened(self, at: cython.Py_ssize_t, i: cython.Py_ssize_t, window: cython.ulonglong,
                protocol: cython.uint) -> cython.Py_ssize_t:
        """A new slot of the conversation at `at`, which row `i` is of, without its ends."""
        slot: cython.Py_ssize_t = self.open(at)
        self.sum[slot, _TIME] = window
        self.sum[slot, _FLOW] = self._u64[_C_FLOW, i]
        self.count[slot, _WORD] = protocol
        return slot

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _address(self, slot: cython.Py_ssize_t, side: cython.int, column: cython.Py_ssize_t,
                 i: cython.Py_ssize_t) -> cython.int:
        """The address of a side, out of a column of addresses."""
        self.sum[slot, _ADDRESS + 2 * side] = half(self._b16, column, i, 0)
        self.sum[slot, _ADDRESS + 2 * side + 1] = half(self._b16, column, i, 8)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _serve(self, at: cython.Py_ssize_t, slot: cython.Py_ssize_t) -> cython.int:
        """Which side of a slot is the server, as far as it is known of the conversation at `at`."""
        self.count[slot, _SERVER] = server_of(self._bits[at, 0], self.count[slot, _PORT], self.count[slot, _PORT + 1])
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _slot(self, at: cython.Py_ssize_t, i: cython.Py_ssize_t, side: cython.int, udp: cython.bint,
              window: cython.ulonglong) -> cython.Py_ssize_t:
        """A new slot of the conversation at `at`, of which row `i` is, sent by side `side`."""
        slot: cython.Py_ssize_t = self._opened(at, i, window, 17 if udp else 6)
        self.count[slot, _PORT + side] = self._u16[_C_UDP_SRC if udp else _C_TCP_SRC, i]
        self.count[slot, _PORT + 1 - side] = self._u16[_C_UDP_DST if udp else _C_TCP_DST, i]
        self.count[slot, _STREAM] = self._u32[_C_UDP_STREAM if udp else _C_TCP_STREAM, i]
        if self._lane[_L_IP, i]:
            self.sum[slot, _ADDRESS + 2 * side + 1] = _MAPPED | self._u32[_C_SRC4, i]
            self.sum[slot, _ADDRESS + 3 - 2 * side] = _MAPPED | self._u32[_C_DST4, i]
        else:
            self._address(slot, side, _C_SRC6, i)
            self._address(slot, 1 - side, _C_DST6, i)
        self._serve(at, slot)
        return slot

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _quoted_slot(self, at: cython.Py_ssize_t, i: cython.Py_ssize_t, side: cython.int,
                     window: cython.ulonglong) -> cython.Py_ssize_t:
        """A new slot of the TCP conversation at `at`, of which row `i` quotes a segment that side `side` sent."""
        slot: cython.Py_ssize_t = self._opened(at, i, window, 6)
        self.count[slot, _PORT + side] = self._u16[_Q_SRCPORT, i]
        self.count[slot, _PORT + 1 - side] = self._u16[_Q_DSTPORT, i]
        self.count[slot, _STREAM] = self._u32[_Q_STREAM, i]
        self._address(slot, side, _Q_SRC, i)
        self._address(slot, 1 - side, _Q_DST, i)
        self._serve(at, slot)
        return slot

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _serves(self, at: cython.Py_ssize_t) -> cython.int:
        """It is known now who is the client: so say the slots that are open."""
        slot: cython.Py_ssize_t = self.head[at]
        while slot != 0:
            self._serve(at, slot)
            slot = self.count[slot, _NEXT]
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _segment(self, i: cython.Py_ssize_t, at: cython.Py_ssize_t, slot: cython.Py_ssize_t,
                 side: cython.int) -> cython.int:
        """Count the segment of row `i`, which side `side` sent."""
        c: cython.Py_ssize_t = side * _SPLIT
        now: cython.ulonglong = 0 if self._times[i] < 0 else min(self._times[i], _LATEST)
        since: cython.ulonglong
        time: cython.ulonglong
        flags: cython.uint
        marks: cython.uint
        cause: cython.uint
        k: cython.int
        if self._lane[_L_FLAGS, i] == 0 or self._lane[_L_LEN, i] == 0:
            return 0
        flags = self._u16[_C_FLAGS, i]
        marks = self._u32[_C_MARKS, i]
        cause = self._u8[_C_CAUSE, i]
        if self._known[at, _SYN_COUNTS + 1 - side]:
            if flags & _RST:
                self.count[slot, (1 - side) * _SPLIT + _REFUSED] += 1
            self._answered(at, i, 1 - side, False)
        if self._u32[_C_LEN, i]:
            self.count[slot, c + _SEGMENTS] += 1
        if flags & (_SYN | _FIN | _RST):
            self._connection(at, slot, side, flags)
        if cause:
            self.count[slot, c + _CAUSE + cause] += 1
        if marks:
            for k in range(_MARKS):
                if marks >> k & 1:
                    self.count[slot, c + _MARK + k] += 1
        if marks & _M_AGAIN:
            if cause != _RESENT and cause != _NEEDLESS:
                self.add_odd(slot, now, 0)
        elif cause == _RESENT or cause == _NEEDLESS:
            self.add_odd(slot, now, 1)
        if self._lane[_L_WINDOW, i] and flags & (_SYN | _RST) == 0:
            since = self._known[at, _CLOSED_SINCE + side]
            if self._u32[_C_WINDOW, i] == 0:
                if since == 0:
                    self._known[at, _CLOSED_SINCE + side] = now
            elif since:
                if now > since:
                    self.sum[slot, side * _LONG + _CLOSED_TIME] += now - since
                self._known[at, _CLOSED_SINCE + side] = 0
        if self._lane[_L_ACK_RTT, i]:
            time = self._u64[_C_ACK_RTT, i]
            if time != 0 and time >> 63 == 0:
                # Of what the other side sent.
                self.add_time(slot, (1 - side) << 8 | bucket_of(time))
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _connection(self, at: cython.Py_ssize_t, slot: cython.Py_ssize_t, side: cython.int,
                    flags: cython.uint) -> cython.int:
        """What a segment with SYN, FIN or RST does to the connection."""
        c: cython.Py_ssize_t = side * _SPLIT
        known: cython.uint = self._bits[at, 0]
        client: cython.uint = known & _CLIENT
        if flags & _RST:
            self.count[slot, c + _RESETS] += 1
        if flags & (_SYN | _ACK) == _SYN:
            self.count[slot, c + _SYNS] += 1
            self.count[slot, c + _UNANSWERED] += 1
            self._asked(at, side)
        if known & _RESET and flags & (_SYN | _ACK) != _SYN | _ACK:
            # What comes after the first RST are echoes.
            return 0
        if flags & _SYN:
            if flags & _ACK:
                if client == 0:
                    client = 2 - side
            elif client == 0 or known & (_HAS_SYN << (1 - side)) == 0:
                client = side + 1
            if flags & _ACK == 0:
                known |= _HAS_SYN << side
        elif flags & _RST:
            known |= _RESET
        if flags & _FIN:
            known |= _HAS_FIN << side
        if known & _ENDED == 0 and (known & _RESET or known & (3 * _HAS_FIN) == 3 * _HAS_FIN):
            known |= _ENDED
            self.count[slot, _CLOSED] += 1
        if client != known & _CLIENT:
            self._bits[at, 0] = (known & ~_CLIENT & _WORD32) | client
            self._serves(at)
        else:
            self._bits[at, 0] = known
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _asked(self, at: cython.Py_ssize_t, side: cython.int) -> cython.int:
        """Remember a SYN of side `side` in the window under way, until it is answered."""
        counts: cython.ulonglong = self._known[at, _SYN_COUNTS + side]
        last: cython.ulonglong = self._known[at, _SYN_TIME + side]
        k: cython.ulonglong
        if self._bits[at, 1] != self._passes:
            self._bits[at, 1] = self._passes
            self._known[at, _SYN_COUNTS] = self._known[at, _SYN_COUNTS + 1] = 0
            counts = 0
        if counts == 0:
            last = self._from
        if self._from >= last:
            k = (self._from - last) // self._base
            counts = (counts << (8 * k)) & _WORD64 if k < 8 else 0
            last = self._from
            k = 0
        else:
            k = (last - self._from) // self._base
            if k >= 8:
                return 0
        if counts >> (8 * k) & 255 != 255:
            counts += cython.cast(cython.ulonglong, 1) << (8 * k)
        self._known[at, _SYN_COUNTS + side] = counts
        self._known[at, _SYN_TIME + side] = last
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _answered(self, at: cython.Py_ssize_t, i: cython.Py_ssize_t, side: cython.int,
                  quoted: cython.bint) -> cython.int:
        """Row `i` answers the SYNs of side `side`: take them back in their windows, as far as these are not closed."""
        counts: cython.ulonglong = self._known[at, _SYN_COUNTS + side]
        window: cython.ulonglong = self._known[at, _SYN_TIME + side]
        slot: cython.Py_ssize_t
        self._known[at, _SYN_COUNTS + side] = 0
        if self._bits[at, 1] != self._passes:
            return 0
        while counts:
            if counts & 255 and not self._is_late(window):
                slot = self.find(at, window)
                if slot == 0:
                    slot = (
                        self._quoted_slot(at, i, side, window) if quoted
                        else self._slot(at, i, 1 - side, False, window)
                    )
                self.count[slot, side * _SPLIT + _UNANSWERED] = (
                    self.count[slot, side * _SPLIT + _UNANSWERED] - (counts & 255)
                ) & _WORD32
            counts >>= 8
            window -= self._base
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _quotes(self, i: cython.Py_ssize_t, number: cython.Py_ssize_t, side: cython.int) -> cython.int:
        """Row `i` is an ICMP error that quotes a segment of side `side`: it answers a SYN, if one waits.

        Types 3, 11 and 12 (RFC 792) do, and of ICMPv6 1, 3 and 4 (RFC 4443): the others ask for other packets.
        """
        at: cython.Py_ssize_t = self._row[0, number]
        slot: cython.Py_ssize_t
        kind: cython.uint
        if at == 0 or self._known[at, _SYN_COUNTS + side] == 0:
            return 0
        if self._lane[_L_ICMP, i]:
            kind = self._u8[_C_ICMP, i]
            if kind != 3 and kind != 11 and kind != 12:
                return 0
        elif self._lane[_L_ICMP6, i]:
            kind = self._u8[_C_ICMP6, i]
            if kind != 1 and kind != 3 and kind != 4:
                return 0
        else:
            return 0
        slot = self.find(at, self._from)
        if slot == 0:
            slot = self._quoted_slot(at, i, side, self._from)
        self.count[slot, side * _SPLIT + _REFUSED] += 1
        return self._answered(at, i, side, True)
