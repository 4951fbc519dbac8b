"""Which entities explain the others: many windows that a rule raises at once become few alerts.

The narrowest entity that explains what is seen is taken: a service; of several services a pair that they all go
between, or the host that they share; the sensor where most of what it sees is concerned. What is explained is taken out
of the wider entities, and what is left there is judged again: a host is an alert of its own only for what its services
and pairs do not explain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipeline.detect.alerts.talks import Bools, Talks
from pipeline.detect.rules.declared import Rule
from pipeline.detect.rules.entities import NOBODY, Entity
from pipeline.detect.rules.expression import Values
from pipeline.detect.rules.judge import beyond, enough, figure
from pipeline.schema.windows import KINDS

SENSOR, HOST, SERVICE, PAIR = (KINDS.index(kind) for kind in ("sensor", "host", "service", "pair"))
MOSTLY = 0.8
"""An entity belongs to another when this share of what it is raised for is of conversations of that one."""
SENSOR_LEAST = 3
"""Services, or pairs, that must be raised before the sensor is taken for all of them."""
_ORDER = (SERVICE, PAIR, HOST, SENSOR)
"""Narrower ones first."""


@dataclass(slots=True)
class Group:
    """An entity that an alert is to be about, and the raised ones that it explains."""

    entity: Entity
    members: list[Entity] = field(default_factory=list)


class Explained:
    """What conversations make of a rule's figure, and which of them are explained by now."""

    def __init__(self, rule: Rule, talks: Talks) -> None:
        self._rule = rule
        self._talks = talks
        self._masks: dict[Entity, Bools] = {}
        self._out = np.zeros(talks.size, bool)
        of = rule.numerator if rule.kind == "ratio" else rule.value
        if rule.additive and of is not None and talks.size:
            self._bad: Values = np.nan_to_num(of.of(talks.get()))
        else:
            # Figures that can't be told of a conversation: each counts alike.
            self._bad = np.ones(talks.size)

    def mask(self, entity: Entity) -> Bools:
        """The conversations of the entity."""
        if entity not in self._masks:
            self._masks[entity] = self._talks.among(entity)
        return self._masks[entity]

    def weight(self, entity: Entity) -> float:
        """How much of what the rule is about is the entity's."""
        return float(self._bad[self.mask(entity)].sum())

    def share(self, entity: Entity, of: Entity) -> float:
        """Which share of what `entity` is raised for is of conversations of `of` too."""
        mine = self.mask(entity)
        whole = float(self._bad[mine].sum())
        return float(self._bad[mine & self.mask(of)].sum()) / whole if whole > 0 else 0.0

    def take_out(self, entity: Entity) -> None:
        """The entity's conversations are explained."""
        self._out |= self.mask(entity)

    def left(self, entity: Entity) -> bool:
        """Whether what is not explained of the entity would be raised by itself."""
        mine = self.mask(entity)
        if not self._talks.size or not mine.any():
            return not (self._out.any() and entity.kind == SENSOR)
        return not (mine & self._out).any() or self._raised(mine & ~self._out)

    def goes_on(self, entity: Entity, wider: Entity) -> bool:
        """Whether `wider` has most of what `entity` is raised for, and would be raised without it too."""
        rest = self.mask(wider) & ~self.mask(entity) & ~self._out
        return self.share(entity, wider) >= MOSTLY and bool(rest.any()) and self._raised(rest)

    def _raised(self, rest: Bools) -> bool:
        """Whether these conversations alone would be raised."""
        if not self._rule.additive:
            return False
        get = self._talks.get()
        summed = lambda name: np.array([get(name)[rest].sum()])  # noqa: E731
        of = figure(self._rule, summed)
        with np.errstate(invalid="ignore"):
            return bool((enough(self._rule, summed, of) & beyond(self._rule, summed, of))[0])

    def worst_pairs(self, entity: Entity, most: int = 3) -> list[tuple[bytes, bytes]]:
        """The pairs of hosts, the lesser first, of the entity's worst conversations."""
        mine = np.flatnonzero(self.mask(entity))
        ends = [half for side in ("a", "b") for half in self._talks.cells(f"shoal.{side}.address")[mine].T]
        # Ties by address: parts come in no order.
        worst = mine[np.lexsort((*ends, -self._bad[mine]))[:64]]
        found: dict[tuple[bytes, bytes], float] = {}
        for part in worst.tolist():
            client, _, server, _ = self._talks.ends(part)
            pair = (min(client, server), max(client, server))
            found[pair] = found.get(pair, 0.0) + float(self._bad[part])
        return sorted(found, key=lambda pair: (-found[pair], pair))[:most]

    def nearest(self, entity: Entity, groups: list[Group]) -> Group | None:
        """The group whose entity has most of this one's conversations."""
        best = max(groups, key=lambda group: (self.share(entity, group.entity), -groups.index(group)), default=None)
        return best if best and self.share(entity, best.entity) > 0 else None


def grouped(rule: Rule, raised: list[Entity], opened: list[Entity], judged: int, talks: Talks) -> list[Group]:
    """Groups of the `raised` entities. `opened` are those of which an alert is open: they take what they explain.
    `judged` is how many services had traffic enough to be judged."""
    if not rule.group:
        return [Group(entity, [entity]) for entity in raised]
    explained = Explained(rule, talks)
    groups = [Group(entity) for entity in opened]
    for entity in opened:
        explained.take_out(entity)
    waiting: list[Entity] = []
    for entity in sorted(raised, key=lambda of: (_ORDER.index(of.kind), of)):
        same = next((group for group in groups if group.entity == entity), None)
        if same is None and explained.left(entity):
            waiting.append(entity)
        elif near := same or explained.nearest(entity, groups):
            near.members.append(entity)
    for kind in _ORDER:
        rest = _left([of for of in waiting if of.kind == kind], explained, groups)
        if kind in (SERVICE, PAIR):
            rest = _common(rule, rest, judged if kind == SERVICE else 0, explained, groups)
            wider = _ORDER[_ORDER.index(kind) + 1 : -1]
            rest = _within(rest, [of for of in waiting if of.kind in wider], explained, groups)
        # What weighs most may explain the others of its kind: the client is a host too.
        for entity in sorted(rest, key=lambda of: (-explained.weight(of), of)):
            for alone in _left([entity], explained, groups):
                groups.append(Group(alone, [alone]))
                explained.take_out(alone)
    return [group for group in groups if group.members]


def _left(entities: list[Entity], explained: Explained, groups: list[Group]) -> list[Entity]:
    """Those of the entities that the groups do not explain; the others join them."""
    left = []
    for entity in entities:
        near = None if explained.left(entity) else explained.nearest(entity, groups)
        if near:
            near.members.append(entity)
        elif explained.left(entity):
            left.append(entity)
    return left


def _within(
    entities: list[Entity], wider: list[Entity], explained: Explained, groups: list[Group]
) -> list[Entity]:
    """Makes groups of the wider entities of which one that is left is only a part: the lossy link of a service."""
    left = []
    for entity in entities:
        whole = next((of for of in wider if explained.goes_on(entity, of)), None)
        if whole is None:
            left.append(entity)
        else:
            groups.append(Group(whole, [whole, entity]))
            explained.take_out(whole)
    return left


def _common(
    rule: Rule, entities: list[Entity], judged: int, explained: Explained, groups: list[Group]
) -> list[Entity]:
    """Makes groups of two and more of the entities that share a pair or a host; those that share none come back."""
    rest = list(entities)
    while len(rest) > 1:
        best, members = _widest(rule, rest, explained)
        if (
            "sensor" in rule.entities and len(rest) >= SENSOR_LEAST and judged and len(rest) > judged / 2
            and len(members) < MOSTLY * len(rest)
        ):
            best, members = Entity(SENSOR), rest
        if best is None or len(members) < 2:
            break
        groups.append(Group(best, list(members)))
        explained.take_out(best)
        rest = [entity for entity in rest if entity not in members]
    return rest


def _widest(rule: Rule, entities: list[Entity], explained: Explained) -> tuple[Entity | None, list[Entity]]:
    """The pair or host that has most of the entities; of equal ones the pair, then the one that serves."""
    found: list[tuple[int, int, int, Entity, list[Entity]]] = []
    for wider in explained_by(rule, entities, explained):
        members = [of for of in entities if explained.share(of, wider) >= MOSTLY]
        serves = sum(of.host == wider.host for of in members)
        found.append((len(members), wider.kind == PAIR, serves, wider, members))
    if not found:
        return None, []
    best = max(found, key=lambda of: (*of[:3], tuple(-byte for byte in of[3].host + of[3].peer)))
    return best[3], best[4]


def explained_by(rule: Rule, entities: list[Entity], explained: Explained) -> list[Entity]:
    """Pairs and hosts that could explain the entities: those of their worst conversations."""
    found: dict[Entity, None] = {}
    for entity in entities:
        for host, peer in explained.worst_pairs(entity):
            if "pair" in rule.entities and entity.kind != PAIR:
                found[Entity(PAIR, host, peer)] = None
            if "host" in rule.entities:
                found[Entity(HOST, host)] = None
                found[Entity(HOST, peer)] = None
    return [of for of in found if of.host != NOBODY]
