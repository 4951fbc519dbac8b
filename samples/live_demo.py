"""The live part of `make demo`: some seconds of traffic of its own, captured by `shoal run`, and asked about meanwhile.

    python -m samples.live_demo DIR

DIR is the database. As root, two hosts are made (namespaces of the kernel, tests/netlab/lab.py) with a link between
them that loses segments; where that can't be had, the traffic goes over the loopback interface. Who may not capture is
told so.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHOAL = Path(sys.executable).with_name("shoal")
SERVER, CLIENT, PORT = "203.0.113.80", "203.0.113.7", 8080
SIZE = 300_000
SEED = 3
MEANWHILE = (
    "Who has sent what in the last seconds? (asked while it is captured)",
    """
    SELECT shoal.src, tcp.srcport AS port, count() AS frames, sum(tcp.len) AS bytes,
           countIf(tcp.analysis.retransmission) AS resent,
           dateDiff('millisecond', max(frame.time), now64(9)) AS newest_ms_ago
    FROM packets
    WHERE sensor = 'live' AND tcp.srcport IS NOT NULL AND frame.time > now() - 60
    GROUP BY ALL
    ORDER BY bytes DESC
    """,
)
AFTERWARDS = (
    "What did the link lose, as TCP shows it? (of the server's segments: seen at the client's end)",
    """
    SELECT shoal.src, shoal.dst, shoal.server.packets AS segments, shoal.server.resent AS resent,
           shoal.server.lost_before AS lost, shoal.tcp.ending AS ending
    FROM flows
    WHERE sensor = 'live' AND ip.proto = 6
    ORDER BY shoal.first_frame
    """,
)


@dataclass
class Place:
    """Where it happens: the interface, what is captured there, and how to be the client or the server."""

    interface: str
    filter: str
    server: socket.socket
    client: Callable[[], socket.socket]
    start: Callable[[tuple[str, ...]], subprocess.Popen[str]]
    said: str


def started(command: tuple[str, ...]) -> subprocess.Popen[str]:
    """The process, whose messages are read here."""
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def lossy_link() -> Iterator[Place]:
    """Two hosts and a link that loses every twentieth segment. Raises OSError and LabError where it can't be had."""
    from tests.netlab.lab import Host, Port, lab
    from tests.netlab.link import Way

    client = Host("client", 0x07, (f"{CLIENT}/24",), Port(delay=0.004, out=Way(loss=0.05)))
    server = Host("server", 0x80, (f"{SERVER}/24",))
    with lab((client, server), SEED):
        listening = server.socket()
        listening.bind((SERVER, PORT))

        def start(command: tuple[str, ...]) -> subprocess.Popen[str]:
            found: list[subprocess.Popen[str]] = []
            client.start(lambda: found.append(started(command))).join()
            return found[0]

        def connected() -> socket.socket:
            sock = client.socket()
            sock.connect((SERVER, PORT))
            return sock

        yield Place("eth0", "tcp", listening, connected, start, "two hosts, and a link that loses 5% of the segments")


@contextlib.contextmanager
def loopback() -> Iterator[Place]:
    """This host alone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        yield Place("lo", f"tcp port {address[1]}", listening, lambda: socket.create_connection(address), started,
                    "the loopback interface, which loses nothing")  # fmt: skip


@contextlib.contextmanager
def somewhere() -> Iterator[Place]:
    """The lossy link, or else the loopback interface."""
    with contextlib.ExitStack() as stack:
        try:
            place = stack.enter_context(lossy_link())
        except Exception:  # Whatever it is that this machine lacks.
            place = stack.enter_context(loopback())
        yield place


def transfer(place: Place) -> None:
    """Three times the client asks, and the server sends."""
    place.server.listen()

    def serve() -> None:
        for _ in range(3):
            sock, _ = place.server.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(os.urandom(SIZE))

    threading.Thread(target=serve, daemon=True).start()
    for _ in range(3):
        with place.client() as sock:
            sock.settimeout(20)
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while sock.recv(1 << 16):
                pass


def ask(place: Place, db: str, question: str, sql: str) -> None:
    """Print a question, its SQL and the answer, which is asked for where the capture runs."""
    print(f"\n{question}\n\n{textwrap.indent(textwrap.dedent(sql).strip(), '  ')}\n", flush=True)
    asking = place.start((str(SHOAL), "sql", "--db", db, "--format", "PrettyCompactMonoBlock", sql.strip()))
    told = asking.communicate(timeout=60)[1]
    if asking.returncode:
        sys.exit(f"demo: {told}")


def may_capture() -> bool:
    """Whether a packet socket can be had."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except (AttributeError, OSError):
        return False
    return True


def main(db: str) -> None:
    """Capture, and ask."""
    if not may_capture():
        print("\nCapturing live is left out: it needs root, or the capability CAP_NET_RAW (sudo make demo)")
        return
    # Who owns the checkout can get at a database in it.
    owner = pwd.getpwuid(ROOT.stat().st_uid).pw_name
    with somewhere() as place:
        command = (str(SHOAL), "run", "-i", place.interface, "--db", db, "--sensor", "live", "--user", owner,
                   place.filter)  # fmt: skip
        print(f"\nLive: {place.said}\n\n$ {' '.join(('shoal', *command[1:]))}", flush=True)
        running = place.start(command)
        try:
            assert running.stderr is not None
            while (line := running.stderr.readline()) and "shoal: sensor" not in line:
                print(line, end="")
            if not line:
                sys.exit("demo: `shoal run` has ended; the line above says why")
            transfer(place)
            # What a packet takes to be a row.
            time.sleep(2)
            ask(place, db, *MEANWHILE)
        finally:
            running.send_signal(signal.SIGINT)
            told = running.communicate(timeout=60)[1]
        print(f"\n^C\n{told}", end="")
        if running.returncode:
            sys.exit(f"demo: `shoal run` ended with status {running.returncode}")
        ask(place, db, *AFTERWARDS)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m samples.live_demo DIR")
    main(sys.argv[1])
