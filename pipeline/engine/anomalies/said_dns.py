"""DNS: answers to one query that differ, and what a client asks for that is long, or does not exist.

Whether the latter are too many can be told only by all shards together (`pipeline.detect.anomalies.dns`): a client's
queries come from many ports. So a shard sums them by client and minute. Only names that may carry data are summed, and
only answers that a name does not exist: of most queries nothing is told.
"""

from __future__ import annotations

import json
import math
import re
from hashlib import blake2b

from pipeline.engine.anomalies.said_rows import (
    MINUTE,
    Row,
    client,
    server,
    sighting_of,
    sighting_state,
    stream,
)
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting

LONG_NAMES = "dns-long-names"
"""Observation: a client's queries of a minute for long names of one domain."""
NXDOMAINS = "dns-nxdomains"
"""Observation: a client's names of a minute that do not exist."""

LONG_BYTES = 24
"""Characters before the registered domain from which on a name may carry data: 14 bytes in base32, and tunnels put
more than twice that into one."""

SAMPLE = 256
"""Hashes of names that are kept of each minute, the smallest ones: so names are counted, and two counts joined."""

_SECOND_LEVEL = frozenset({
    "ac", "co", "com", "edu", "gob", "gouv", "gov", "go", "gv", "id", "ltd", "mil", "ne", "net", "nom", "or", "org",
    "plc", "sch",
})  # fmt: skip
"""Labels under which registries of countries register names."""

# Four numbers as hosts are named by their addresses, or lists of senders (DNSBL, RFC 5782) asked.
_ADDRESS = re.compile(r"(?:^|[^0-9])\d{1,3}([-._])\d{1,3}\1\d{1,3}\1\d{1,3}(?:[^0-9]|$)")
_TWO_NUMBERS = re.compile(r"\d[-._]\d")
_MANY = 16
_NIBBLES = re.compile(rf"(?:[0-9a-f]\.){{{_MANY},}}")
# NULL, and of the private ones that which tunnels use: no others ask for them.
_RAW_TYPES = (10, 65_399)
_BULKY = (*_RAW_TYPES, 5, 15, 16, 33)
_A, _AAAA, _PTR = 1, 28, 12
_TRUNCATED = 0x0200
_NXDOMAIN = 3

Counts = list[int]
"""Queries, characters of names before the domain, bits of entropy of these times 1,000, queries of bulky types."""


def registered_domain(name: str) -> str:
    """The domain that a name is registered under, as far as its labels tell: the last two, or three under `co.uk` and
    the like. That is too wide for some suffixes, never too narrow: names are summed by it, no more."""
    labels = name.lower().rstrip(".").split(".")
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-keep:])


# n times its logarithm in whole numbers, so that a sum does not depend on its order. A name has 255 bytes,
# each of which may be written as four characters.
_SCALE = 1 << 32
_N_LOG_N = [0, *(round(n * math.log2(n) * _SCALE) for n in range(1, 1024))]


def entropy(text: str) -> float:
    """Bits for each character, of a name (its first 1,023), to 6 digits."""
    if not text:
        return 0.0
    text = text[: len(_N_LOG_N) - 1]
    bits = _N_LOG_N[len(text)] - sum(map(_N_LOG_N.__getitem__, map(text.count, set(text))))
    return round(bits / (_SCALE * len(text)), 6)


def hash_of(name: str) -> int:
    """52 bits of a name's hash: JSON and snapshots hold them."""
    data = name.lower().encode("utf-8", "backslashreplace")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") >> 12


def _is_address(name: str) -> bool:
    """Whether a name holds an address; what is asked first is quick, and most names don't pass it."""
    if _TWO_NUMBERS.search(name) and _ADDRESS.search(name):
        return True
    return name.count(".") >= _MANY and _NIBBLES.search(name.lower()) is not None


class Names:
    """Counts names by who asks in which minute. Sums and samples can be joined in any order. They are taken behind each
    batch, so that there are no more than it has rows."""

    def __init__(self) -> None:
        # (observation, tick, client, domain, minute): counts, sample, and first time and frame.
        self._counted: dict[tuple[str, int, str, str, int], tuple[Counts, set[int], list[int]]] = {}

    def add(self, key: tuple[str, int, str, str, int], name: str, counts: Counts, time: int, frame: int) -> None:
        """A query."""
        found = self._counted.get(key)
        if found is None:
            found = self._counted[key] = ([0] * len(counts), set(), [time, frame])
        total, sample, first = found
        for at, count in enumerate(counts):
            total[at] += count
        first[:] = min(first, [time, frame])
        sample.add(hash_of(name))
        if len(sample) > SAMPLE:
            sample.remove(max(sample))

    def take(self) -> list[Sighting]:
        """What was counted, as observations; it is forgotten here."""
        counted, self._counted = self._counted, {}
        return [
            Sighting(name, tick, first[1], first[0], who, count=total[0],
                     value=json.dumps([domain, minute, total, sorted(sample)], separators=(",", ":")))
            for (name, tick, who, domain, minute), (total, sample, first) in counted.items()
        ]  # fmt: skip

    def state(self) -> Tree:
        """All that is known."""
        return {"counted": [[*key, total, sorted(sample), first]
                            for key, (total, sample, first) in self._counted.items()]}  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` told."""
        self._counted = {
            (name, tick, who, domain, minute): (total, set(sample), first)
            for name, tick, who, domain, minute, total, sample, first in state["counted"]
        }


class SaidDns:
    """Looks at rows of the record `dns_states`."""

    def __init__(self) -> None:
        self._names = Names()
        self._races: list[Sighting] = []

    def row(self, name: str, row: Row, tick: int) -> None:
        """A row of the record `name`, behind the window tick `tick`."""
        if name != "dns_states" or row.get("shoal.dns.protocol") != "DNS":
            return
        if "first response" in row:
            self._race(row, tick)
            return
        asked = row.get("dns.qry.name")
        if not asked or "shoal.request_frame" not in row:
            return
        kind = row.get("dns.qry.type", 0)
        if kind == _PTR:
            # Its names are long, and as often not there as not.
            return
        domain, left, unknown = "", "", row.get("dns.flags.rcode") == _NXDOMAIN
        raw = kind in _RAW_TYPES
        if raw or len(asked) > LONG_BYTES:
            domain = registered_domain(asked)
            left = asked[: max(0, len(asked) - len(domain) - 1)]
        if not (unknown or raw or len(left) >= LONG_BYTES):
            return
        who, time, frame = client(row), row["shoal.first_time"], row["shoal.first_frame"]
        usual = _is_address(asked)
        if unknown and not usual:
            self._names.add((NXDOMAINS, tick, who, "", time // MINUTE), asked, [1], time, frame)
        if raw or (len(left) >= LONG_BYTES and not usual):
            self._names.add((LONG_NAMES, tick, who, domain, time // MINUTE), asked,
                            [1, len(left), round(1000 * entropy(left)), int(kind in _BULKY)], time, frame)  # fmt: skip

    def _race(self, row: Row, tick: int) -> None:
        """A second response to one query: whether it leads elsewhere than the first."""
        if not row["first response"] or "udp.stream" not in row:
            return
        _, first, flags, again = row["first response"]
        second, now = row.get("dns_answer.data", []), row.get("dns.flags", 0)
        # What was asked twice may be answered twice; what was cut says nothing.
        if again or (flags | now) & _TRUNCATED or row.get("dns.qry.type") not in (_A, _AAAA):
            return
        codes = flags & 15, now & 15
        if set(codes) - {0, _NXDOMAIN} or (codes[0] == codes[1] and (set(first) & set(second) or first == second)):
            return
        words = [" and ".join(data) if data else "no address" if code == 0 else "no such name"
                 for data, code in ((first[:3], codes[0]), (second[:3], codes[1]))]  # fmt: skip
        who, asked, whom = client(row), row.get("dns.qry.name", ""), server(row)
        self._races.append(Sighting(
            "dns-race", tick, row["shoal.first_frame"], row["shoal.first_time"], who,
            f"{who} asked {whom} once for {asked}, and was answered {words[0]}, then {words[1]}",
            f"{stream(row)} && dns.id == 0x{row.get('dns.id', 0):04x}",
        ))  # fmt: skip

    def take(self) -> list[Sighting]:
        """What was seen since this was asked last."""
        races, self._races = self._races, []
        return [*races, *self._names.take()]

    def state(self) -> Tree:
        """All that is known."""
        return {"names": self._names.state(), "races": [sighting_state(one) for one in self._races]}

    def restore(self, state: Tree) -> None:
        """Know what `state` told."""
        self._names.restore(state["names"])
        self._races = [sighting_of(one) for one in state["races"]]
