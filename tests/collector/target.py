"""A port on loopback to which a known number of datagrams are sent, for collectors that capture there."""

from __future__ import annotations

import socket


class Target:
    """A port on loopback, and a sender to it."""

    def __init__(self) -> None:
        self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._receiver.bind(("127.0.0.1", 0))
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = self._receiver.getsockname()[1]
        self.filter = f"udp port {self.port}"

    def send(self, count: int) -> None:
        """Send datagrams."""
        for k in range(count):
            self._sender.sendto(b"%d" % k, ("127.0.0.1", self.port))

    def close(self) -> None:
        """Send no more."""
        self._receiver.close()
        self._sender.close()
