"""Where each word of a conversation's state stands; the tracker writes them, `rows` reads them by name.

A conversation has 32-bit words (counts) and 64-bit words (bytes, times in ns, addresses): first those of side 0, then
those of side 1, then its own. Sides are numbered as `Streams` does.
"""

from __future__ import annotations

COUNTS = (
    "segments", "retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment",
    "ack_lost_segment", "duplicate_ack", "zero_window", "zero_window_probe", "window_full", "keep_alive", "rto",
    "bytes_in_flight_max", "congestion_point", "over_mss", "delayed_acks", "resent", "resent_needlessly", "reordered",
    "duplicated_by_network", "lost_before", "lost_after", "rtt_samples", "received_twice",
    # Where the capture point is, seen from this direction: `tcp.words`.
    "place",
    # Least and greatest TTL, and in `options` what its SYN said: the bits of `tracker`.
    "ttl_min", "ttl_max", "mss", "wscale", "options",
    # Number of its histogram of round trip times, 0 for none; what the side has done (bits); the number after its FIN.
    "histogram", "done", "fin_end",
    # Since the other side's newest packet: segments, those sent again, keep-alives.
    "unanswered", "unanswered_again", "unanswered_probes", "last_ack",
)
"""32-bit words of a direction."""

SUMS = (
    "packets", "bytes", "payload_bytes", "unique_bytes", "retransmission_bytes", "fast_retransmission_bytes",
    "spurious_retransmission_bytes", "resent_bytes", "missed_bytes", "zero_window_time", "rto_max", "rtt_min",
    "rtt_max", "rtt_sum",
    # Times: since when the window is closed, the first payload, the first segment without answer; 0 for none.
    "closed_since", "first_payload", "unanswered_since",
)
"""64-bit words of a direction."""

OWN_COUNTS = ("is_udp", "number", "client", "dirty", "stream", "port_0", "port_1", "is_ip6", "ended_first", "reset_by",
              "completeness", "outages", "first_sender", "reset_how", "replaced", "unreachable")
"""32-bit words of the conversation; sides stand as 1 and 2 in `client`, `ended_first` and `reset_by`, 0 is none."""

# `unreachable` is 1 and the code of the first ICMP error (type 3; of ICMPv6, type 1, and 256 more) that quoted it.

OWN_SUMS = (
    "first_frame", "last_frame", "first_time", "last_time", "flow_id", "initial_rtt", "outage_max",
    "address_0_high", "address_0_low", "address_1_high", "address_1_low",
    # When the first SYN, the answer to it, and the acknowledgment of that were captured.
    "syn_time", "synack_time", "open_time",
    # Only in a row that is handed out: the newest time that the engine had seen, and the percentiles of each side.
    "now", "p50_0", "p95_0", "p50_1", "p95_1",
)
"""64-bit words of the conversation."""

DONE = {name: 1 << bit for bit, name in enumerate(
    ("syn", "synack", "ack", "fin", "fin_crossed", "payload", "payload_after_other_fin")
)}
"""Bits of `done`: what a side has sent; `fin_crossed`: its FIN did not acknowledge the other side's, which had been
seen before."""

RESET_HOW = {name: 1 << bit for bit, name in enumerate(
    ("blunt", "after_own_fin", "after_other_fin", "other_sent_after", "probes_unanswered", "data_unanswered", "unknown")
)}
"""Bits of `reset_how`: how things stood at the first RST. A blunt one has no ACK flag; to be `unknown` it must also
bear the acknowledgment number of the other side's newest segment (RFC 9293, section 3.10.7.1: no connection)."""

OPTIONS = {name: 1 << bit for bit, name in enumerate(
    ("sack_perm", "timestamps", "mss", "wscale", "congestion_point", "ttl")
)}
"""Bits of `options`: what the side permits or uses, and which words have a value."""

IDLE_NS = 60_000_000_000
"""A conversation without a frame for this long is idle."""
GONE_AFTER = 3
"""So many segments sent again, or probes, with no frame of the other side since: it is gone."""

MARKS = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment",
         "ack_lost_segment", "duplicate_ack", "zero_window", "zero_window_probe", "window_full", "keep_alive")
"""Marks of `tcp.analysis` that are counted, each under its name."""

COUNT_WORDS = 2 * len(COUNTS) + len(OWN_COUNTS)
SUM_WORDS = 2 * len(SUMS) + len(OWN_SUMS)


def count(name: str) -> int:
    """Index of a 32-bit word of side 0, or of the conversation's own. Raises ValueError for another name."""
    return COUNTS.index(name) if name in COUNTS else 2 * len(COUNTS) + OWN_COUNTS.index(name)


def total(name: str) -> int:
    """Index of a 64-bit word of side 0, or of the conversation's own. Raises ValueError for another name."""
    return SUMS.index(name) if name in SUMS else 2 * len(SUMS) + OWN_SUMS.index(name)
