"""The record `flow_states`: one row for each state of a conversation that was written; view `flows` has the newest.

`ip.src`, `tcp.srcport` and their like are the client's end, `ip.dst` and `tcp.dstport` the server's. A column
`shoal.client.x` counts what the client sent, `shoal.server.x` what the server sent.
"""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import Record

TCP_STATES = (
    "unanswered", "refused", "half-open", "established", "idle", "half-closed", "closed", "reset", "gone",
)
"""States of a TCP conversation: a SYN without an answer (yet); a reset or an ICMP error in answer to it; the answer not
acknowledged; open; open and without a frame for a minute; one side has ended; both have; a reset; one side is silent
though the other asks again and again."""

CAPTURE_POINTS = ("unknown", "client", "server", "between")
"""Where the frames of a conversation were captured: near which side."""

SIDES = ("client", "server")

# What is counted of each direction of any conversation: name, kind, meaning, unit.
_COUNTED = (
    ("packets", "u64", "Packets that the {} sent", ""),
    ("bytes", "u64", "Bytes of the frames that the {} sent (frame.len)", "bytes"),
    ("payload_bytes", "u64", "Payload bytes that the {} sent, those sent again counted again", "bytes"),
)
_TTL = (
    ("ttl_min", "u8", "Least time to live (or hop limit) of the {}'s packets", "hops"),
    ("ttl_max", "u8", "Greatest time to live (or hop limit) of the {}'s packets", "hops"),
)
# Of TCP alone.
_SEGMENTS = (
    ("segments", "u32", "Segments with payload that the {} sent", ""),
    ("unique_bytes", "u64", "Payload bytes of the {} that had not been seen before", "bytes"),
    ("retransmission", "u32", "Segments of the {} marked tcp.analysis.retransmission (fast and spurious too)", ""),
    ("retransmission_bytes", "u64", "Payload of those segments", "bytes"),
    ("fast_retransmission", "u32", "Segments of the {} marked tcp.analysis.fast_retransmission", ""),
    ("fast_retransmission_bytes", "u64", "Payload of those segments", "bytes"),
    ("spurious_retransmission", "u32", "Segments of the {} marked tcp.analysis.spurious_retransmission", ""),
    ("spurious_retransmission_bytes", "u64", "Payload of those segments", "bytes"),
    ("out_of_order", "u32", "Segments of the {} marked tcp.analysis.out_of_order", ""),
    ("lost_segment", "u32", "Segments of the {} before which others were not captured", ""),
    ("ack_lost_segment", "u32", "Segments of the {} that acknowledge what was not captured", ""),
    ("duplicate_ack", "u32", "Duplicate acknowledgments that the {} sent", ""),
    ("zero_window", "u32", "Segments with which the {} closed its window", ""),
    ("zero_window_time", "seconds", "How long the {}'s window was closed", "s"),
    ("zero_window_probe", "u32", "Probes that the {} sent of the other side's closed window", ""),
    ("window_full", "u32", "Segments of the {} that filled the other side's window", ""),
    ("keep_alive", "u32", "Keep-alives that the {} sent", ""),
    ("rto", "u32", "Segments of the {} that were sent again after a time-out (tcp.analysis.rto)", ""),
    ("rto_max", "seconds", "The longest of these time-outs", "s"),
    ("bytes_in_flight_max", "u32", "Most bytes that the {} had sent and not acknowledged", "bytes"),
    ("over_mss", "u32", "Segments of the {} longer than the other side's MSS: joined by offload", ""),
    ("delayed_acks", "u32", "Pure acknowledgments of the {} that came more than 0.2 s after what they acknowledge", ""),
    ("resent", "u32", "Segments that the {} really sent again, of need (shoal.tcp.cause)", ""),
    ("resent_needlessly", "u32", "Segments that the {} really sent again though they had arrived", ""),
    ("reordered", "u32", "Segments of the {} that the network overtook", ""),
    ("duplicated_by_network", "u32", "Segments of the {} that the network doubled", ""),
    ("lost_before", "u32", "Segments of the {} lost before they came to the capture point", ""),
    ("resent_bytes", "u64", "Payload that the {} really sent again, needed or not", "bytes"),
    ("missed_bytes", "u64", "Bytes of the {} that were acknowledged and never captured", "bytes"),
    ("received_twice", "u32", "Segments of the {} that the other side told it got twice (D-SACK)", ""),
    ("lost_after", "u32", "Segments of the {} that were captured and lost behind the capture point", ""),
)
_RTT = (
    ("rtt_min", "seconds", "Least time from the {}'s data to its acknowledgment", "s"),
    ("rtt_mean", "seconds", "Mean of these times", "s"),
    ("rtt_p50", "seconds", "Median of these times, within 6 %", "s"),
    ("rtt_p95", "seconds", "95th percentile of these times, within 6 %", "s"),
    ("rtt_max", "seconds", "Greatest of these times", "s"),
    ("rtt_samples", "u32", "How many such times there were", ""),
)


def _directions() -> tuple[C, ...]:
    """The columns of both directions."""
    columns: list[C] = []
    for side in SIDES:
        for lane, cells in (("", _COUNTED), (f"{side}.ttl", _TTL), ("tcp", _SEGMENTS), (f"{side}.rtt", _RTT)):
            columns += [
                C(f"shoal.{side}.{name}", kind, meaning.format(side), lane, unit) for name, kind, meaning, unit in cells
            ]
        columns += [
            C(f"shoal.{side}.congestion_point", "u32",
              f"Bytes in flight when the original of the first segment that the {side} sent again was sent",
              f"{side}.congestion", "bytes"),
            C(f"shoal.{side}.mss", "u16", f"MSS option of the {side}'s SYN", f"{side}.mss", "bytes"),
            C(f"shoal.{side}.wscale", "u8", f"Window scale shift of the {side}'s SYN", f"{side}.wscale", "bits"),
            C(f"shoal.{side}.sack_perm", "bool", f"The {side}'s SYN permits SACK", "tcp"),
            C(f"shoal.{side}.timestamps", "bool", f"The {side} sends TCP timestamps", "tcp"),
        ]
    return tuple(columns)


FLOW_STATES = Record(
    name="flow_states",
    meaning="One row for each conversation, in its newest state (table flow_states keeps the older ones too)",
    columns=(
        C("sensor", "label", "Name of the sensor that captured the frames (a file's: `--sensor`)"),
        C("capture", "label", "The file (hash of its content) or the run of a collector that the conversation is of"),
        C("shoal.day", "day", "UTC day of the first frame of the record batch; the partition"),
        C("shoal.first_frame", "u64", "Number of the conversation's first frame"),
        C("shoal.last_frame", "u64", "Number of its newest frame; the version of the row"),
        C("shoal.first_time", "time", "When the first frame was captured", unit="ns since 1970-01-01 UTC"),
        C("shoal.last_time", "time", "When the newest frame was captured", unit="ns since 1970-01-01 UTC"),
        C("shoal.flow_id", "u64", "Symmetric hash of the conversation, as in packets"),
        C("shoal.community_id", "string", "Community ID, version 1, seed 0"),
        C("ip.proto", "u8", "Protocol: 6 TCP, 17 UDP"),
        C("ip.src", "ipv4", "Address of the client", "ip"),
        C("ip.dst", "ipv4", "Address of the server", "ip"),
        C("ipv6.src", "ipv6", "Address of the client", "ipv6"),
        C("ipv6.dst", "ipv6", "Address of the server", "ipv6"),
        C("tcp.srcport", "u16", "Port of the client", "tcp"),
        C("tcp.dstport", "u16", "Port of the server", "tcp"),
        C("tcp.stream", "u32", "Index of the TCP conversation in its capture", "tcp"),
        C("udp.srcport", "u16", "Port of the client", "udp"),
        C("udp.dstport", "u16", "Port of the server", "udp"),
        C("udp.stream", "u32", "Index of the UDP conversation in its capture (of its first packet)", "udp"),
        C("shoal.tcp.state", "enum", "State of the TCP conversation", "tcp", names=TCP_STATES),
        C("shoal.tcp.handshake", "bool", "SYN, SYN and ACK, and ACK were seen", "tcp"),
        C("shoal.tcp.ending", "text", "In words, how the conversation ended, or how it stands", "tcp"),
        C("tcp.completeness", "u8", "What was seen: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST", "tcp"),
        C("shoal.tcp.capture_point", "enum", "Where the conversation was captured: near which side", "tcp",
          names=CAPTURE_POINTS),
        C("shoal.tcp.outages", "u32", "Times that data sent again stayed unanswered for over a second, and then was "
          "answered", "tcp"),
        C("shoal.tcp.outage_max", "seconds", "The longest of these times", "tcp", "s"),
        C("tcp.analysis.initial_rtt", "seconds", "Round trip time of the handshake", "initial_rtt", "s"),
        C("shoal.response_time", "seconds", "Time from the client's first payload to the server's first payload",
          "response_time", "s"),
        *_directions(),
    ),
    order_by=("sensor", "capture", "shoal.first_frame"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    version="shoal.last_frame",
    time="shoal.last_time",
)
