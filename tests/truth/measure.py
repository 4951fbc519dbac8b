"""Shoal's causes of a captured connection beside what really happened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.engine.tcp.words import (
    DUPLICATED,
    LOST_AFTER_SEGMENTS,
    NEEDLESS,
    NEEDLESS_SEGMENTS,
    NONE,
    REORDERED,
    RESENT,
    RESENT_SEGMENTS,
)
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.truth.link import Delivered
from tests.truth.scenarios import PORT, Outcome

_RETRANSMISSION, _OUT_OF_ORDER = 1, 1 << 3


@dataclass
class Told:
    """What Shoal tells of one direction of a capture: segments sent again and lost beyond the capture point, where that
    is, the cause of each row with data, SYN or FIN; and how many segments Wireshark's marks call retransmissions and
    out of order."""

    resent: int
    lost_after: int
    position: int
    causes: list[int]
    marked_resent: int
    marked_out_of_order: int


def tell(path: Path, zero_ids: bool = False) -> tuple[Told, Told]:
    """What Shoal tells of the client's and of the server's segments; with `zero_ids` as if all IP IDs were zero."""
    columns, engine = Columns(PACKETS, 4096), Engine()
    parts: list[list[NDArray[np.int64]]] = []
    side = 0
    with open_capture(str(path), batch_rows=4096) as reader:
        for batch in reader:
            decode(batch, columns)
            if zero_ids:
                columns.values("ip.id")[...] = 0
            engine.process(columns)
            there = columns.present("tcp.len")
            assert there is not None
            names = ("shoal.tcp.cause", "tcp.len", "tcp.flags", "shoal.tcp.analysis", "tcp.dstport")
            cells = [columns.values(name)[there].astype(np.int64) for name in names]
            if len(parts) == 0 and len(cells[0]):
                # The side of the first row, which the client sent.
                side = int(engine.streams.turn[: columns.rows][there][0]) & 1
            parts.append(cells)
    cause, payload, flags, marks, port = (np.concatenate(p) for p in zip(*parts, strict=True))
    counts = engine.causes.table()[1]
    told = []
    for of, mine in ((side, port == PORT), (1 - side, port != PORT)):
        carries = mine & ((payload > 0) | (flags & 3 != 0)) & (flags & 4 == 0)
        kinds = counts[of].tolist()
        told.append(Told(
            kinds[RESENT_SEGMENTS] + kinds[NEEDLESS_SEGMENTS], kinds[LOST_AFTER_SEGMENTS],
            engine.causes.position(1, of), cause[carries].tolist(),
            int((marks[mine] & _RETRANSMISSION != 0).sum()), int((marks[mine] & _OUT_OF_ORDER != 0).sum()),
        ))
    return told[0], told[1]


@dataclass
class Compared:
    """One direction of a run: what is true, what Shoal tells, and what Wireshark's marks say.

    Sent again: by the sender's kernel, and as seen at the sender's end. Late (one sent after it came out before it)
    and duplicated by the link: as seen at the receiver's end. Dropped by the link, and lost beyond the
    sender's end. `right` of the `judged` segments with payload that reached the receiver have the cause that the link
    knows.
    """

    resent: int
    told_resent: int
    marked_resent: int
    late: int
    told_late: int
    marked_late: int
    duplicated: int
    told_duplicated: int
    dropped: int
    told_dropped: int
    right: int
    judged: int


def _is_right(delivered: Delivered, cause: int) -> bool:
    if delivered.copy:
        return cause == DUPLICATED
    if delivered.late:
        return cause == REORDERED
    return cause in (RESENT, NEEDLESS) if delivered.resent else cause == NONE


def compare(outcome: Outcome, zero_ids: bool = False) -> tuple[Compared, Compared]:
    """What the client sent and what the server sent. Raises ValueError where a capture is not whole."""
    client, server = tell(outcome.client, zero_ids), tell(outcome.server, zero_ids)
    found = []
    for truth, name, near, far in (
        (outcome.there, "client", client[0], server[0]), (outcome.back, "server", server[1], client[1])
    ):
        # Both lists are in the order in which the segments came out of the link.
        data = [(d, c) for d, c in zip(truth.delivered, far.causes, strict=True) if d.payload]
        found.append(Compared(
            outcome.resent[name], near.resent, near.marked_resent,
            sum(d.late for d, _ in data), sum(c == REORDERED for _, c in data),
            far.marked_out_of_order, sum(d.copy for d, _ in data), sum(c == DUPLICATED for _, c in data),
            truth.dropped, near.lost_after, sum(_is_right(d, c) for d, c in data), len(data),
        ))
    return found[0], found[1]
