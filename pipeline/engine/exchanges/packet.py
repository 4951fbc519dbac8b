"""One frame, as trackers of what is said see it."""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.exchanges.find import PASSED_OVER, STREAM, UNKNOWN
from pipeline.engine.exchanges.names import PROTOCOL_ID
from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.tcp.layout import FAST, KEEP_ALIVE, OUT_OF_ORDER, RETRANSMISSION, SPURIOUS, SWITCH
from pipeline.schema import PACKETS
from pipeline.schema.column import Record
from pipeline.schema.columns import Columns, Slots

_s = Slots(PACKETS)
_NUMBER = cython.declare(cython.Py_ssize_t, _s.u64("frame.number"))
_TIME = cython.declare(cython.Py_ssize_t, _s.u64("frame.time"))
_FLOW = cython.declare(cython.Py_ssize_t, _s.u64("shoal.flow_id"))
_VERSION = cython.declare(cython.Py_ssize_t, _s.u8("ip.version"))
_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_UDP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("udp.stream"))
_TCP_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("tcp.stream"))
_TCP_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_TCP_RELATIVE = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq"))
_TCP_MARKS = cython.declare(cython.Py_ssize_t, _s.u32("shoal.tcp.analysis"))
_TCP_COMPLETENESS = cython.declare(cython.Py_ssize_t, _s.u8("tcp.completeness"))
_TCP_ACK = cython.declare(cython.Py_ssize_t, _s.u32("tcp.ack_raw"))
_TCP_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_TCP_FLAGS = cython.declare(cython.Py_ssize_t, _s.u16("tcp.flags"))
_PAYLOAD = cython.declare(cython.Py_ssize_t, _s.u16("shoal.payload.offset"))
_PAYLOAD_LEN = cython.declare(cython.Py_ssize_t, _s.u32("shoal.payload.len"))
_L_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_SIDE = cython.declare(cython.int, bits.SIDE)
_ANEW = cython.declare(cython.int, bits.BEGINS | bits.REUSED)
_ENDS = cython.declare(cython.uint, SWITCH)
_AGAIN = cython.declare(cython.uint, RETRANSMISSION | FAST | SPURIOUS | OUT_OF_ORDER | KEEP_ALIVE)
_STREAM = cython.declare(cython.int, STREAM)
_PASSED_OVER = cython.declare(cython.int, PASSED_OVER)
_UNKNOWN = cython.declare(cython.int, UNKNOWN)

# Of a record by its name: whether its rows have addresses, and whether ports.
_SHAPES: dict[str, tuple[bool, bool]] = {}

NOBODY = "-"
"""Instead of a tracker's name: none is to follow the conversation."""


@cython.cclass
class Packet:
    """The frame at `row` of the batch under way: its number `frame` and `time` (ns since 1970), and of its conversation
    the engine's `number`, the `side` (0 or 1) that sent it, and the hash `flow`. `out` takes what is told of it.
    What a `muted` frame brings is told in rows only. `turned` is what a dialogue asked for by `become` or `leave`.
    Where a side is `closed`, `left` bytes were yet to be passed over.
    `waiting` is how many bytes of a side there are for a dialogue to take, which may be shown fewer of them first.
    `named` holds, of each row of the batch, the place of its top protocol among PROTOCOLS.
    Of a segment: `seq` is `tcp.seq_raw`, `relative` `tcp.seq`, `ack` `tcp.ack_raw`, `length` `tcp.len`, `flags`
    `tcp.flags`, `marks` `shoal.tcp.analysis` (the bits of `pipeline.engine.tcp.layout`, from RETRANSMISSION on), and
    `completeness` `tcp.completeness` (1 where the SYN was seen).
    """

    def __init__(self, out: Outlet) -> None:
        self.out = out
        self.row = self.frame = self.time = self.flow = self.number = self.side = self.turn = self.waiting = 0
        self.left = 0
        self.seq = self.relative = self.ack = self.length = self.flags = self.marks = self.completeness = 0
        self.is_udp = self.muted = False
        self.turned: str | None = None
        self.named: NDArray[np.uint16] = np.zeros(0, np.uint16)
        self.columns: Any = None
        self._begun: dict[str, int] = {}
        self._whole: dict[int, bytes] = {}

    def begin(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8],
              named: NDArray[np.uint16]) -> None:  # fmt: skip
        """Take up a batch, whose rows are `named` so far."""
        plain = not cython.compiled
        self.columns = columns
        self._whole = columns.datagrams
        slabs: Any = (columns.u8, columns.u16, columns.u32, columns.u64, columns.lane, numbers, turns)
        if plain:
            slabs = tuple(memoryview(slab) for slab in slabs)
        self._u8, self._u16, self._u32, self._u64, self._lane, self._numbers, self._turns = slabs
        self._raw = memoryview(columns.raw_buffer)
        self._offsets = memoryview(columns.raw_offset) if plain else columns.raw_offset
        self.out.begin(columns)
        self.named = named
        self._named = memoryview(named) if plain else named

    def end(self) -> None:
        """Let go of the batch's bytes."""
        self._raw = memoryview(b"")

    def start(self, route: Any, followed: Any, slots: Any, table: Any) -> None:
        """Stand before the first row: `route` is uint8 by row, `followed` by number of a TCP conversation (`find`);
        `slots` and `table` are those of `Passing`."""
        plain = not cython.compiled
        self._slots = memoryview(slots) if plain else slots
        self._passing = memoryview(table) if plain else table
        self._route = memoryview(route) if plain else route
        self._followed = memoryview(followed) if plain else followed
        self.row = -1

    def advance(self) -> cython.int:
        """Go to the next row that has a route, and which it is; 0 where there is none any more.

        Segments of conversations that are passed over by now are none, nor is what has no payload in one in which
        nothing was said yet, nor those with nothing but bytes that are not wanted.
        """
        row: cython.Py_ssize_t = self.row + 1
        n: cython.Py_ssize_t = self._route.shape[0]  # type: ignore[index]
        to: cython.int = 0
        state: cython.int
        while row < n:
            to = self._route[row]
            if to == _STREAM:
                state = self._followed[self._numbers[row]]
                if (state == _UNKNOWN and self._u32[_TCP_LEN, row] == 0) or (
                    state == _PASSED_OVER and not self._turns[row] & _ANEW
                ) or (self._slots[self._numbers[row]] != 0 and self._passes(row)):
                    to = 0
            if to:
                self.move(row)
                if to == _STREAM:
                    self._segment(row)
                return to
            row += 1
        return 0

    @cython.cfunc
    @cython.exceptval(check=False)
    def _segment(self, row: cython.Py_ssize_t) -> cython.void:
        self.seq = self._u32[_TCP_SEQ, row]
        self.relative = self._u32[_TCP_RELATIVE, row]
        self.ack = self._u32[_TCP_ACK, row]
        self.length = self._u32[_TCP_LEN, row]
        self.flags = self._u16[_TCP_FLAGS, row]
        self.marks = self._u32[_TCP_MARKS, row]
        self.completeness = self._u8[_TCP_COMPLETENESS, row]

    @cython.cfunc
    @cython.exceptval(check=False)
    def _passes(self, row: cython.Py_ssize_t) -> cython.bint:
        """Whether nobody wants the segment's bytes, which are the next ones; they are counted then."""
        slot: cython.Py_ssize_t = self._slots[self._numbers[row]]
        side: cython.Py_ssize_t = self._turns[row] & _SIDE
        length: cython.uint = self._u32[_TCP_LEN, row]
        if (
            length == 0
            or self._passing[slot, side, 1] < length
            or self._passing[slot, side, 0] != self._u32[_TCP_SEQ, row]
            or self._u32[_PAYLOAD_LEN, row] != length
            or self._turns[row] & _ANEW
            or self._u16[_TCP_FLAGS, row] & _ENDS
            or self._u32[_TCP_MARKS, row] & _AGAIN
        ):
            return False
        self._passing[slot, side, 0] = (self._passing[slot, side, 0] + length) & 0xFFFFFFFF
        self._passing[slot, side, 1] -= length
        self._passing[slot, side, 2] += length
        return True

    def move(self, row: cython.Py_ssize_t) -> None:
        """Stand at `row`."""
        self.row = row
        self.frame = self._u64[_NUMBER, row]
        self.time = self._u64[_TIME, row]
        self.flow = self._u64[_FLOW, row]
        self.number = self._numbers[row]
        self.turn = self._turns[row]
        self.side = self.turn & _SIDE
        self.is_udp = self._lane[_L_UDP, row] != 0
        if self._begun:
            self._begun.clear()

    @property
    def ports(self) -> tuple[int, int]:
        """Source and destination port."""
        if self.is_udp:
            return self._u16[_UDP_SRC, self.row], self._u16[_UDP_DST, self.row]
        return self._u16[_TCP_SRC, self.row], self._u16[_TCP_DST, self.row]

    @property
    def addresses(self) -> tuple[bytes, bytes]:
        """Source and destination address of the innermost conversation: 4 or 16 bytes each."""
        if self._u8[_VERSION, self.row] == 6:
            b16 = self.columns.b16
            return b16[_SRC6, self.row].tobytes(), b16[_DST6, self.row].tobytes()
        source: int = self._u32[_SRC4, self.row]
        target: int = self._u32[_DST4, self.row]
        return source.to_bytes(4, "big"), target.to_bytes(4, "big")

    def payload(self) -> bytes:
        """The captured bytes behind the innermost header; of a datagram that was put together, all of it."""
        if self._whole:
            whole = self._whole.get(self.row)
            if whole is not None:
                return whole
        start: cython.Py_ssize_t = self._offsets[self.row] + self._u16[_PAYLOAD, self.row]
        size: cython.Py_ssize_t = self._u32[_PAYLOAD_LEN, self.row]
        if cython.compiled and start >= 0 and 0 < size <= self._raw.shape[0] - start:  # type: ignore[index]
            return cython.cast(cython.p_char, cython.address(self._raw[start]))[:size]
        return bytes(self._raw[start : start + size])

    @property
    def captured(self) -> int:
        """How many bytes `payload` has."""
        if self._whole:
            whole = self._whole.get(self.row)
            if whole is not None:
                return len(whole)
        return self._u32[_PAYLOAD_LEN, self.row]

    def become(self, protocol: str) -> None:
        """What follows in the conversation is for the dialogue of tracker `protocol`; "": that is to be found out."""
        self.turned = protocol

    def leave(self) -> None:
        """Nobody wants what follows in the conversation."""
        self.turned = NOBODY

    def name(self, protocol: str) -> None:
        """The frame's top protocol is `protocol`, one of PROTOCOLS; the last one told holds."""
        if self.muted:
            return
        self._named[self.row] = PROTOCOL_ID[protocol]

    def detail(self, name: str, value: object) -> None:
        """The frame has field `name`."""
        if self.muted:
            return
        self.out.detail(self.row, name, value)

    def exchange(self, record: Record, *, reverse: bool = False) -> Row:
        """A row of `record` that begins with this frame, with what all rows have, and of these what `record` has.

        The sender is the client, or with `reverse` the server.
        """
        index = self._begun.get(record.name, 0)
        self._begun[record.name] = index + 1
        found: dict[str, Any] = {
            "shoal.first_frame": self.frame, "shoal.exchange": index, "shoal.first_time": self.time,
            "shoal.flow_id": self.flow,
        }  # fmt: skip
        shape = _SHAPES.get(record.name)
        if shape is None:
            shape = _SHAPES[record.name] = "ip.src" in record.by_name, "udp.srcport" in record.by_name
        row: cython.Py_ssize_t = self.row
        if shape[0]:
            if self._u8[_VERSION, row] == 6:
                source, target = self.addresses
                found["ipv6.src"], found["ipv6.dst"] = (target, source) if reverse else (source, target)
            elif reverse:
                found["ip.src"], found["ip.dst"] = self._u32[_DST4, row], self._u32[_SRC4, row]
            else:
                found["ip.src"], found["ip.dst"] = self._u32[_SRC4, row], self._u32[_DST4, row]
        if shape[1]:
            one, other = self.ports
            if reverse:
                one, other = other, one
            if self.is_udp:
                found["udp.srcport"], found["udp.dstport"] = one, other
                found["udp.stream"] = self._u32[_UDP_STREAM, row]
            else:
                found["tcp.srcport"], found["tcp.dstport"] = one, other
                found["tcp.stream"] = self._u32[_TCP_STREAM, row]
        return found
