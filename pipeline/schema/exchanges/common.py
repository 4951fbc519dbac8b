"""What every record of exchanges has: who asked whom, when, and how long the answer took."""

from __future__ import annotations

from dataclasses import replace

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup, Record

_WHERE = (
    C("sensor", "label", "Name of the sensor that captured the frames (a file's: `--sensor`)"),
    C("capture", "label", "The file (hash of its content) or the run of a collector that the exchange is of"),
    C("shoal.day", "day", "UTC day of the first exchange of the record batch; the partition"),
    C("shoal.first_frame", "u64", "Number of the frame with which the row begins"),
    C("shoal.exchange", "u32", "Which of the rows that begin with this frame it is, from 0"),
    C("shoal.first_time", "time", "When that frame was captured", unit="ns since 1970-01-01 UTC"),
    C("shoal.flow_id", "u64", "Symmetric hash of the conversation, as in packets"),
)
ENDS = (
    C("ip.src", "ipv4", "Address of the client: who asked"),
    C("ip.dst", "ipv4", "Address of the server: who was asked"),
    C("ipv6.src", "ipv6", "Address of the client"),
    C("ipv6.dst", "ipv6", "Address of the server"),
)
"""Addresses of both ends."""
PORTS = (
    C("udp.srcport", "u16", "Port of the client"),
    C("udp.dstport", "u16", "Port of the server"),
    C("udp.stream", "u32", "Index of the UDP conversation in its capture"),
    C("tcp.srcport", "u16", "Port of the client"),
    C("tcp.dstport", "u16", "Port of the server"),
    C("tcp.stream", "u32", "Index of the TCP conversation in its capture"),
)
"""Ports of both ends."""
ANSWERED = (
    C("shoal.request_frame", "u64", "Frame of the request"),
    C("shoal.response_frame", "u64", "Frame of the response"),
    C("shoal.response_time", "seconds", "Time from the request to the response", unit="s"),
)
"""Of a request that has, or lacks, its response."""


def exchanges(name: str, meaning: str, *columns: C, groups: tuple[ListGroup, ...] = ()) -> Record:
    """The record `NAME_states`, whose rows view `NAME` has each once: `columns` behind what all have.

    Each of `columns` is NULL in a row that does not give it, unless it says otherwise by a lane of its own.
    """
    own = tuple(c if c.lane or c.bits_of else replace(c, lane=c.name) for c in columns)
    return Record(
        name=f"{name}_states",
        meaning=f"{meaning} (table {name}_states may hold one twice, after an import that was interrupted)",
        columns=(*_WHERE, *own),
        groups=groups,
        order_by=("sensor", "capture", "shoal.first_frame", "shoal.exchange"),
        partition_by="toMonday(`shoal.day`)",
        engine="ReplacingMergeTree",
        time="shoal.first_time",
    )
