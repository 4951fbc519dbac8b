"""Windows of event time: `PARTS`, what a shard counted of one conversation in one window, and `WINDOWS`, what they make
of an entity: a sensor, a host, a service (address, protocol, port), a pair of hosts.

A window begins at a multiple of its length since 1970 and holds the frames captured from then until its end. `COUNTS`
is the one declaration of what is counted; both records and all code derive from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup, Record
from pipeline.schema.packets import PACKETS

BASE_SECONDS = 10
"""Length of the windows in which shards count, unless told otherwise: others are made of them."""
SIZES_SECONDS = (10, 60)
"""Lengths of the windows that are stored, unless told otherwise."""
LATENESS_SECONDS = 60
"""A frame that is later than this behind the capture's newest changes no window; it is counted as late."""

MOST_SECONDS = 3600
"""Longest window."""


def read_sizes(text: str) -> tuple[int, ...]:
    """Lengths of windows, as `10,60`, in seconds, ascending. Raises ValueError."""
    sizes = tuple(sorted({int(each) if each.strip().isdecimal() else 0 for each in text.split(",")}))
    if not sizes or sizes[0] < 1 or sizes[-1] > MOST_SECONDS:
        raise ValueError(f"'{text}' are no lengths in seconds, each of 1 to {MOST_SECONDS}, as in 10,60")
    return sizes


def base_of(sizes: tuple[int, ...]) -> int:
    """Length (s) of the windows in which shards count for windows of these lengths: all are made of them."""
    return math.gcd(*sizes)


KINDS = ("sensor", "host", "service", "pair")
"""Kinds of entities."""
PART_KINDS = ("frames", "exchanges", "dropped")
"""What a part is of: frames; exchanges (DNS, DHCP) of a client with a server; what the sensor dropped."""


@dataclass(frozen=True, slots=True)
class Count:
    """Something that is counted. `split` is whether parts count it for each side by itself, and so windows also what
    the entity sent (`shoal.sent.NAME`); `kind` is that of the columns."""

    name: str
    meaning: str
    kind: str = "u32"
    unit: str = ""
    split: bool = False

    @property
    def bare(self) -> str:
        """The name without its first prefix, for the columns of each side."""
        return self.name.removeprefix("shoal.").replace("tcp.analysis.", "tcp.")


MARKS: tuple[str, ...] = tuple(
    c.name for c in PACKETS.columns
    if c.kind == "mark" and c.bits_of is not None and c.bits_of[0] == "shoal.tcp.analysis" and c.bits_of[2] == 1
)
"""Wireshark's marks of a segment, in the order of their bits."""

COUNTS: tuple[Count, ...] = (
    Count("shoal.packets", "Frames", "u64", split=True),
    Count("shoal.bytes", "Bytes of frames (frame.len)", "u64", "bytes", split=True),
    Count("shoal.segments", "TCP segments with payload", split=True),
    Count("shoal.resent", "Segments really sent again, of need (shoal.tcp.cause)", split=True),
    Count("shoal.resent_needlessly", "Segments really sent again though they had arrived", split=True),
    Count("shoal.reordered", "Segments that the network overtook", split=True),
    Count("shoal.duplicated_by_network", "Segments that the network doubled", split=True),
    *(Count(name, f"Segments with Wireshark's mark {name}", split=True) for name in MARKS),
    Count("shoal.zero_window_time", "How long windows were closed that opened again in this window", "u64", "ns",
          split=True),
    Count("shoal.resets", "TCP segments with RST", split=True),
    Count("shoal.syns", "TCP segments with SYN and without ACK", split=True),
    Count("shoal.syns_unanswered", "Of these, those that nothing has answered", split=True),
    Count("shoal.refused", "SYNs that were answered by RST, or by an ICMP error", split=True),
    Count("shoal.flows_opened", "Conversations that began (TCP and UDP)"),
    Count("shoal.flows_closed", "TCP conversations that ended: both sides sent FIN, or one RST"),
    Count("shoal.icmp_errors", "ICMP errors: of IPv4 types 3, 4, 5, 11, 12, of IPv6 types below 128"),
    Count("shoal.dns.queries", "DNS queries: those answered, and those that were given up"),
    Count("shoal.dns.failures", "Of these, those with an rcode other than 0 and 3 (NXDOMAIN), and those unanswered"),
    Count("shoal.dns.nxdomain", "Of these, those answered by rcode 3"),
    Count("shoal.dhcp.failures", "DHCP exchanges that ended in NAK or Decline, or without an answer"),
    Count("shoal.late", "Frames that came too late for their window; they are counted here alone", "u64"),
    Count("shoal.dropped", "Frames that the sensor dropped", "u64"),
)
"""What is counted, in the order of the columns."""

BY_NAME: dict[str, Count] = {count.name: count for count in COUNTS}
SIDES = ("a", "b")
"""Sides of a part: those of its conversation as `Streams` numbers them (0 and 1); of an exchange, client and server."""

_BUCKET = "Bucket of a time: 8 for each power of two from 4.1 us on (pipeline.engine.windows.sketch)"


def _sided() -> tuple[C, ...]:
    """The columns of both sides of a part."""
    return tuple(
        C(f"shoal.{side}.{count.bare}", "u64" if count.kind == "u64" else "u32", f"{count.meaning}, of side {side}",
          unit=count.unit)
        for side in SIDES for count in COUNTS if count.split
    )


PARTS = Record(
    name="window_parts",
    meaning="What a shard counted of one conversation in one window since it told last; not stored",
    columns=(
        C("shoal.window.tick", "u32", "Number of the tick at which it was told, from 1"),
        C("shoal.window.pass", "u32", "How often the capture's time had fallen back by more than an hour"),
        C("shoal.window.time", "time", "When the window begins", unit="ns since 1970-01-01 UTC"),
        C("shoal.part.kind", "enum", "What it is of", names=PART_KINDS),
        C("ip.proto", "u8", "Protocol, 0 for none: without one, no address and port is known"),
        C("shoal.a.address", "ipv6", "Address of side a; IPv4 as ::ffff:0:0/96; :: for none"),
        C("shoal.b.address", "ipv6", "Address of side b"),
        C("shoal.a.port", "u16", "Port of side a"),
        C("shoal.b.port", "u16", "Port of side b"),
        C("shoal.server", "u8", "Which side is the server: 1 is a, 2 is b, 0 is not known"),
        C("shoal.flow_id", "u64", "Symmetric hash of the conversation, as in packets"),
        C("shoal.stream", "u32", "tcp.stream or udp.stream"),
        *_sided(),
        # Signed where a correction takes something back: two's complement, added as such.
        *(C(count.name, count.kind, count.meaning, unit=count.unit) for count in COUNTS if not count.split),
    ),
    groups=(
        ListGroup("times", 512, (
            C("shoal.times.of", "u8", "0: round trips of what a sent, 1: of what b sent, 2: DNS response times"),
            C("shoal.times.bucket", "u8", _BUCKET),
            C("shoal.times.count", "u32", "How many times"),
        )),
        ListGroup("odd", 32, (
            C("shoal.odd.time", "time", "A frame of which mark and cause differ: when it was captured",
              unit="ns since 1970-01-01 UTC"),
            C("shoal.odd.resent", "u8", "1: sent again, without the mark retransmission or out_of_order; 0: marked,"
              " and not sent again"),
        )),
    ),
)

WINDOWS = Record(
    name="window_states",
    meaning="One row for each window of an entity, in its newest version",
    columns=(
        C("sensor", "label", "Name of the sensor that captured the frames (a file's: `--sensor`)"),
        C("capture", "label", "The file (hash of its content) or the run of a collector that the window is of"),
        C("shoal.day", "day", "UTC day of the first window of the record batch; the partition"),
        C("shoal.window.time", "time", "When the window begins", unit="ns since 1970-01-01 UTC"),
        C("shoal.window.seconds", "u16", "Length of the window", unit="s"),
        C("shoal.window.kind", "enum", "What the entity is", names=KINDS),
        C("shoal.window.host", "ipv6", "The host; of a service, its server; of a pair, the lesser address. IPv4 as"
          " ::ffff:0:0/96; of a sensor, ::"),
        C("shoal.window.peer", "ipv6", "Of a pair, the other address; else ::"),
        C("shoal.window.proto", "u8", "Of a service, 6 TCP or 17 UDP; else 0"),
        C("shoal.window.port", "u16", "Of a service, its port; else 0"),
        C("shoal.window.pass", "u32", "How often the capture's time had fallen back by more than an hour"),
        C("shoal.window.version", "u32", "The tick at which the row was told; late frames make a later row"),
        *(C(count.name, count.kind, count.meaning, unit=count.unit) for count in COUNTS),
        *(C(f"shoal.sent.{count.bare}", count.kind, f"{count.meaning}: those that the host, the server, or of a pair"
            " the lesser address sent; of a sensor 0", unit=count.unit) for count in COUNTS if count.split),
        C("shoal.rtt.samples", "u32", "Round trip times of TCP: of what the host or the server sent; of a pair or a"
          " sensor, of all"),
        C("shoal.rtt.p50", "seconds", "Median of these times, within 6 %", "rtt", "s"),
        C("shoal.rtt.p95", "seconds", "95th percentile of these times", "rtt", "s"),
        C("shoal.rtt.p99", "seconds", "99th percentile of these times", "rtt", "s"),
        C("shoal.dns.p50", "seconds", "Median of DNS response times, within 6 %", "dns", "s"),
        C("shoal.dns.p95", "seconds", "95th percentile of these times", "dns", "s"),
        C("shoal.dns.p99", "seconds", "99th percentile of these times", "dns", "s"),
    ),
    groups=(
        ListGroup("rtt", 192, (
            C("rtt.bucket", "u8", f"{_BUCKET}: of round trip times"),
            C("rtt.count", "u32", "How many times"),
        )),
        ListGroup("latency", 192, (
            C("latency.bucket", "u8", f"{_BUCKET}: of DNS response times"),
            C("latency.count", "u32", "How many times"),
        )),
    ),
    order_by=("sensor", "capture", "shoal.window.seconds", "shoal.window.kind", "shoal.window.time",
              "shoal.window.host", "shoal.window.peer", "shoal.window.proto", "shoal.window.port", "shoal.window.pass"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    version="shoal.window.version",
    time="shoal.window.time",
)
