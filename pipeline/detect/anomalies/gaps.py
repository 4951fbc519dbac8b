"""Gaps in the capture: many segments were acknowledged that never passed.

What the network loses is not acknowledged. So an acknowledgment of what was not captured (`ack_lost_segment`) tells
that the capture has missed it: the sensor dropped frames, or they went by another way. One conversation may have its
own way; it is the capture where many of them miss segments at once.
"""

from __future__ import annotations

import numpy as np

from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns
from pipeline.schema.windows import PART_KINDS

MISSED = 20
"""Acknowledgments of what was not captured, in the windows that one tick tells."""
CONVERSATIONS = 3
"""So many conversations have them."""
SHARE = 0.2
"""Of the conversations with data: where most miss nothing, it is not the capture."""

_FRAMES = PART_KINDS.index("frames")
_TCP = 6


def gaps(number: int, frame: int, parts: Columns, rows: slice) -> list[Sighting]:
    """What the parts in `rows`, told at the tick `number` before which `frame` came, say of the capture."""
    tcp = (parts.values("ip.proto")[rows] == _TCP) & (parts.values("shoal.part.kind")[rows] == _FRAMES)
    missed, data = (
        parts.values(f"shoal.a.{name}")[rows].astype(np.int64) + parts.values(f"shoal.b.{name}")[rows].astype(np.int64)
        for name in ("tcp.ack_lost_segment", "segments")
    )
    lacking, talking = tcp & (missed > 0), tcp & (data > 0)
    total, flows = int(missed[lacking].sum()), parts.values("shoal.flow_id")[rows]
    if total < MISSED:
        return []
    many, all_of_them = len(np.unique(flows[lacking])), len(np.unique(flows[lacking | talking]))
    if many < CONVERSATIONS or many < SHARE * all_of_them:
        return []
    time = int(parts.values("shoal.window.time")[rows].view("i8")[lacking].min())
    return [Sighting(
        "capture-gap", number - 1, frame, time, "",
        f"{total} times something was acknowledged that was not captured, in {many} of {all_of_them} TCP conversations:"
        " the capture misses frames", "tcp.analysis.ack_lost_segment", total,
    )]  # fmt: skip
