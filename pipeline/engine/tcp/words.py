"""Numbers by which causes of segments are told: causes, counts and positions; and where the state's words stand."""

from __future__ import annotations

NONE, RESENT, NEEDLESS, REORDERED, DUPLICATED = range(5)
"""Values of `shoal.tcp.cause`."""

(
    RESENT_SEGMENTS, NEEDLESS_SEGMENTS, REORDERED_SEGMENTS, DUPLICATED_SEGMENTS,
    RESENT_BYTES, NEEDLESS_BYTES, REORDERED_BYTES, DUPLICATED_BYTES,
    LOST_BEFORE_SEGMENTS, LOST_BEFORE_BYTES, LOST_AFTER_SEGMENTS, LOST_AFTER_BYTES, MISSED_BYTES, RECEIVED_TWICE,
    CONGESTION,
) = range(15)  # fmt: skip
"""What `Evidence.counts` has of each direction. Segments are those of the sender: a captured one that offloading has
made of several counts as so many. Of each cause segments and payload bytes; segments and bytes that were lost before
this capture point, and beyond it; bytes that the receiver acknowledged and that never passed here; segments of which
the receiver told that it got them twice; bytes in flight at the original of the first segment sent again, 0 before that
and 0xFFFFFFFF where they are not known."""
COUNTS = 15

UNKNOWN, NEAR_SENDER, NEAR_RECEIVER, BETWEEN = range(4)
"""Where the capture point is, seen from the data of one direction."""

HIGH, LOW, STATE, ACKED, WINDOW, TIMED, TSVAL, TS_TIMED, ID, STEPS, JUMPS, MSS, SACK = range(13)
"""Words of a direction. The highest sequence number seen and the lowest; bits, see below; what this side acknowledged
last; its last window (0xFFFFFFFF: none yet); the end of the segment whose answer is awaited, to time the way to the
receiver; the highest timestamp, and the one whose answer is awaited; the last IP ID, and how many of its steps were a
counter's and how many were not; the MSS told; up to two SACK blocks."""
WORDS = 16

KNOWN, HAS_ACKED, TIMING, TS_TIMING, PROBED, HAS_TS = 1, 2, 4, 8, 16, 32
"""Bits of STATE: its sequence numbers are known; it has acknowledged; a segment, a timestamp is being timed; a probe of
a closed window is out; it has timestamps."""
BLOCKS, BLOCK = 0x300, 0x100
"""How many SACK blocks there are, in STATE."""

T_BEGAN, T_AHEAD, T_TIMED, T_TS_TIMED = 0, 1, 3, 5
"""Times, ns: when the conversation began; then, two each, of each direction the shortest time from a segment to the
answer of its receiver (0: not known), and since when a segment, and a timestamp, is being timed."""
TIMES = 7

COUNTED_AFTER, COUNTED_BEFORE, WAS_LATE = 1, 2, 4
"""Bits of a remembered segment: it was counted as lost beyond this point, or before it; it came late."""
