"""The record `event_states`: what happened, each under a name; view `events` has each once.

So far these are what the engine had to give up at its caps. Names are kept, and more come.
"""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import Record

EVENTS: dict[str, str] = {
    "conversations-forgotten": "More conversations than the engine remembers: all were forgotten, and begin anew",
    "unacknowledged-forgotten": "More unacknowledged segments than the engine remembers: all were forgotten",
    "segments-forgotten": "More segments than the engine remembers for what is sent again: all were forgotten",
    "gaps-forgotten": "More gaps in sequence numbers than the engine remembers: some were forgotten",
    "fragments-forgotten": "More fragments than the engine holds: the oldest datagrams were given up",
    "announcements-forgotten": "More announced endpoints than the engine remembers: the oldest were forgotten",
    "addresses-forgotten": "More addresses of ARP than the engine remembers: the oldest were forgotten",
    "sequence-gap": "Frames of the capture that never came: batches were lost on their way",
    "round-trips-not-kept": "More directions with round trips than histograms: their percentiles are the mean",
}
"""Name of an event to its meaning."""

EVENT_STATES = Record(
    name="event_states",
    meaning="One row for each event (table event_states may hold one twice, after an import that was interrupted)",
    columns=(
        C("sensor", "label", "Name of the sensor that captured the frames (a file's: `--sensor`)"),
        C("capture", "label", "The file (hash of its content) or the run of a collector that the event is of"),
        C("shoal.day", "day", "UTC day of the first event of the record batch; the partition"),
        C("shoal.event.frame", "u64", "Number of the frame at which it happened"),
        C("shoal.event.time", "time", "When that frame was captured", unit="ns since 1970-01-01 UTC"),
        C("shoal.event.name", "text", "What happened: " + ", ".join(f"`{name}`" for name in EVENTS)),
        C("shoal.event.count", "u64", "How many were concerned, since the capture began"),
    ),
    order_by=("sensor", "capture", "shoal.event.frame", "shoal.event.name"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    version="shoal.event.count",
)
