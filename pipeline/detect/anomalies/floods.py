"""SYN floods: a service gets far more connection attempts than are completed."""

from __future__ import annotations

import numpy as np

from pipeline.detect.anomalies.attempts import Attempts, services
from pipeline.detect.anomalies.words import address_of, filter_of, service_of
from pipeline.schema.anomalies import Sighting

FLOOD = 500
"""Attempts of one window (10 s) that were neither refused nor completed. A backlog holds some hundreds."""
FLOOD_SHARE = 0.8
"""Of all attempts at the service in that window; what a busy service gets is completed."""


def floods(number: int, frame: int, attempts: Attempts) -> tuple[list[Sighting], np.ndarray]:
    """The services that are flooded, and which of the attempts (bool, shape (rows,)) are at them."""
    flooded = np.zeros(len(attempts), np.bool_)
    if np.count_nonzero(attempts.bare) < FLOOD:
        return [], flooded
    keys, at = services(attempts)
    tried = np.bincount(at, attempts.tried, len(keys))
    bare = np.bincount(at, attempts.bare, len(keys))
    over = (bare >= FLOOD) & (bare >= FLOOD_SHARE * tried)
    told = []
    for k in np.flatnonzero(over).tolist():
        mine = attempts.of(at == k)
        sources, counts = np.unique(mine.source[mine.bare], return_counts=True)
        service = service_of(keys[k])
        most = address_of(bytes(sources[np.argmax(counts)]))
        told.append(Sighting(
            "syn-flood", number - 1, frame, int(mine.time.min()), service,
            f"{service} got {int(tried[k])} connection attempts in {len(np.unique(mine.time)) * 10} s, of which"
            f" {int(bare[k])} were not completed; they came from {len(sources)} addresses, most from {most}",
            f"{filter_of(keys[k], 'dst')} && tcp.flags.syn == 1 && tcp.flags.ack == 0", int(bare[k]),
        ))  # fmt: skip
    flooded = over[at]
    return told, flooded
