"""The pass over the rows that names them: compiled, for most rows a look into a table and no more.

Rows of which the bytes must be looked at are handed to `Talks`, one by one, in their order.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.names import layers, quick, talks
from pipeline.engine.names.declare import MOST_READ
from pipeline.engine.names.talks import Talks
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

if not cython.compiled:
    from pipeline.engine.names.quick import datagram_is, ends_a_line, message_length, session_name
    from pipeline.engine.names.worth import datagram_worth, is_stun, segment_worth



def _marks(*names: str) -> int:
    """The bits of marks in `shoal.tcp.analysis`."""
    return sum(1 << PACKETS.by_name[f"tcp.analysis.{name}"].bits_of[1] for name in names)  # type: ignore[index]


_s = Slots(PACKETS)
_ARP_OPCODE = cython.declare(cython.Py_ssize_t, _s.u16("arp.opcode"))
_L_TCP_LEN = cython.declare(cython.Py_ssize_t, _s.lane("tcp.len"))
_L_FRAGHDR = cython.declare(cython.Py_ssize_t, _s.lane("ipv6.fraghdr"))
_FRAG_OFFSET = cython.declare(cython.Py_ssize_t, _s.u16("ip.frag_offset"))
_IP_FLAGS = cython.declare(cython.Py_ssize_t, _s.u8("ip.flags"))
_IGMP_TYPE = cython.declare(cython.Py_ssize_t, _s.u8("igmp.type"))
_L_MPTCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp.options.mptcp"))
_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_UDP_LEN = cython.declare(cython.Py_ssize_t, _s.u16("udp.length"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_MARKS = cython.declare(cython.Py_ssize_t, _s.u32("shoal.tcp.analysis"))
_PAYLOAD = cython.declare(cython.Py_ssize_t, _s.u16("shoal.payload.offset"))
_PAYLOAD_LEN = cython.declare(cython.Py_ssize_t, _s.u32("shoal.payload.len"))
_BEGINS = cython.declare(cython.int, bits.BEGINS)
_QUOTED = cython.declare(cython.int, bits.QUOTED)
_ANNOUNCED = cython.declare(cython.int, bits.ANNOUNCED)
_SIDE = cython.declare(cython.int, bits.SIDE)
_DATAGRAM = cython.declare(cython.int, layers.DATAGRAM)
_SEGMENT = cython.declare(cython.int, layers.SEGMENT)
_ADDRESSES = cython.declare(cython.int, layers.ADDRESSES)
_FRAGMENT = cython.declare(cython.int, layers.FRAGMENT)
_GROUPS = cython.declare(cython.int, layers.GROUPS)
_READ = cython.declare(cython.int, layers.READ)
_DONE = cython.declare(cython.int, layers.DONE)
_PLAIN = cython.declare(cython.int, talks.PLAIN)
_RST = cython.declare(cython.int, 4)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_FIRST = cython.declare(cython.int, talks.FIRST)
_MOST_READ = cython.declare(cython.Py_ssize_t, MOST_READ)
_NBSS = cython.declare(cython.int, quick.NBSS)
_RESP = cython.declare(cython.int, quick.RESP)
_HALF = cython.declare(cython.uint, 0x80000000)
# Segments with these marks are not looked into.
_AGAIN = cython.declare(cython.uint, _marks("retransmission", "spurious_retransmission", "out_of_order", "keep_alive"))
# But one that was sent again on duplicate acknowledgments is.
_FAST = cython.declare(cython.uint, _marks("fast_retransmission"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _spoken(raw: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, size: cython.Py_ssize_t, seq: cython.uint,
            rule: cython.longlong[:, ::1], own: cython.ushort[::1], place: cython.int, opened: cython.uchar[::1],
            until: cython.uint[:, ::1], number: cython.int, side: cython.int) -> cython.int:  # fmt: skip
    """The name of a segment of `size` bytes at `start` of a conversation that speaks what is at `place`, as
    `Talks._speak` tells it; 0 where no message ends in it, -1 where that must be asked, and nothing was changed."""
    at: cython.Py_ssize_t = start
    end: cython.Py_ssize_t = start + size
    length: cython.longlong
    left: cython.uint
    name: cython.int = 0
    bit: cython.int = 1 << side
    if start < 0 or end > raw.shape[0] or opened[number] & bit << 2:
        return -1
    if rule[place, 0] == _RESP:
        return own[place] if ends_a_line(raw, end, size) else -1
    if opened[number] & bit:
        left = (until[side, number] - seq) & _WORD
        if left > size or rule[place, 0] == _NBSS:
            return -1
        at += left
        name = own[place]
    while at < end:
        length = message_length(raw, at, end, rule, place)
        if length <= 0:
            return -1
        if rule[place, 0] == _NBSS:
            name = session_name(raw, at, at + length) if at + length <= end else 0
            if name == 0:
                return -1
        at += length
        if at <= end:
            name = own[place] if rule[place, 0] != _NBSS else name
    opened[number] &= 15 ^ bit
    if at > end:
        until[side, number] = (seq + (at - start)) & _WORD
        opened[number] |= bit
    return name


@cython.cclass
class Names:
    """What names need to remember: of each conversation the protocol that it was found to speak, by the engine's number
    (TCP and UDP apart), and where its next message begins."""

    def __init__(self, notes: Notes) -> None:
        self.talks = Talks(notes)
        self.named: NDArray[np.uint16] = np.zeros(0, np.uint16)

    def process(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Of each row the place of its name among PROTOCOLS, shape (rows,); it is overwritten by the next batch."""
        n = columns.rows
        if n > len(self.named):
            self.named = np.zeros(n, np.uint16)
        self.talks.begin(columns, numbers, turns, self.named)
        path = columns.values("frame.protocols")
        base = np.zeros(len(columns.texts) + 1, np.uint16)
        what = np.zeros(len(columns.texts) + 1, np.uint8)
        for code in np.flatnonzero(np.bincount(path, minlength=1)).tolist():
            base[code], what[code] = talks.of_path(columns.texts[code])
        self._rows(columns, numbers, turns, path, base, what)
        self.talks.end()
        return self.named[:n]

    @cython.cfunc
    def _rows(self, columns: Any, numbers: Any, turns: Any, paths: Any, bases: Any, whats: Any) -> object:
        plain = not cython.compiled
        known: Talks = self.talks
        lane: cython.uchar[:, ::1] = memoryview(columns.lane) if plain else columns.lane
        u16: cython.ushort[:, ::1] = memoryview(columns.u16) if plain else columns.u16
        u32: cython.uint[:, ::1] = memoryview(columns.u32) if plain else columns.u32
        raw: cython.const[cython.uchar][::1] = memoryview(columns.raw_buffer)
        raw_offset: cython.const[cython.longlong][::1] = (
            memoryview(columns.raw_offset) if plain else columns.raw_offset
        )
        path: cython.uint[::1] = memoryview(paths) if plain else paths
        base: cython.ushort[::1] = memoryview(bases) if plain else bases
        what: cython.uchar[::1] = memoryview(whats) if plain else whats
        number: cython.int[::1] = memoryview(numbers) if plain else numbers
        turn: cython.uchar[::1] = memoryview(turns) if plain else turns
        named: cython.ushort[::1] = memoryview(self.named) if plain else self.named
        tcp: cython.ushort[::1] = known.tcp
        udp: cython.ushort[::1] = known.udp
        tried: cython.uchar[:, ::1] = known.tried
        opened: cython.uchar[::1] = known.opened
        until: cython.uint[:, ::1] = known.until
        tcp_port: cython.ushort[::1] = memoryview(talks.TCP_PORT) if plain else talks.TCP_PORT
        udp_port: cython.ushort[::1] = memoryview(talks.UDP_PORT) if plain else talks.UDP_PORT
        tcp_name: cython.ushort[::1] = memoryview(talks.TCP_NAME) if plain else talks.TCP_NAME
        udp_name: cython.ushort[::1] = memoryview(talks.UDP_NAME) if plain else talks.UDP_NAME
        udp_own: cython.ushort[::1] = memoryview(talks.UDP_OWN) if plain else talks.UDP_OWN
        tcp_own: cython.ushort[::1] = memoryview(talks.TCP_OWN) if plain else talks.TCP_OWN
        udp_rule: cython.uchar[::1] = memoryview(talks.UDP_RULE) if plain else talks.UDP_RULE
        tcp_rule: cython.longlong[:, ::1] = memoryview(talks.TCP_RULE) if plain else talks.TCP_RULE
        igmp_name: cython.ushort[::1] = memoryview(talks.IGMP_NAME) if plain else talks.IGMP_NAME
        server: cython.uchar[::1] = known.server
        talked: cython.uchar[:, ::1] = known.talked
        u8: cython.uchar[:, ::1] = memoryview(columns.u8) if plain else columns.u8
        whole: cython.bint = len(columns.datagrams) == 0
        completed = np.zeros(columns.rows, np.uint8)
        if not whole:
            completed[list(columns.datagrams)] = 1
        complete: cython.uchar[::1] = memoryview(completed) if plain else completed
        n: cython.Py_ssize_t = columns.rows
        i: cython.Py_ssize_t
        at: cython.Py_ssize_t
        k: cython.int
        kind: cython.int
        told: cython.int
        size: cython.Py_ssize_t
        left: cython.uint
        one: cython.int
        two: cython.int
        mptcp: cython.int = talks.MPTCP
        just_tcp: cython.int = talks.TCP
        with cython.nogil:
            for i in range(n):
                k = what[path[i]]
                named[i] = base[path[i]]
                if k == _DONE:
                    continue
                if k == _FRAGMENT:
                    if not whole and complete[i]:
                        with cython.gil:
                            k = known.whole(i)
                        if k == _DONE:
                            continue
                    if k == _FRAGMENT:
                        if lane[_L_FRAGHDR, i] or u16[_FRAG_OFFSET, i] or u8[_IP_FLAGS, i] & 1:
                            continue
                        k = _READ
                if k == _SEGMENT:
                    if lane[_L_MPTCP, i]:
                        named[i] = mptcp
                    if number[i] == 0 or turn[i] & _QUOTED:
                        continue
                    if turn[i] & _BEGINS:
                        tcp[number[i]] = 0
                        tried[0, number[i]] = 0
                        opened[number[i]] = 0
                        server[number[i]] = 0
                        if talked[0, number[i]] or turn[i] & _ANNOUNCED:
                            with cython.gil:
                                known.begins(number[i], turn[i] & _ANNOUNCED != 0)
                    if u16[_FLAGS, i] & 2:
                        # Whose port is asked first: that of who answers a SYN.
                        server[number[i]] = 1 + ((turn[i] & _SIDE) ^ (u16[_FLAGS, i] & 0x10 == 0))
                    if lane[_L_TCP_LEN, i] == 0 or u32[_LEN, i] == 0 or tcp[number[i]] == _PLAIN:
                        continue
                    if u16[_FLAGS, i] & _RST or (u32[_MARKS, i] & _AGAIN and not u32[_MARKS, i] & _FAST):
                        continue
                    if opened[number[i]] & (1 << (turn[i] & _SIDE)):
                        left = (until[turn[i] & _SIDE, number[i]] - u32[_SEQ, i]) & _WORD
                        if left < _HALF and left > u32[_LEN, i]:
                            named[i] = just_tcp
                            continue
                    kind = tcp[number[i]]
                    if kind == 0:
                        one = u16[_TCP_SRC, i]
                        two = u16[_TCP_DST, i]
                        if server[number[i]]:
                            kind = tcp_port[one if server[number[i]] == 1 + (turn[i] & _SIDE) else two]
                        if kind == 0:
                            kind = tcp_port[min(one, two)]
                        if kind == 0:
                            kind = tcp_port[max(one, two)]
                        if kind == 0:
                            at = raw_offset[i] + u16[_PAYLOAD, i]
                            if not segment_worth(raw, at, u32[_PAYLOAD_LEN, i]):
                                continue
                    if tcp_name[kind]:
                        named[i] = tcp_name[kind]
                        continue
                    if kind == tcp[number[i]] and tcp_rule[kind, 0] and talked[0, number[i]] and not complete[i]:
                        at = raw_offset[i] + u16[_PAYLOAD, i]
                        told = -1
                        if u32[_PAYLOAD_LEN, i] == u32[_LEN, i]:
                            told = _spoken(raw, at, u32[_LEN, i], u32[_SEQ, i], tcp_rule, tcp_own, kind, opened, until,
                                           number[i], turn[i] & _SIDE)  # fmt: skip
                        if told >= 0:
                            tried[0, number[i]] = 0
                            named[i] = told if told else just_tcp
                            continue
                    with cython.gil:
                        known.segment(i)
                elif k == _DATAGRAM:
                    if u32[_PAYLOAD_LEN, i] == 0 and not complete[i]:
                        continue
                    if number[i] != 0 and turn[i] & _BEGINS:
                        udp[number[i]] = 0
                        tried[1, number[i]] = 0
                        if talked[1, number[i]] or turn[i] & _ANNOUNCED:
                            with cython.gil:
                                known.begins(-number[i], turn[i] & _ANNOUNCED != 0)
                    kind = udp[number[i]]
                    if kind <= _PLAIN:
                        one = u16[_UDP_SRC, i]
                        two = u16[_UDP_DST, i]
                        kind = udp_port[min(one, two)]
                        if kind == 0:
                            kind = udp_port[max(one, two)]
                        if kind == 0:
                            if number[i] == 0:
                                continue
                            at = raw_offset[i] + u16[_PAYLOAD, i]
                            if udp[number[i]] == _PLAIN and not is_stun(raw, at, u32[_PAYLOAD_LEN, i]):
                                continue
                            if not complete[i] and not datagram_worth(raw, at, u32[_PAYLOAD_LEN, i]):
                                continue
                    if udp_name[kind]:
                        named[i] = udp_name[kind]
                        continue
                    if not complete[i] and udp_rule[kind]:
                        at = raw_offset[i] + u16[_PAYLOAD, i]
                        size = min(u32[_PAYLOAD_LEN, i], _MOST_READ)
                        told = datagram_is(raw, at, size, max(size, u16[_UDP_LEN, i] - 8), udp_rule[kind])
                        if told == 1:
                            named[i] = udp_own[kind]
                            if number[i] != 0:
                                tried[1, number[i]] = 0
                            continue
                        if told == 0 and number[i] != 0 and udp[number[i]] == _PLAIN and not is_stun(raw, at, size):
                            one = max(one, two) if udp_port[min(one, two)] else 0
                            if udp_port[one] == 0 or udp_port[one] == kind:
                                continue
                    with cython.gil:
                        known.datagram(i)
                elif k == _GROUPS and igmp_name[u8[_IGMP_TYPE, i]]:
                    named[i] = igmp_name[u8[_IGMP_TYPE, i]]
                elif k != _ADDRESSES or u16[_ARP_OPCODE, i] > 2:
                    with cython.gil:
                        known.header(i)
        return None

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        found: Tree = self.talks.state()
        return found

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.talks.restore(state)

