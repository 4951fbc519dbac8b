"""A network in one process: hosts in namespaces of the kernel, joined by a switch that can impair what it moves.

Each `Host` is a network namespace with one TAP interface: its TCP, ARP and neighbour discovery are the kernel's own.
`Switch` moves the frames between the TAPs in user space: it learns addresses, keeps VLANs apart, delays, and does to
TCP segments what each port's ways say (tests/netlab/link.py), by seeded generators. A port can be a mirror, as on a
managed switch: it gets a copy of each frame, tagged with the VLAN of the port it came in by. A frame that is lost on
the way out of the switch was mirrored before; one that is lost on the way in was not.

Needs root and iproute2; `Capture` needs tcpdump.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import heapq
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.netlab.link import CLEAR, Passage, Way, segment

_TUNSETIFF = 0x400454CA
_IFF_TAP_NO_PI = 0x1002
_CLONE_NEWNET = 0x40000000
T = TypeVar("T")
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """The lab can't be built here; one line that says what it needs."""


def _ip(*arguments: str) -> None:
    done = subprocess.run(("ip", *arguments), check=False, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"ip {' '.join(arguments)}: {done.stderr.strip()}; the lab needs root and network namespaces")


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def polled(fds: Iterable[int]) -> select.poll:
    """Asks for what can be read of `fds`; select would refuse numbers from 1,024 on."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return poll


def readable(poll: select.poll, wait: float) -> list[int]:
    """What can be read, after `wait` seconds at the most. poll counts milliseconds; less than one is slept through."""
    ready = poll.poll(int(min(max(wait, 0.0), 0.05) * 1000))
    if not ready and 0 < wait < 0.001:
        time.sleep(wait)
    return [fd for fd, _ in ready]


@dataclass
class Port:
    """How a host hangs on the switch. `into` is the way from the host into the switch, `out` the one to the host;
    `delay` (seconds) is one way, to and from the host alike."""

    vlan: int = 1
    delay: float = 0.002
    into: Way = CLEAR
    out: Way = CLEAR
    mirror: bool = False


class Host:
    """A network namespace with the interface `eth0`."""

    def __init__(self, name: str, number: int, addresses: tuple[str, ...] = (), port: Port | None = None) -> None:
        self.name = name
        self.mac = f"02:00:00:00:00:{number:02x}"
        self.addresses = addresses
        self.port = port or Port()
        self.tap = -1
        self._space = f"lab{os.getpid()}-{name}"
        self._namespace = -1

    def open(self) -> None:
        """Make the namespace, its interface and addresses. Raises LabError where that is not permitted."""
        _ip("netns", "add", self._space)
        self._namespace = os.open(f"/run/netns/{self._space}", os.O_RDONLY)
        self.start(self._make_tap).join()
        if self.tap < 0:
            raise LabError(f"{self.name}: no TAP interface; the lab needs root and /dev/net/tun")
        inside = ("-n", self._space)
        _ip(*inside, "link", "set", "eth0", "address", self.mac)
        for address in self.addresses:
            _ip(*inside, "addr", "add", address, "dev", "eth0", *(("nodad",) if ":" in address else ()))
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "link", "set", "eth0", "up")

    def close(self) -> None:
        """Remove the namespace and all that runs on its interface."""
        for fd in (self.tap, self._namespace):
            if fd >= 0:
                os.close(fd)
        subprocess.run(("ip", "netns", "del", self._space), check=False, stderr=subprocess.DEVNULL)

    def start(self, work: Callable[[], object]) -> threading.Thread:
        """Run `work` in a thread inside the namespace; sockets made there belong to this host."""

        def inside() -> None:
            _enter(self._namespace)
            work()

        thread = threading.Thread(target=inside, name=self.name, daemon=True)
        thread.start()
        return thread

    def socket(self, kind: int = socket.SOCK_STREAM, protocol: int = 0, version: int = 4) -> socket.socket:
        """A socket of this host, for use in any thread; `version` is that of IP."""
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        return self._inside(lambda: socket.socket(family, kind, protocol))

    def set(self, name: str, value: str) -> None:
        """Set a variable of the host's network stack, as `sysctl net.NAME=VALUE` does."""
        self._inside(lambda: Path("/proc/sys/net", *name.split(".")).write_text(value))

    def ip(self, *arguments: str) -> None:
        """Run `ip ARGUMENTS` for the host."""
        _ip("-n", self._space, *arguments)

    def counters(self) -> dict[str, int]:
        """What the host's TCP has counted, by the names of the kernel's SNMP tables (`RetransSegs`, `TCPTimeouts`)."""

        def read() -> dict[str, int]:
            found = {}
            for table in ("snmp", "netstat"):
                lines = [line.split() for line in Path("/proc/thread-self/net", table).read_text().splitlines()]
                for names, values in zip(lines[::2], lines[1::2], strict=True):
                    if names[0] in ("Tcp:", "TcpExt:"):
                        found.update(zip(names[1:], map(int, values[1:]), strict=True))
            return found

        return self._inside(read)

    def _inside(self, work: Callable[[], T]) -> T:
        """What `work` returns when it runs inside the namespace."""
        result: list[T] = []
        self.start(lambda: result.append(work())).join()
        if not result:
            raise LabError(f"{self.name}: the kernel lacks something the lab needs, or this is not root")
        return result[0]

    def command(self, *command: str) -> tuple[str, ...]:
        """`command` as it is run inside the namespace."""
        return ("ip", "netns", "exec", self._space, *command)

    def popen(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program inside the namespace."""
        return subprocess.Popen(self.command(*command), stderr=subprocess.PIPE)

    def _make_tap(self) -> None:
        with contextlib.suppress(OSError):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", b"eth0", _IFF_TAP_NO_PI))
            self.tap = fd


class Switch(threading.Thread):
    """Moves frames between hosts until `stop`. `into` and `out` are the ways of each host's port, by the host's name.

    `silent` holds TCP destination ports whose segments vanish after the mirror has seen them.
    """

    def __init__(self, hosts: tuple[Host, ...], seed: int) -> None:
        super().__init__(name="switch", daemon=True)
        self.into = {host.name: Passage(host.port.into, f"{seed} from {host.name}") for host in hosts}
        self.out = {host.name: Passage(host.port.out, f"{seed} to {host.name}") for host in hosts}
        self.silent: set[int] = set()
        self._hosts = {host.tap: host for host in hosts}
        self._mirrors = [host for host in hosts if host.port.mirror]
        self._where: dict[tuple[int, bytes], Host] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._count = 0
        self._running = True

    def darken(self, host: Host, dark: bool = True) -> None:
        """Pull the host's cable, or plug it in again: while it is dark, nothing comes from the host or goes to it."""
        self.into[host.name].dark = self.out[host.name].dark = dark

    def stop(self) -> None:
        """End the thread; frames still in flight are dropped."""
        self._running = False
        self.join()

    def run(self) -> None:
        """The switch's loop: read what is ready, write what is due."""
        poll = polled(self._hosts)
        while self._running:
            wait = self._due[0][0] - time.monotonic() if self._due else 0.05
            for fd in readable(poll, wait):
                with contextlib.suppress(BlockingIOError):
                    self._take(self._hosts[fd], os.read(fd, 65536))
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()

    def _take(self, source: Host, frame: bytes) -> None:
        """A frame from a host: to the mirrors, and to the host it is for, or to all of its VLAN."""
        if source.port.mirror:
            return
        tcp, vlan = segment(frame), source.port.vlan
        payload = tcp.payload if tcp else None
        self._serial += 1
        known = self._where.get((vlan, frame[:6]))
        others = (h for h in self._hosts.values() if h is not source and h.port.vlan == vlan and not h.port.mirror)
        targets = (known,) if known else tuple(others)
        for arrived in self.into[source.name].times(time.monotonic() + source.port.delay, len(frame), payload):
            self._where[vlan, frame[6:12]] = source
            for mirror in self._mirrors:
                self._write_at(arrived, mirror, _tagged(frame, vlan))
            if tcp and tcp.destination in self.silent:
                continue
            for host in targets:
                way = self.out[host.name]
                for due in way.times(arrived + host.port.delay, len(frame), payload):
                    note = functools.partial(way.deliver, source.tap, self._serial, payload)
                    self._write_at(due, host, frame, note)

    def _write_at(self, due: float, host: Host, frame: bytes, note: Callable[[], None] | None = None) -> None:
        def write() -> None:
            with contextlib.suppress(OSError):
                os.write(host.tap, frame)
                if note:
                    note()

        self._count += 1
        heapq.heappush(self._due, (due, self._count, write))


def _tagged(frame: bytes, vlan: int) -> bytes:
    """The frame as a trunk port shows it: with an 802.1Q tag, unless it is of the native VLAN 1."""
    return frame if vlan == 1 else frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]


class Capture:
    """tcpdump on a host's interface, from `open` to `close`, with nanosecond stamps; `snaplen` in bytes, and `only` a
    filter for what is written."""

    def __init__(self, host: Host, path: Path, snaplen: int, only: str = "") -> None:
        self._command = ("tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root", "-s", str(snaplen),
                         "--time-stamp-precision=nano", "-w", str(path), only)
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start, and wait until tcpdump listens. Raises LabError with tcpdump's words when it does not."""
        self._process = self._host.popen(*self._command)
        assert self._process.stderr
        line = self._process.stderr.readline().decode()
        if "listening on" not in line:
            raise LabError(f"tcpdump on {self._host.name}: {line.strip()}; the lab needs root")

    def close(self) -> None:
        """Stop, and wait until all is written."""
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.communicate()


@contextlib.contextmanager
def lab(hosts: tuple[Host, ...], seed: int) -> Iterator[Switch]:
    """The hosts, opened and joined by a running switch; all are removed at the end."""
    try:
        for host in hosts:
            host.open()
        switch = Switch(hosts, seed)
        switch.start()
        try:
            yield switch
        finally:
            switch.stop()
    finally:
        for host in hosts:
            host.close()
