"""The record `event_states`: what happened, each under a name; view `events` has each once.

They are what the engine had to give up at its caps, and what never came of a capture. Names are kept, and more come.
"""

from __future__ import annotations

from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.anomalies import ANOMALIES
from pipeline.schema.column import Column as C
from pipeline.schema.column import Record

CAP_EVENTS: dict[str, str] = {
    "conversations-forgotten": "More conversations than the engine remembers: all were forgotten, and begin anew",
    "unacknowledged-forgotten": "More unacknowledged segments than the engine remembers: all were forgotten",
    "segments-forgotten": "More segments than the engine remembers for what is sent again: all were forgotten",
    "gaps-forgotten": "More gaps in sequence numbers than the engine remembers: some were forgotten",
    "fragments-forgotten": "More fragments than the engine holds: the oldest datagrams were given up",
    "announcements-forgotten": "More announced endpoints than the engine remembers: the oldest were forgotten",
    "addresses-forgotten": "More addresses of ARP than the engine remembers: the oldest were forgotten",
    "round-trips-not-kept": "More directions with round trips than histograms: their percentiles are the mean",
}
"""Events of the engine's caps: name to meaning."""

EXCHANGE_EVENTS: dict[str, str] = {
    "streams-forgotten": "More TCP conversations to follow than the engine can: those silent longest were given up",
    "stream-bytes-forgotten": "More bytes of TCP conversations waited for the rest of a message than are kept",
    "stream-holes-forgotten": "More bytes waited behind a hole in a TCP conversation than are kept: it stays a hole",
    "queries-forgotten": "More DNS queries than the engine remembers: the oldest were told as unanswered",
    "echoes-forgotten": "More ICMP requests than the engine remembers: the oldest were told as unanswered",
    "dhcp-exchanges-forgotten": "More DHCP exchanges than the engine remembers: the oldest were told as they stood",
    "handshakes-forgotten": "More handshakes of TLS under way than are kept: the oldest were told as they stood",
    "ssh-forgotten": "More SSH connections that begin than the engine remembers: the oldest were told as they stood",
    "smtp-forgotten": "More SMTP commands without a reply than the engine remembers: the oldest were told without one",
    "http2-conversations-passed-over": "More conversations of HTTP/2 than are followed: the new ones are not",
    "oicq-forgotten": "More OICQ messages without an answer than the engine remembers: the oldest were told as such",
    "ntp-forgotten": "More NTP messages without an answer than are remembered: the oldest were told as such",
    "snmp-forgotten": "More SNMP requests without a response than are remembered: the oldest were told as such",
    "kerberos-forgotten": "More Kerberos requests without a reply than are remembered: the oldest were told as such",
    "http-requests-forgotten": "More requests of a conversation waited for a response than are kept",
    "dhcpv6-exchanges-forgotten": "More DHCPv6 exchanges than the engine remembers: the oldest were told as they stood",
    "arp-requests-forgotten": "More ARP requests than the engine remembers: the oldest were told as they stood",
    "solicitations-forgotten": "More solicitations than the engine remembers: the oldest were told as unanswered",
    "bindings-forgotten": "More bindings of addresses than the engine remembers: the oldest were told, and begin anew",
    "quic-forgotten": "More UDP conversations speak QUIC than are kept: the oldest were told as they stood",
    "talks-forgotten": "More conversations whose messages name their frames than are kept: the oldest begin anew",
}
"""Events of the caps of what is said (`pipeline.engine.exchanges`): name to meaning."""

FRAGMENT_EVENTS: dict[str, str] = {
    "fragments-overlap": "Fragments brought bytes of a datagram that had come before: the first that came were kept",
    "fragment-flood": "Over 1,000 datagrams wait for their other fragments; the count is how many",
}
"""Events of what fragments do: name to meaning."""

FLEET_EVENTS: dict[str, str] = {
    "sequence-gap": "Frames that a collector captured never came; the frame is the first of them, the count how many",
    "capture-abandoned": "A capture went silent without having ended: what the engine knew of it was given up",
    "captures-forgotten": "More captures than a worker keeps: what it knew of the one silent longest was given up",
    "engine-fault": "The engine failed at a batch: it is a dead letter, and what was known of the capture is gone",
}
"""Events of captures that come over Kafka: name to meaning."""

WINDOW_EVENTS: dict[str, str] = {
    "parts-forgotten": "More conversations in open windows than a shard counts: those counts were told early",
    "entities-forgotten": "More entities in open windows than are kept: told windows stay, new ones lack some",
}
"""Events of the caps of windows: name to meaning."""

ALERT_EVENTS: dict[str, str] = {
    "alerts-forgotten": "More alerts are open than are kept: those that were bad longest ago were closed",
    "baselines-forgotten": "More entities than a rule learns of: what it knew of those silent longest was forgotten",
}
"""Events of the caps of alerts: name to meaning."""

ANOMALY_EVENTS: dict[str, str] = {
    "claims-forgotten": "More addresses, hosts or questions of the link than are remembered: the oldest were forgotten",
    "anomalies-forgotten": "More entities with an anomaly than are kept: those that came first were told early",
    "attempts-forgotten": "More connection attempts in vain than are kept: those that came first were forgotten",
    "observations-forgotten": "More names and certificates are compared than are kept: the first were forgotten",
    "senders-forgotten": "More hardware addresses than are remembered: all were forgotten, and begin anew",
}
"""Events of the caps of what looks for anomalies: name to meaning."""

EVENTS: dict[str, str] = CAP_EVENTS | EXCHANGE_EVENTS | FRAGMENT_EVENTS | FLEET_EVENTS | WINDOW_EVENTS | {
    name: anomaly.meaning for name, anomaly in ANOMALIES.items()
} | ALERT_EVENTS | ANOMALY_EVENTS
"""Name of an event to its meaning; a name's place in this order is its code in a batch, so new ones go to the end."""

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
        C("shoal.event.count", "u64", "How many were concerned; at a cap, since the capture began"),
        C("shoal.event.severity", "enum", "How grave it is", names=SEVERITIES),
        C("shoal.event.entity", "string", "Who it is about: an address, a service, a flow; empty for the capture"),
        C("shoal.event.last_time", "time", "When it was seen last; of a cap, as shoal.event.time",
          unit="ns since 1970-01-01 UTC"),
        C("shoal.event.said", "string", "What was seen, in a sentence"),
        C("shoal.event.filter", "string", "Display filter that shows it"),
    ),
    order_by=("sensor", "capture", "shoal.event.frame", "shoal.event.name", "shoal.event.entity"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    version="shoal.event.count",
    time="shoal.event.time",
)
