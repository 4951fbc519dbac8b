"""A cable between two network namespaces, for tests of capturing: what is sent at one end comes out at the other.

Needs root and iproute2.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

NAME = "wire0"
"""The name of the interface at both ends."""
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 3
T = TypeVar("T")
_serial = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


def _ip(*arguments: str) -> None:
    done = subprocess.run(("ip", *arguments), check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()}; needs root and network namespaces"


class Space:
    """A network namespace with nothing in it but `lo`; IPv6 is off, so that nothing is sent unasked."""

    def __init__(self, name: str) -> None:
        self.name = f"shoal{os.getpid()}-{next(_serial)}-{name}"
        self._file = -1

    def open(self) -> None:
        """Make it."""
        _ip("netns", "add", self.name)
        self._file = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        for kind in ("all", "default"):
            subprocess.run(self.command("sysctl", "-qw", f"net.ipv6.conf.{kind}.disable_ipv6=1"), check=True)

    def close(self) -> None:
        """Remove it, and its interfaces."""
        if self._file >= 0:
            os.close(self._file)
            subprocess.run(("ip", "netns", "del", self.name), check=False, stderr=subprocess.DEVNULL)

    def ip(self, *arguments: str) -> None:
        """Run `ip ARGUMENTS` inside."""
        _ip("-n", self.name, *arguments)

    def command(self, *command: str) -> tuple[str, ...]:
        """`command` as it is run inside."""
        return ("ip", "netns", "exec", self.name, *command)

    def inside(self, work: Callable[[], T]) -> T:
        """What `work` returns in a thread inside; sockets that it makes stay inside."""
        result: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            if _libc.setns(self._file, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                result.append(work())
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return result[0]

    def sender(self, interface: str = NAME) -> socket.socket:
        """A socket that sends whole frames on an interface."""

        def make() -> socket.socket:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sock.bind((interface, 0))
            return sock

        return self.inside(make)


@contextmanager
def wire(mtu: int = 1500) -> Iterator[tuple[Space, Space]]:
    """Two namespaces, whose interfaces `NAME` are joined."""
    ends = Space("a"), Space("b")
    try:
        for end in ends:
            end.open()
        a, b = ends
        a.ip("link", "add", NAME, "mtu", str(mtu), "type", "veth", "peer", "name", NAME, "mtu", str(mtu),
             "netns", b.name)  # fmt: skip
        for end in ends:
            end.ip("link", "set", "lo", "up")
            end.ip("link", "set", NAME, "up")
        yield ends
    finally:
        for end in ends:
            end.close()


@contextmanager
def space() -> Iterator[Space]:
    """One namespace, with `lo` up."""
    one = Space("one")
    try:
        one.open()
        one.ip("link", "set", "lo", "up")
        yield one
    finally:
        one.close()
