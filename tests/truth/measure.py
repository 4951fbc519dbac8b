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
    DUPLICATED_SEGMENTS,
    LOST_AFTER_SEGMENTS,
    LOST_BEFORE_SEGMENTS,
    NEEDLESS,
    NEEDLESS_SEGMENTS,
    NONE,
    REORDERED,
    REORDERED_SEGMENTS,
    RESENT,
    RESENT_SEGMENTS,
)
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.truth.link import Direction
from tests.truth.scenarios import PORT, Outcome

_RETRANSMISSION, _OUT_OF_ORDER = 1, 1 << 3


@dataclass
class Told:
    """What Shoal tells of one direction of a capture: counts of segments, causes of each row with data, SYN or FIN, and
    how many segments Wireshark's marks call retransmissions and out of order."""

    resent: int
    reordered: int
    duplicated: int
    lost_before: int
    lost_after: int
    position: int
    causes: list[int]
    payloads: list[int]
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
            kinds[RESENT_SEGMENTS] + kinds[NEEDLESS_SEGMENTS], kinds[REORDERED_SEGMENTS], kinds[DUPLICATED_SEGMENTS],
            kinds[LOST_BEFORE_SEGMENTS], kinds[LOST_AFTER_SEGMENTS], engine.causes.position(1, of),
            cause[carries].tolist(), payload[carries].tolist(),
            int((marks[mine] & _RETRANSMISSION != 0).sum()), int((marks[mine] & _OUT_OF_ORDER != 0).sum()),
        ))
    return told[0], told[1]


@dataclass
class Compared:
    """One direction of a run: what is true and what Shoal tells, and Wireshark's marks beside it.

    `right` of `judged` segments with payload that reached the receiver have the cause that the link knows.
    """

    resent: int | None
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


def _right(truth: Direction, told: Told) -> tuple[int, int]:
    """How many segments with payload at the receiver's end have the right cause, of how many. An original that no
    capture near the receiver could have seen before counts as none even where it was sent again."""
    pairs = [(d, c) for d, c in zip(truth.delivered, told.causes, strict=False) if d.payload]
    right = 0
    for delivered, cause in pairs:
        if delivered.copy:
            right += cause == DUPLICATED
        elif delivered.resent:
            right += cause in (RESENT, NEEDLESS) or (delivered.late and cause == REORDERED)
        else:
            right += cause == (REORDERED if delivered.late else NONE)
    return right, len(pairs)


def compare(outcome: Outcome, zero_ids: bool = False) -> tuple[Compared, Compared]:
    """What the client sent and what the server sent, judged at the sender's end (sent again, lost beyond it) and at the
    receiver's (late, duplicated)."""
    client, server = tell(outcome.client, zero_ids), tell(outcome.server, zero_ids)
    found = []
    for truth, name, near, far in (
        (outcome.there, "client", client[0], server[0]), (outcome.back, "server", server[1], client[1])
    ):
        copies = sum(d.copy and d.payload > 0 for d in truth.delivered)
        marked = [c in (REORDERED,) for c in far.causes]
        right, judged = _right(truth, far)
        late = sum(d.late and not d.resent and d.payload > 0 for d in truth.delivered)
        data = [c for c, p in zip(far.causes, far.payloads, strict=True) if p]
        found.append(Compared(
            outcome.resent.get(name), near.resent, near.marked_resent, late, sum(c == REORDERED for c in data),
            far.marked_out_of_order, copies, sum(c == DUPLICATED for c in data), truth.dropped, near.lost_after,
            right, judged,
        ))
        assert len(marked) == len(far.causes)
    return found[0], found[1]
