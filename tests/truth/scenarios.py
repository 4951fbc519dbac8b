"""What happens between two hosts of the lab with kernel TCP: impairments, settings of the kernels, what is sent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.netlab.lab import Capture, Host
from tests.truth.link import Direction, Impair, Link

PORT = 5001
ADDRESSES = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
_MASK = {4: 24, 6: 64}
_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_TAP_WITH_HEADER, _OFFLOADS = 0x5002, 7
_WAIT = 25.0


_NOTHING = Impair()


class OffloadHost(Host):
    """A host whose interface leaves segmentation and checksums to the link: captured segments exceed the MSS."""

    def _make_tap(self) -> None:
        with contextlib.suppress(OSError):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", b"eth0", _TAP_WITH_HEADER))
            fcntl.ioctl(fd, _TUNSETOFFLOAD, _OFFLOADS)
            self.tap = fd


@dataclass(frozen=True)
class Scenario:
    """`there` impairs what the client sends, `back` what the server sends. `size` bytes are sent in pieces of `piece`,
    each followed by `pause` seconds; with `rounds` the client asks and the server answers that many times instead, the
    answer being `answer` bytes. `settings` are sysctls of both hosts, `stall` is how long the server does not read."""

    there: Impair = _NOTHING
    back: Impair = _NOTHING
    size: int = 300_000
    piece: int = 16_384
    pause: float = 0.0
    rounds: int = 0
    answer: int = 900
    control: str = "cubic"
    settings: tuple[tuple[str, str], ...] = ()
    stall: float = 0.0
    buffer: int = 0
    nodelay: bool = False
    keepalive: bool = False
    offload: bool = False
    version: int = 4


@dataclass
class Outcome:
    """The captures, what the link did, and what each kernel says it sent again (segments, SYN and FIN counted)."""

    client: Path
    server: Path
    there: Direction
    back: Direction
    resent: dict[str, int] = field(default_factory=dict)


_LOSSY = Impair(loss=0.03, copies=0.03, held=0.05, jitter=0.004)
_SACK_OFF = (("tcp_sack", "0"),)
_BULK: dict[str, Scenario] = {
    "clean": Scenario(),
    "loss 1 %": Scenario(Impair(loss=0.01)),
    "loss 5 %": Scenario(Impair(loss=0.05)),
    "loss 15 %": Scenario(Impair(loss=0.15), size=120_000),
    "loss both ways": Scenario(Impair(loss=0.04), Impair(loss=0.10)),
    "acknowledgments lost": Scenario(back=Impair(loss=0.30)),
    "reordering": Scenario(Impair(held=0.08)),
    "heavy reordering": Scenario(Impair(held=0.25, hold=(0.001, 0.04))),
    "duplicates": Scenario(Impair(copies=0.08)),
    "duplicates both ways": Scenario(Impair(copies=0.10), Impair(copies=0.10), rounds=40, answer=30_000),
    "everything": Scenario(_LOSSY, replace(_LOSSY, copies=0.0, held=0.0)),
    "everything both ways": Scenario(_LOSSY, _LOSSY, rounds=30, answer=20_000),
    "jitter": Scenario(Impair(jitter=0.03), Impair(jitter=0.03)),
    "delay spikes": Scenario(
        Impair(stops=((0.10, 0.55), (0.9, 1.6)), rate=200_000, buffer=60_000), Impair(), size=400_000),
    "outage": Scenario(Impair(stops=((0.1, 0.9),), cut=True, rate=500_000, buffer=80_000), size=300_000),
    "drop tail, cubic": Scenario(Impair(rate=250_000, buffer=20_000), size=500_000),
    "drop tail, reno": Scenario(Impair(rate=250_000, buffer=20_000), size=500_000, control="reno"),
    "drop tail, bbr": Scenario(Impair(rate=250_000, buffer=20_000), size=500_000, control="bbr"),
    "loss 5 %, reno": Scenario(Impair(loss=0.05), control="reno"),
    "loss 5 %, bbr": Scenario(Impair(loss=0.05), control="bbr"),
    "everything, bbr": Scenario(_LOSSY, replace(_LOSSY, copies=0.0, held=0.0), control="bbr"),
    "bufferbloat": Scenario(Impair(rate=300_000, buffer=1e9), size=500_000),
    "SACK off, loss": Scenario(Impair(loss=0.04), settings=_SACK_OFF),
    "SACK off, reordering": Scenario(Impair(held=0.08), settings=_SACK_OFF),
    "SACK off, everything": Scenario(_LOSSY, replace(_LOSSY, copies=0.0, held=0.0), settings=_SACK_OFF),
    "short path, loss": Scenario(Impair(loss=0.03, delay=0.0002), Impair(delay=0.0002)),
    "long path, everything": Scenario(replace(_LOSSY, delay=0.06), Impair(delay=0.06), size=150_000),
}
_OTHER: dict[str, Scenario] = {
    "tail losses": Scenario(Impair(loss=0.08, delay=0.01), Impair(loss=0.08, delay=0.01), rounds=50),
    "small writes": Scenario(Impair(loss=0.05, delay=0.02), Impair(delay=0.02), size=8_000, piece=40, pause=0.002,
                             nodelay=True),
    "first SYN lost": Scenario(Impair(first=(0,)), size=50_000),
    "first SYN-ACK lost": Scenario(back=Impair(first=(0,)), size=50_000),
    "stalled reader": Scenario(size=150_000, stall=1.5, buffer=4096),
    "stalled reader, loss": Scenario(Impair(loss=0.05), Impair(loss=0.05), size=100_000, stall=1.2, buffer=4096),
    "keep-alives": Scenario(Impair(loss=0.2), Impair(loss=0.2), size=100, keepalive=True),
    "offload": Scenario(offload=True, size=600_000),
    "offload, loss": Scenario(Impair(loss=0.05), Impair(loss=0.03), offload=True, size=1_500_000),
    "offload, everything": Scenario(_LOSSY, _LOSSY, offload=True, size=1_000_000),
    "IPv6, everything": Scenario(_LOSSY, replace(_LOSSY, copies=0.0, held=0.0), version=6),
    "IPv6, reordering": Scenario(Impair(held=0.08), version=6),
}
SCENARIOS = _BULK | _OTHER
"""By name; each is run with TCP timestamps and without."""

NO_TIMESTAMPS = (("tcp_timestamps", "0"),)


def _setting(name: str, value: str) -> None:
    Path("/proc/sys/net/ipv4", name).write_text(value)


def _read(connection: socket.socket, size: int) -> bool:
    """Read `size` bytes; whether they came."""
    while size > 0:
        chunk = connection.recv(min(size, 65_536))
        size -= len(chunk)
        if not chunk:
            return False
    return True


def _counted(connection: socket.socket) -> int:
    """Segments that the kernel sent again: tcpi_total_retrans."""
    return int(struct.unpack_from("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0])


def _settled(connection: socket.socket) -> int:
    """The same, once all that was sent is acknowledged (SIOCOUTQ)."""
    end = time.monotonic() + 4.0
    while time.monotonic() < end and struct.unpack("i", fcntl.ioctl(connection, 0x5411, b"\0" * 4))[0]:
        time.sleep(0.01)
    return _counted(connection)


class _Run:
    def __init__(self, scenario: Scenario, settings: tuple[tuple[str, str], ...]) -> None:
        self.scenario = scenario
        self.settings = scenario.settings + settings
        self.resent: dict[str, int] = {}
        self.ready = threading.Event()
        family = socket.AF_INET if scenario.version == 4 else socket.AF_INET6
        self.make: Callable[[], socket.socket] = lambda: socket.socket(family, socket.SOCK_STREAM)
        self.address = (ADDRESSES[scenario.version][1], PORT)

    def serve(self) -> None:
        """The server's end."""
        s = self.scenario
        for setting in self.settings:
            _setting(*setting)
        with self.make() as listening:
            if s.buffer:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, s.buffer)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, s.control.encode())
            listening.settimeout(_WAIT)
            listening.bind(self.address)
            listening.listen()
            self.ready.set()
            connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_WAIT)
            time.sleep(s.stall)
            if s.rounds:
                while _read(connection, 40):
                    connection.sendall(b"a" * s.answer)
            else:
                while connection.recv(65_536):
                    pass
            connection.shutdown(socket.SHUT_WR)
            self.resent["server"] = _settled(connection)

    def ask(self) -> None:
        """The client's end."""
        s = self.scenario
        for setting in self.settings:
            _setting(*setting)
        with self.make() as connection, contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, s.control.encode())
            if s.nodelay:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if s.keepalive:
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
                    connection.setsockopt(socket.IPPROTO_TCP, option, 1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.settimeout(_WAIT)
            connection.connect(self.address)
            if s.rounds:
                for _ in range(s.rounds):
                    connection.sendall(b"q" * 40)
                    _read(connection, s.answer)
            else:
                for at in range(0, s.size, s.piece):
                    connection.sendall(b"x" * min(s.piece, s.size - at))
                    if s.pause:
                        time.sleep(s.pause)
            if s.keepalive:
                time.sleep(3.5)
            self.resent["client"] = _settled(connection)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
            self.resent["client"] = _counted(connection)


@contextlib.contextmanager
def _hosts(scenario: Scenario, tag: str) -> Iterator[tuple[Host, Host]]:
    kind = OffloadHost if scenario.offload else Host
    mask = _MASK[scenario.version]
    made = [kind(f"{name}{tag}", number, (f"{address}/{mask}",)) for number, (name, address) in
            enumerate(zip("ab", ADDRESSES[scenario.version], strict=True), 1)]
    try:
        for host in made:
            host.open()
        yield made[0], made[1]
    finally:
        for host in made:
            host.close()


def play(scenario: Scenario, seed: int, folder: Path, settings: tuple[tuple[str, str], ...] = (),
         tag: str = "") -> Outcome:
    """Play the scenario and capture at both ends, in `folder`. Raises LabError where the lab can't be built."""
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "client.pcap", folder / "server.pcap"
    run = _Run(scenario, settings)
    with _hosts(scenario, tag) as hosts:
        link = Link(hosts, (scenario.there, scenario.back), seed, scenario.offload)
        captures = [Capture(host, file, 160) for host, file in zip(hosts, files, strict=True)]
        for capture in captures:
            capture.open()
        link.start()
        server = hosts[1].start(run.serve)
        run.ready.wait(_WAIT)
        client = hosts[0].start(run.ask)
        client.join(2 * _WAIT)
        server.join(2 * _WAIT)
        # What is still on its way, FIN and its acknowledgment, is to be captured.
        time.sleep(0.3)
        link.stop()
        for capture in captures:
            capture.close()
    return Outcome(*files, link.there, link.back, run.resent)
