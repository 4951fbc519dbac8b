"""One frame, as trackers of what is said see it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns
from pipeline.engine.exchanges.names import PROTOCOL_ID
from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.schema import PACKETS
from pipeline.schema.column import Record
from pipeline.schema.columns import Columns, Slots

_s = Slots(PACKETS)
_NUMBER = _s.u64("frame.number")
_TIME = _s.u64("frame.time")
_FLOW = _s.u64("shoal.flow_id")
_VERSION = _s.u8("ip.version")
_SRC4, _DST4 = _s.u32("ip.src"), _s.u32("ip.dst")
_SRC6, _DST6 = _s.b16("ipv6.src"), _s.b16("ipv6.dst")
_UDP_SRC, _UDP_DST = _s.u16("udp.srcport"), _s.u16("udp.dstport")
_TCP_SRC, _TCP_DST = _s.u16("tcp.srcport"), _s.u16("tcp.dstport")
_UDP_STREAM, _TCP_STREAM = _s.u32("udp.stream"), _s.u32("tcp.stream")
_L_UDP = _s.lane("udp")
_L_TCP = _s.lane("tcp")


class Packet:
    """The frame at `row` of the batch under way: its number `frame` and `time` (ns since 1970), and of its conversation
    the engine's `number`, the `side` (0 or 1) that sent it, and the hash `flow`. `out` takes what is told of it.
    `named` holds, of each row of the batch, the place of its top protocol among PROTOCOLS.
    """

    def __init__(self, out: Outlet) -> None:
        self.out = out
        self.row = self.frame = self.time = self.flow = self.number = self.side = 0
        self.is_udp = False
        self.turn = 0
        self._begun: dict[str, int] = {}
        self.named: NDArray[np.uint16] = np.zeros(0, np.uint16)
        self.columns: Columns
        self._numbers: NDArray[np.int32]
        self._turns: NDArray[np.uint8]

    def begin(self, columns: Columns, numbers: NDArray[np.int32], turns_: NDArray[np.uint8],
              named: NDArray[np.uint16]) -> None:  # fmt: skip
        """Take up a batch, whose rows are `named` so far."""
        self.columns, self._numbers, self._turns = columns, numbers, turns_
        self.out.begin(columns)
        self.named = named

    def move(self, row: int) -> None:
        """Stand at `row`."""
        u64 = self.columns.u64
        self.row = row
        self.frame, self.time, self.flow = int(u64[_NUMBER, row]), int(u64[_TIME, row]), int(u64[_FLOW, row])
        self.number, self.turn = int(self._numbers[row]), int(self._turns[row])
        self.side = self.turn & turns.SIDE
        self.is_udp = self.columns.lane[_L_UDP, row] != 0
        self._begun.clear()

    @property
    def ports(self) -> tuple[int, int]:
        """Source and destination port."""
        u16 = self.columns.u16
        if self.is_udp:
            return int(u16[_UDP_SRC, self.row]), int(u16[_UDP_DST, self.row])
        return int(u16[_TCP_SRC, self.row]), int(u16[_TCP_DST, self.row])

    @property
    def addresses(self) -> tuple[bytes, bytes]:
        """Source and destination address of the innermost conversation: 4 or 16 bytes each."""
        columns, row = self.columns, self.row
        if columns.u8[_VERSION, row] == 6:
            return columns.b16[_SRC6, row].tobytes(), columns.b16[_DST6, row].tobytes()
        u32 = columns.u32
        return int(u32[_SRC4, row]).to_bytes(4, "big"), int(u32[_DST4, row]).to_bytes(4, "big")

    def payload(self) -> bytes:
        """The captured bytes behind the innermost header."""
        columns, row = self.columns, self.row
        whole = columns.datagrams.get(row)
        if whole is not None:
            return whole
        start = int(columns.raw_offset[row]) + int(columns.values("shoal.payload.offset")[row])
        return bytes(columns.raw_buffer[start : start + int(columns.values("shoal.payload.len")[row])])

    def name(self, protocol: str) -> None:
        """The frame's top protocol is `protocol`, one of PROTOCOLS; the last one told holds."""
        self.named[self.row] = PROTOCOL_ID[protocol]

    def detail(self, name: str, value: object) -> None:
        """The frame has field `name`."""
        self.out.detail(self.row, name, value)

    def exchange(self, record: Record, *, reverse: bool = False) -> Row:
        """A row of `record` that begins with this frame, with what all rows have, and of these what `record` has.

        The sender is the client, or with `reverse` the server.
        """
        columns, row = self.columns, self.row
        index = self._begun.get(record.name, 0)
        self._begun[record.name] = index + 1
        found: dict[str, Any] = {
            "shoal.first_frame": self.frame, "shoal.exchange": index, "shoal.first_time": self.time,
            "shoal.flow_id": self.flow,
        }  # fmt: skip
        if "ip.src" in record.by_name:
            source, target = self.addresses
            if reverse:
                source, target = target, source
            if len(source) == 4:
                found["ip.src"], found["ip.dst"] = int.from_bytes(source, "big"), int.from_bytes(target, "big")
            else:
                found["ipv6.src"], found["ipv6.dst"] = source, target
        if "udp.srcport" in record.by_name:
            one, other = self.ports
            if reverse:
                one, other = other, one
            kind = "udp" if self.is_udp else "tcp"
            found[f"{kind}.srcport"], found[f"{kind}.dstport"] = one, other
            stream = _UDP_STREAM if self.is_udp else _TCP_STREAM
            found[f"{kind}.stream"] = int(columns.u32[stream, row])
        return found
