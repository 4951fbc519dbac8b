"""DNS over all shards: data that goes through names, and names that do not exist.

A tunnel puts data into names that nobody asks for twice, far more than anything else does; so what counts is how many
different long names of one domain a client asks for in a minute, how many characters they have, and how much these
tell. The shards leave out what is long but tells an address: reverse lookups, senders' lists, hosts named by theirs.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pipeline.detect.anomalies.words import address_of
from pipeline.engine.anomalies.said_dns import LONG_NAMES, NXDOMAINS, SAMPLE
from pipeline.engine.anomalies.said_rows import MINUTE, is_of
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PART_KINDS

TUNNEL_NAMES = 50
"""Different long names of one domain in a minute. Checks of files and senders by antivirus and mail filters ask for
fewer, or for shorter ones."""
TUNNEL_BYTES = 2500
"""Characters of these names before the domain, in a minute: 400 bits a second."""
TUNNEL_DIFFER = 0.7
"""Share of the queries for names that no other query was for: what is no data is asked for again."""
TUNNEL_BITS = 3.0
"""Bits of entropy of a character, in the mean: encoded data have 3.3 (hexadecimal) and more, repeated words less."""

NXDOMAIN_NAMES = 100
"""Different names in a minute that do not exist."""
NXDOMAIN_SHARE = 0.5
"""Of the client's queries, so many ask for such: a resolver, or a mail server, asks for far more that do."""

MOST_COUNTED = 65_536
"""Clients and domains that are counted at a time; those that came first are forgotten for more."""
PAST_MINUTES = 3
"""Minutes that are still counted when a later one has begun: an unanswered query is told late."""

_EXCHANGES = PART_KINDS.index("exchanges")
_WORST_HASH = 2**52

_Key = tuple[str, str, str, int]
"""Observation, client, domain, minute."""


@dataclass(slots=True)
class _Counted:
    """Sums, the least hashes of names, first time and frame, and how many queries were told."""

    total: list[int]
    sample: set[int] = field(default_factory=set)
    first: tuple[int, int] = (2**63, 0)
    told: int = 0

    @property
    def names(self) -> int:
        """How many different names (within 6 % where there are more than the sample holds)."""
        if len(self.sample) < SAMPLE:
            return len(self.sample)
        return (SAMPLE - 1) * _WORST_HASH // max(self.sample)


class DnsNames:
    """Joins what shards counted of a client's names; says at each tick where it is too much. `forgotten` counts what
    was forgotten at the cap."""

    takes = (LONG_NAMES, NXDOMAINS)

    def __init__(self) -> None:
        self._counted: OrderedDict[_Key, _Counted] = OrderedDict()
        self._asked: OrderedDict[tuple[str, int], int] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        """Of how many clients, domains and minutes something is kept."""
        return len(self._counted) + len(self._asked)

    def parts(self, parts: Columns, rows: slice) -> None:
        """Count the queries of each client: `rows` are those of one tick."""
        queries = parts.values("shoal.dns.queries")[rows].view("i4")
        which = np.flatnonzero((parts.values("shoal.part.kind")[rows] == _EXCHANGES) & (queries != 0))
        if not len(which):
            return
        minutes = parts.values("shoal.window.time")[rows].view("i8")[which] // MINUTE
        clients = np.ascontiguousarray(parts.values("shoal.a.address")[rows][which])
        keys = np.zeros(len(which), [("client", "V16"), ("minute", "<i8")])
        keys["client"], keys["minute"] = clients.view("V16")[:, 0], minutes
        found, at = np.unique(keys.view("V24"), return_inverse=True)
        sums = np.bincount(at, queries[which], len(found)).astype(np.int64)
        for key, count in zip(found.view(keys.dtype).tolist(), sums.tolist(), strict=True):
            who = address_of(key[0]), key[1]
            self._asked[who] = self._asked.get(who, 0) + count
        while len(self._asked) > MOST_COUNTED:
            self._asked.popitem(last=False)

    def tick(self, number: int, now: int, seen: Iterable[Sighting]) -> list[Sighting]:
        """Take what was seen up to the tick."""
        touched: set[_Key] = set()
        for one in seen:
            domain, minute, total, sample = json.loads(one.value)
            key = one.name, one.entity, domain, minute
            found = self._counted.get(key)
            if found is None:
                if len(self._counted) >= MOST_COUNTED:
                    self._counted.popitem(last=False)
                    self.forgotten += 1
                found = self._counted[key] = _Counted([0] * len(total))
            found.total = [a + b for a, b in zip(found.total, total, strict=True)]
            found.sample = set(sorted(found.sample.union(sample))[:SAMPLE])
            found.first = min(found.first, (one.time, one.frame))
            touched.add(key)
        told = [
            sighting for key in sorted(touched) if key in self._counted
            if (sighting := (self._tunnel if key[0] == LONG_NAMES else self._nxdomain)(number, key, self._counted[key]))
        ]  # fmt: skip
        old = now // MINUTE - PAST_MINUTES
        for gone in [key for key in self._counted if key[3] <= old]:
            del self._counted[gone]
        for late in [key for key in self._asked if key[1] <= old]:
            del self._asked[late]
        return told

    def _tunnel(self, number: int, key: _Key, found: _Counted) -> Sighting | None:
        queries, size, bits, bulky = found.total
        names = found.names
        if (
            names < TUNNEL_NAMES or size < TUNNEL_BYTES or names < TUNNEL_DIFFER * queries
            or bits < 1000 * TUNNEL_BITS * queries
        ):  # fmt: skip
            return None
        _, who, domain, _ = key
        text = (f"{who} asked in a minute for about {names} names of {domain} with {size // queries} characters each"
                f" before it; {100 * bulky // queries} % of the queries were for types that carry much")  # fmt: skip
        asked = domain.replace("\\", "\\\\").replace('"', '\\"')
        return _told("dns-tunnel", number, found, who, text, f'{is_of(who)} && dns.qry.name contains "{asked}"')

    def _nxdomain(self, number: int, key: _Key, found: _Counted) -> Sighting | None:
        names, (nxdomains,) = found.names, found.total
        _, who, _, minute = key
        # Where no queries were counted, those that are known are all.
        asked = max(nxdomains, self._asked.get((who, minute), 0))
        if names < NXDOMAIN_NAMES or nxdomains < NXDOMAIN_SHARE * asked:
            return None
        text = f"{who} asked in a minute for about {names} names that do not exist, by {nxdomains} of {asked} queries"
        return _told("nxdomain-burst", number, found, who, text, f"{is_of(who)} && dns.flags.rcode == 3")

    def state(self) -> Tree:
        """All that is known."""
        return {
            "counted": [[*key, c.total, sorted(c.sample), list(c.first), c.told] for key, c in self._counted.items()],
            "asked": [[*key, count] for key, count in self._asked.items()], "forgotten": self.forgotten,
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._counted = OrderedDict(
            ((name, who, domain, minute), _Counted(total, set(sample), (first[0], first[1]), told))
            for name, who, domain, minute, total, sample, first, told in state["counted"]
        )
        self._asked = OrderedDict(((who, minute), count) for who, minute, count in state["asked"])
        self.forgotten = state["forgotten"]


def _told(name: str, number: int, found: _Counted, entity: str, said: str, shows: str) -> Sighting:
    """The sighting: its count is that of the queries not told before."""
    count, found.told = found.total[0] - found.told, found.total[0]
    return Sighting(name, number - 1, found.first[1], found.first[0], entity, said, shows, max(1, count))
