"""Captures of ten minutes made of real transfers: each is moved to addresses, ports and a time, and all are merged."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.alerts.transfers import CLIENT, Frames, Transfer
from tests.netlab import stage as netlab

BEGIN = 1_795_000_020 * 10**9
"""Time of a capture's second 0 (ns since 1970): a minute begins."""
LENGTH_SECONDS = 600

_LAST_OF_SERVER = int.from_bytes(IPv4Address(netlab.SERVER[4]).packed[2:], "big")
_UDP = 17

Service = tuple[str, int]
"""A server's address and TCP port."""


@dataclass(frozen=True)
class Placed:
    """A transfer of this client with this service, from this second on, captured at one of its ends."""

    transfer: Transfer
    at: float
    client: str
    client_port: int
    service: Service
    end: int


@dataclass
class Mix:
    """A capture in the making. `gaps` (odds, from second, to second): frames that the sensor did not see."""

    placed: list[Placed] = field(default_factory=list)
    gaps: tuple[float, float, float] | None = None
    _ports: dict[str, int] = field(default_factory=dict)

    def add(self, transfer: Transfer, at: float, client: str, service: Service, end: int = CLIENT) -> float:
        """Place a transfer, with a client's port that was not used yet; the second at which it is over."""
        port = self._ports[client] = self._ports.get(client, 40_000) + 1
        self.placed.append(Placed(transfer, at, client, port, service, end))
        return at + transfer.seconds

    def order(self) -> NDArray[np.int64]:
        """The frames of all that is placed, those of one behind those of another, as the sensor captures them."""
        times = self._times()
        order = np.argsort(times, kind="stable")
        if self.gaps:
            odds, begin, end = self.gaps
            missed = np.random.default_rng(1).random(len(order)) < odds
            order = order[~(missed & (times[order] >= begin * 1e9) & (times[order] < end * 1e9))]
        return order

    def times(self) -> NDArray[np.float64]:
        """When each frame of the capture is captured (seconds since BEGIN)."""
        return self._times()[self.order()] / 1e9

    def whose(self) -> NDArray[np.int64]:
        """Of each frame of the capture, which of `placed` it is of."""
        sizes = [len(one.transfer.frames[one.end].time) for one in self.placed]
        return np.repeat(np.arange(len(sizes)), sizes)[self.order()]

    def write(self, path: Path) -> NDArray[np.int8]:
        """Write a pcap file with nanosecond stamps; of each frame in it, what kind of segment it is."""
        order = self.order()
        records = [record for one in self.placed for record in _records(one)]
        with path.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 16, 1))
            out.writelines(records[i] for i in order.tolist())
        return np.concatenate([one.transfer.again[one.end] for one in self.placed])[order]

    def _times(self) -> NDArray[np.int64]:
        return np.concatenate([one.transfer.frames[one.end].time + int(one.at * 1e9) for one in self.placed])


def _records(placed: Placed) -> list[bytes]:
    """The transfer's frames as records of a pcap file."""
    frames = placed.transfer.frames[placed.end]
    data, at = _packed(frames)
    _readdress(data, at, placed)
    whole = data.tobytes()
    stamps = (frames.time + (int(placed.at * 1e9) + BEGIN)).tolist()
    return [
        struct.pack("<IIII", *divmod(when, 10**9), size, length) + whole[begin : begin + size]
        for when, begin, size, length in zip(stamps, at.tolist(), frames.size.tolist(), frames.length.tolist(),
                                             strict=True)
    ]  # fmt: skip


def _packed(frames: Frames) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A copy of the frames' bytes, one frame behind the other, and where each begins."""
    ends = np.cumsum(frames.size)
    at = ends - frames.size
    return frames.data[np.repeat(frames.at - at, frames.size) + np.arange(ends[-1])], at


def _readdress(data: NDArray[np.uint8], at: NDArray[np.int64], placed: Placed) -> None:
    """Write addresses and ports into frames of IPv4, and mend the checksums (RFC 1624, section 3)."""
    client = (*struct.unpack("!HH", IPv4Address(placed.client).packed), placed.client_port)
    server = (*struct.unpack("!HH", IPv4Address(placed.service[0]).packed), placed.service[1])
    sent_by_server = _words(data, at + 28) == _LAST_OF_SERVER
    changes = []
    for place, of_server, of_client in zip((26, 28, 34, 30, 32, 36), server + client, client + server, strict=True):
        new = np.where(sent_by_server, of_server, of_client)
        changes.append((_words(data, at + place) ^ 0xFFFF) + new)
        _write(data, at + place, new)
    addresses, all_of_it = changes[0] + changes[1] + changes[3] + changes[4], sum(changes)
    _mend(data, at + 24, addresses)
    _mend(data, at + np.where(data[at + 23] == _UDP, 40, 50), all_of_it)


def _words(data: NDArray[np.uint8], place: NDArray[np.int64]) -> NDArray[np.int64]:
    return data[place].astype(np.int64) << 8 | data[place + 1]


def _write(data: NDArray[np.uint8], place: NDArray[np.int64], words: NDArray[np.int64]) -> None:
    data[place], data[place + 1] = words >> 8, words & 255


def _mend(data: NDArray[np.uint8], place: NDArray[np.int64], change: NDArray[np.int64]) -> None:
    """Change a checksum by what was added to the words that it sums up."""
    total = (_words(data, place) ^ 0xFFFF) + change
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    _write(data, place, total ^ 0xFFFF)
