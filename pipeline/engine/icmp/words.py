"""Types and codes by name, as IANA's registries "ICMP Parameters" and "ICMPv6 Parameters" have them."""

from __future__ import annotations

TYPES: dict[int, str] = {
    0: "Echo Reply", 3: "Destination Unreachable", 4: "Source Quench", 5: "Redirect", 6: "Alternate Host Address",
    8: "Echo Request", 9: "Router Advertisement", 10: "Router Solicitation", 11: "Time Exceeded",
    12: "Parameter Problem", 13: "Timestamp Request", 14: "Timestamp Reply", 15: "Information Request",
    16: "Information Reply", 17: "Address Mask Request", 18: "Address Mask Reply", 30: "Traceroute",
    31: "Datagram Conversion Error", 32: "Mobile Host Redirect", 33: "IPv6 Where-Are-You", 34: "IPv6 I-Am-Here",
    35: "Mobile Registration Request", 36: "Mobile Registration Reply", 37: "Domain Name Request",
    38: "Domain Name Reply", 39: "SKIP", 40: "Photuris", 41: "Experimental Mobility", 42: "Extended Echo Request",
    43: "Extended Echo Reply",
}  # fmt: skip
"""ICMP types (RFC 792 and those it was extended by)."""

_EXTENDED = ("No Error", "Malformed Query", "No Such Interface", "No Such Table Entry",
             "Multiple Interfaces Satisfy Query")

CODES: dict[int, tuple[str, ...]] = {
    3: ("Net Unreachable", "Host Unreachable", "Protocol Unreachable", "Port Unreachable", "Fragmentation Needed",
        "Source Route Failed", "Destination Network Unknown", "Destination Host Unknown", "Source Host Isolated",
        "Network Administratively Prohibited", "Host Administratively Prohibited", "Network Unreachable for TOS",
        "Host Unreachable for TOS", "Communication Administratively Prohibited", "Host Precedence Violation",
        "Precedence Cutoff in Effect"),
    5: ("Redirect for Network", "Redirect for Host", "Redirect for TOS and Network", "Redirect for TOS and Host"),
    11: ("TTL Exceeded in Transit", "Fragment Reassembly Time Exceeded"),
    12: ("Pointer Indicates the Error", "Missing a Required Option", "Bad Length"),
    40: ("Bad SPI", "Authentication Failed", "Decompression Failed", "Decryption Failed", "Need Authentication",
         "Need Authorization"),
    43: _EXTENDED,
}  # fmt: skip
"""Codes of an ICMP type, from 0 on."""

TYPES6: dict[int, str] = {
    1: "Destination Unreachable", 2: "Packet Too Big", 3: "Time Exceeded", 4: "Parameter Problem",
    128: "Echo Request", 129: "Echo Reply", 130: "Multicast Listener Query", 131: "Multicast Listener Report",
    132: "Multicast Listener Done", 133: "Router Solicitation", 134: "Router Advertisement",
    135: "Neighbor Solicitation", 136: "Neighbor Advertisement", 137: "Redirect", 138: "Router Renumbering",
    139: "Node Information Query", 140: "Node Information Response", 141: "Inverse Neighbor Discovery Solicitation",
    142: "Inverse Neighbor Discovery Advertisement", 143: "Multicast Listener Report v2",
    144: "Home Agent Address Discovery Request", 145: "Home Agent Address Discovery Reply",
    146: "Mobile Prefix Solicitation", 147: "Mobile Prefix Advertisement", 148: "Certification Path Solicitation",
    149: "Certification Path Advertisement", 151: "Multicast Router Advertisement",
    152: "Multicast Router Solicitation", 153: "Multicast Router Termination", 154: "FMIPv6",
    155: "RPL Control", 157: "Duplicate Address Request", 158: "Duplicate Address Confirmation", 159: "MPL Control",
    160: "Extended Echo Request", 161: "Extended Echo Reply",
}  # fmt: skip
"""ICMPv6 types (RFC 4443 and those it was extended by)."""

CODES6: dict[int, tuple[str, ...]] = {
    1: ("No Route to Destination", "Administratively Prohibited", "Beyond Scope of Source Address",
        "Address Unreachable", "Port Unreachable", "Source Address Failed Policy", "Reject Route",
        "Error in Source Routing Header", "Headers Too Long"),
    3: ("Hop Limit Exceeded in Transit", "Fragment Reassembly Time Exceeded"),
    4: ("Erroneous Header Field", "Unrecognized Next Header", "Unrecognized Option", "Incomplete Header Chain",
        "SR Upper-Layer Header Error", "Unrecognized Next Header by Intermediate Node", "Extension Header Too Big",
        "Extension Header Chain Too Long", "Too Many Extension Headers", "Too Many Options", "Option Too Big"),
    161: _EXTENDED,
}  # fmt: skip
"""Codes of an ICMPv6 type, from 0 on."""


def type_name(kind: int, *, v6: bool) -> str:
    """The name of a type; of one without a name, its number."""
    return (TYPES6 if v6 else TYPES).get(kind) or f"Type {kind}"


def code_name(kind: int, code: int, *, v6: bool) -> str:
    """The name of a type's code; of one without a name its number, and nothing for 0 of a type without codes."""
    names = (CODES6 if v6 else CODES).get(kind, ())
    if code < len(names):
        return names[code]
    return f"Code {code}" if code or names else ""
