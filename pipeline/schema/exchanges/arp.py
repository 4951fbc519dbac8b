"""The records `arp_states` (RFC 826, 5227), `nd_states` (RFC 4861), `bindings_states`, and their fields of frames."""

from __future__ import annotations

from dataclasses import replace

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup
from pipeline.schema.exchanges.common import ANSWERED, exchanges

ARP_KINDS: tuple[str, ...] = (
    "request", "probe", "announcement", "gratuitous", "reply", "reverse", "inverse", "other",
)
"""What an ARP exchange is: a probe asks whether an address is free, an announcement says that it is taken (RFC 5227),
gratuitous are other messages whose sender asks for itself. Stored by number: new ones go to the end."""

ND_KINDS: tuple[str, ...] = (
    "solicitation", "duplicate address detection", "advertisement", "router solicitation", "router advertisement",
    "redirect",
)
"""What an exchange of neighbour discovery is. Stored by number: new ones go to the end."""

OUTCOMES: tuple[str, ...] = ("told", "answered", "unanswered", "unasked")
"""How it ended; what asks for nothing was told. Stored by number: new ones go to the end."""

LEARNT: tuple[str, ...] = ("ARP", "ND", "DHCP", "DHCPv6")
"""How a binding was learnt. Stored by number: new ones go to the end."""

ARP_DETAILS: tuple[C, ...] = (
    C("arp.isprobe", "bool", "Asks whether the address is free"),
    C("arp.isannouncement", "bool", "Says that the address is the sender's"),
    C("arp.duplicate-address-frame", "u32", "Frame in which another one had the address last"),
    C("arp.seconds-since-duplicate-address-frame", "u32", "Time since that frame", unit="s"),
)
"""What is told of each frame of ARP."""

_PREFIX = "icmpv6.opt.prefix"
ND_DETAILS: tuple[C, ...] = (
    C("icmpv6.opt.type", "u8", "Type of each option"),
    C("icmpv6.opt.length", "u8", "Length of each option", unit="8 bytes"),
    C("icmpv6.opt.linkaddr", "string", "Hardware address in an option"),
    C("icmpv6.opt.src_linkaddr", "string", "Hardware address of the sender"),
    C("icmpv6.opt.target_linkaddr", "string", "Hardware address of the target"),
    C(f"{_PREFIX}.length", "u8", "Prefix: length", unit="bits"),
    C(f"{_PREFIX}.flag", "u8", "Prefix: flags", show="hex"),
    C(f"{_PREFIX}.flag.l", "bool", "Prefix: on the link"),
    C(f"{_PREFIX}.flag.a", "bool", "Prefix: to make addresses of"),
    C(f"{_PREFIX}.valid_lifetime", "u32", "Prefix: valid lifetime", unit="s"),
    C(f"{_PREFIX}.preferred_lifetime", "u32", "Prefix: preferred lifetime", unit="s"),
    C(_PREFIX, "ipv6", "Prefix"),
    C("icmpv6.opt.mtu", "u32", "MTU of the link", unit="bytes"),
    C("icmpv6.opt.rdnss.lifetime", "u32", "DNS servers: lifetime", unit="s"),
    C("icmpv6.opt.rdnss", "ipv6", "DNS servers"),
    C("icmpv6.opt.nonce", "bytes16", "Nonce"),
    C("icmpv6.nd.na.flag", "u32", "Flags of a neighbour advertisement", show="hex"),
    C("icmpv6.nd.na.flag.r", "bool", "The sender is a router"),
    C("icmpv6.nd.na.flag.s", "bool", "The advertisement was solicited"),
    C("icmpv6.nd.na.flag.o", "bool", "The advertisement overrides what was known"),
    C("icmpv6.nd.ra.cur_hop_limit", "u8", "Router: hop limit to use"),
    C("icmpv6.nd.ra.flag", "u8", "Router: flags", show="hex"),
    C("icmpv6.nd.ra.flag.m", "bool", "Router: addresses are given by DHCPv6"),
    C("icmpv6.nd.ra.flag.o", "bool", "Router: other settings are given by DHCPv6"),
    C("icmpv6.nd.ra.router_lifetime", "u16", "Router: for how long it is one", unit="s"),
    C("icmpv6.nd.ra.reachable_time", "u32", "Router: how long a neighbour is reachable", unit="ms"),
    C("icmpv6.nd.ra.retrans_timer", "u32", "Router: time between solicitations", unit="ms"),
    C("icmpv6.nd.rd.target_address", "ipv6", "Redirect: next hop"),
)
"""What is told of each frame of neighbour discovery."""

_VLAN = C("shoal.vlan", "u16", "Innermost VLAN identifier of the frame; without a tag there is none")

ARP = exchanges(
    "arp", "One row for each request of ARP with its replies, for a request without one, for a reply without a "
    "request, and for each announcement",
    *ANSWERED, _VLAN,
    C("shoal.arp.kind", "enum", "What it is", names=ARP_KINDS),
    C("shoal.arp.outcome", "enum", "How it ended", names=OUTCOMES),
    C("arp.opcode", "u16", "Operation of the first message"),
    C("arp.src.hw_mac", "mac", "Hardware address of who asked (of an unasked reply: who was answered)"),
    C("arp.src.proto_ipv4", "ipv4", "Address of who asked; 0.0.0.0 in a probe"),
    C("arp.dst.proto_ipv4", "ipv4", "Address asked for, or announced"),
    C("arp.dst.hw_mac", "mac", "Hardware address that it has, by the first reply or the announcement"),
    C("shoal.arp.requests", "u32", "How often it was asked, until it was answered"),
    C("arp.duplicate-address-detected", "bool", "Frame of the row says an address that was another one's last"),
    groups=(
        ListGroup("arp_answer", 8, (
            C("arp_answer.hw", "string", "Hardware addresses of all who replied, in their order, as text"),
            C("arp_answer.frame", "u64", "Frame of each one's first reply"),
        )),
    ),
)

ND = exchanges(
    "nd", "One row for each solicitation of neighbour discovery with its advertisement, for one without the other, and "
    "for each redirect and router's advertisement",
    C("ipv6.src", "ipv6", "Who asked, or told"),
    C("ipv6.dst", "ipv6", "Where it was sent"),
    *ANSWERED, _VLAN,
    C("shoal.nd.kind", "enum", "What it is", names=ND_KINDS),
    C("shoal.nd.outcome", "enum", "How it ended", names=OUTCOMES),
    C("shoal.nd.target", "ipv6", "Address asked for or told; of a redirect the next hop"),
    C("shoal.nd.destination", "ipv6", "Of a redirect: for what"),
    C("shoal.nd.src_hw", "mac", "Hardware address of who sent the first message: its option's, or the frame's"),
    C("shoal.nd.target_hw", "mac", "Hardware address of the target, as the advertisement's option says"),
    C("shoal.nd.requests", "u32", "How often it was asked, until it was answered"),
    C("icmpv6.nd.na.flag.r", "bool", "The target is a router"),
    C("icmpv6.nd.na.flag.o", "bool", "The advertisement overrides what was known"),
    C("icmpv6.nd.ra.cur_hop_limit", "u8", "Router: hop limit to use"),
    C("icmpv6.nd.ra.flag.m", "bool", "Router: addresses are given by DHCPv6"),
    C("icmpv6.nd.ra.flag.o", "bool", "Router: other settings are given by DHCPv6"),
    C("icmpv6.nd.ra.router_lifetime", "u16", "Router: for how long it is one", unit="s"),
    C("icmpv6.opt.mtu", "u32", "Router: MTU of the link", unit="bytes"),
    groups=(
        ListGroup("nd_prefix", 16, (
            C("nd_prefix.prefix", "ipv6", "Router: prefixes"),
            C("nd_prefix.length", "u8", "Their lengths", unit="bits"),
            C("nd_prefix.flags", "u8", "Their flags: 0x80 on the link, 0x40 to make addresses of"),
            C("nd_prefix.valid_lifetime", "u32", "Their valid lifetimes", unit="s"),
            C("nd_prefix.preferred_lifetime", "u32", "Their preferred lifetimes", unit="s"),
        )),
        ListGroup("nd_dns", 8, (C("nd_dns.address", "ipv6", "Router: DNS servers"),)),
    ),
)

_BINDINGS = exchanges(
    "bindings", "One row for each time that an address had a hardware address: a new one begins when another has it",
    _VLAN,
    C("shoal.address", "text", "IPv4 or IPv6 address, as text"),
    C("shoal.hw", "mac", "Hardware address that had it"),
    C("shoal.learnt", "enum", "How it was learnt", names=LEARNT),
    C("shoal.previous_hw", "mac", "Hardware address that had it before, learnt the same way"),
    C("shoal.binding.frames", "u64", "Frames that said so"),
    C("shoal.binding.lease", "u32", "Lease time of DHCP, as said last", unit="s"),
)
BINDINGS = replace(
    _BINDINGS,
    columns=(
        *_BINDINGS.columns,
        C("shoal.last_frame", "u64", "Newest frame that said so; the version of the row"),
        C("shoal.last_time", "time", "When that frame was captured", unit="ns since 1970-01-01 UTC"),
    ),
    version="shoal.last_frame",
)
