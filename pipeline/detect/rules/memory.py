"""What a rule keeps of each entity from window to window: the values before, and what was learnt of them.

Entities are known by their keys (`entities.keys`); each array has one cell, or row, for each, and room for more. Beside
what was learnt of an entity at any time stands what was learnt of it at each hour of the day, under keys of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.rules.entities import mixed
from pipeline.engine.snapshot import Tree

MOST_ENTITIES = 200_000
"""Entities, and entities at an hour, that a rule keeps something of; beyond, half are forgotten: the longest silent."""
HOUR = 3_600 * 10**9
OTHER_DAY = 20 * HOUR
"""From its first window to its last, what an hour of the day was learnt in must span more than one day."""
_NEVER = -(2**63)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Memory:
    """`last` and `first`: begin (ns) of the newest and the oldest window; `learnt`: how many windows were learnt, as
    far as they weighed; `mean`, `var`: of the figure; `means` (entities, columns): of the rule's columns; `ring`
    (entities, depth, columns): values of the windows before, the newest first, NaN for none; `who` uint8 (entities,
    36): the entity itself, where `named`."""

    def __init__(self, columns: int, depth: int, named: bool = False) -> None:
        self.forgotten = 0
        self._shape = (columns, depth, 36 if named else 0)
        self._empty()

    def _empty(self) -> None:
        columns, depth, who = self._shape
        self._size = 0
        self._sorted = np.zeros(0, np.uint64)
        self._slot: Ints = np.zeros(0, np.int64)
        self.key = np.zeros(0, np.uint64)
        self.last: Ints = np.zeros(0, np.int64)
        self.first: Ints = np.zeros(0, np.int64)
        self.learnt: Floats = np.zeros(0)
        self.mean: Floats = np.zeros(0)
        self.var: Floats = np.zeros(0)
        self.means: Floats = np.zeros((0, columns))
        self.ring: Floats = np.zeros((0, depth, columns))
        self.who = np.zeros((0, who), np.uint8)

    _ARRAYS = ("key", "last", "first", "learnt", "mean", "var", "means", "ring", "who")

    def room(self, keys: NDArray[np.uint64]) -> bool:
        """Whether all of `keys` can be kept besides those that are."""
        if self._size + len(keys) <= MOST_ENTITIES:
            return True
        return self._size + int((~np.isin(np.unique(keys), self._sorted)).sum()) <= MOST_ENTITIES

    def forget(self) -> None:
        """Forget half: those silent longest."""
        n = self._size
        stay = np.lexsort((self.key[:n], self.last[:n]))[n // 2 :]
        self.forgotten += n - len(stay)
        self._keep({name: getattr(self, name)[stay] for name in self._ARRAYS})

    def _keep(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        for name, array in arrays.items():
            setattr(self, name, array)
        self._size = len(self.key)
        self._slot = np.argsort(self.key)
        self._sorted = self.key[self._slot]

    def slots(self, keys: NDArray[np.uint64], add: bool = True) -> Ints:
        """Where each of `keys` stands, shape (keys,); those that are new are added, or are -1."""
        if add:
            fresh = np.unique(keys)
            at = np.searchsorted(self._sorted, fresh)
            known = np.zeros(len(fresh), bool)
            if self._size:
                known = self._sorted[np.minimum(at, self._size - 1)] == fresh
            self._add(fresh[~known], at[~known])
        if not self._size:
            return np.full(len(keys), -1, np.int64)
        found = np.minimum(np.searchsorted(self._sorted, keys), self._size - 1)
        return np.where(self._sorted[found] == keys, self._slot[found], -1)

    def _add(self, fresh: NDArray[np.uint64], at: Ints) -> None:
        """New entities go behind the others; only the order of the keys is made anew."""
        if not len(fresh):
            return
        n, size = self._size, self._size + len(fresh)
        if size > len(self.key):
            for name in self._ARRAYS:
                array = getattr(self, name)
                larger = np.zeros((max(1024, 2 * size), *array.shape[1:]), array.dtype)
                larger[:n] = array[:n]
                setattr(self, name, larger)
        self.key[n:size] = fresh
        self.last[n:size] = self.first[n:size] = _NEVER
        self.ring[n:size] = np.nan
        self._sorted = np.insert(self._sorted, at, fresh)
        self._slot = np.insert(self._slot, at, np.arange(n, size))
        self._size = size

    def learn(self, slots: Ints, values: Floats, columns: Floats, weight: Floats, least: float) -> None:
        """Take a window of each of `slots` (each once) into mean and variance: `values` (slots,), `columns` (slots,
        columns). The first windows count alike; later ones weigh `least`. `weight` (0 to 1) lessens that of each."""
        share = np.maximum(least, 1 / (self.learnt[slots] + 1)) * weight
        # Incremental mean and variance with exponential weights (West 1979; Finch 2009).
        off = values - self.mean[slots]
        self.mean[slots] += share * off
        self.var[slots] = (1 - share) * (self.var[slots] + share * off * off)
        self.means[slots] += share[:, None] * (columns - self.means[slots])
        self.learnt[slots] += weight

    def tamed(self, slots: Ints, values: Floats, sigmas: float, learn: int, limit: float, first: float) -> Floats:
        """`values` as they are to be learnt: one that is over `limit` and over `sigmas` deviations counts as one that
        is a single deviation off, so that a spike is not taken for what is usual, and what stays is, slowly. Until
        `learn` windows are learnt none counts more than `first`."""
        mean, spread = self.mean[slots], np.sqrt(self.var[slots])
        known = self.learnt[slots] >= learn
        high = np.where(known, np.maximum(limit, mean + spread), first)
        far = values > np.where(known, np.maximum(limit, mean + sigmas * spread), first)
        return np.where(far, np.minimum(values, high), values)

    def come(self, slots: Ints, times: Ints) -> None:
        """A window that began at `times` is the newest of each of `slots`."""
        self.last[slots] = times
        first = self.first[slots]
        self.first[slots] = np.where(first == _NEVER, times, first)

    def pass_by(self, slots: Ints, columns: Floats) -> None:
        """Put the values of that window before those that are kept."""
        if self.ring.shape[1] > 1:
            self.ring[slots] = np.roll(self.ring[slots], 1, axis=1)
        if self.ring.shape[1]:
            self.ring[slots, 0] = columns

    def begin_pass(self) -> None:
        """The capture's time fell back: nothing came before; what was learnt stays."""
        self.last[:] = _NEVER
        self.first[:] = _NEVER
        self.ring[...] = np.nan

    def state(self) -> Tree:
        """All that is kept, for a snapshot."""
        kept = {name: getattr(self, name)[: self._size] for name in self._ARRAYS}
        told: Tree = {
            name: np.ascontiguousarray(array).view(np.uint64) if array.dtype == np.float64 else array.copy()
            for name, array in kept.items()
        }
        return told | {"forgotten": self.forgotten}

    def restore(self, state: Tree) -> None:
        """Keep what `state` was taken from."""
        self._empty()
        arrays = {}
        for name in self._ARRAYS:
            now, given = getattr(self, name), state[name]
            fits = given.view(np.float64) if now.dtype == np.float64 else given
            arrays[name] = fits.reshape(len(state["key"]), *now.shape[1:]).copy()
        self._keep(arrays)
        self.forgotten = state["forgotten"]


def hour_keys(keys: NDArray[np.uint64], times: Ints) -> NDArray[np.uint64]:
    """Keys of the entities at the hours of the day (UTC) that `times` (ns) are in."""
    return mixed(keys, (times // HOUR % 24 + 1).astype(np.uint64))
