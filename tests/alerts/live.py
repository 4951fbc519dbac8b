"""A network with one lossy server, live: a client, two servers, and a sensor at a mirror of their switch.

What the mirror shows is before the loss, so each segment that comes there a second time was sent again by its kernel.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.alerts.imported import alerts_of
from tests.alerts.judge import WINDOW, Alert
from tests.netlab.lab import Host, Port, Switch, lab
from tests.netlab.link import CLEAR, Way
from tests.netlab.stage import close_in_order, move

CLEAN, LOSSY = "192.0.2.2", "192.0.2.3"
PORT = 443
_CLIENT = "192.0.2.1"
_LOSS = 0.05
_SIZE = 400_000
Segment = tuple[int, int, str]
"""IP ID, sequence number, and time in Unix seconds to the nanosecond: the same frame in any capture of an interface."""


class Service:
    """A server's port, to which clients upload, one after the other."""

    def __init__(self, host: Host, address: str) -> None:
        self._at = (address, PORT)
        self._listening = host.socket()
        self._listening.bind(self._at)
        self._listening.listen()

    def upload(self, client: Host, size: int) -> None:
        """One transfer from begin to end."""
        near = client.socket()
        near.settimeout(30)
        near.connect(self._at)
        far, _ = self._listening.accept()
        far.settimeout(30)
        move(near, far, size)
        close_in_order(near, far)

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()


@dataclass
class Net:
    """The network. `resent()` is what the client's kernel has sent again until now."""

    switch: Switch
    client: Host
    sensor: Host
    clean: Service
    lossy: Service

    def resent(self) -> int:
        """Segments that the client's kernel sent again."""
        return self.client.counters()["RetransSegs"]

    def spike(self) -> None:
        """Uploads of 400 kB to the lossy server for some seconds, in which one in twenty segments is lost; they are
        over well before a window ends."""
        time.sleep((2 - time.time()) % WINDOW)
        self.switch.out["lossy"].way = Way(loss=_LOSS)
        until = time.time() + 4
        while time.time() < until:
            self.lossy.upload(self.client, _SIZE)
            time.sleep(0.3)
        self.switch.out["lossy"].way = CLEAR

    @contextlib.contextmanager
    def busy(self, service: Service) -> Iterator[None]:
        """Meanwhile, small transfers with this service twice a second."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(0.5):
                service.upload(self.client, 50_000)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def network(seed: int = 1) -> Iterator[Net]:
    """The network, as long as it is needed. Raises LabError where it can't be built."""
    client, sensor = Host("client", 1, (f"{_CLIENT}/24",)), Host("sensor", 4, (), Port(mirror=True))
    clean, lossy = Host("clean", 2, (f"{CLEAN}/24",)), Host("lossy", 3, (f"{LOSSY}/24",))
    with lab((client, clean, lossy, sensor), seed) as switch:
        for address, host in ((CLEAN, clean), (LOSSY, lossy)):
            client.ip("neighbour", "add", address, "lladdr", host.mac, "dev", "eth0", "nud", "permanent")
            host.ip("neighbour", "add", _CLIENT, "lladdr", client.mac, "dev", "eth0", "nud", "permanent")
        client.set("ipv4.tcp_no_metrics_save", "1")
        services = Service(clean, CLEAN), Service(lossy, LOSSY)
        try:
            yield Net(switch, client, sensor, *services)
        finally:
            for service in services:
                service.close()


def brought_out(host: Host) -> str:
    """Take the host's interface out of its namespace, to where brokers and databases can be reached; its new name."""
    name = f"mirror{os.getpid()}"
    host.ip("link", "set", "eth0", "down")
    host.ip("link", "set", "eth0", "name", name, "netns", str(os.getpid()))
    subprocess.run(("ip", "link", "set", name, "up"), check=True)
    return name


@contextlib.contextmanager
def captured(path: Path, interface: str) -> Iterator[None]:
    """tcpdump meanwhile."""
    command = ("tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-Z", "root", "-s", "128",
               "--time-stamp-precision=nano", "-w", str(path), "ip")  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "listening on" in process.stderr.readline()
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def wait_for_alert(db: Path | str, wanted: Callable[[Alert], bool], seconds: float = 60) -> tuple[Alert, float]:
    """The first alert that is `wanted`, and when it was seen (Unix seconds); AssertionError where none comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for alert in (alert for some in alerts_of(db).values() for alert in some):
            if wanted(alert):
                return alert, time.time()
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for an alert; there are {alerts_of(db)}")


def segments(capture: Path, display_filter: str) -> list[Segment]:
    """The segments that tshark selects from a capture."""
    fields = ("ip.id", "tcp.seq_raw", "frame.time_epoch")
    command = ("tshark", "-n", "-r", str(capture), "-Y", display_filter, "-T", "fields",
               *(part for field in fields for part in ("-e", field)))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    cells = [line.split("\t") for line in done.stdout.splitlines()]
    return [(int(number, 16), int(seq), when) for number, seq, when in cells]


def sent_again(capture: Path) -> list[Segment]:
    """The segments with payload of a capture before the loss that had been sent before."""
    fields = ("ip.id", "tcp.seq_raw", "frame.time_epoch", "tcp.stream", "tcp.srcport", "tcp.len")
    command = ("tshark", "-n", "-r", str(capture), "-Y", "tcp.len > 0", "-T", "fields",
               *(part for field in fields for part in ("-e", field)))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    newest: dict[tuple[str, str], int] = {}
    found = []
    for line in done.stdout.splitlines():
        number, seq, when, stream, port, length = line.split("\t")
        begin, of = int(seq), (stream, port)
        if (begin - newest.setdefault(of, begin)) & 0xFFFFFFFF >= 1 << 31:
            found.append((int(number, 16), begin, when))
        else:
            newest[of] = begin + int(length) & 0xFFFFFFFF
    return found
