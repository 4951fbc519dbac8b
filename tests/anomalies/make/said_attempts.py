"""Connection attempts and what comes of them: as frames, and as the parts that shards count of these."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.engine.exchanges.rows import fill
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PARTS
from tests.exchanges.hear import BEGIN, SECOND, Frame, Talk

ANSWERED, REFUSED, UNANSWERED, HALF_OPEN, RESET = "answered", "refused", "unanswered", "half open", "reset"
WINDOW = 10


@dataclass(frozen=True)
class Attempt:
    """A client that tries a service `at` seconds after BEGIN."""

    at: float
    client: str
    server: str
    port: int
    outcome: str
    srcport: int = 40_000


def frames_of_attempts(attempts: Iterable[Attempt]) -> list[Frame]:
    """The segments of all attempts, in the order of their times."""
    frames: list[Frame] = []
    for one in attempts:
        talk = Talk(one.port, client=one.client, server=one.server, srcport=one.srcport, at=one.at)
        if one.outcome in (ANSWERED, RESET):
            talk.open().client(b"GET / HTTP/1.0\r\n\r\n")
            if one.outcome == RESET:
                talk._flags(1, 0x14)
            else:
                talk.server(b"HTTP/1.0 200 OK\r\n\r\n").close()
        else:
            talk._flags(0, 0x02)
            talk.seq[0] += 1
            if one.outcome == REFUSED:
                talk.seq[1] = 0
                talk._flags(1, 0x14)
            elif one.outcome == HALF_OPEN:
                talk._flags(1, 0x12)
        frames += talk.frames
    return sorted(frames, key=lambda frame: frame[0])


def _address(text: str) -> bytes:
    found = ipaddress.ip_address(text)
    return found.packed if found.version == 6 else bytes(10) + b"\xff\xff" + found.packed


def parts_of_attempts(attempts: Iterable[Attempt]) -> Columns:
    """What shards count of them; each window is told at the tick that ends it, number 1 being that of the first."""
    rows: list[dict[str, Any]] = []
    for one in sorted(attempts, key=lambda one: one.at):
        window = int(one.at // WINDOW)
        row: dict[str, Any] = {
            "shoal.window.tick": window + 1, "shoal.window.time": BEGIN + window * WINDOW * SECOND,
            "shoal.part.kind": 0, "ip.proto": 6, "shoal.a.address": _address(one.client),
            "shoal.b.address": _address(one.server), "shoal.a.port": one.srcport, "shoal.b.port": one.port,
            "shoal.server": 2, "shoal.a.packets": 1, "shoal.a.syns": 1, "shoal.flows_opened": 1,
        }  # fmt: skip
        row |= {
            ANSWERED: {"shoal.a.packets": 5, "shoal.a.segments": 1, "shoal.b.packets": 4, "shoal.b.segments": 1},
            REFUSED: {"shoal.b.packets": 1, "shoal.b.resets": 1, "shoal.a.refused": 1},
            UNANSWERED: {"shoal.a.syns_unanswered": 1},
            HALF_OPEN: {"shoal.b.packets": 1},
            RESET: {"shoal.a.packets": 3, "shoal.a.segments": 1, "shoal.b.packets": 2, "shoal.b.resets": 1},
        }[one.outcome]
        rows.append(row)
    return fill(PARTS, rows)


def scan_of_ports(ports: int = 100, seconds: float = 5.0, *, opened: int = 2, outcome: str = REFUSED,
                  client: str = "10.0.0.66", server: str = "10.0.0.2", at: float = 0.0) -> list[Attempt]:  # fmt: skip
    """One client tries ports from 1 on, of which the last ones answer."""
    return [
        Attempt(at + k * seconds / ports, client, server, 1 + k, ANSWERED if k >= ports - opened else outcome,
                50_000 + k % 10_000)
        for k in range(ports)
    ]  # fmt: skip


def scan_of_hosts(hosts: int = 100, seconds: float = 5.0, *, answer: int = 5, port: int = 22,
                  client: str = "10.0.0.66", outcome: str = UNANSWERED) -> list[Attempt]:  # fmt: skip
    """One client tries a port of hosts, of which the last ones answer."""
    return [
        Attempt(k * seconds / hosts, client, f"10.0.{1 + k // 250}.{1 + k % 250}", port,
                ANSWERED if k >= hosts - answer else outcome, 50_000 + k)
        for k in range(hosts)
    ]  # fmt: skip


def flood(attempts: int = 1000, seconds: float = 8.0, outcome: str = HALF_OPEN, port: int = 80) -> list[Attempt]:
    """SYNs from addresses that are made up."""
    chance = random.Random(4)
    return [
        Attempt(k * seconds / attempts, str(ipaddress.IPv4Address(chance.randrange(1 << 24, 223 << 24))), "10.0.0.2",
                port, outcome, chance.randrange(1024, 65_536))
        for k in range(attempts)
    ]  # fmt: skip


def clients(count: int, seconds: float, outcome: str = ANSWERED, *, port: int = 443, at: float = 0.0,
            server: str = "10.0.0.2", hosts: int = 50, srcport: int = 30_000) -> list[Attempt]:  # fmt: skip
    """Clients of a service, from `hosts` addresses in turn, and from ports in turn."""
    return [
        Attempt(at + k * seconds / count, f"10.0.9.{1 + k % hosts}", server, port, outcome, srcport + k)
        for k in range(count)
    ]  # fmt: skip
