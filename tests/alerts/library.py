"""Real transfers to compose scenarios of: two kernels across the lab's switch, captured at both ends.

    python -m tests.alerts.library [--seed 1]

plays all of `PLAYS` and writes tests/alerts/captures: `client.pcap.gz` and `server.pcap.gz`, in which each transfer has
a server's port of its own, from FIRST_PORT on in the order of `PLAYS`, and `library.toml` with what the kernels and the
switch counted. Needs root, iproute2 and tcpdump.
"""

from __future__ import annotations

import argparse
import gzip
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.netlab.lab import Capture, Host, LabError, Port, Switch, lab
from tests.netlab.link import CLEAR, Passage, Way
from tests.netlab.stage import CLIENT, SERVER, Pair, Stage, close_in_order, move

FOLDER = Path(__file__).parent / "captures"
FIRST_PORT = 20_001
_SNAPLEN = 86
"""Ethernet, IPv4, and TCP with timestamps and two SACK blocks."""
_CHATTER_SNAPLEN = 400
_DNS_PORT = 53

Act = Callable[[Pair], None]


@dataclass(frozen=True)
class Play:
    """What is sent, over which ways: `to_server` for what the client sends, `to_client` for the server; `delay`
    is one way (seconds)."""

    act: Act
    to_server: Way = CLEAR
    to_client: Way = CLEAR
    delay: float = 0.005


def upload(size: int, pause: float = 0.0) -> Act:
    """The client sends `size` bytes, in chunks of 4 kB with pauses (seconds) between if any."""

    def act(pair: Pair) -> None:
        move(pair.client, pair.server, size, chunk=4096 if pause else 65536, pause=pause)
        close_in_order(pair.client, pair.server)

    return act


def download(size: int, pause: float = 0.0) -> Act:
    """The client asks as HTTP does, the server sends `size` bytes."""

    def act(pair: Pair) -> None:
        pair.client.sendall(b"GET /file HTTP/1.1\r\nHost: files.example\r\n\r\n")
        pair.server.recv(200)
        pair.server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while pair.client.recv(1) != b"\r" or pair.client.recv(3) != b"\n\r\n":
            pass
        move(pair.server, pair.client, size, chunk=4096 if pause else 65536, pause=pause)
        close_in_order(pair.server, pair.client)

    return act


def dialogue(rounds: int, answer: int) -> Act:
    """Requests of 60 bytes, one after the other, with an answer (bytes) to each."""

    def act(pair: Pair) -> None:
        for _ in range(rounds):
            move(pair.client, pair.server, 60)
            move(pair.server, pair.client, answer)
        close_in_order(pair.client, pair.server)

    return act


def _plays() -> dict[str, Play]:
    """By name; a name's first word is what scenarios choose by."""
    found: dict[str, Play] = {}
    for size, delay in ((50, 0.005), (50, 0.03), (150, 0.01), (400, 0.005)):
        found[f"clean upload {size} kB {delay * 1000:.0f} ms"] = Play(upload(size * 1000), delay=delay)
        found[f"clean download {size} kB {delay * 1000:.0f} ms"] = Play(download(size * 1000), delay=delay)
    found["clean upload 400 kB 20 ms"] = Play(upload(400_000), delay=0.02)
    found["clean download 1000 kB 10 ms"] = Play(download(1_000_000), delay=0.01)
    found["clean dialogue 5 ms"] = Play(dialogue(30, 900))
    found["clean dialogue 20 ms"] = Play(dialogue(20, 3000), delay=0.02)
    found["slow upload clean"] = Play(upload(120_000, 0.25))
    for percent, sizes, delays in (
        (0.1, (400,), (0.005,)), (0.5, (400,), (0.02,)), (1, (400, 400), (0.005, 0.02)), (2, (400, 400), (0.005, 0.02)),
        (3, (400, 400), (0.005, 0.04)), (5, (400, 400, 400), (0.005, 0.02, 0.06)), (6, (400,), (0.005,)),
        (8, (400,), (0.03,)), (10, (150, 400), (0.005, 0.02)),
    ):
        way = Way(loss=percent / 100)
        for size, delay in zip(sizes, delays, strict=True):
            what = f"{size} kB {delay * 1000:.0f} ms"
            found[f"loss-{percent} upload {what}"] = Play(upload(size * 1000), to_server=way, delay=delay)
            found[f"loss-{percent} download {what}"] = Play(download(size * 1000), to_client=way, delay=delay)
    found["slow upload loss-6"] = Play(upload(160_000, 0.25), to_server=Way(loss=0.06))
    found["talk loss-6"] = Play(dialogue(60, 900), Way(loss=0.06), Way(loss=0.06))
    found["reordered upload"] = Play(upload(400_000), to_server=Way(hold=0.06, held=(0.0005, 0.002)))
    found["reordered download"] = Play(download(400_000), to_client=Way(hold=0.06, held=(0.0005, 0.002)))
    found["overtaken upload"] = Play(upload(400_000), to_server=Way(hold=0.08))
    found["jitter upload"] = Play(upload(400_000), to_server=Way(jitter=0.003), delay=0.01)
    found["doubled upload"] = Play(upload(400_000), to_server=Way(copies=0.08), to_client=Way(copies=0.08))
    found["doubled download"] = Play(download(400_000), to_server=Way(copies=0.08), to_client=Way(copies=0.08))
    found["burst upload"] = Play(upload(400_000), to_server=Way(rate=400_000, buffer=15_000))
    found["burst download"] = Play(download(400_000), to_client=Way(rate=400_000, buffer=15_000))
    found["mixed upload"] = Play(upload(400_000), Way(loss=0.05, hold=0.03, copies=0.02, held=(0.001, 0.004)))
    return found


PLAYS = _plays()


def _chatter(stage: Stage) -> None:
    """DNS over UDP, each query with an answer, and a few requests of HTTP; none of it is lost."""
    server = stage.server.socket(socket.SOCK_DGRAM)
    client = stage.client.socket(socket.SOCK_DGRAM)
    server.bind((SERVER[4], _DNS_PORT))
    for number in range(12):
        name = b"\x04www" + bytes([97 + number]) + b"\x07example\x00" + b"\0\1\0\1"
        client.sendto(struct.pack("!6H", 4000 + number, 0x0100, 1, 0, 0, 0) + name, (SERVER[4], _DNS_PORT))
        query, peer = server.recvfrom(600)
        answer = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4" + bytes((198, 51, 100, number))
        server.sendto(query[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + query[12:] + answer, peer)
        client.recv(600)
        time.sleep(0.02)
    server.close()
    client.close()
    pair = stage.pair(port=80)
    for number in range(8):
        asked = b"GET /page/%d HTTP/1.1\r\nHost: www.example\r\n\r\n" % number
        pair.client.sendall(asked)
        assert pair.server.recv(500) == asked
        told = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\n" + b"y" * 200
        pair.server.sendall(told)
        got = b""
        while len(got) < len(told):
            got += pair.client.recv(500)
        time.sleep(0.05)
    close_in_order(pair.client, pair.server)


def _hosts() -> tuple[Host, Host]:
    return (Host("client", 1, (f"{CLIENT[4]}/24",), Port(delay=0.0025)),
            Host("server", 2, (f"{SERVER[4]}/24",), Port(delay=0.0025)))


def _set(switch: Switch, hosts: tuple[Host, Host], play: Play, seed: str) -> None:
    """Make the switch do what the play wants, with generators of its own."""
    client, server = hosts
    client.port.delay = server.port.delay = play.delay / 2
    switch.out[server.name] = Passage(play.to_server, f"{seed} there")
    switch.out[client.name] = Passage(play.to_client, f"{seed} back")


def perform(names: list[str], folder: Path, seed: int) -> None:
    """Play these transfers one after another, and the chatter; write the three files into `folder`.

    Raises LabError where the lab can't be built."""
    hosts = client, server = _hosts()
    lines = ["# What the kernels and the switch counted of each transfer, by the server's port.",
             "# Written by python -m tests.alerts.library.", ""]
    with tempfile.TemporaryDirectory() as temporary, lab(hosts, seed) as switch:
        for host, other in ((client, server), (server, client)):
            address = other.addresses[0].split("/")[0]
            host.ip("neighbour", "add", address, "lladdr", other.mac, "dev", "eth0", "nud", "permanent")
            # Else a lossy transfer sets the slow start of those after it.
            host.set("ipv4.tcp_no_metrics_save", "1")
        paths = {host.name: Path(temporary, f"{host.name}.pcap") for host in hosts}
        captures = [Capture(host, paths[host.name], _SNAPLEN, "not ip6 and portrange 20001-30000") for host in hosts]
        paths["chatter"] = Path(temporary, "chatter.pcap")
        captures.append(Capture(client, paths["chatter"], _CHATTER_SNAPLEN, "not ip6 and (port 53 or port 80)"))
        stage = Stage(client, server, switch)
        try:
            for capture in captures:
                capture.open()
            _chatter(stage)
            for number, name in enumerate(names):
                play = PLAYS[name]
                _set(switch, hosts, play, f"{seed} {name}")
                before = client.counters()["RetransSegs"], server.counters()["RetransSegs"]
                play.act(stage.pair(port=FIRST_PORT + number))
                # The last acknowledgments are on their way, and what a probe of the tail sent again.
                time.sleep(0.1 + 4 * play.delay)
                after = client.counters()["RetransSegs"], server.counters()["RetransSegs"]
                lost = [switch.out[host.name].counts.lost for host in (server, client)]
                lines.append(f'"{FIRST_PORT + number}" = {{ name = "{name}", resent = '
                             f"[{after[0] - before[0]}, {after[1] - before[1]}], lost = [{lost[0]}, {lost[1]}] }}")
        finally:
            for capture in captures:
                capture.close()
            stage.close()
        for what, path in paths.items():
            (folder / f"{what}.pcap.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    (folder / "library.toml").write_text("\n".join(lines) + "\n")


def main() -> int:
    """The command. Returns its exit status."""
    parser = argparse.ArgumentParser(description="Play the transfers that scenarios of alerts are composed of.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    try:
        perform(list(PLAYS), arguments.folder, arguments.seed)
    except LabError as error:
        print(f"library: {error}", file=sys.stderr)
        return 1
    for path in sorted(arguments.folder.iterdir()):
        print(path.name, path.stat().st_size, "bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
