"""Queries and responses of DNS as hosts in trouble send them, and as busy hosts do that are in none."""

from __future__ import annotations

import random
from base64 import b32encode
from collections.abc import Sequence
from ipaddress import ip_address

from tests.exchanges.dns_bytes import ASKED, query, record, response, texts
from tests.exchanges.hear import Frame, answer, ask

A, TXT = 1, 16


def addresses(*found: str) -> list[bytes]:
    """Records of addresses for the name asked for."""
    return [record(ASKED, A, ip_address(one).packed) for one in found]


def asked(name: str, at: float, *answers: bytes, kind: int = A, rcode: int = 0, ident: int = 1, port: int = 40_000,
          client: str = "10.0.0.1") -> list[Frame]:  # fmt: skip
    """A query and its response 10 ms later."""
    back = response(name, *answers, kind=kind, ident=ident, flags=0x8180 | rcode)
    return [
        ask(query(name, kind, ident=ident), at, src=client, srcport=port),
        answer(back, at + 0.01, src=client, srcport=port),
    ]


def tunnel(queries: int = 120, seconds: float = 55.0, size: int = 60, domain: str = "t.example.org") -> list[Frame]:
    """Data in names, `size` bytes each, and back in texts; from ports in turn, as resolvers have them."""
    chance, frames = random.Random(1), list[Frame]()
    for k in range(queries):
        data = b32encode(chance.randbytes(size)).decode().rstrip("=").lower()
        labels = ".".join(data[at : at + 50] for at in range(0, len(data), 50))
        back = record(ASKED, TXT, texts(chance.randbytes(90).hex().encode()))
        frames += asked(f"{labels}.{domain}", k * seconds / queries, back, kind=TXT, ident=k, port=40_000 + k)
    return frames


def checks(count: int = 25) -> list[Frame]:
    """Files that an antivirus asks about in a minute: names like those of a tunnel, but few."""
    chance, frames = random.Random(2), list[Frame]()
    for k in range(count):
        name = f"{chance.randbytes(16).hex()}.files.av.example.com"
        frames += asked(name, 2.0 * k, *addresses("127.0.0.4"), ident=k, port=41_000 + k)
    return frames


def long_but_usual() -> list[Frame]:
    """A thousand long names in a minute that are no data: reverse lookups, lists of senders, hosts named by their
    address, and one long name of a CDN again and again."""
    frames = list[Frame]()
    for k in range(250):
        ip = f"{k}.7.113.203"
        nibbles = ".".join(f"{k:032x}")
        at, port = 0.2 * k, 42_000 + k
        frames += asked(f"{nibbles}.ip6.arpa", at, kind=12, rcode=3, ident=k, port=port)
        frames += asked(f"{ip}.spam.list.dnsbl.example.net", at + 0.05, rcode=3, ident=k, port=port + 1000)
        frames += asked(f"ec2-203-0-113-{k}.eu-central-1.compute.example.com", at + 0.1, *addresses("203.0.113.1"),
                        ident=k, port=port + 2000)  # fmt: skip
        frames += asked("d1x2y3z4a5b6c7.frankfurt-edge-cluster.cdn.example.net", at + 0.15,
                        *addresses("203.0.113.2"), ident=k, port=port + 3000)  # fmt: skip
    return frames


def names(count: int, seconds: float, rcode: int = 3, seed: int = 3) -> list[Frame]:
    """Names of different domains, as malware makes them to find its server."""
    chance, frames = random.Random(seed), list[Frame]()
    for k in range(count):
        name = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=12)) + ".com"
        found = addresses("203.0.113.9") if rcode == 0 else ()
        frames += asked(name, k * seconds / count, *found, rcode=rcode, ident=seed * 1000 + k, port=44_000 + k % 4000)
    return frames


def race(first: Sequence[str], second: Sequence[str], *, name: str = "www.example.com", codes: tuple[int, int] = (0, 0),
         sent: int = 1) -> list[Frame]:  # fmt: skip
    """A query, sent so often, with two responses, the second 20 ms after the first."""
    frames = [ask(query(name, ident=7), 0.001 * k) for k in range(sent)]
    for at, found, rcode in ((0.02, first, codes[0]), (0.04, second, codes[1])):
        frames.append(answer(response(name, *addresses(*found), ident=7, flags=0x8180 | rcode), at))
    return frames
