"""The record `alert_states`: each state of each alert; view `alerts` has the newest of each."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup, Record
from pipeline.schema.windows import KINDS

STATES = ("open", "closed")
SEVERITIES = ("info", "warning", "critical")
"""Of events and alerts, from the least."""
ENTITIES = (*KINDS, "other")
"""What an alert can be about; `other` is told in words alone."""

ALERT_STATES = Record(
    name="alert_states",
    meaning="One row for each alert, in its newest state (table alert_states keeps the older ones too)",
    columns=(
        C("sensor", "label", "Name of the sensor that captured the frames (a file's: `--sensor`)"),
        C("capture", "label", "The file (hash of its content) or the run of a collector that the alert is of"),
        C("shoal.day", "day", "UTC day of the first alert of the record batch; the partition"),
        C("shoal.alert.id", "string", "16 hexadecimal digits, of sensor, capture, rule, entity and opening"),
        C("shoal.alert.version", "u32", "Number of the state, from 1"),
        C("shoal.alert.rule", "text", "Name of the rule"),
        C("shoal.alert.state", "enum", "`open` or `closed`", names=STATES),
        C("shoal.alert.severity", "enum", "The highest so far", names=SEVERITIES),
        C("shoal.alert.past", "bool", "Of a capture that was imported: about the past, and told to no sink"),
        C("shoal.alert.opened", "time", "End of the window that opened it", unit="ns since 1970-01-01 UTC"),
        C("shoal.alert.begins", "time", "Begin of the first window that it is about", unit="ns since 1970-01-01 UTC"),
        C("shoal.alert.ends", "time", "End of the last window that it is about", unit="ns since 1970-01-01 UTC"),
        C("shoal.alert.closed", "time", "When it was closed, by the capture's time", "closed",
          unit="ns since 1970-01-01 UTC"),
        C("shoal.alert.kind", "enum", "What the entity is", names=ENTITIES),
        C("shoal.alert.entity", "string", "The entity: `192.0.2.1`, `192.0.2.1:443`, `192.0.2.1 198.51.100.2`, a name"),
        C("shoal.alert.host", "ipv6", "Its address, as in windows; else ::"),
        C("shoal.alert.peer", "ipv6", "Of a pair, the other address; else ::"),
        C("shoal.alert.proto", "u8", "Of a service, its protocol; else 0"),
        C("shoal.alert.port", "u16", "Of a service, its port; else 0"),
        C("shoal.alert.said", "string", "What is wrong, in a sentence with the numbers"),
        C("shoal.alert.filter", "string", "Display filter that selects the packets concerned"),
        C("shoal.alert.sql", "string", "SQL that selects them"),
        C("shoal.alert.counts", "string", "Counts before and during, JSON: {\"before\": {...}, \"during\": {...}}"),
        C("shoal.alert.members", "string", "The entities that were grouped into it, JSON: a list of texts"),
    ),
    groups=(
        ListGroup("flows", 16, (
            C("worst.flow_id", "u64", "`shoal.flow_id` of the worst flows, the worst first"),
            C("worst.flow", "string", "The flow: `192.0.2.1:40000 198.51.100.2:443`"),
            C("worst.resent", "u32", "Its segments that were sent again"),
            C("worst.segments", "u32", "Its segments with payload"),
        )),
    ),
    order_by=("sensor", "capture", "shoal.alert.id"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    version="shoal.alert.version",
    time="shoal.alert.opened",
)
