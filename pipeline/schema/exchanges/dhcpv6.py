"""Fields of DHCPv6 messages (RFC 8415), and the record `dhcpv6_states`: an exchange from its first message on."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

DHCPV6_KINDS: tuple[str, ...] = (
    "unknown", "new lease", "confirm", "renew", "rebind", "release", "decline", "information", "reconfigure",
    "lease query",
)
"""What the client wanted; unknown where only a server's messages were captured. Stored by number: new ones to the
end."""

DHCPV6_OUTCOMES: tuple[str, ...] = ("unanswered", "advertised", "replied", "refused", "told")
"""How it ended; refused is a reply whose status is no success. Stored by number: new ones to the end."""

DHCPV6_STEPS: dict[int, str] = {
    1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind", 7: "reply", 8: "release",
    9: "decline", 10: "reconfigure", 11: "information_request",
}
"""Messages whose frame and time a row keeps, the first of each, by type."""

_MSGTYPE = C("dhcpv6.msgtype", "u8", "Message type")
_XID = C("dhcpv6.xid", "u32", "Transaction ID", show="hex")
_LINK = C("dhcpv6.linkaddr", "ipv6", "Relay: address on the client's link")
_PEER = C("dhcpv6.peeraddr", "ipv6", "Relay: who sent the message to it")
_STATUS = C("dhcpv6.status_code", "u16", "Status code; 0 is success")
_STATUS_MSG = C("dhcpv6.status_msg", "string", "Status in words")
_DOMAIN = C("dhcpv6.client_domain", "string", "Full name of the client")
_T1 = C("dhcpv6.iaid.t1", "u32", "T1, when to renew", unit="s")
_T2 = C("dhcpv6.iaid.t2", "u32", "T2, when to rebind", unit="s")

DHCPV6_DETAILS: tuple[C, ...] = (
    _MSGTYPE, _XID,
    C("dhcpv6.hopcount", "u8", "Relay agents passed"),
    _LINK, _PEER,
    C("dhcpv6.option.type", "u16", "Number of each option"),
    C("dhcpv6.option.length", "u16", "Length of each option", unit="bytes"),
    C("dhcpv6.duid.bytes", "bytes16", "DUIDs of client and server"),
    C("dhcpv6.duid.type", "u16", "Their types"),
    C("dhcpv6.duidllt.link_layer_addr", "string", "Link layer address of a DUID with time"),
    C("dhcpv6.duidllt.time", "string", "Time of a DUID"),
    C("dhcpv6.duidll.link_layer_addr", "string", "Link layer address of a DUID"),
    C("dhcpv6.duiden.enterprise", "u32", "Enterprise of a DUID"),
    C("dhcpv6.duiden.identifier", "bytes16", "Identifier of such a DUID"),
    C("dhcpv6.duiduuid.bytes", "bytes16", "UUID of a DUID"),
    C("dhcpv6.iaid", "string", "Identity associations"),
    _T1, _T2,
    C("dhcpv6.iata", "string", "Identity associations for temporary addresses"),
    C("dhcpv6.iaaddr.ip", "ipv6", "Addresses"),
    C("dhcpv6.iaaddr.pref_lifetime", "u32", "Their preferred lifetimes", unit="s"),
    C("dhcpv6.iaaddr.valid_lifetime", "u32", "Their valid lifetimes", unit="s"),
    C("dhcpv6.iaprefix.pref_addr", "ipv6", "Prefixes"),
    C("dhcpv6.iaprefix.pref_len", "u8", "Their lengths", unit="bits"),
    C("dhcpv6.iaprefix.pref_lifetime", "u32", "Their preferred lifetimes", unit="s"),
    C("dhcpv6.iaprefix.valid_lifetime", "u32", "Their valid lifetimes", unit="s"),
    C("dhcpv6.requested_option_code", "u16", "Options that the client asks for"),
    C("dhcpv6.option_preference", "u8", "Preference of the server"),
    C("dhcpv6.elapsed_time", "u16", "Time since the client began", unit="ms"),
    _STATUS, _STATUS_MSG,
    C("dhcpv6.dns_server", "ipv6", "DNS servers"),
    C("dhcpv6.search_list_entry", "string", "Domains to search"),
    C("dhcpv6.sntp_server", "ipv6", "SNTP servers"),
    C("dhcpv6.lifetime", "u32", "Time after which to ask anew", unit="s"),
    _DOMAIN,
    C("dhcpv6.client_fqdn_flags", "u8", "Flags of the client's name", show="hex"),
    C("dhcpv6.vendorclass.enterprise", "u32", "Vendor class: enterprise"),
    C("dhcpv6.vendorclass.data", "string", "Vendor class"),
    C("dhcpv6.remoteid.enterprise", "u32", "Relay: enterprise of the remote identifier"),
    C("dhcpv6.interface_id", "bytes16", "Relay: interface of the client"),
    C("dhcpv6.reconf_msg", "u8", "What the server wants to be sent"),
)
"""What is told of each frame with a message."""

_TIMES = tuple(
    column
    for step in DHCPV6_STEPS.values()
    for column in (
        C(f"shoal.dhcpv6.{step}_frame", "u64", f"Frame of the first {step.replace('_', '-')}"),
        C(f"shoal.dhcpv6.{step}_time", "time", "When it was captured", unit="ns since 1970-01-01 UTC"),
    )
)

DHCPV6 = exchanges(
    "dhcpv6", "One row for each exchange of a client, from Solicit to Reply",
    *ENDS, *PORTS, *ANSWERED,
    C("shoal.dhcpv6.kind", "enum", "What the client wanted", names=DHCPV6_KINDS),
    C("shoal.dhcpv6.outcome", "enum", "How it ended", names=DHCPV6_OUTCOMES),
    _XID,
    C("shoal.dhcpv6.client", "text", "DUID of the client in hex"),
    C("shoal.dhcpv6.server", "text", "DUID of the server that replied in hex"),
    C("shoal.dhcpv6.client_hw", "mac", "Hardware address of the client: its frame's, or as relay or DUID say"),
    *_TIMES,
    C("shoal.dhcpv6.messages", "u32", "Messages, copies included"),
    C("shoal.dhcpv6.requests_again", "u32", "Messages of the client sent again"),
    _T1, _T2, _STATUS, _STATUS_MSG, _LINK, _PEER, _DOMAIN,
    C("dhcpv6.interface_id", "text", "Relay: interface of the client in hex"),
    C("dhcpv6.vendorclass.data", "string", "Vendor class of the client"),
    groups=(
        ListGroup("dhcpv6_address", 16, (
            C("dhcpv6_address.ip", "ipv6", "Addresses of the reply, or else of the advertisement"),
            C("dhcpv6_address.iaid", "u32", "Their identity associations"),
            C("dhcpv6_address.pref_lifetime", "u32", "Their preferred lifetimes", unit="s"),
            C("dhcpv6_address.valid_lifetime", "u32", "Their valid lifetimes; 4294967295 is for ever", unit="s"),
        )),
        ListGroup("dhcpv6_prefix", 16, (
            C("dhcpv6_prefix.prefix", "ipv6", "Prefixes of the reply, or else of the advertisement"),
            C("dhcpv6_prefix.length", "u8", "Their lengths", unit="bits"),
            C("dhcpv6_prefix.iaid", "u32", "Their identity associations"),
            C("dhcpv6_prefix.pref_lifetime", "u32", "Their preferred lifetimes", unit="s"),
            C("dhcpv6_prefix.valid_lifetime", "u32", "Their valid lifetimes; 4294967295 is for ever", unit="s"),
        )),
        ListGroup("dhcpv6_offer", 8, (
            C("dhcpv6_offer.server", "string", "DUIDs of all servers that advertised, in their order"),
        )),
        ListGroup("dhcpv6_dns", 8, (C("dhcpv6_dns.address", "ipv6", "DNS servers"),)),
        ListGroup("dhcpv6_parameter", 64, (C("dhcpv6_parameter.option", "u16", "Options that the client asks for"),)),
        ListGroup("dhcpv6_option", 64, (
            C("dhcpv6_option.type", "u16", "Numbers of the options that have no column here, of both sides"),
            C("dhcpv6_option.value", "string", "Their values in hex"),
        )),
    ),
)
