"""Scenarios of ten minutes, by name and seed: background, and what goes wrong in it.

Networks and services are made up anew by each seed; transfers are those of the library.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.alerts.compose import LENGTH_SECONDS, Mix, Service
from tests.alerts.library import FOLDER
from tests.alerts.transfers import CLIENT, SERVER, Transfer, chatter, library

_PORTS = (22, 80, 443, 445, 993, 1883, 3306, 5432, 8080, 8443, 9092)
_SMALL = ("clean upload 50", "clean download 50", "clean dialogue", "clean upload 150", "clean download 150")
_CLEAN = (*_SMALL, "clean upload 400", "clean download 400", "slow upload clean", "loss-0.1", "jitter", "doubled",
          "reordered")


class Net:
    """A capture in the making, with hosts and services of the seed's choice."""

    def __init__(self, seed: str, folder: Path = FOLDER) -> None:
        self.mix = Mix()
        self.chance = random.Random(seed)
        self._transfers, self._folder = library(folder), folder
        self._net = f"10.{self.chance.randrange(256)}"
        self.clients = [f"{self._net}.1.{n}" for n in self.chance.sample(range(1, 255), 16)]
        self.servers = [f"{self._net}.2.{n}" for n in self.chance.sample(range(1, 255), 8)]
        self.services: list[Service] = [(server, port) for server in self.servers
                                        for port in self.chance.sample(_PORTS, 2)]  # fmt: skip

    def pick(self, *names: str) -> Transfer:
        """One of the transfers whose names begin with one of these."""
        return self.chance.choice([of for name, of in self._transfers.items() if name.startswith(names)])

    def put(self, at: float, service: Service, *names: str, client: str = "") -> float:
        """Place such a transfer, of this client or any, captured at any end; the second at which it is over."""
        client = client or self.chance.choice(self.clients)
        return self.mix.add(self.pick(*names), at, client, service, self.chance.choice((CLIENT, SERVER)))

    def run(self, begin: float, end: float, service: Service, *names: str, gap: float = 2, client: str = "") -> None:
        """Such transfers one after another from one second to another, with pauses around `gap` seconds between."""
        at = begin + self.chance.random() * gap
        while at < end:
            at = self.put(at, service, *names, client=client) + self.chance.uniform(0.3, 1.7) * gap

    def background(self, transfers: int, names: Sequence[str] = _CLEAN, services: Sequence[Service] = ()) -> None:
        """So many transfers at any time, and now and then DNS and HTTP."""
        for _ in range(transfers):
            at = self.chance.uniform(0, LENGTH_SECONDS - 12)
            self.put(at, self.chance.choice(services or self.services), *names)
        talk = chatter(self._folder)
        for at in range(5, LENGTH_SECONDS - 5, 20):
            client, when = self.chance.choice(self.clients), at + self.chance.uniform(-4, 4)
            self.mix.add(talk["dns"], when, client, (self.servers[0], 53))
            self.mix.add(talk["http"], when + 1, client, (self.servers[1], 80))


def _quiet(net: Net) -> None:
    net.background(16)


def _busy(net: Net) -> None:
    net.background(100)


def _reordered(net: Net) -> None:
    net.background(16)
    net.run(100, 400, net.services[0], "reordered", "jitter", gap=12)


def _doubled(net: Net) -> None:
    net.background(16)
    net.run(100, 400, net.services[0], "doubled", gap=12)


def _alone(what: str, at: float = 203.0) -> Callable[[Net], None]:
    """One transfer beside nothing else but exchanges at the begin and the end, which say how long the capture is."""

    def make(net: Net) -> None:
        net.put(1, net.services[5], "clean dialogue")
        net.put(at, net.services[0], what)
        net.put(LENGTH_SECONDS - 5, net.services[5], "clean dialogue")

    return make


def _across(net: Net) -> None:
    """One transfer, and the end of a window falls amid it."""
    _alone("loss-5 upload 400 kB 60 ms", 209.4)(net)


def _one(percent: str, gap: float = 2) -> Callable[[Net], None]:
    """A service with such losses for a while, which is clean before and after."""

    def make(net: Net) -> None:
        service = net.chance.choice(net.services)
        begin = net.chance.uniform(150, 350)
        end = begin + net.chance.uniform(15, 80)
        net.background(16)
        net.run(0, begin, service, "clean upload 400", "clean download 400", gap=25)
        net.run(begin, end, service, f"loss-{percent} ", gap=gap)
        net.run(end + 10, LENGTH_SECONDS - 12, service, "clean upload 400", "clean download 400", gap=25)

    return make


def _two(net: Net) -> None:
    net.background(16)
    one, other = net.chance.sample([s for s in net.services if s[0] != net.services[0][0]], 2)
    net.run(120, 160, one, "loss-5 ", gap=2)
    net.run(330, 380, other, "loss-6 ", "loss-8 ", gap=3)


def _server(net: Net) -> None:
    """All services of a server, with all clients."""
    net.background(16)
    host = net.servers[3]
    begin = net.chance.uniform(150, 350)
    for port in (22, 443, 8080, 9092):
        net.run(begin, begin + 45, (host, port), "loss-5 ", "loss-8 ", gap=2)


def _link(net: Net) -> None:
    """Between two hosts everything is lossy, at four services; with others the server is clean."""
    net.background(16)
    host, client = net.servers[3], net.clients[4]
    for port in (22, 443, 8080, 9092):
        net.run(200, 230, (host, port), "loss-5 ", "loss-8 ", gap=7, client=client)
        for other in net.clients[5:9]:
            net.run(195, 235, (host, port), "clean upload 400", "clean download 400", gap=7, client=other)


def _client(net: Net) -> None:
    """All that a client does is lossy, with six services on as many servers; other clients are well."""
    net.background(16)
    for host in net.servers[:6]:
        net.run(200, 245, (host, 443), "loss-5 ", "loss-8 ", gap=4, client=net.clients[4])
        for other in net.clients[5:7]:
            net.run(200, 245, (host, 443), "clean upload 400", "clean download 400", gap=12, client=other)


def _all(net: Net) -> None:
    """Everything that the sensor sees."""
    net.background(16)
    for service in net.services:
        net.run(200, 245, service, "loss-5 ", "loss-6 ", gap=6)


def _noisy(net: Net) -> None:
    net.background(16)
    net.run(0, LENGTH_SECONDS - 12, net.services[0], "loss-1 ", gap=7)


def _rising(net: Net) -> None:
    net.background(16)
    net.run(0, 400, net.services[0], "loss-1 ", gap=7)
    net.run(400, 450, net.services[0], "loss-6 ", gap=2)
    net.run(450, LENGTH_SECONDS - 12, net.services[0], "loss-1 ", gap=7)


def _gaps(net: Net) -> None:
    """Frames are missing in the capture, and none in the network."""
    net.background(60, ("clean upload 400", "clean download 400", "clean dialogue"))
    net.mix.gaps = 0.05, 200, 320


def _gaps_and_spike(net: Net) -> None:
    net.background(16)
    net.run(420, 460, net.services[2], "loss-6 ", gap=2)
    net.mix.gaps = 0.05, 100, 220


def _bursts(net: Net) -> None:
    net.background(16)
    net.run(250, 300, net.services[2], "burst", gap=3)


def _fast(net: Net) -> None:
    """Thousands of packets a second for half a minute, with a loss of 0.1 %, and a spike at one of the services."""
    net.background(40)
    for service in net.services[:4]:
        net.run(260, 285, service, "clean download 1000", "loss-0.1", gap=0.8)
    net.run(260, 290, net.services[6], "loss-5 ", gap=1)


def _sparse(net: Net) -> None:
    """Few packets, some of them lost: too few to be sure."""
    net.background(20, _SMALL)
    for at in (100, 300, 500):
        net.put(at, net.services[0], "talk loss-6", "slow upload loss-6")


def _mixed(net: Net) -> None:
    """Losses with overtaking and copies; and overtaking so late that the kernels send again what had arrived."""
    net.background(16)
    net.run(150, 190, net.services[0], "mixed", gap=2)
    net.run(350, 390, net.services[4], "overtaken", gap=2)


MAKERS: dict[str, Callable[[Net], None]] = {
    "clean, quiet": _quiet,
    "clean, busy": _busy,
    "reordering without loss": _reordered,
    "copies without loss": _doubled,
    "one clean transfer": _alone("clean upload 400"),
    "one upload with 5 %": _alone("loss-5 upload 400 kB 20"),
    "one download with 5 %": _alone("loss-5 download 400 kB 5"),
    "one with 5 %, across windows": _across,
    "a service with 2 %": _one("2"),
    "a service with 3 %": _one("3"),
    "a service with 5 %": _one("5"),
    "a service with 5 %, seldom": _one("5", 9),
    "a service with 6 %": _one("6"),
    "a service with 8 %": _one("8"),
    "a service with 10 %": _one("10"),
    "two services, one after the other": _two,
    "all of a server": _server,
    "all of a server, again": _server,
    "one link": _link,
    "one link, again": _link,
    "one client": _client,
    "one client, again": _client,
    "everything": _all,
    "always 1 %": _noisy,
    "always 1 %, again": _noisy,
    "from 1 % to 6 %": _rising,
    "from 1 % to 6 %, again": _rising,
    "frames missing in the capture": _gaps,
    "frames missing, and a spike later": _gaps_and_spike,
    "a full queue": _bursts,
    "thousands of packets a second": _fast,
    "few packets": _sparse,
    "losses, overtaking and copies": _mixed,
}
"""By name."""


def compose(name: str, seed: int, folder: Path = FOLDER) -> Mix:
    """A scenario, of the transfers in this folder."""
    net = Net(f"{name} {seed}", folder)
    MAKERS[name](net)
    return net.mix
