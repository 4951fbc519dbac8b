"""Which frames a capture filter takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collectors.filters.bpf import run
from collectors.filters.compile import compile_filter
from collectors.sources.frames import Frames


def matches(expression: str, frames: Frames) -> NDArray[np.bool_]:
    """Which frames match a pcap-filter(7) expression: bool of shape (n,); frames may be of several link types.

    An empty expression takes all. Raises FilterError.
    """
    if not expression.strip():
        return np.ones(len(frames), np.bool_)
    kinds = np.unique(frames.linktype)
    if len(kinds) == 1:
        return run(compile_filter(expression, int(kinds[0])), frames)
    matched = np.zeros(len(frames), np.bool_)
    for kind in kinds:
        rows = np.flatnonzero(frames.linktype == kind)
        matched[rows] = run(compile_filter(expression, int(kind)), frames.take(rows))
    return matched
