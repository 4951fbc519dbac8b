"""Which ticks have something for the detectors over parts: at most ticks nothing fails, and then none need look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.anomalies.attempts import Attempts
from pipeline.detect.anomalies.floods import FLOOD
from pipeline.detect.anomalies.gaps import MISSED
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PART_KINDS

_EXCHANGES = PART_KINDS.index("exchanges")


@dataclass(frozen=True, slots=True)
class Busy:
    """Numbers of ticks: `failed` have attempts that failed, or so many without an end that they may be a flood;
    `asked` DNS queries; `missed` so many acknowledgments of what was not captured that they may be a gap. At others
    those detectors that keep nothing of ticks before have nothing to do."""

    failed: frozenset[int]
    asked: frozenset[int]
    missed: frozenset[int]


def busy_of(parts: Columns, attempts: Attempts) -> Busy:
    """What `parts`, and the `attempts` in them, have for the detectors."""
    numbers = parts.values("shoal.window.tick").view(np.uint32)
    asked = (parts.values("shoal.part.kind") == _EXCHANGES) & (parts.values("shoal.dns.queries") != 0)
    a, b = (parts.values(f"shoal.{side}.tcp.ack_lost_segment").astype(np.int64) for side in "ab")
    failed = _ticks(attempts.tick[(attempts.failed != 0) | attempts.dumb])
    floods = _ticks(attempts.tick[attempts.bare], least=FLOOD)
    return Busy(failed | floods, _ticks(numbers[asked]), _ticks(numbers, a + b, MISSED))


def _ticks(numbers: NDArray[np.uint32], counts: NDArray[np.int64] | None = None, least: int = 1) -> frozenset[int]:
    """Of the ascending `numbers` those that come `least` times, or whose `counts` are together so many."""
    if not len(numbers):
        return frozenset()
    first = np.concatenate([[0], np.flatnonzero(np.diff(numbers)) + 1])
    sums = np.diff(first, append=len(numbers)) if counts is None else np.add.reduceat(counts, first)
    return frozenset(numbers[first[sums >= least]].tolist())
