"""The one table of anomalies: what a name means, what is done about it, how grave it is, how often it is told.

Names are stable. What the engine had to give up (`pipeline.schema.events.CAP_EVENTS` and the like) is of severity info
and is only logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["log", "alert"]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`action`: `log` makes a row of `events`, `alert` an alert as well. Of one entity an anomaly is told once in each
    span of `suppression` seconds of event time; what comes besides raises the count of that row."""

    meaning: str
    action: Action
    severity: Literal["info", "warning", "critical"]
    suppression: int


ANOMALIES: dict[str, Anomaly] = {
    # The link.
    "arp-spoofing": Anomaly("An address was claimed by another hardware address, while the first still answers",
                            "alert", "critical", 600),
    "arp-flood": Anomaly("One host announced addresses far more often than hosts do", "alert", "warning", 600),
    "duplicate-address": Anomaly("Two hosts use one address: each defends it", "alert", "warning", 600),
    "mac-flooding": Anomaly("Far more hardware addresses appeared at once than a network has", "alert", "critical",
                            600),
    # IP.
    "ttl-jump": Anomaly("Single packets of a connection have a TTL that does not fit its path: another one sent them",
                        "log", "warning", 600),
    "mtu-black-hole": Anomaly("Full-sized segments are sent again and again without an answer, smaller ones pass",
                              "alert", "warning", 600),
    # TCP.
    "rst-injection": Anomaly("A reset whose TTL or sequence number does not fit its connection, which went on",
                             "alert", "critical", 600),
    "syn-flood": Anomaly("A service got far more connection attempts than were completed", "alert", "critical", 300),
    "port-scan": Anomaly("One host tried many ports of another, and hardly any answered", "alert", "warning", 600),
    "host-scan": Anomaly("One host tried one port of many hosts, and hardly any answered", "alert", "warning", 600),
    "server-failing": Anomaly("A service refuses, resets, or does not answer most of what it is asked", "alert",
                              "critical", 300),
    "server-killed": Anomaly("A server closed a connection, and reset what came after: its process was killed, or ended"
                             " early", "log", "warning", 300),
    "host-silent": Anomaly("A host stopped to answer in the midst of connections: it crashed, or the way to it is cut",
                           "log", "warning", 300),
    "host-rebooted": Anomaly("A server answered an old connection by a reset: it has begun anew, or forgotten it",
                             "log", "warning", 300),
    "network-outage": Anomaly("Connections stood still for over a second and went on: the network was cut, and is back",
                              "log", "warning", 300),
    "keep-alive-failed": Anomaly("Keep-alives stayed without an answer, and the connection was given up", "log",
                                 "warning", 300),
    "port-closed": Anomaly("A connection was refused: nothing listens at that port", "log", "info", 3600),
    # Exchanges.
    "rogue-dhcp": Anomaly("A second DHCP server answers in a network that has one", "alert", "critical", 3600),
    "dhcp-starvation": Anomaly("Far more clients ask for addresses at once than a network has", "alert", "critical",
                               600),
    "dns-race": Anomaly("A DNS query got two answers that differ: one may be forged", "alert", "critical", 600),
    "dns-tunnel": Anomaly("One client asks for many long, random names of one domain: data goes through DNS", "alert",
                          "warning", 3600),
    "nxdomain-burst": Anomaly("One client asked for many names that do not exist", "log", "warning", 600),
    "tls-certificate-expired": Anomaly("A server shows a certificate that is expired, or not valid yet", "log",
                                       "warning", 86_400),
    "tls-certificate-changed": Anomaly("A server shows another certificate than before, with another key", "log",
                                       "info", 3600),
    # The capture.
    "capture-gap": Anomaly("Many segments that were acknowledged never passed: frames are missing in the capture",
                           "log", "warning", 600),
    "clock-jump": Anomaly("The times of the capture jump: back by over a second, or ahead by over an hour", "log",
                          "warning", 600),
    "sensor-silent": Anomaly("A sensor that had not ended sends no heartbeats any more", "alert", "critical", 600),
}
"""Name to what it is."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one shard saw of an anomaly, or of what makes one only together with what other shards saw.

    `name` is one of `ANOMALIES`, or of an observation that a detector of `pipeline.detect.anomalies` takes by that
    name. `tick` is the number of the window tick behind which it was seen (0: before the first), `frame` and `time`
    (ns since 1970) are of the frame that shows it. `entity` is who it is about, in a short text that does not change
    from sighting to sighting; `said` a sentence; `filter` a display filter for the packets. `value` is an
    observation's own.
    """

    name: str
    tick: int
    frame: int
    time: int
    entity: str
    said: str = ""
    filter: str = ""
    count: int = 1
    value: str = ""
