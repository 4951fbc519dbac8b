"""Fields of DHCP messages (RFC 2131, 2132), and the record `dhcp_states`: an exchange from its first message on."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges
from pipeline.schema.exchanges.dhcp_options import OPTIONS

DHCP_KINDS: tuple[str, ...] = (
    "unknown", "new lease", "renewal", "rebinding", "reboot", "inform", "release", "decline", "bootp", "force renew",
    "lease query",
)
"""What the client wanted; unknown where only a server's messages were captured. Stored by number: new ones to the
end."""

DHCP_OUTCOMES: tuple[str, ...] = (
    "unanswered", "offered", "acked", "nakked", "declined", "released", "replied", "told",
)
"""How it ended. Stored by number: new ones to the end."""

DHCP_STEPS: tuple[str, ...] = ("discover", "offer", "request", "ack", "nak", "decline", "release", "inform")
"""Messages whose frame and time a row keeps: the first of each."""


def _option(name: str, kind: str, meaning: str, unit: str = "") -> C:
    return C(f"dhcp.option.{name}", kind, meaning, unit=unit)


_ID = C("dhcp.id", "u32", "Transaction ID", show="hex")
_MAC = C("dhcp.hw.mac_addr", "mac", "Hardware address of the client")
_CLIENT = C("dhcp.ip.client", "ipv4", "Address that the client has")
_YOUR = C("dhcp.ip.your", "ipv4", "Address that the client is given")
_SERVER = C("dhcp.ip.server", "ipv4", "Address of the next server to boot from")
_RELAY = C("dhcp.ip.relay", "ipv4", "Address of the relay agent")
_HEAD = (
    C("dhcp.type", "u8", "1 request, 2 reply"),
    C("dhcp.hw.type", "u8", "Hardware type", show="hex"),
    C("dhcp.hw.len", "u8", "Length of the hardware address", unit="bytes"),
    C("dhcp.hops", "u8", "Relay agents passed"),
    _ID,
    C("dhcp.secs", "u16", "Time since the client began", unit="s"),
    C("dhcp.flags", "u16", "Flags", show="hex"),
    C("dhcp.flags.bc", "bool", "The reply is to be broadcast"),
    _CLIENT, _YOUR, _SERVER, _RELAY, _MAC,
    C("dhcp.hw.addr", "bytes16", "Hardware address of the client that is none of Ethernet"),
    C("dhcp.server", "string", "Name of the next server"),
    C("dhcp.file", "string", "Boot file"),
    C("dhcp.cookie", "ipv4", "Magic cookie"),
    C("dhcp.bootp", "bool", "The message has no DHCP message type"),
)  # fmt: skip
# By form: what a value is.
_KIND_OF_FORM = ("ipv4", "ipv4", "string", "bool", "u8", "u16", "u16", "u32", "string", "u8")
_AGENT = "agent_information_option"
_OWN = {1: "", 15: "", 50: "", 51: "s", 54: "", 56: "", 58: "s", 59: "s", 12: "", 60: ""}

DHCP_DETAILS: tuple[C, ...] = (
    *_HEAD,
    _option("type", "u8", "Number of each option"),
    _option("length", "u8", "Length of each option", "bytes"),
    _option("value", "bytes16", "Value of each option"),
    _option("padding", "bytes16", "Padding"),
    C("dhcp.option.end", "u8", "End of the options"),
    *(_option(o.name, _KIND_OF_FORM[o.form], o.meaning) for n, o in OPTIONS.items() if n != 160),
    _option("policy_filter.ip", "ipv4", "Destinations that may be source routed"),
    _option("policy_filter.subnet_mask", "ipv4", "Their masks"),
    _option("static_route.ip", "ipv4", "Destinations of static routes"),
    _option("static_route.router", "ipv4", "Their routers"),
    _option(f"{_AGENT}.suboption", "u8", "Relay agent: number of each suboption"),
    _option(f"{_AGENT}.agent_circuit_id", "bytes16", "Relay agent: circuit of the client"),
    _option(f"{_AGENT}.agent_remote_id", "bytes16", "Relay agent: the client at the circuit's end"),
    _option(f"{_AGENT}.link_selection", "ipv4", "Relay agent: subnet to give an address of"),
    _option(f"{_AGENT}.subscriber_id", "string", "Relay agent: subscriber"),
    _option(f"{_AGENT}.server_id_override", "ipv4", "Relay agent: address to show as the server's"),
    _option(f"{_AGENT}.relay_agent_id", "bytes16", "Relay agent: its identifier"),
    _option("dhcp_dns_domain_search_list_fqdn", "string", "Domains to search"),
    C("dhcp.client_id.uuid", "string", "Client identifier: UUID"),
    C("dhcp.client_id.type", "u8", "Client identifier: type 0, no hardware address"),
    C("dhcp.client_id.undef", "string", "Client identifier: text"),
    C("dhcp.client_id.duid_type", "u16", "Client identifier: type of the DUID"),
    C("dhcp.client_id.enterprise_num", "u32", "Client identifier: enterprise of the DUID"),
    C("dhcp.fqdn.flags", "u8", "Flags of the client's name", show="hex"),
    C("dhcp.fqdn.rcode1", "u8", "Result of the A record's update"),
    C("dhcp.fqdn.rcode2", "u8", "Result of the PTR record's update"),
    C("dhcp.fqdn.name", "string", "Full name of the client"),
)
"""What is told of each frame with a message."""

_TIMES = tuple(
    column
    for step in DHCP_STEPS
    for column in (
        C(f"shoal.dhcp.{step}_frame", "u64", f"Frame of the first {step}"),
        C(f"shoal.dhcp.{step}_time", "time", "When it was captured", unit="ns since 1970-01-01 UTC"),
    )
)

DHCP = exchanges(
    "dhcp", "One row for each exchange of a client by its transaction ID, from Discover to ACK",
    *ENDS, *PORTS, *ANSWERED,
    C("shoal.dhcp.kind", "enum", "What the client wanted", names=DHCP_KINDS),
    C("shoal.dhcp.outcome", "enum", "How it ended", names=DHCP_OUTCOMES),
    _ID, _MAC,
    C("dhcp.hw.addr", "text", "Hardware address of the client in hex, whatever its type and length"),
    C("dhcp.client_id", "text", "Client identifier in hex"),
    *_TIMES,
    C("shoal.dhcp.offer_delay", "seconds", "From the first Discover to the first Offer", unit="s"),
    C("shoal.dhcp.request_delay", "seconds", "From the first Offer to the first Request", unit="s"),
    C("shoal.dhcp.ack_delay", "seconds", "From the last Request (Discover, Inform) to the ACK or NAK", unit="s"),
    C("shoal.dhcp.messages", "u32", "Messages, copies included"),
    C("shoal.dhcp.discovers_again", "u32", "Discovers sent again"),
    C("shoal.dhcp.requests_again", "u32", "Requests sent again"),
    _CLIENT, _YOUR, _SERVER, _RELAY,
    *(_option(OPTIONS[n].name, _KIND_OF_FORM[OPTIONS[n].form], OPTIONS[n].meaning, unit) for n, unit in _OWN.items()),
    C("dhcp.fqdn.name", "string", "Full name of the client"),
    _option(f"{_AGENT}.agent_circuit_id", "text", "Relay agent: circuit of the client in hex"),
    _option(f"{_AGENT}.agent_remote_id", "text", "Relay agent: the client at the circuit's end in hex"),
    groups=(
        ListGroup("dhcp_offer", 8, (
            C("dhcp_offer.server", "ipv4", "Server identifiers of all who offered, in their order"),
            C("dhcp_offer.address", "ipv4", "What each of them offered"),
            C("dhcp_offer.frame", "u64", "Frame of each one's first Offer"),
        )),
        ListGroup("dhcp_router", 8, (C("dhcp_router.address", "ipv4", "Routers of the subnet"),)),
        ListGroup("dhcp_dns", 8, (C("dhcp_dns.address", "ipv4", "DNS servers"),)),
        ListGroup("dhcp_parameter", 64, (C("dhcp_parameter.option", "u8", "Options that the client asks for"),)),
        ListGroup("dhcp_option", 64, (
            C("dhcp_option.type", "u8", "Numbers of the options that have no column here, of both sides"),
            C("dhcp_option.value", "string", "Their values in hex"),
        )),
    ),
)
