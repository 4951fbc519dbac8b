"""The transfers of the library as arrays, with what really became of each segment.

The capture at the sender's end says what its kernel sent, again where bytes come a second time; what is missing at the
other end was lost on the way. That both agree with what kernel and switch counted is checked when they are read.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collectors.sources import open_capture
from tests.alerts.library import FIRST_PORT, FOLDER

CLIENT, SERVER = 0, 1
FIRST, NEEDED, NEEDLESS = 0, 1, 2
"""What a sent segment is: new, sent again after a loss, sent again although it had arrived."""


@dataclass(frozen=True)
class Frames:
    """Frames of a capture: times (ns), lengths on the wire and as captured, and the bytes one after the other, those of
    frame i from `at[i]` on."""

    time: NDArray[np.int64]
    length: NDArray[np.int64]
    size: NDArray[np.int64]
    at: NDArray[np.int64]
    data: NDArray[np.uint8]

    def u16(self, place: int) -> NDArray[np.int64]:
        """Two bytes at this place of each frame."""
        return self.data[self.at + place].astype(np.int64) << 8 | self.data[self.at + place + 1]

    def u32(self, place: int) -> NDArray[np.int64]:
        """Four bytes at this place of each frame."""
        return self.u16(place) << 16 | self.u16(place + 2)

    def only(self, chosen: NDArray[np.bool_]) -> Frames:
        """Those chosen; the bytes are shared."""
        return Frames(self.time[chosen], self.length[chosen], self.size[chosen], self.at[chosen], self.data)


@dataclass(frozen=True)
class Transfer:
    """`frames` by the end at which they were captured; `again` says of each frame there what kind of segment it is.
    `sent` and `kinds`: when each segment with payload was sent (ns) and what it is, both sides together."""

    name: str
    frames: tuple[Frames, Frames]
    again: tuple[NDArray[np.int8], NDArray[np.int8]]
    sent: NDArray[np.int64]
    kinds: NDArray[np.int8]

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return float(self.frames[CLIENT].time[-1] - self.frames[CLIENT].time[0]) / 1e9


def read_frames(path: Path) -> Frames:
    """All frames of a capture file."""
    parts: list[tuple[NDArray[np.int64], ...]] = []
    data: list[NDArray[np.uint8]] = []
    base = 0
    with open_capture(str(path)) as reader:
        for batch in reader:
            parts.append(tuple(np.array(column, np.int64) for column in (batch.time, batch.length, batch.cap_len)))
            data.append(np.frombuffer(bytes(batch.buffer), np.uint8))
            parts[-1] += (np.array(batch.offset, np.int64) + base,)
            base += len(data[-1])
    time, length, size, at = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Frames(time, length, size, at, np.concatenate(data))


def _payload(frames: Frames) -> NDArray[np.int64]:
    """Bytes of payload of TCP segments in IPv4 without options."""
    return frames.u16(16) - 20 - (frames.data[frames.at + 46].astype(np.int64) >> 4) * 4


def _span(frames: Frames) -> NDArray[np.int64]:
    """Sequence numbers that a segment takes: its payload, SYN and FIN."""
    flags = frames.data[frames.at + 47]
    return _payload(frames) + (flags & 1) + (flags >> 1 & 1)


def _keys(frames: Frames) -> NDArray[np.int64]:
    """What names a segment of one direction: its IP ID and 32 bits of sequence number."""
    return frames.u16(18) << 32 | frames.u32(38)


def _kinds(seq: NDArray[np.int64], span: NDArray[np.int64], arrived: NDArray[np.bool_]) -> NDArray[np.int8]:
    """What each segment of one sender is, in the order sent."""
    kinds = np.zeros(len(seq), np.int8)
    before: list[tuple[int, int, bool]] = []
    newest = -1
    start = int(seq[0]) if len(seq) else 0
    for i, (number, size, came) in enumerate(zip(seq.tolist(), span.tolist(), arrived.tolist(), strict=True)):
        first = (number - start) & 0xFFFFFFFF
        if first < newest:
            had = any(a <= first < b for a, b, arrived_then in before if arrived_then)
            kinds[i] = NEEDLESS if had else NEEDED
        before.append((first, first + size, came))
        newest = max(newest, first + size)
    return kinds


def _transfer(name: str, ends: tuple[Frames, Frames], resent: list[int], lost: list[int]) -> Transfer:
    """Judge what became of each segment. Raises ValueError where it is not what kernel and switch counted."""
    takes = [_span(end) > 0 for end in ends]
    from_server = [end.u16(34) < 32768 for end in ends]
    again = tuple(np.zeros(len(end.time), np.int8) for end in ends)
    sent, kinds = [], []
    for sender in (CLIENT, SERVER):
        near, far = ends[sender], ends[1 - sender]
        mine = np.flatnonzero(takes[sender] & (from_server[sender] == bool(sender)))
        theirs = np.flatnonzero(takes[1 - sender] & (from_server[1 - sender] == bool(sender)))
        keys = _keys(near)[mine]
        arrived = np.isin(keys, _keys(far)[theirs])
        kind = _kinds(near.u32(38)[mine], _span(near)[mine], arrived)
        told = int((kind > 0).sum()), int((~arrived).sum())
        if told != (resent[sender], lost[sender]):
            raise ValueError(f"{name}: {told} segments were sent again and lost; kernel and switch counted"
                             f" {resent[sender], lost[sender]}")
        again[sender][mine] = kind
        by_key = dict(zip(keys.tolist(), kind.tolist(), strict=True))
        copies: set[int] = set()
        for i, key in zip(theirs.tolist(), _keys(far)[theirs].tolist(), strict=True):
            # A copy that the network made of a segment was not sent.
            again[1 - sender][i] = 0 if key in copies else by_key[key]
            copies.add(key)
        carries = _payload(near)[mine] > 0
        sent.append(near.time[mine][carries])
        kinds.append(kind[carries])
    return Transfer(name, ends, (again[0], again[1]), np.concatenate(sent), np.concatenate(kinds))


def _from_zero(ends: tuple[Frames, Frames]) -> tuple[Frames, Frames]:
    begin = min(int(end.time[0]) for end in ends)
    return tuple(Frames(e.time - begin, e.length, e.size, e.at, e.data) for e in ends)  # type: ignore[return-value]


@functools.cache
def library(folder: Path = FOLDER) -> dict[str, Transfer]:
    """All transfers by name. Raises ValueError where captures and counters don't agree."""
    whole = read_frames(folder / "client.pcap.gz"), read_frames(folder / "server.pcap.gz")
    ports = [np.minimum(end.u16(34), end.u16(36)) for end in whole]
    found = {}
    for port, told in tomllib.loads((folder / "library.toml").read_text()).items():
        ends = _from_zero((whole[0].only(ports[0] == int(port)), whole[1].only(ports[1] == int(port))))
        found[told["name"]] = _transfer(told["name"], ends, told["resent"], told["lost"])
    assert len(found) == int(port) - FIRST_PORT + 1
    return found


@functools.cache
def chatter(folder: Path = FOLDER) -> dict[str, Transfer]:
    """`dns` and `http`: some exchanges between a client and a server, of which nothing was lost."""
    whole = read_frames(folder / "chatter.pcap.gz")
    udp = whole.data[whole.at + 23] == 17
    found = {}
    for name, chosen in (("dns", udp), ("http", ~udp)):
        ends = _from_zero((whole.only(chosen),) * 2)
        nothing = np.zeros(len(ends[0].time), np.int8)
        sent = ends[0].time[_payload(ends[0]) > 0] if name == "http" else nothing[:0].astype(np.int64)
        found[name] = Transfer(name, ends, (nothing, nothing), sent, nothing[: len(sent)])
    return found
