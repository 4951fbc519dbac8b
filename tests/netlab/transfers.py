"""Plays in which data moves: who sends, how fast, and how the reader reads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from tests.netlab.stage import Pair, Stage, close_in_order, move, receive, send

Play = Callable[[Stage], None]
_CONGESTION = 13  # TCP_CONGESTION
_FASTOPEN = 23  # TCP_FASTOPEN
_MSG_FASTOPEN = 0x20000000


def upload(size: int, *, rcvbuf: int = 0, congestion: str = "cubic", nodelay: bool = False, chunk: int = 16384,
           pause: float = 0.0, read: int = 65536, read_pause: float = 0.0, stall: float = 0.0) -> Play:
    """The client sends and closes. `chunk` and `read` are in bytes, pauses and the stall before reading in seconds."""

    def play(stage: Stage) -> None:
        pair = stage.pair(rcvbuf)
        pair.client.setsockopt(socket.IPPROTO_TCP, _CONGESTION, congestion.encode())
        pair.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
        move(pair.client, pair.server, size, chunk=chunk, pause=pause, read=read, read_pause=read_pause, stall=stall)
        close_in_order(pair.client, pair.server)

    return play


def download(size: int) -> Play:
    """The client asks, the server sends and closes."""

    def play(stage: Stage) -> None:
        pair = stage.pair()
        move(pair.client, pair.server, 100)
        move(pair.server, pair.client, size)
        close_in_order(pair.server, pair.client)

    return play


def dialogue(rounds: int, answer: int) -> Play:
    """Requests of 60 bytes, one after the other, with an answer (bytes) to each; the client closes."""

    def play(stage: Stage) -> None:
        pair = stage.pair()
        for _ in range(rounds):
            move(pair.client, pair.server, 60)
            move(pair.server, pair.client, answer)
        close_in_order(pair.client, pair.server)

    return play


def exchange(size: int) -> Play:
    """Both send at once, as much as each other; the client closes."""

    def play(stage: Stage) -> None:
        pair = stage.pair()
        sending = [send(end, size) for end in (pair.client, pair.server)]
        reading = threading.Thread(target=receive, args=(pair.client, size))
        reading.start()
        receive(pair.server, size)
        for thread in (reading, *sending):
            thread.join()
        close_in_order(pair.client, pair.server)

    return play


def stalled_client(stage: Stage) -> None:
    """The server sends, and the client's reader stalls for half a second amid it."""
    client = stage.socket(stage.client)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening = stage.listen()
    client.connect(listening.getsockname())
    server, _ = listening.accept()
    move(client, server, 100)
    sending = send(server, 20_000)
    receive(client, 4000)
    time.sleep(0.5)
    receive(client, 16_000)
    sending.join()
    close_in_order(server, client)


def half_close(stage: Stage) -> None:
    """The client says all it has and closes its side; the server answers only then, at length."""
    pair = stage.pair()
    move(pair.client, pair.server, 20_000)
    pair.client.shutdown(socket.SHUT_WR)
    assert not pair.server.recv(1)
    move(pair.server, pair.client, 60_000)
    pair.server.close()
    assert not pair.client.recv(1)
    pair.client.close()
    time.sleep(0.2)


def outage(seconds: float) -> Play:
    """The server's cable is pulled amid a transfer, and plugged in again."""

    def play(stage: Stage) -> None:
        pair = stage.pair()
        sending = send(pair.client, 120_000, 2000, 0.01)
        receive(pair.server, 40_000)
        stage.switch.darken(stage.server)
        time.sleep(seconds)
        stage.switch.darken(stage.server, False)
        receive(pair.server, 80_000)
        sending.join()
        close_in_order(pair.client, pair.server)

    return play


def fast_open(stage: Stage) -> None:
    """Two connections with TCP fast open: the first asks for a cookie, the second sends data with its SYN."""
    for host in (stage.client, stage.server):
        host.set("ipv4.tcp_fastopen", "3")
    listening = stage.listen()
    listening.setsockopt(socket.IPPROTO_TCP, _FASTOPEN, 16)
    for _ in range(2):
        client = stage.socket(stage.client)
        client.settimeout(None)
        client.sendto(b"x" * 200, _MSG_FASTOPEN, listening.getsockname())
        server, _ = listening.accept()
        pair = Pair(client, server)
        assert len(pair.server.recv(200)) == 200
        move(pair.server, pair.client, 3000)
        close_in_order(pair.client, pair.server)
