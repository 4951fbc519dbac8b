"""Services that fail: they refuse, reset, or do not answer most of those who come."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from pipeline.detect.anomalies.attempts import Attempts, services
from pipeline.detect.anomalies.words import filter_of, service_of
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting

SECOND = 1_000_000_000

PAST = 60 * SECOND
"""How long (ns) an attempt counts."""
ATTEMPTS = 10
"""Least number of attempts: fewer may be one client that tries again."""
FAILED_SHARE = 0.5
"""Of the attempts, so many failed."""

MOST_SERVICES = 16_384
"""Services of which an attempt failed that are kept; those that came first are forgotten for more."""


@dataclass(slots=True)
class _Service:
    """By begin of window: attempts, those refused, unanswered, and answered by nothing but a reset or a closed window;
    how many were told."""

    windows: dict[int, list[int]] = field(default_factory=dict)
    last: int = 0


class Failing:
    """Follows services from the first attempt that failed on. `forgotten` counts those forgotten at the cap."""

    def __init__(self) -> None:
        self._services: OrderedDict[bytes, _Service] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        """Services of which something is kept."""
        return len(self._services)

    def tick(self, number: int, frame: int, now: int, attempts: Attempts) -> list[Sighting]:
        """Take the attempts told at a tick, without those of scans and floods; gives the services that fail."""
        told: list[Sighting] = []
        bad = (attempts.failed != 0) | attempts.dumb
        if self._services or bad.any():
            told = self._judge(number, frame, attempts, bad)
        old = now - PAST
        for key in list(self._services):
            windows = self._services[key].windows
            for time in [time for time in windows if time < old]:
                del windows[time]
            if not windows:
                del self._services[key]
        return told

    def _judge(self, number: int, frame: int, attempts: Attempts, bad: np.ndarray) -> list[Sighting]:
        told: list[Sighting] = []
        sums = self._sums(attempts, bad)
        for key in sorted(sums):
            found = self._services.get(key)
            if found is None:
                if len(self._services) >= MOST_SERVICES:
                    self._services.popitem(last=False)
                    self.forgotten += 1
                found = self._services[key] = _Service()
            before = sum(sum(counts[1:]) for counts in found.windows.values())
            for time, *counts in sums[key]:
                window = found.windows.setdefault(time, [0, 0, 0, 0])
                for k, count in enumerate(counts):
                    window[k] += count
            tried, refused, unanswered, dumb = (sum(of) for of in zip(*found.windows.values(), strict=True))
            failed = refused + unanswered + dumb
            if failed <= before or tried < ATTEMPTS or failed < FAILED_SHARE * tried:
                continue
            first = min(time for time, counts in found.windows.items() if sum(counts[1:]) > 0)
            service = service_of(key)
            told.append(Sighting(
                "server-failing", number - 1, frame, max(first, found.last), service,
                f"{service} was tried {tried} times within {PAST // SECOND} s: {refused} refused, {unanswered} not"
                f" answered, {dumb} reset or held up without an answer", filter_of(key),
                failed if not found.last else failed - before,
            ))  # fmt: skip
            found.last = max(found.windows)
        return told

    def _sums(self, attempts: Attempts, bad: np.ndarray) -> dict[bytes, list[list[int]]]:
        """Of each service that failed, now or before: of each window its begin, and the sums of `_Service`."""
        keys, at = services(attempts)
        failing = np.bincount(at, bad, len(keys)) > 0
        failing |= np.array([key in self._services for key in keys], np.bool_)
        which = np.flatnonzero(failing[at])
        kept = attempts.of(which)
        windows, window = np.unique(kept.time, return_inverse=True)
        cells, cell = np.unique(at[which] * len(windows) + window, return_inverse=True)
        columns = [
            np.bincount(cell, of, len(cells)).astype(np.int64).tolist()
            for of in (kept.tried, np.where(kept.refused, kept.failed, 0), np.where(kept.refused, 0, kept.failed),
                       kept.dumb)
        ]  # fmt: skip
        sums: dict[bytes, list[list[int]]] = {}
        for of, *counts in zip(cells.tolist(), *columns, strict=True):
            sums.setdefault(keys[of // len(windows)], []).append([int(windows[of % len(windows)]), *counts])
        return sums

    def state(self) -> Tree:
        """All that is known."""
        return {
            "forgotten": self.forgotten,
            "services": [[key, s.last, [[time, *counts] for time, counts in s.windows.items()]]
                         for key, s in self._services.items()],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.forgotten = state["forgotten"]
        self._services = OrderedDict(
            (key, _Service({time: counts for time, *counts in windows}, last))
            for key, last, windows in state["services"]
        )
