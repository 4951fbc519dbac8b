"""What the engine tells of frames made by hand: rows of exchanges, fields of frames, names, events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from collectors.decode import decode
from collectors.sources.frames import NO_INTERFACE, Frames
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.engine.flow_rows import Row, rows_of, whole_rows_of
from tests.engine.wire import tcp as segment_frame
from tests.engine.wire import udp
from tests.sources.makecap import pcap

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND
"""Time of the first frame, ns since 1970, unless it is told."""

Frame = tuple[int, bytes]
"""Time (ns since 1970) and bytes of an Ethernet frame."""


@dataclass
class Heard:
    """`rows` by view (`dns`), `details` and `names` by frame number, `events` as (name, count)."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    details: dict[int, dict[str, list[object]]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    events: list[tuple[str, int]] = field(default_factory=list)


def frames_of(packets: Sequence[Frame], first: int = 1, cut: int = 1 << 20) -> Frames:
    """The frames as a source gives them, the first being number `first`; captured up to `cut` bytes each."""
    data = [packet[:cut] for _, packet in packets]
    lengths = np.array([len(d) for d in data], np.uint32)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    n = len(packets)
    return Frames(
        memoryview(b"".join(data)), starts, lengths, np.array([len(p) for _, p in packets], np.uint32),
        np.array([time for time, _ in packets], np.int64), np.full(n, NO_INTERFACE, np.uint16),
        np.ones(n, np.uint16), first,
    )  # fmt: skip


def heard(packets: Sequence[Frame], *, batch_rows: int = 4096, restore: bool = False, cut: int = 1 << 20) -> Heard:
    """The frames through the engine; with `restore` it is replaced by its snapshot's after every batch."""
    found = Heard()

    def take(rows: Columns) -> None:
        found.rows.setdefault(rows.record.name.removesuffix("_states"), []).extend(whole_rows_of(rows))

    def noted(rows: Columns) -> None:
        found.events += [(r["shoal.event.name"], r["shoal.event.count"]) for r in rows_of(rows, rows.record)]

    def engine() -> Engine:
        return Engine(None, noted, take, details=True)

    batch_rows = max(1, min(batch_rows, len(packets)))
    heir, columns = engine(), Columns(PACKETS, batch_rows)
    for at in range(0, len(packets), batch_rows):
        decode(frames_of(packets[at : at + batch_rows], at + 1, cut), columns)
        heir.process(columns)
        for name, (rows, values) in columns.details.items():
            for row, value in zip(rows, values, strict=True):
                found.details.setdefault(at + row + 1, {}).setdefault(name, []).append(value)
        there = columns.present("_ws.col.Protocol")
        assert there is not None
        codes = columns.values("_ws.col.Protocol")
        found.names |= {at + int(row) + 1: columns.texts[int(codes[row])] for row in np.flatnonzero(there)}
        if restore:
            snapshot, heir = heir.snapshot(), engine()
            heir.restore(snapshot)
    heir.finish()
    return found


def same_in_any_batches(packets: Sequence[Frame]) -> Heard:
    """`heard`, which must be the same for batches of 1, 3 and all frames, with snapshots between them."""
    whole = heard(packets)
    for rows, restore in ((1, False), (1, True), (3, True)):
        parts = heard(packets, batch_rows=rows, restore=restore)
        assert parts.rows == whole.rows
        assert parts.details == whole.details
        assert parts.names == whole.names
    return whole


def ask(payload: bytes, at: float = 0.0, *, src: str = "10.0.0.1", srcport: int = 40_000, dst: str = "10.0.0.2",
        dstport: int = 53) -> Frame:  # fmt: skip
    """A datagram, `at` seconds after BEGIN."""
    return BEGIN + round(at * SECOND), udp(src, srcport, dst, dstport, payload)


def answer(payload: bytes, at: float = 0.0, *, src: str = "10.0.0.1", srcport: int = 40_000, dst: str = "10.0.0.2",
           dstport: int = 53) -> Frame:  # fmt: skip
    """The datagram back to who `ask`ed with the same ends."""
    return BEGIN + round(at * SECOND), udp(dst, dstport, src, srcport, payload)


class Talk:
    """A TCP conversation: what each side says becomes segments of at most `mss` bytes, a millisecond apart."""

    def __init__(self, port: int = 80, *, client: str = "10.0.0.1", server: str = "10.0.0.2", srcport: int = 40_000,
                 mss: int = 1460, at: float = 0.0) -> None:  # fmt: skip
        self.frames: list[Frame] = []
        self.ends = ((client, srcport), (server, port))
        self.seq = [1000, 5000]
        self.mss = mss
        self.now = BEGIN + round(at * SECOND)

    def open(self) -> Talk:
        """The three-way handshake."""
        self._flags(0, 0x02)
        self.seq[0] += 1
        self._flags(1, 0x12)
        self.seq[1] += 1
        self._flags(0, 0x10)
        return self

    def client(self, data: bytes) -> Talk:
        """The client sends `data`."""
        return self._say(0, data)

    def server(self, data: bytes) -> Talk:
        """The server sends `data`."""
        return self._say(1, data)

    def wait(self, seconds: float) -> Talk:
        """Nothing is said for a while."""
        self.now += round(seconds * SECOND)
        return self

    def close(self, reset: bool = False) -> Talk:
        """Both sides end, the client first, or it resets."""
        if reset:
            return self._flags(0, 0x14)
        self._flags(0, 0x11)
        self.seq[0] += 1
        self._flags(1, 0x11)
        self.seq[1] += 1
        return self._flags(0, 0x10)

    def _say(self, side: int, data: bytes) -> Talk:
        for at in range(0, len(data), self.mss):
            part = data[at : at + self.mss]
            self._flags(side, 0x18, part)
            self.seq[side] = (self.seq[side] + len(part)) & 0xFFFFFFFF
        return self

    def _flags(self, side: int, flags: int, payload: bytes = b"") -> Talk:
        (src, srcport), (dst, dstport) = self.ends[side], self.ends[1 - side]
        frame = bytearray(segment_frame(src, srcport, dst, dstport, payload, self.seq[side]))
        header = len(frame) - len(payload) - 20
        frame[header + 8 : header + 12] = (self.seq[1 - side] if flags & 0x10 else 0).to_bytes(4, "big")
        frame[header + 13] = flags
        self.frames.append((self.now, bytes(frame)))
        self.now += SECOND // 1000
        return self


def write(packets: Sequence[Frame]) -> bytes:
    """The frames as a pcap file, to hold against tshark."""
    return pcap(packets, magic=0xA1B23C4D)
