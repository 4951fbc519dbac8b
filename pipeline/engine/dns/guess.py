"""DNS at other ports than its own: resolvers behind a proxy, tunnels, tests."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.dns.message import HEADER
from pipeline.schema.columns import Columns

_COUNTS = struct.Struct(">5H").unpack_from

_MOST_ANSWERS, _MOST_AUTHORITIES, _MOST_ADDITIONAL = 100, 10, 10


def looks_like_dns(columns: Columns, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the payloads of `rows`, of UDP, have the header of a message with something behind it: a standard query
    with one question and nothing else but additional records, or the response to one, with few records. It is
    Wireshark's guess."""
    found = np.zeros(len(rows), np.bool_)
    sizes = columns.values("shoal.payload.len").astype(np.int64)[rows]
    if columns.datagrams:
        for i, row in enumerate(rows.tolist()):
            whole = columns.datagrams.get(row)
            if whole is not None:
                sizes[i] = 0
                found[i] = len(whole) > HEADER and _header_fits(whole)
    which = np.flatnonzero(sizes > HEADER)
    data = np.frombuffer(columns.raw_buffer, np.uint8)
    at = columns.raw_offset[rows[which]] + columns.values("shoal.payload.offset")[rows[which]].astype(np.int64)
    # The operation first, and how many questions: of other protocols little is left then.
    few = (data[at + 2] & 0x78 == 0) & (data[at + 4] == 0) & (data[at + 5] <= 1)
    which, at = which[few], at[few]
    if len(which):
        answers = data[at + 6].astype(np.int64) << 8 | data[at + 7]
        authorities = data[at + 8].astype(np.int64) << 8 | data[at + 9]
        additional = data[at + 10].astype(np.int64) << 8 | data[at + 11]
        asks = (data[at + 2] < 0x80) & (data[at + 5] == 1) & (answers == 0) & (authorities == 0)
        tells = (data[at + 2] >= 0x80) & (answers <= _MOST_ANSWERS) & (authorities <= _MOST_AUTHORITIES)
        found[which] = (asks | tells) & (additional <= _MOST_ADDITIONAL)
    return found


def _header_fits(data: bytes) -> bool:
    """As above, of a datagram put together of fragments."""
    flags, questions, answers, authorities, additional = _COUNTS(data, 2)
    if flags & 0x7800 or questions > 1 or additional > _MOST_ADDITIONAL:
        return False
    if flags < 0x8000:
        return bool(questions == 1 and answers == authorities == 0)
    return bool(answers <= _MOST_ANSWERS and authorities <= _MOST_AUTHORITIES)
