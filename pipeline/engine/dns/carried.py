"""Messages that another protocol carries whole: DNS over HTTP (RFC 8484)."""

from __future__ import annotations

from pipeline.engine.dns.message import RESPONSE, Message, read_message
from pipeline.engine.dns.tell import tell_header, tell_questions, tell_records
from pipeline.engine.exchanges.packet import Packet


def tell_message(packet: Packet, found: Message, protocol: str) -> bool:
    """Tell what a message of DNS, MDNS or LLMNR says; whether it could be followed to its end."""
    tell = packet.detail
    mdns = protocol == "MDNS"
    if found.names.base:
        tell("dns.length", len(found.names.data) - found.names.base)
    tell_header(tell, found, llmnr=protocol == "LLMNR")
    tell_questions(tell, found, mdns=mdns)
    return tell_records(tell, found, mdns=mdns)


def tell_carried(packet: Packet, data: bytes, protocol: str = "DNS") -> bool:
    """Tell what a message says that belongs to no query known here: one of `Content-Type: application/dns-message`, or
    one that is quoted. Whether it is a message at all."""
    found = read_message(data)
    if found is None:
        return False
    if tell_message(packet, found, protocol) and found.flags & RESPONSE:
        packet.detail("dns.unsolicited", 1)
    return True
