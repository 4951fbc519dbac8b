"""The record `sensors`: what each interface of each collector says of itself every five seconds; view `fleet` has the
newest of each.

Counters run since the collector began (a `capture` is one run). At any time, of one run and interface:
seen + recovered = published + waiting + spooled + dropped by the kernel + dropped by the spool;
`shoal.frames.missing` is what that leaves, and is 0.
"""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import Record

SENSOR_STATES = ("running", "paused", "ended")
"""States of a capture on an interface: frames are taken; they are not, by order; it has ended, and this row is its
last."""

KEPT = ("headers", "smart", "full")
"""What bytes of frames travel: the headers; those, and all of what some tracker can use; all."""

RECORD = "record"
"""Header of a message of the sensors' topic that names the record of which it is a row; without it, `sensors`."""

HEARTBEAT_SECONDS = 5
"""Seconds between two heartbeats of an interface."""

SENSORS = Record(
    name="sensors",
    meaning="One row for each sensor, interface and heartbeat; view fleet has the newest ones",
    columns=(
        C("sensor", "text", "Name of the sensor (`--sensor`)"),
        C("capture", "text", "The run of the collector, as in packets"),
        C("shoal.day", "day", "UTC day of the first heartbeat of the insert; the partition"),
        C("shoal.time", "time", "When this was told, by the sensor's clock", unit="ns since 1970-01-01 UTC"),
        C("frame.interface_name", "text", "Interface, or path of the file that is read"),
        C("shoal.host", "text", "Host on which the collector runs"),
        C("shoal.version", "text", "Version of Shoal"),
        C("shoal.state", "enum", "`running`, `paused`, or `ended` in the last row of a run", names=SENSOR_STATES),
        C("shoal.linktype", "u16", "Link type of the interface (LINKTYPE_ registry)"),
        C("shoal.filter", "text", "Capture filter; empty where there is none"),
        C("shoal.snaplen", "u32", "Most bytes of a frame that are captured", unit="bytes"),
        C("shoal.keep", "enum", "What bytes of frames are published (`--keep`)", names=KEPT),
        C("wlan_radio.channel", "u16", "Channel on which the card listens", "channel"),
        C("shoal.interface.received", "u64", "Frames that the interface received, by the system's own counter"),
        C("shoal.interface.dropped", "u64", "Frames that the interface or its driver dropped"),
        C("shoal.frames.seen", "u64", "Frames that passed the filter, those dropped afterwards included"),
        C("shoal.frames.recovered", "u64", "Frames of earlier runs that the spool held when this one began"),
        C("shoal.frames.published", "u64", "Frames that the broker acknowledged"),
        C("shoal.frames.waiting", "u64", "Frames in memory: in the ring, or on their way to the broker"),
        C("shoal.frames.spooled", "u64", "Frames in the spool on disk, waiting for the broker"),
        C("shoal.frames.dropped_kernel", "u64", "Frames for which the kernel had no room in the ring"),
        C("shoal.frames.dropped_spool", "u64", "Frames, the oldest first, for which the spool had no room"),
        C("shoal.ring.fill", "u8", "How full the ring is", unit="%"),
        C("shoal.spool.bytes", "u64", "What the spool holds", unit="bytes"),
        C("shoal.spool.fill", "u8", "How full the spool is", unit="%"),
        C("shoal.clock_offset", "seconds", "By how much the sensor's clock is fast, where the system knows it",
          "clock_offset", "s"),
    ),
    order_by=("sensor", "frame.interface_name", "shoal.time"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    time="shoal.time",
)
