"""Fields of ICMP (RFC 792) and ICMPv6 (RFC 4443) that only earlier frames tell, and the record `icmp_states`."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.exchanges.common import ANSWERED, ENDS, exchanges

ICMP_KINDS: tuple[str, ...] = (
    "echo", "timestamp", "information", "mask", "extended echo", "error", "other",
)
"""What an exchange is; stored by number, so new ones go to the end."""

ICMP_OUTCOMES: tuple[str, ...] = ("told", "answered", "unanswered", "unasked", "repeated")
"""How it ended: an error or another message that has no answer was told; a reply was unasked where no request was
captured, and repeated where the request had one already. Stored by number."""

_MS = "ms, as text"

ICMP_DETAILS: tuple[C, ...] = (
    C("icmp.resp_to", "u32", "Frame of the echo request that this replies to"),
    C("icmp.resptime", "string", "Time from the echo request to this reply", unit=_MS),
    C("icmpv6.resp_to", "u32", "Frame of the echo request that this replies to"),
    C("icmpv6.resptime", "string", "Time from the echo request to this reply", unit=_MS),
    C("icmp.originate_timestamp", "u32", "Timestamp message: when it was sent", unit="ms since midnight UTC"),
    C("icmp.receive_timestamp", "u32", "Timestamp message: when it was received", unit="ms since midnight UTC"),
    C("icmp.transmit_timestamp", "u32", "Timestamp message: when it was sent back", unit="ms since midnight UTC"),
    C("icmp.address_mask", "ipv4", "Address mask message: the mask"),
)
"""What is told of each frame with a message."""

_QUOTED = (
    C("shoal.quoted.src", "ipv6", "Of an error: source of the packet it quotes (IPv4 as ::ffff:a.b.c.d)"),
    C("shoal.quoted.dst", "ipv6", "Of an error: destination of the packet it quotes"),
    C("shoal.quoted.proto", "u8", "Of an error: protocol of the packet it quotes"),
    C("shoal.quoted.srcport", "u16", "Of an error: source port of the packet it quotes"),
    C("shoal.quoted.dstport", "u16", "Of an error: destination port of the packet it quotes"),
    C("shoal.quoted.stream", "u32", "Of an error: udp.stream or tcp.stream of the packet it quotes"),
)

ICMP = exchanges(
    "icmp", "One row for each request with its reply, for a request without one, for a reply without a request, and "
    "for each error and each other message; the flow of an error is the one it quotes",
    *ENDS, *ANSWERED,
    C("shoal.icmp.kind", "enum", "What it is", names=ICMP_KINDS),
    C("shoal.icmp.outcome", "enum", "How it ended", names=ICMP_OUTCOMES),
    C("shoal.icmp.type", "text", "Type by name (of a request with its reply, the request's)"),
    C("shoal.icmp.code", "text", "Code by name, where the type has codes; else empty"),
    C("icmp.type", "u8", "ICMP type"),
    C("icmp.code", "u8", "ICMP code"),
    C("icmpv6.type", "u8", "ICMPv6 type"),
    C("icmpv6.code", "u8", "ICMPv6 code"),
    C("icmp.ident", "u16", "Identifier of a request, of ICMP or ICMPv6"),
    C("icmp.seq", "u16", "Sequence number of a request, of ICMP or ICMPv6"),
    C("shoal.ttl", "u8", "Time to live, or hop limit, of the reply; of an error or another message its own",
      unit="hops"),
    C("frame.len", "u32", "Length of the frame with which the row begins", unit="bytes"),
    C("icmp.mtu", "u32", "MTU of the next hop, of ICMP or ICMPv6", unit="bytes"),
    C("icmp.redir_gw", "ipv4", "Gateway of a redirect"),
    C("icmp.address_mask", "ipv4", "Mask of an address mask reply"),
    *_QUOTED,
)
