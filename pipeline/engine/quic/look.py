"""Datagrams that begin as a long packet of QUIC does, found in a whole batch at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.quic.versions import are_known
from pipeline.schema.columns import Columns

_LEAST = 13


def looks_like_quic(columns: Columns, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of each row whether its payload begins with the first byte of a long header and a known version.

    Payloads that were put together of fragments are not looked at: QUIC forbids fragments.
    """
    size = columns.values("shoal.payload.len")[rows].astype(np.int64)
    begin = columns.raw_offset[rows] + columns.values("shoal.payload.offset")[rows].astype(np.int64)
    raw = np.frombuffer(columns.raw_buffer, np.uint8)
    if len(raw) < _LEAST:
        return np.zeros(len(rows), np.bool_)
    found: NDArray[np.bool_] = size >= _LEAST
    begin = np.where(found, begin, 0)
    found &= raw[begin] >= 0x80
    at = np.flatnonzero(found)
    if len(at):
        where = begin[at]
        version = np.zeros(len(at), np.uint32)
        for place in range(1, 5):
            version = version << np.uint32(8) | raw[where + place]
        found[at] = are_known(version)
    return found
