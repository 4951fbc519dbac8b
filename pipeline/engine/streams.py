"""Conversation indices (`tcp.stream`, `udp.stream`) and what needs no more than each side's first sequence number:
relative sequence and acknowledgment numbers, and SACK edges.

A conversation is two addresses and two ports, whichever way round. A TCP SYN with another initial sequence number than
the conversation's begins a new one on the same ports, as Wireshark counts it. A UDP conversation that was announced
(`announced.py`) before its first packet has the announcement's index, in each direction its own side's first.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import conversations as layout
from pipeline.engine import turns as bits
from pipeline.engine.announced import ANEW, DEAF, PROXIED, Announced
from pipeline.engine.conversations import Conversations
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

if not cython.compiled:
    from pipeline.engine.addresses import half
    from pipeline.engine.conversations import flow_hash

_s = Slots(PACKETS)
_AHEAD = cython.declare(cython.Py_ssize_t, 16)
_MAPPED = cython.declare(cython.ulonglong, 0xFFFF00000000)
_FLOW_ID = cython.declare(cython.Py_ssize_t, _s.u64("shoal.flow_id"))
_L_TCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp"))
_L_SEQ = cython.declare(cython.Py_ssize_t, _s.lane("tcp.seq"))
_L_FLAGS = cython.declare(cython.Py_ssize_t, _s.lane("tcp.flags"))
_L_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_HDR_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.hdr_len"))
_L_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.lane("tcp.stream"))
_L_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_L_UDP_SUM = cython.declare(cython.Py_ssize_t, _s.lane("udp.checksum"))
_L_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.lane("udp.stream"))
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_SEGMENT = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_REL_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq"))
_REL_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack"))
_NXTSEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.nxtseq"))
_L_REL_SEQ = cython.declare(cython.Py_ssize_t, _s.lane("tcp.seq.relative"))
_L_REL_ACK = cython.declare(cython.Py_ssize_t, _s.lane("tcp.ack.relative"))
_L_NXTSEQ = cython.declare(cython.Py_ssize_t, _s.lane("tcp.nxtseq"))
_L_ACK = cython.declare(cython.Py_ssize_t, _s.lane("tcp.ack"))
_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("tcp.stream"))
_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("udp.stream"))
_SACK_LE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_le"))
_SACK_RE = cython.declare(cython.Py_ssize_t, _s.item("sack", "u32", "tcp.options.sack_re"))
_L_QUOTED = cython.declare(cython.Py_ssize_t, _s.lane("quoted"))
_L_QUOTED_STREAM = cython.declare(cython.Py_ssize_t, _s.lane("quoted.stream"))
_Q_SRC = cython.declare(cython.Py_ssize_t, _s.b16("shoal.quoted.src"))
_Q_DST = cython.declare(cython.Py_ssize_t, _s.b16("shoal.quoted.dst"))
_Q_SRCPORT = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.srcport"))
_Q_DSTPORT = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.dstport"))
_Q_PORTS = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.ports"))
_Q_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("shoal.quoted.stream"))
_O_SRC = cython.declare(cython.Py_ssize_t, _s.item("outer", "b16", "shoal.outer.src"))
_O_DST = cython.declare(cython.Py_ssize_t, _s.item("outer", "b16", "shoal.outer.dst"))
_O_SRCPORT = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.srcport"))
_O_DSTPORT = cython.declare(cython.Py_ssize_t, _s.item("outer", "u16", "shoal.outer.dstport"))
_O_PORTS = cython.declare(cython.Py_ssize_t, _s.item("outer", "u8", "shoal.outer.ports"))
_O_STREAM = cython.declare(cython.Py_ssize_t, _s.item("outer", "u32", "shoal.outer.stream"))
_PAYLOAD = cython.declare(cython.Py_ssize_t, _s.u16("shoal.payload.offset"))
_PAYLOAD_LEN = cython.declare(cython.Py_ssize_t, _s.u32("shoal.payload.len"))
_FRAG_OFFSET = cython.declare(cython.Py_ssize_t, _s.u16("ip.frag_offset"))
_L_FRAGHDR = cython.declare(cython.Py_ssize_t, _s.lane("ipv6.fraghdr"))
_STREAM = cython.declare(cython.Py_ssize_t, layout.STREAM)
_BASE = cython.declare(cython.Py_ssize_t, layout.BASE)
_KNOWN = cython.declare(cython.Py_ssize_t, layout.KNOWN)
_STATE = cython.declare(cython.Py_ssize_t, layout.STATE)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
# Bits of the word KNOWN besides the two lowest: the conversation has begun, may be an announced one, is one of a
# protocol that announces others, begins anew with its next packet.
_FIRST = cython.declare(cython.uint, 0x80000000)
_WILD = cython.declare(cython.uint, 0x40000000)
_TELLS = cython.declare(cython.uint, 0x20000000)
_ANEW = cython.declare(cython.uint, 0x10000000)
_BEGINS = cython.declare(cython.int, bits.BEGINS)
_REUSED = cython.declare(cython.int, bits.REUSED)
_DATAGRAM = cython.declare(cython.int, bits.DATAGRAM)
_QUOTED = cython.declare(cython.int, bits.QUOTED)
_ANNOUNCED = cython.declare(cython.int, bits.ANNOUNCED)
_ANOTHER = cython.declare(cython.int, bits.ANOTHER)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _tells(src: cython.ulonglong, dst: cython.ulonglong, tcp: cython.bint) -> cython.uint:
    """_TELLS where the ports are those of a protocol that announces conversations."""
    port: cython.ulonglong
    k: cython.int
    for k in range(2):
        port = dst if k else src
        if port == 5060 or port == 111 or port == 161 or port == 162:
            return _TELLS
        if tcp and (port == 21 or port == 2000 or port == 1080 or port == 554 or port == 8554):
            return _TELLS
        if not tcp and (port == 69 or port == 2427 or port == 2727):
            return _TELLS
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _dhcp(port: cython.ulonglong) -> cython.bint:
    """Whether it is one of `DHCP_PORTS`."""
    return port == 67 or port == 68 or port == 546 or port == 547


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _may_tell(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.uint:
    """_TELLS where a datagram may be SIP (two capitals or a method's first) or a call of the portmapper."""
    if size < 24 or at < 0 or at + 24 > raw.shape[0]:
        return 0
    if raw[at] >= 65 and raw[at] <= 90 and raw[at + 1] >= 65 and raw[at + 1] <= 90 and raw[at + 2] >= 65:
        return _TELLS
    if raw[at + 4] | raw[at + 5] | raw[at + 6] | raw[at + 7] == 0 and raw[at + 11] == 2 and raw[at + 13] == 1:
        return _TELLS if raw[at + 14] == 0x86 and raw[at + 15] == 0xA0 else 0
    return 0


@cython.cclass
class Streams(Conversations):
    """The conversations of a capture, and which of them each row is of.

    `conversation` int32 and `turn` uint8, each of shape (rows of the largest batch,), hold for each row of the last
    batch: the number of its TCP or UDP conversation in its shard (0 for none), a number being given again after an
    eviction; and the bits of `turns`.
    """

    def __init__(self, notes: Notes | None = None, shards: int = 1) -> None:
        Conversations.__init__(self, notes or Notes(), shards)
        self.udp_streams = 0
        self.tcp_streams = 0
        self._frames = 0
        self._generation = 0
        self._announced = Announced(self._notes)
        self.conversation: NDArray[np.int32] = np.zeros(0, np.int32)
        self.turn: NDArray[np.uint8] = np.zeros(0, np.uint8)

    @property
    def announcements_evicted(self) -> int:
        """Announcements forgotten at their cap."""
        evicted: int = self._announced.evicted
        return evicted

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "numbers": [self.udp_streams, self.tcp_streams, self._frames, self._generation],
            "table": self.table(),
            "announced": self._announced.state(),
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.udp_streams, self.tcp_streams, self._frames, self._generation = state["numbers"]
        self.restore_table(state["table"])
        self._announced.restore(state["announced"])

    def process(self, columns: Columns) -> None:
        """Fill `tcp.stream`, `udp.stream` (outer ones too), the relative numbers, and make the SACK edges relative."""
        if columns.rows > self.conversation.shape[0]:
            self.conversation = np.zeros(columns.rows, np.int32)
            self.turn = np.zeros(columns.rows, np.uint8)
        if self._size == 0:
            self._grow(0)
        self._rows(columns)
        self._frames += columns.rows

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _wild_index(self, at: cython.Py_ssize_t, side: cython.int) -> cython.longlong:
        """The `udp.stream` of a packet from side `side`, where the conversation at `at` may be an announced one.

        Once it has an index of its own, no later announcement counts for it.
        """
        known: cython.uint = self._value[at, _KNOWN]
        if known & _WILD and self._value[at, _STREAM] == self._generation and known & (1 << side):
            return self._value[at, _BASE + side]
        with cython.gil:
            return self._look_up(at, side)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _look_up(self, at: cython.Py_ssize_t, side: cython.int) -> cython.longlong:
        known: cython.uint = self._value[at, _KNOWN]
        index: cython.uint
        found = self._announced.find(*self._ends(at, side))
        if found is not None:
            if found[1] < 0:
                found[1] = self.udp_streams
                self.udp_streams += 1
            index = found[1]
            if self._value[at, _STREAM] != self._generation:
                known &= _FIRST | _TELLS
            self._value[at, _STREAM] = self._generation
            self._value[at, _BASE + side] = index
            self._value[at, _KNOWN] = known | _WILD | (1 << side)
        else:
            index = self.udp_streams
            self.udp_streams += 1
            self._value[at, _STREAM] = index
            self._value[at, _KNOWN] = known & (_FIRST | _TELLS)
        return index

    @cython.cfunc
    def _ends(self, at: cython.Py_ssize_t, side: cython.int) -> Any:
        """Source and destination of a packet from side `side`, each as `announced.Endpoint`."""
        ports: cython.ulonglong = self._key[at, 4]
        one = (self._key[at, 0], self._key[at, 1], ports >> 17)
        two = (self._key[at, 2], self._key[at, 3], (ports >> 1) & 0xFFFF)
        return (two, one) if side else (one, two)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _hear(self, columns: Any, row: cython.Py_ssize_t, at: cython.Py_ssize_t, side: cython.int,
              tcp: cython.bint) -> cython.int:
        """Let the row's payload announce what it does; then the conversation at `at` may begin anew, or fall silent."""
        start: cython.Py_ssize_t = columns.raw_offset[row] + columns.u16[_PAYLOAD, row]
        payload = bytes(memoryview(columns.raw_buffer)[start : start + columns.u32[_PAYLOAD_LEN, row]])
        src, dst = self._ends(at, side)
        seq = int(columns.u32[_SEQ, row]) if tcp else None
        self._announced.row = row
        heard: cython.int = self._announced.hear(payload, self._frames + row + 1, src, dst, seq)
        if heard & ANEW:
            self._value[at, _KNOWN] |= _ANEW
        if heard & PROXIED:
            self.tcp_streams += 1
        if heard & DEAF:
            self._value[at, _KNOWN] &= ~_TELLS & _WORD
        self._generation = self._announced.generation & _WORD
        return 0

    @cython.cfunc
    def _rows(self, columns: Any) -> object:
        plain = not cython.compiled
        sack = columns.lists["sack"]
        outer = columns.lists["outer"]
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        u8: cython.uchar[:, ::1] = memoryview(columns.u8) if plain else columns.u8
        u64: cython.ulonglong[:, ::1] = memoryview(columns.u64) if plain else columns.u64
        b16: cython.uchar[:, :, ::1] = memoryview(columns.b16) if plain else columns.b16
        edges: cython.uint[:, ::1] = memoryview(sack.u32) if plain else sack.u32
        blocks: cython.int[::1] = memoryview(sack.offsets) if plain else sack.offsets
        outers: cython.int[::1] = memoryview(outer.offsets) if plain else outer.offsets
        o_u8: cython.uchar[:, ::1] = memoryview(outer.u8) if plain else outer.u8
        o_u16: cython.ushort[:, ::1] = memoryview(outer.u16) if plain else outer.u16
        o_u32: cython.uint[:, ::1] = memoryview(outer.u32) if plain else outer.u32
        o_b16: cython.uchar[:, :, ::1] = memoryview(outer.b16) if plain else outer.b16
        raw: cython.const[cython.uchar][::1] = memoryview(columns.raw_buffer)
        raw_offset: cython.const[cython.longlong][::1] = (
            memoryview(columns.raw_offset) if plain else columns.raw_offset
        )
        ports: cython.uchar[::1] = memoryview(self._announced.ports)
        conversation: cython.int[::1] = memoryview(self.conversation) if plain else self.conversation
        turn_of: cython.uchar[::1] = memoryview(self.turn) if plain else self.turn
        turn: cython.int
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        item: cython.Py_ssize_t
        a: cython.ulonglong
        b: cython.ulonglong
        c: cython.ulonglong
        d: cython.ulonglong
        x: cython.ulonglong
        h: cython.ulonglong
        src: cython.ulonglong
        dst: cython.ulonglong
        side: cython.int
        tcp: cython.bint
        quoted: cython.bint
        flags: cython.int
        base: cython.uint
        first: cython.bint
        known: cython.uint
        index: cython.longlong
        fresh: cython.bint
        heard: cython.bint
        with cython.nogil:
            for i in range(n):
                if cython.compiled and i + _AHEAD < n:
                    at = (u64[_FLOW_ID, i + _AHEAD] >> 20) & (self._size - 1)
                    prefetch(cython.address(self._value[at, 0]))  # type: ignore[name-defined]  # noqa: F821
                conversation[i] = 0
                turn_of[i] = 0
                for item in range(outers[i], outers[i + 1] + 1):
                    # The outer headers first, then (item = the row's end) the row's own, or the one it quotes.
                    tcp = False
                    quoted = item == outers[i + 1] and lane[_L_QUOTED, i] != 0
                    if quoted:
                        tcp = u8[_Q_PORTS, i] == 6
                        if not tcp and u8[_Q_PORTS, i] != 17:
                            continue
                        a = half(b16, _Q_SRC, i, 0)
                        b = half(b16, _Q_SRC, i, 8)
                        c = half(b16, _Q_DST, i, 0)
                        d = half(b16, _Q_DST, i, 8)
                        src = u16[_Q_SRCPORT, i]
                        dst = u16[_Q_DSTPORT, i]
                        h = flow_hash(a, b, c, d, src, dst, tcp)
                    elif item < outers[i + 1]:
                        if o_u8[_O_PORTS, item] != 17:
                            continue
                        a = half(o_b16, _O_SRC, item, 0)
                        b = half(o_b16, _O_SRC, item, 8)
                        c = half(o_b16, _O_DST, item, 0)
                        d = half(o_b16, _O_DST, item, 8)
                        src = o_u16[_O_SRCPORT, item]
                        dst = o_u16[_O_DSTPORT, item]
                        h = flow_hash(a, b, c, d, src, dst, tcp)
                    else:
                        tcp = lane[_L_TCP, i] != 0 and lane[_L_HDR_LEN, i] != 0
                        if not tcp and (lane[_L_UDP, i] == 0 or lane[_L_UDP_SUM, i] == 0):
                            continue
                        if lane[_L_IP, i]:
                            a = 0
                            b = _MAPPED | u32[_SRC4, i]
                            c = 0
                            d = _MAPPED | u32[_DST4, i]
                        else:
                            a = half(b16, _SRC6, i, 0)
                            b = half(b16, _SRC6, i, 8)
                            c = half(b16, _DST6, i, 0)
                            d = half(b16, _DST6, i, 8)
                        src = u16[_TCP_SRC if tcp else _UDP_SRC, i]
                        dst = u16[_TCP_DST if tcp else _UDP_DST, i]
                        h = u64[_FLOW_ID, i]
                    side = 0
                    if a > c or (a == c and (b > d or (b == d and src > dst))):
                        side = 1
                        x = a
                        a = c
                        c = x
                        x = b
                        b = d
                        d = x
                        x = src
                        src = dst
                        dst = x
                    if self._used * 2 >= self._size:
                        with cython.gil:
                            self._grow(i)
                    at = self._find(a, b, c, d, (src << 17) | (dst << 1) | (1 if tcp else 0), h)
                    known = self._value[at, _KNOWN]
                    first = fresh = known == 0
                    if first:
                        self._used += 1
                        known = _FIRST | _tells(src, dst, tcp)
                        if not tcp and known == _FIRST and item == outers[i + 1] and not quoted:
                            known |= _may_tell(raw, raw_offset[i] + u16[_PAYLOAD, i], u32[_PAYLOAD_LEN, i])
                        self._value[at, _KNOWN] = known
                    elif known & _ANEW:
                        first = True
                        known &= _FIRST | _TELLS
                        self._value[at, _KNOWN] = known
                    # Only what the row itself carries is heard, and a fragment's payload is not its datagram's.
                    heard = (
                        known & _TELLS != 0
                        and not quoted
                        and item == outers[i + 1]
                        and u32[_PAYLOAD_LEN, i] != 0
                        and u16[_FRAG_OFFSET, i] == 0
                        and lane[_L_FRAGHDR, i] == 0
                    )
                    if quoted or not tcp:
                        if known & _WILD or (fresh and not tcp and (ports[src] | ports[dst]) & 1):
                            index = self._wild_index(at, side)
                        else:
                            if first and tcp:
                                self._value[at, _STREAM] = self.tcp_streams
                                self.tcp_streams += 1
                            elif first:
                                self._value[at, _STREAM] = self.udp_streams
                                self.udp_streams += 1
                            index = self._value[at, _STREAM]
                        if quoted:
                            u32[_Q_STREAM, i] = index
                            lane[_L_QUOTED_STREAM, i] = 1
                            if tcp and self._value[at, _STATE] != 0 and u64[_FLOW_ID, i] == h:
                                conversation[i] = self._value[at, _STATE]
                                turn_of[i] = side | _QUOTED
                        elif item < outers[i + 1]:
                            o_u32[_O_STREAM, item] = index
                        else:
                            u32[_UDP_STREAM, i] = index
                            lane[_L_UDP_STREAM, i] = 1
                            turn = side | _DATAGRAM
                            if self._value[at, _STATE] == 0:
                                turn |= _BEGINS | self._number(at, 0 if _dhcp(src) or _dhcp(dst) else h, 1)
                                if self._value[at, _KNOWN] & _WILD:
                                    turn |= _ANNOUNCED
                            elif first:
                                turn |= _BEGINS | _ANOTHER
                            conversation[i] = self._value[at, _STATE]
                            turn_of[i] = turn
                        if heard:
                            with cython.gil:
                                self._hear(columns, i, at, side, tcp)
                        continue
                    flags = u16[_FLAGS, i]
                    turn = side
                    if not first and lane[_L_FLAGS, i] and flags & 0x12 == 0x02:
                        # A SYN that is not the one that began the conversation begins another.
                        first = (
                            self._value[at, _KNOWN] & (1 << side) != 0
                            and self._value[at, _BASE + side] != u32[_SEQ, i]
                        )
                        if first:
                            turn |= _REUSED
                    elif (
                        not first
                        and lane[_L_FLAGS, i]
                        and flags & 0x12 == 0x12
                        and self._value[at, _KNOWN] & (1 << side)
                        and self._value[at, _BASE + side] != u32[_SEQ, i]
                    ):
                        # So does the answer to one, but in the same conversation, whose numbers go on from it.
                        self._value[at, _BASE + side] = u32[_SEQ, i]
                        turn |= _REUSED
                    if first:
                        self._value[at, _STREAM] = self.tcp_streams
                        self.tcp_streams += 1
                        known &= _FIRST | _TELLS
                        self._value[at, _KNOWN] = known
                    if self._value[at, _STATE] == 0:
                        turn |= _BEGINS | self._number(at, h, 0)
                    elif first:
                        turn |= _BEGINS | _ANOTHER
                    if fresh and (ports[src] | ports[dst]) & 2:
                        with cython.gil:
                            if self._announced.take(*self._ends(at, side)):
                                turn |= _ANNOUNCED
                    conversation[i] = self._value[at, _STATE]
                    turn_of[i] = turn
                    u32[_TCP_STREAM, i] = self._value[at, _STREAM]
                    lane[_L_TCP_STREAM, i] = 1
                    if lane[_L_FLAGS, i] and lane[_L_LEN, i]:
                        if self._value[at, _KNOWN] & (1 << side) == 0:
                            base = u32[_SEQ, i]
                            self._value[at, _BASE + side] = base if flags & 2 else (base - 1) & _WORD
                            self._value[at, _KNOWN] |= 1 << side
                        if flags & 0x10 and self._value[at, _KNOWN] & (2 >> side) == 0:
                            self._value[at, _BASE + 1 - side] = (u32[_ACK, i] - 1) & _WORD
                            self._value[at, _KNOWN] |= 2 >> side
                    # Of a segment whose length is not known the numbers stay as they are.
                    base = 0
                    if lane[_L_LEN, i] and self._value[at, _KNOWN] & (1 << side):
                        base = self._value[at, _BASE + side]
                    if lane[_L_SEQ, i]:
                        u32[_REL_SEQ, i] = (u32[_SEQ, i] - base) & _WORD
                        lane[_L_REL_SEQ, i] = 1
                    if lane[_L_FLAGS, i] and lane[_L_LEN, i]:
                        u32[_NXTSEQ, i] = (u32[_SEQ, i] - base + u32[_SEGMENT, i] + (flags & 3 != 0)) & _WORD
                        lane[_L_NXTSEQ, i] = 1
                    if lane[_L_ACK, i]:
                        base = 0
                        if lane[_L_LEN, i] and self._value[at, _KNOWN] & (2 >> side):
                            base = self._value[at, _BASE + 1 - side]
                        u32[_REL_ACK, i] = (u32[_ACK, i] - base) & _WORD if flags & 0x10 else u32[_ACK, i]
                        lane[_L_REL_ACK, i] = 1
                    if blocks[i + 1] > blocks[i]:
                        base = self._value[at, _BASE + 1 - side] if self._value[at, _KNOWN] & (2 >> side) else 0
                        for k in range(blocks[i], blocks[i + 1]):
                            edges[_SACK_LE, k] = (edges[_SACK_LE, k] - base) & _WORD
                            edges[_SACK_RE, k] = (edges[_SACK_RE, k] - base) & _WORD
                    if heard and lane[_L_LEN, i]:
                        with cython.gil:
                            self._hear(columns, i, at, side, tcp)
        return None
