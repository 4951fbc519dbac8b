"""Where each word stands that `segments` keeps of a conversation, and the limits by which it judges.

A conversation has 32-bit words: first those of side 0 that every segment touches, then those of side 1; then those of
each side that only a suspicion needs.
"""

from __future__ import annotations

STATE, PATH, NEXT, ACKED, PASSED, LARGEST, LARGEST_END, MSS = range(8)
"""Touched by every segment. Bits, see below; the TTL of the path and, 8 bits higher, how many segments had it (at the
most 255); the sequence number after the highest seen; the highest number that this side acknowledged; bytes of the
largest segment that the other side has acknowledged; of the largest that it has not, bytes and the number after it;
the MSS that this side told, 0xFFFFFFFF where it told none."""
HOT = 8

(
    ODD_SEQ, ODD_SEEN, ODD_FRAME, ODD_TIME, ODD_TIME_LOW,
    RST_SEQ, RST_SEEN, RST_FRAME, RST_TIME, RST_TIME_LOW,
    STUCK_SEQ, STUCK_SEEN, STUCK_FRAME, STUCK_TIME, STUCK_TIME_LOW, RST_OTHER,
) = range(16)  # fmt: skip
"""Of segments with another TTL: sequence number of the first; its TTL, 8 bits higher how many came, 16 bits higher how
many have come since with the TTL of the path. Of a reset: its number; why it is odd (bits of 8), 8 bits higher how many
came whose numbers are guesses, 16 bits higher how many segments went on. Of what is sent again: its number; bytes, 16
bits higher how often it was sent again. Of each its first frame, and when that was captured (ns, two words). Last, what
the other side's next number was at the reset."""
COLD = 2 * HOT
"""Where those of side 0 begin."""
COLD_WORDS = 16
WORDS = COLD + 2 * COLD_WORDS

(
    KNOWN, HAS_PATH, HAS_ACKED, SYN_SEEN, CLOSED, BARE, DATA, ODD, ODD_DATA, ODD_FITS, RESET, STUCK, ALIVE, SMALLER,
    TOO_BIG, TAIL, TOLD_TTL, TOLD_RST, TOLD_MTU,
) = (1 << bit for bit in range(19))  # fmt: skip
"""Bits of STATE. Its numbers are known; its TTL; it has acknowledged; its SYN was seen; its window is closed. Segments
without data, with data, have had the TTL of the path. One with another TTL is judged: it has data; others like it had
the TTL of the path often. A reset is judged. A full-sized segment is sent again: the other side was heard since; it
went out in smaller pieces. An ICMP error said that its packets are too big. Smaller
segments than the full-sized one went out behind it, without an answer yet. What was told, or never will be."""

TTL_JUMP, RST_INJECTION, BLACK_HOLE = range(3)
"""Kinds of what is found. The word more: the TTLs (odd one, and 8 bits higher the path's); why the reset is odd; bytes
of the segment, and 16 bits higher how often it was sent again."""
KINDS = ("ttl-jump", "rst-injection", "mtu-black-hole")

ODD_TTL, ODD_NUMBER, GUESSED = 1, 2, 4
"""Why a reset is odd: TTL of another path; a number that its sender would not use; one of several guesses."""

HOPS = 3
"""TTLs that differ by more are not of one path: paths change by a hop or two, while those who inject stand elsewhere or
begin from another TTL."""
ESTABLISHED = 8
"""A TTL that so many segments had is that of the path."""
INJECTED = 2
"""More segments in a row with another TTL are another path, and that is then the connection's."""
BACK = 3
"""So many segments with the path's TTL must follow, before the ones between are told."""
REACH = 1 << 20
"""A reset further from the next number is not in any window: it is of another connection."""
GUESSES = 3
"""Resets at ascending numbers beyond what was sent, of which none is an answer."""
GUESSING_NS = 1_000_000_000
"""Within such a time."""
GOES_ON_NS = 60_000_000_000
"""A connection that goes on after a longer time is another one."""
WENT_ON = 2
"""Segments that show it which must follow a reset whose TTL and number fit; one where they don't."""
LEAST_FULL = 536
"""A path must carry so large segments (RFC 9293, section 3.7.1): smaller ones are not too big for any."""
AGAIN = 3
"""A full-sized segment sent again so often is stuck, where the other side was heard meanwhile."""
AGAIN_SILENT = 4
"""And so often where it was not, nor could be: where smaller segments behind it stay unanswered, the host is gone."""
STUCK_NS = 1_000_000_000
"""Within at least such a time."""
