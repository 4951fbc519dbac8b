"""A cable from a namespace to an interface of this one, where a collector and its broker are, and tcpreplay at its end.

Needs root, iproute2 and tcpreplay.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import struct
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.capture import make
from tests.capture.frames import ethernet
from tests.capture.wire import NAME, Space, space

PORT = 9000
"""Where all datagrams go that are made here."""
_MTU = 1600
_LONGEST = 1514
_TAG = 4
_serial = itertools.count()


@dataclass(frozen=True)
class Cable:
    """`name` is the interface here, `far` the namespace from which frames are sent to it."""

    name: str
    far: Space

    def replay(self, capture: Path, loop: int = 1, speed: str = "--topspeed") -> Replay:
        """Begin to send a capture file `loop` times; `speed` is tcpreplay's option."""
        return Replay(self, capture, loop, speed)


class Replay:
    """tcpreplay at work."""

    def __init__(self, cable: Cable, capture: Path, loop: int, speed: str) -> None:
        command = cable.far.command("tcpreplay", "--no-flow-stats", "--preload-pcap", "-i", NAME, f"--loop={loop}",
                                    speed, str(capture))  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.rate = 0.0
        """Packets a second, once it has ended."""

    def sent(self) -> int:
        """Wait for its end; how many packets it has sent."""
        told = self._process.communicate()[0]
        found = dict(re.findall(r"(Successful|Failed) packets:\s+(\d+)", told))
        assert found.get("Failed") == "0", told
        rate = re.search(r"([\d.]+) pps", told)
        self.rate = float(rate[1]) if rate else 0.0
        return int(found["Successful"])


@contextmanager
def cable() -> Iterator[Cable]:
    """A cable, for as long as the block runs."""
    name = f"shoal{os.getpid() % 100_000}-{next(_serial)}"
    with space() as far:
        far.ip("link", "add", NAME, "mtu", str(_MTU), "type", "veth", "peer", "name", name, "mtu", str(_MTU),
               "netns", str(os.getpid()))  # fmt: skip
        # So that nothing is sent unasked.
        subprocess.run(("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1"), check=True)
        subprocess.run(("ip", "link", "set", name, "up"), check=True)
        far.ip("link", "set", NAME, "up")
        yield Cable(name, far)


def write(path: Path, frames: Iterable[bytes]) -> int:
    """Write a pcap of Ethernet frames; how many there are."""
    count = 0
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 1))
        for frame in frames:
            out.write(struct.pack("<IIII", 1_700_000_000, count % 1_000_000, len(frame), len(frame)) + frame)
            count += 1
    return count


def mixed(path: Path, frames: int) -> int:
    """Write about `frames` frames of all kinds, VLAN tags among them, whole and short enough to be sent; how many."""
    made = path.with_suffix(".made")
    # Half of the sample's frames were cut when they were captured.
    make(made, 2 * frames)
    count = write(path, itertools.islice(_whole(made), frames))
    made.unlink()
    return count


def _whole(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    at = 24
    while at < len(data):
        size, length = struct.unpack_from("<II", data, at + 8)
        frame = data[at + 16 : at + 16 + size]
        at += 16 + size
        if size == length <= _LONGEST + (_TAG if frame[12:14] == b"\x81\x00" else 0):
            yield frame


def bulk(path: Path, frames: int, conversations: int = 100) -> int:
    """Write datagrams of 1,400 bytes that don't compress, of so many conversations; how many."""
    chance = random.Random(1)
    ports = (1000 + k % conversations for k in range(frames))
    return write(path, (ethernet(_datagram(chance.randbytes(1400), port), 0x0800) for port in ports))


def tagged(path: Path, frames: int, *tags: tuple[int, ...]) -> int:
    """Write datagrams with these VLAN tags (type << 16 | VLAN) in turn; how many."""
    made = (
        ethernet(_datagram(bytes(100), 1000 + k % 100), 0x0800, vlans=tags[k % len(tags)]) for k in range(frames)
    )
    return write(path, made)


def fragments(path: Path, datagrams: int) -> int:
    """Write datagrams in two fragments each, the last of which lack their second one; how many fragments."""

    def made() -> Iterator[bytes]:
        for k in range(datagrams):
            inner = struct.pack("!HHHH", 1000 + k % 100, PORT, 8 + 600, 0) + k.to_bytes(4, "big") * 150
            yield ethernet(_packet(inner[:304], k, 0x2000), 0x0800)
            if k < datagrams - 10:
                yield ethernet(_packet(inner[304:], k, 304 // 8), 0x0800)

    return write(path, made())


def _datagram(data: bytes, source: int) -> bytes:
    return _packet(struct.pack("!HHHH", source, PORT, 8 + len(data), 0) + data, 7, 0)


def _packet(inner: bytes, identification: int, fragment: int) -> bytes:
    """An IPv4 packet of UDP with a right checksum, without which the kernel would put no fragments together."""
    head = struct.pack("!BBHHHBBH4B4B", 0x45, 0, 20 + len(inner), identification, fragment, 64, 17, 0,
                       10, 9, 0, 1, 10, 9, 0, 2)  # fmt: skip
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + inner
