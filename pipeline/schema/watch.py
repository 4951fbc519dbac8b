"""What is done about alerts: acknowledgements, silences, deliveries to sinks, and the packets that are pinned.

All of it is written by commands and by the watch (`pipeline.detect.watch`), by the clock of the machine that writes;
alerts themselves are never changed by it.
"""

from __future__ import annotations

from pipeline.schema.alerts import STATES
from pipeline.schema.column import Column as C
from pipeline.schema.column import Record
from pipeline.schema.packets import PACKETS

OUTCOMES = ("waiting", "delivered", "refused", "dead", "passed")
"""What became of a delivery: it failed and is tried again; the sink took it; the sink will never take it; it was given
up after its last attempt; it was not to be told (silenced, or older than the sink)."""

PINNED_DAYS = 90
"""Days that pinned packets are kept, unless told otherwise."""

ALERT_ACKS = Record(
    name="alert_acks",
    meaning="One row for each acknowledgement of an alert",
    columns=(
        C("shoal.alert.id", "string", "The alert"),
        C("shoal.ack.time", "time", "When it was acknowledged", unit="ns since 1970-01-01 UTC"),
        C("shoal.ack.by", "string", "Who did"),
        C("shoal.ack.note", "string", "What they say about it"),
    ),
    order_by=("shoal.alert.id", "shoal.ack.time"),
)

SILENCE_STATES = Record(
    name="silence_states",
    meaning="One row for each silence, in its newest state (table silence_states keeps the older ones too)",
    columns=(
        C("shoal.silence.id", "string", "12 hexadecimal digits"),
        C("shoal.silence.version", "u32", "Number of the state, from 1"),
        C("shoal.silence.rule", "string", "Rules concerned: a pattern with * and ?"),
        C("shoal.silence.entity", "string", "Entities concerned: a pattern"),
        C("shoal.silence.sensor", "string", "Sensors concerned: a pattern"),
        C("shoal.silence.severity", "string", "Severities concerned: a pattern"),
        C("shoal.silence.begins", "time", "From when on it holds", unit="ns since 1970-01-01 UTC"),
        C("shoal.silence.ends", "time", "Until when it holds", unit="ns since 1970-01-01 UTC"),
        C("shoal.silence.by", "string", "Who made it, or ended it"),
        C("shoal.silence.note", "string", "What they say about it"),
    ),
    order_by=("shoal.silence.id",),
    engine="ReplacingMergeTree",
    version="shoal.silence.version",
)

DELIVERY_STATES = Record(
    name="delivery_states",
    meaning="One row for each state of an alert and each sink, in its newest state (table delivery_states keeps the"
            " older ones too)",
    columns=(
        C("shoal.delivery.sink", "text", "Name of the sink in the configuration"),
        C("shoal.alert.id", "string", "The alert"),
        C("shoal.alert.version", "u32", "Its state"),
        C("shoal.day", "day", "UTC day of the delivery; the partition"),
        C("shoal.delivery.number", "u32", "Number of the row's state, from 1"),
        C("shoal.delivery.thread", "string", "The notification's thread: id of the alert that began it"),
        C("shoal.delivery.key", "string", "Key of the delivery, the same in each attempt"),
        C("shoal.delivery.time", "time", "When this was written", unit="ns since 1970-01-01 UTC"),
        C("shoal.delivery.attempts", "u32", "Attempts so far"),
        C("shoal.delivery.outcome", "enum", "What became of it", names=OUTCOMES),
        C("shoal.delivery.state", "enum", "State of the alert that was told", names=STATES),
        C("shoal.delivery.said", "string", "Why it failed, or was not told"),
    ),
    order_by=("shoal.delivery.sink", "shoal.alert.id", "shoal.alert.version"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    version="shoal.delivery.number",
    time="shoal.delivery.time",
)

# Not of the frames: what an old capture shows is kept as long as anything else.
_PINNED_DAY = C("shoal.day", "day", "UTC day on which it was copied; the partition")

PINNED_PACKETS = Record(
    name="pinned_packets",
    meaning="One row for each frame that an alert shows, copied from packets to be kept for longer",
    columns=(
        *(_PINNED_DAY if c.name == _PINNED_DAY.name else c for c in PACKETS.columns),
        C("shoal.alert.id", "string", "The alert"),
        C("shoal.pinned", "time", "When it was copied", unit="ns since 1970-01-01 UTC"),
    ),
    groups=PACKETS.groups,
    order_by=("sensor", "capture", "shoal.alert.id", "frame.number"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    time="shoal.pinned",
)

WATCH_RECORDS: tuple[Record, ...] = (ALERT_ACKS, SILENCE_STATES, DELIVERY_STATES, PINNED_PACKETS)
"""In the order in which tables are made."""
