"""How the state of a TCP conversation is laid out, and the bits of a segment's marks."""

from __future__ import annotations

_DIRECTION = (
    "base", "next", "next_frame", "to_be_acked", "window", "last_ack", "dup_acks", "non_dup", "last_marks", "bits",
    "scale", "pushed", "multipath", "sacks", "sack",
)  # fmt: skip
MOST_SACKS = 3
"""SACK blocks of a segment that count, as in Wireshark."""
DIRECTION = len(_DIRECTION) - 1 + 2 * MOST_SACKS
"""Words of a direction; the other side's follow."""
COMPLETE = 2 * DIRECTION
"""Word of the conversation: what it has had (`tcp.completeness`)."""
MULTIPATH = COMPLETE + 1
"""Word of the conversation: the kinds of multipath options it has had; 0 where it is not a multipath one."""
WORDS = COMPLETE + 2
"""Words of a conversation."""

T_FIRST, T_LAST, T_SYN, T_RTT, T_NEXT, T_ACK, TIMES = 0, 1, 2, 3, 4, 6, 8
"""Times of a conversation: of the first and the previous frame, of the latest SYN, the handshake's round trip; then of
each direction the segment that reached furthest, and the latest.
"""

FIN, SYN, RST, PSH, ACK, SWITCH = 1, 2, 4, 8, 16, 7
RETRANSMISSION, FAST, SPURIOUS, OUT_OF_ORDER, LOST, ACK_LOST = (1 << k for k in range(6))
DUPLICATE_ACK, WINDOW_UPDATE, WINDOW_FULL, ZERO_WINDOW, PROBE, PROBE_ACK = (1 << k for k in range(6, 12))
KEEP_ALIVE, KEEP_ALIVE_ACK, REUSED_PORTS, TFO_SYN, TFO_ACK = (1 << k for k in range(12, 17))
C_SYN, C_SYNACK, C_FIN, C_RST = (1 << k for k in range(17, 21))

NO_FLIGHT, PUSH_LAST, UNSCALED = 1, 2, 4
"""Bits of the word "bits": bytes in flight are not known, the last segment had PSH, its window is that of a SYN."""
NO_SCALING = 1
"""The word "scale": 0 unknown, 1 no scaling, else the shift and 2."""
TOLD = 0xFFFF_FFFF
"""The word "dup_acks", instead of a number: an acknowledgment of what was not captured has been told."""


def word(name: str) -> int:
    """Where the word `name` of a direction stands; "sack" is the first left edge."""
    return _DIRECTION.index(name)
