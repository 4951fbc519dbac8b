"""TLS over all shards: a service that shows a certificate of another issuer, or with another kind of key, than before.

A renewal has the same issuer. A service that shows several in turn (certificates for both kinds of keys, a fleet of
servers behind one address) shows the first one again: it is known by that from then on, and never told.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.engine.anomalies.said_tls import SHOWN
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting

HANDSHAKES = 3
"""How often the one was shown before, and the other since without the one between: less may be turns that are taken."""

MOST_SERVICES = 16_384
"""Services (and names asked for) whose certificates are known; those not seen longest are forgotten."""


_Kind = tuple[str, str]
"""Issuer (its organisation) and kind of key: those of a renewal are the same."""


@dataclass(slots=True)
class _Shown:
    """What a service shows: issuer and kind of key, how often; what else it began to show, and the first of these."""

    issuer: str
    key: str
    count: int = 0
    turns: bool = False
    other: Sighting | None = None
    others: int = 0


class Certificates:
    """Follows which certificates services show. `forgotten` counts services that were forgotten at the cap."""

    takes = (SHOWN,)

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Shown] = OrderedDict()
        self.forgotten = 0

    def tick(self, number: int, now: int, seen: Iterable[Sighting]) -> list[Sighting]:
        """Take what was seen up to the tick."""
        told = []
        services: dict[str, dict[_Kind, list[Sighting]]] = {}
        for one in sorted(seen, key=lambda one: (one.time, one.frame, one.entity, one.value)):
            _, issuer, key, _ = json.loads(one.value)
            services.setdefault(one.entity, {}).setdefault((issuer, key), []).append(one)
        for entity, kinds in services.items():
            shown = self._known.pop(entity, None)
            if shown is None:
                first = next(iter(kinds))
                self._known[entity] = _Shown(*first, count=_handshakes(kinds[first]), turns=len(kinds) > 1)
                continue
            self._known[entity] = shown
            if (shown.issuer, shown.key) in kinds:
                # What else came between these ticks may be the begin of a change, or a turn: the next ticks tell.
                shown.count += _handshakes(kinds[shown.issuer, shown.key])
                shown.turns = shown.turns or shown.other is not None
                shown.other, shown.others = None, 0
            elif len(kinds) > 1:
                shown.turns = True
            elif not shown.turns:
                ((kind, ones),) = kinds.items()
                if shown.other is None or _kind(shown.other) != kind:
                    shown.other, shown.others = ones[0], 0
                shown.others += _handshakes(ones)
                if shown.others >= HANDSHAKES:
                    if shown.count >= HANDSHAKES:
                        told.append(_changed(number, shown))
                    self._known[entity] = _Shown(*kind, count=shown.others)
        while len(self._known) > MOST_SERVICES:
            self._known.popitem(last=False)
            self.forgotten += 1
        return told

    def state(self) -> Tree:
        """All that is known."""
        return {"forgotten": self.forgotten, "known": [
            [entity, s.issuer, s.key, s.count, s.turns, s.others,
             [s.other.frame, s.other.time, s.other.filter, s.other.value] if s.other else None]
            for entity, s in self._known.items()
        ]}  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._known, self.forgotten = OrderedDict(), state["forgotten"]
        for entity, issuer, key, count, turns, others, other in state["known"]:
            one = other and Sighting(SHOWN, 0, other[0], other[1], entity, "", other[2], 1, other[3])
            self._known[entity] = _Shown(issuer, key, count, turns, one, others)


def _kind(seen: Sighting) -> _Kind:
    _, issuer, key, _ = json.loads(seen.value)
    return issuer, key


def _handshakes(seen: Iterable[Sighting]) -> int:
    return sum(one.count for one in seen)


def _changed(number: int, shown: _Shown) -> Sighting:
    first = shown.other
    assert first is not None
    _, issuer, key, subject = json.loads(first.value)
    return Sighting(
        "tls-certificate-changed", number - 1, first.frame, first.time, first.entity,
        f"{first.entity} shows a certificate of {subject or 'nobody'} by {issuer or 'nobody'} with key {key},"
        f" before one by {shown.issuer or 'nobody'} with key {shown.key}", first.filter,
    )  # fmt: skip
