"""A client and a server on the lab's switch, and what plays do with their sockets.

Sockets are the kernel's; a play holds both ends of a connection and drives them from one thread. What is still open
when a play returns stays open until the captures have ended.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from subprocess import Popen

from tests.netlab.lab import Host, Switch

CLIENT = {4: "192.0.2.1", 6: "2001:db8::1"}
SERVER = {4: "192.0.2.2", 6: "2001:db8::2"}
PORT = 5001
_LINGER_NOT = struct.pack("ii", 1, 0)

# A server of one connection: it says so on stderr when it has one, reads NAMED bytes, and then sleeps.
_SERVER = """
import socket, sys, time
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as server:
    sys.stderr.write("ready\\n"); sys.stderr.flush()
    connection, _ = server.accept()
    got = int(sys.argv[3])
    while got:
        got -= len(connection.recv(got))
    time.sleep(60)
"""


@dataclass
class Pair:
    """Both ends of a connection."""

    client: socket.socket
    server: socket.socket


@dataclass
class Stage:
    """The two hosts and the switch; `version` is that of IP."""

    client: Host
    server: Host
    switch: Switch
    version: int = 4
    _open: list[socket.socket] = field(default_factory=list)
    _listening: dict[int, socket.socket] = field(default_factory=dict)

    def socket(self, host: Host, port: int = 0) -> socket.socket:
        """A TCP socket of a host, with a timeout of 20 s; `port` is its own, 0 for any."""
        made = host.socket(version=self.version)
        made.settimeout(20)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port:
            made.bind(((CLIENT if host is self.client else SERVER)[self.version], port))
        self._open.append(made)
        return made

    def listen(self, port: int = PORT, rcvbuf: int = 0, backlog: int = 16) -> socket.socket:
        """The server listens; `rcvbuf` is its receive buffer (bytes), 0 for the kernel's."""
        if port not in self._listening:
            made = self.socket(self.server, port)
            if rcvbuf:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            made.listen(backlog)
            self._listening[port] = made
        return self._listening[port]

    def connect(self, port: int = PORT, own_port: int = 0, timeout: float = 20) -> socket.socket:
        """A client's socket, connected. Raises OSError when it does not come to that in `timeout` seconds."""
        made = self.socket(self.client, own_port)
        made.settimeout(timeout)
        made.connect((SERVER[self.version], port))
        made.settimeout(20)
        return made

    def pair(self, rcvbuf: int = 0, own_port: int = 0, port: int = PORT) -> Pair:
        """Both ends of a new connection."""
        listening = self.listen(port, rcvbuf)
        client = self.connect(port, own_port)
        server, _ = listening.accept()
        server.settimeout(20)
        self._open.append(server)
        return Pair(client, server)

    def program(self, reads: int) -> Popen[bytes]:
        """A server on PORT that is a process of its own: it takes one connection, reads so many bytes, and sleeps."""
        started = self.server.popen(sys.executable, "-c", _SERVER, SERVER[self.version], str(PORT), str(reads))
        assert started.stderr
        started.stderr.readline()
        return started

    def close(self) -> None:
        """Close whatever is open."""
        for opened in self._open:
            opened.close()


def send(sender: socket.socket, size: int, chunk: int = 16384, pause: float = 0.0) -> threading.Thread:
    """Send `size` bytes in chunks, with pauses (seconds) after each, in a thread; an error of the socket ends it."""

    def work() -> None:
        with contextlib.suppress(OSError):
            for sent in range(0, size, chunk):
                sender.sendall(b"x" * min(chunk, size - sent))
                if pause:
                    time.sleep(pause)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def receive(receiver: socket.socket, size: int, chunk: int = 65536, pause: float = 0.0) -> int:
    """Read until `size` bytes have come or the other side has closed; returns the bytes that came."""
    got = 0
    while got < size and (data := receiver.recv(min(chunk, size - got))):
        got += len(data)
        if pause:
            time.sleep(pause)
    return got


def move(sender: socket.socket, receiver: socket.socket, size: int, *, chunk: int = 16384, pause: float = 0.0,
         read: int = 65536, read_pause: float = 0.0, stall: float = 0.0) -> None:
    """Send `size` bytes from one end to the other, whose reader starts after `stall` seconds. Raises OSError when
    they did not arrive."""
    sending = send(sender, size, chunk, pause)
    time.sleep(stall)
    if receive(receiver, size, read, read_pause) < size:
        raise OSError("the transfer ended early")
    sending.join()


def close_in_order(first: socket.socket, second: socket.socket) -> None:
    """Close an end, and the other when it sees that."""
    first.shutdown(socket.SHUT_WR)
    while second.recv(65536):
        pass
    second.close()
    while first.recv(65536):
        pass
    first.close()


def abort(end: socket.socket) -> None:
    """Close an end with a reset."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    end.close()


def keep_alive(end: socket.socket, probes: int) -> None:
    """Keep-alives after a second of silence and then each second; as many as `probes` may go unanswered."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, probes)):
        end.setsockopt(socket.IPPROTO_TCP, option, value)


def give_up_after(end: socket.socket, seconds: float) -> None:
    """How long the end waits for what it sent to be acknowledged."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
