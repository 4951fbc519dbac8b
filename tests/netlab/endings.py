"""Plays that show how a connection ends, or fails to begin."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time

from tests.netlab.lab import Host
from tests.netlab.stage import (
    CLIENT,
    PORT,
    SERVER,
    Stage,
    abort,
    close_in_order,
    give_up_after,
    keep_alive,
    move,
    send,
)

ELSEWHERE = {4: ("198.51.100.", "203.0.113."), 6: ("2001:db8:1::", "2001:db8:2::")}


def refused(stage: Stage) -> None:
    """Three tries at a port that nobody listens on."""
    for _ in range(3):
        with contextlib.suppress(ConnectionRefusedError):
            stage.connect(9999)


def unanswered(stage: Stage) -> None:
    """The server's cable is out: SYNs go unanswered until the client gives up."""
    stage.listen()
    stage.switch.out[stage.server.name].dark = True
    with contextlib.suppress(TimeoutError):
        stage.connect(timeout=4.5)


def answer_lost(stage: Stage) -> None:
    """The server answers each SYN, and nothing of it reaches the client."""
    stage.listen()
    stage.switch.out[stage.client.name].dark = True
    with contextlib.suppress(TimeoutError):
        stage.connect(timeout=4.5)


def answer_late(stage: Stage) -> None:
    """The first answer to the SYN is lost; the second try succeeds."""
    stage.switch.out[stage.client.name].dark = True
    threading.Timer(0.5, stage.switch.darken, (stage.client, False)).start()
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    close_in_order(pair.client, pair.server)


def unreachable(stage: Stage) -> None:
    """A router (the server) says by ICMP that it knows no way to a host, and that it may not send to another."""
    version = stage.version
    stage.server.set("ipv4.ip_forward" if version == 4 else "ipv6.conf.all.forwarding", "1")
    for start, kind in zip(ELSEWHERE[version], ("unreachable", "prohibit"), strict=True):
        net = f"{start}0/24" if version == 4 else f"{start}/48"
        stage.client.ip("route", "add", net, "via", SERVER[version])
        stage.server.ip(f"-{version}", "route", "add", kind, net)
        with contextlib.suppress(OSError):
            stage.socket(stage.client).connect((f"{start}7", PORT))


def backlog_full(stage: Stage) -> None:
    """The server accepts nothing for a while: its queue fills, and it drops the SYN of the third connection."""
    listening = stage.listen(backlog=1)
    clients = [stage.connect(timeout=3) for _ in range(2)]
    threading.Timer(1.5, lambda: [listening.accept()[0].close() for _ in range(3)]).start()
    clients.append(stage.connect(timeout=6))
    for client in clients:
        client.recv(1)
        client.close()
    time.sleep(0.3)


def scan(stage: Stage) -> None:
    """A scanner sends bare SYNs: its kernel resets what the open port answers; one port is closed, one filtered."""
    stage.listen()
    stage.switch.silent.add(PORT + 2)
    raw = stage.client.socket(socket.SOCK_RAW, socket.IPPROTO_TCP)
    chance = random.Random(1)
    for number, port in enumerate((PORT, PORT + 1, PORT + 2)):
        fields = (40000 + number, port, chance.getrandbits(32), 0, 6 << 12 | 2, 1024, 0, 0)
        syn = struct.pack(">HHIIHHHH", *fields) + b"\x02\x04\x05\xb4"
        pseudo = socket.inet_aton(CLIENT[4]) + socket.inet_aton(SERVER[4]) + struct.pack(">HH", 6, len(syn))
        total = sum(struct.unpack(f">{(len(pseudo) + len(syn)) // 2}H", pseudo + syn))
        total = (total & 0xFFFF) + (total >> 16)
        total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        raw.sendto(syn[:16] + total.to_bytes(2, "big") + syn[18:], (SERVER[4], 0))
        time.sleep(0.2)
    raw.close()
    time.sleep(0.5)


def aborted_by_client(stage: Stage) -> None:
    """The client drops the connection amid its transfer, with a reset."""
    pair = stage.pair()
    move(pair.client, pair.server, 30_000)
    abort(pair.client)
    time.sleep(0.2)


def aborted_by_server(stage: Stage) -> None:
    """The server answers a request with a reset."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    abort(pair.server)
    time.sleep(0.2)


def closed_then_aborted(stage: Stage) -> None:
    """The client closes its side, and a moment later drops what is left, with a reset."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    pair.client.shutdown(socket.SHUT_WR)
    time.sleep(0.2)
    abort(pair.client)
    time.sleep(0.2)


def answered_with_abort(stage: Stage) -> None:
    """The client closes its side; the server drops the connection with a reset."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    pair.client.shutdown(socket.SHUT_WR)
    time.sleep(0.2)
    abort(pair.server)
    time.sleep(0.2)


def killed(stage: Stage) -> None:
    """The server's process is killed when it has read all: its kernel closes, and resets what the client sends on."""
    with stage.program(900) as process:
        client = stage.connect()
        sending = send(client, 3000, 300, 0.2)
        time.sleep(0.5)
        process.kill()
        sending.join()


def killed_unread(stage: Stage) -> None:
    """The server's process is killed with data unread: its kernel resets the connection at once."""
    with stage.program(0) as process:
        client = stage.connect()
        client.sendall(b"x" * 900)
        time.sleep(0.4)
        process.kill()
        time.sleep(0.4)


def closed_early(stage: Stage) -> None:
    """The server answers and closes in order, but the client sends on: the server's kernel resets that."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    move(pair.server, pair.client, 500)
    pair.server.close()
    time.sleep(0.2)
    with contextlib.suppress(OSError):
        pair.client.sendall(b"x" * 500)
    time.sleep(0.3)


def crashed(stage: Stage) -> None:
    """The server's host falls silent amid a transfer; the client resends until it gives up."""
    pair = stage.pair()
    give_up_after(pair.client, 5)
    move(pair.client, pair.server, 30_000)
    stage.switch.darken(stage.server)
    pair.client.sendall(b"x" * 5000)
    with contextlib.suppress(OSError):
        pair.client.recv(1)


def client_gone(stage: Stage) -> None:
    """The client's host falls silent while the server sends; the server resends until it gives up."""
    pair = stage.pair()
    give_up_after(pair.server, 5)
    move(pair.client, pair.server, 100)
    move(pair.server, pair.client, 30_000)
    stage.switch.darken(stage.client)
    pair.server.sendall(b"x" * 5000)
    with contextlib.suppress(OSError):
        pair.server.recv(1)


def window_closed_and_gone(stage: Stage) -> None:
    """The server's reader stalls until its window is closed, and then its host falls silent: probes go unanswered."""
    pair = stage.pair(rcvbuf=4096)
    give_up_after(pair.client, 10)
    send(pair.client, 40_000)
    time.sleep(1.2)
    stage.switch.darken(stage.server)
    with contextlib.suppress(OSError):
        pair.client.recv(1)


def rebooted(stage: Stage) -> None:
    """The server's host loses its state while the connection is idle: it resets what the client sends later."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    move(pair.server, pair.client, 500)
    _forget(stage, pair.server, stage.server)
    with contextlib.suppress(OSError):
        pair.client.sendall(b"x" * 300)
        pair.client.recv(1)
    time.sleep(0.2)


def rebooted_keep_alive(stage: Stage) -> None:
    """The same, but the client sends only keep-alives; one of them is answered with a reset."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    keep_alive(pair.client, 5)
    time.sleep(1.5)
    _forget(stage, pair.server, stage.server)
    with contextlib.suppress(OSError):
        pair.client.recv(1)
    time.sleep(0.2)


def client_rebooted(stage: Stage) -> None:
    """The client's host loses its state, and connects again from the same port: the server still knows the old
    connection, says so, and is reset."""
    pair = stage.pair(own_port=40000)
    move(pair.client, pair.server, 500)
    _forget(stage, pair.client, stage.client)
    again = stage.pair(own_port=40000)
    move(again.client, again.server, 500)
    close_in_order(again.client, again.server)


def kept_alive(stage: Stage) -> None:
    """An idle connection with keep-alives that are answered; then it is closed."""
    pair = stage.pair()
    keep_alive(pair.client, 3)
    move(pair.client, pair.server, 500)
    time.sleep(4.5)
    close_in_order(pair.client, pair.server)


def keep_alive_gave_up(stage: Stage) -> None:
    """An idle connection whose peer falls silent: keep-alives go unanswered, and the client gives up."""
    pair = stage.pair()
    keep_alive(pair.client, 3)
    move(pair.client, pair.server, 500)
    time.sleep(1.5)
    stage.switch.darken(stage.server)
    with contextlib.suppress(OSError):
        pair.client.recv(1)
    time.sleep(0.2)


def closed_by_both(stage: Stage) -> None:
    """Both sides close at once: their FINs cross."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    time.sleep(0.2)
    pair.client.shutdown(socket.SHUT_WR)
    pair.server.shutdown(socket.SHUT_WR)
    time.sleep(0.3)


def opened_by_both(stage: Stage) -> None:
    """Both sides connect to each other at once: their SYNs cross."""
    client, server = stage.socket(stage.client, 40000), stage.socket(stage.server, PORT)
    for end in (client, server):
        end.setblocking(False)
    client.connect_ex((SERVER[4], PORT))
    server.connect_ex((CLIENT[4], 40000))
    time.sleep(0.3)
    client.settimeout(5)
    server.settimeout(5)
    move(client, server, 500)
    close_in_order(client, server)


def fin_lost(stage: Stage) -> None:
    """The client's FIN is lost, and sent again."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    time.sleep(0.1)
    stage.switch.out[stage.server.name].dark = True
    threading.Timer(0.3, stage.switch.darken, (stage.server, False)).start()
    close_in_order(pair.client, pair.server)


def server_stays_open(stage: Stage) -> None:
    """The client closes its side; the server never does."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    pair.client.shutdown(socket.SHUT_WR)
    time.sleep(1)


def client_stays_open(stage: Stage) -> None:
    """The server closes its side; the client never does."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    move(pair.server, pair.client, 3000)
    pair.server.shutdown(socket.SHUT_WR)
    time.sleep(1)


def left_idle(stage: Stage) -> None:
    """A connection falls silent and stays open; much later there is another one, and then the capture ends."""
    pair = stage.pair()
    move(pair.client, pair.server, 500)
    move(pair.server, pair.client, 3000)
    time.sleep(1.5)
    other = stage.pair()
    move(other.client, other.server, 500)
    close_in_order(other.client, other.server)
    time.sleep(0.2)


def left_busy(stage: Stage) -> None:
    """The capture ends amid a transfer."""
    pair = stage.pair()
    send(pair.client, 400_000, 2000, 0.02)
    threading.Thread(target=_drain, args=(pair.server,), daemon=True).start()
    time.sleep(1)


def reused_ports(stage: Stage) -> None:
    """Three connections from the same port: the server resets the first, closes the second, and resets the third."""
    for number in range(3):
        pair = stage.pair(own_port=40000)
        move(pair.client, pair.server, 300)
        if number == 1:
            close_in_order(pair.server, pair.client)
        else:
            abort(pair.server)
            time.sleep(0.1)
            pair.client.close()
        time.sleep(0.2)


def _forget(stage: Stage, end: socket.socket, host: Host) -> None:
    """The host restarts: for a while nothing reaches or leaves it, and then it knows nothing of the connection."""
    stage.switch.darken(host)
    time.sleep(0.1)
    abort(end)
    time.sleep(0.5)
    stage.switch.darken(host, False)


def _drain(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while end.recv(65536):
            pass
