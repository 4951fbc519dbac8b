"""The trackers of all protocols, and what each is to see. A line a protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from pipeline.engine.arp.tracker import Arp
from pipeline.engine.dhcp.tracker import Dhcp
from pipeline.engine.dhcpv6.tracker import Dhcpv6
from pipeline.engine.dns.guess import looks_like_dns
from pipeline.engine.dns.tracker import Dns
from pipeline.engine.exchanges.find import Guess
from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.spoken import Look
from pipeline.engine.exchanges.tracker import Conversations, Datagrams, Frames, Tracker
from pipeline.engine.http.tracker import Http
from pipeline.engine.http.tracker2 import Http2
from pipeline.engine.icmp.tracker import Icmp
from pipeline.engine.kerberos import Kerberos
from pipeline.engine.notes import Notes
from pipeline.engine.ntp import Ntp
from pipeline.engine.oicq import Oicq
from pipeline.engine.quic.look import looks_like_quic
from pipeline.engine.quic.tracker import Quic
from pipeline.engine.smtp import Smtp
from pipeline.engine.snmp import Snmp
from pipeline.engine.ssh import Ssh
from pipeline.engine.tls.tracker import Tls
from pipeline.engine.tls.waiting import Proxied, Waiting
from pipeline.engine.upgrades import PROTOCOLS as UPGRADES
from pipeline.engine.upgrades import Upgrades

UDP_PORTS: dict[str, tuple[int, ...]] = {
    "dns": (53, 5353, 5355),
    "http": (1900,),
    "dhcp": (67, 68, 4011),
    "dhcpv6": (546, 547),
    "oicq": (8000,),
    "ntp": (123,),
    "snmp": (161, 162, 8161),
    "kerberos": (88,),
}
"""Tracker of datagrams to the UDP ports at which it listens, as Wireshark does."""

HEADERS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "icmp": (("icmp.type", 0, 255), ("icmpv6.type", 0, 255)),
    "arp": (("arp.opcode", 0, 65_535), ("icmpv6.type", 133, 137)),
}
"""Tracker of frames by their headers alone: columns, with the lowest and highest value that is the tracker's. The last
tracker that is named for a value has it."""

UDP_GUESSES: dict[str, Guess] = {
    "dns": looks_like_dns,
}
"""Tracker of datagrams to what tells whether one of another port is its, as Wireshark guesses."""

LOOKS: dict[str, Look] = {
    "quic": looks_like_quic,
}
"""Tracker of datagrams to how they are recognised on any port."""

_MAKERS: dict[str, Callable[[Notes, Outlet], Tracker]] = {
    "dns": Dns,
    "http": Http,
    "http2": Http2,
    "dhcp": Dhcp,
    "dhcpv6": Dhcpv6,
    "icmp": Icmp,
    "arp": Arp,
    "tls": Tls,
    "quic": Quic,
    "ftp": Waiting,
    "imap": Waiting,
    "pop": Waiting,
    "xmpp": Waiting,
    "proxy": Proxied,
    "smtp": Smtp,
    "ssh": Ssh,
    "oicq": Oicq,
    "ntp": Ntp,
    "snmp": Snmp,
    "kerberos": Kerberos,
    **{name: partial(Upgrades, name) for name in UPGRADES},
}


@dataclass(slots=True)
class Registry:
    """Trackers by name: all, those of datagrams, those of headers, those of TCP conversations."""

    trackers: dict[str, Tracker] = field(default_factory=dict)
    datagrams: dict[str, Datagrams] = field(default_factory=dict)
    frames: dict[str, Frames] = field(default_factory=dict)
    conversations: dict[str, Conversations] = field(default_factory=dict)


def registry(notes: Notes, out: Outlet) -> Registry:
    """New trackers, which know nothing yet."""
    found = Registry()
    for name, make in _MAKERS.items():
        tracker = found.trackers[name] = make(notes, out)
        if isinstance(tracker, Datagrams):
            found.datagrams[name] = tracker
        if isinstance(tracker, Frames):
            found.frames[name] = tracker
        if isinstance(tracker, Conversations):
            found.conversations[name] = tracker
    return found
