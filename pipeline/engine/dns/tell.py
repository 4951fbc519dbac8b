"""Fields of a message in its frame, as tshark prints them: in its order, and up to where it gives up."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.engine.dns import registry as r
from pipeline.engine.dns.message import RESPONSE, Message
from pipeline.engine.dns.names import Fault
from pipeline.engine.dns.tell_data import DATA, Reader

Tell = Callable[[str, object], None]
"""Takes a field's name and its value."""

_COUNTS = ("dns.count.queries", "dns.count.answers", "dns.count.auth_rr", "dns.count.add_rr")
_COUNTS_OF_UPDATES = ("dns.count.zones", "dns.count.prerequisites", "dns.count.updates", "dns.count.add_rr")


def tell_header(tell: Tell, found: Message, *, llmnr: bool) -> None:
    """The transaction's number, the flags, and as many counts as there are."""
    flags = found.flags
    response = flags & RESPONSE != 0
    tell("dns.id", found.ident)
    tell("dns.flags", flags)
    tell("dns.flags.response", flags >> 15)
    operation = flags >> 11 & 15
    tell("dns.flags.opcode", operation)
    if llmnr:
        tell("dns.flags.conflict", flags >> 10 & 1)
        tell("dns.flags.truncated", flags >> 9 & 1)
        tell("dns.flags.tentative", flags >> 8 & 1)
    else:
        if response:
            tell("dns.flags.authoritative", flags >> 10 & 1)
        tell("dns.flags.truncated", flags >> 9 & 1)
        tell("dns.flags.recdesired", flags >> 8 & 1)
        if response:
            tell("dns.flags.recavail", flags >> 7 & 1)
        tell("dns.flags.z", flags >> 6 & 1)
        if response or flags & 0x20:
            tell("dns.flags.authenticated", flags >> 5 & 1)
        tell("dns.flags.checkdisable", flags >> 4 & 1)
    if response:
        tell("dns.flags.rcode", flags & 15)
    for name, count in zip(_COUNTS_OF_UPDATES if operation == r.UPDATE else _COUNTS, found.counts, strict=False):
        tell(name, count)


def tell_questions(tell: Tell, found: Message, *, mdns: bool) -> None:
    """The questions that are whole."""
    for name, kind, klass in found.questions:
        length = len(name) if len(name) > 1 else 0
        tell("dns.qry.name", name)
        tell("dns.qry.name.len", length)
        tell("dns.count.labels", name.count(".") + 1 if length else 0)
        tell("dns.qry.type", kind)
        if mdns:
            tell("dns.qry.class", klass & 0x7FFF)
            tell("dns.qry.qu", klass >> 15)
        else:
            tell("dns.qry.class", klass)


def tell_records(tell: Tell, found: Message, *, mdns: bool) -> bool:
    """The records up to the fault; whether there is none, so that the message is followed to its end.

    Data are read as their type has them, also beyond the length that the record gives them.
    """
    names = found.names
    for record in found.records:
        _, owner, kind, klass, ttl, at, length = record
        if at + length > len(names.data):
            return False
        if kind == r.OPT:
            tell("dns.resp.name", owner)
            tell("dns.resp.type", kind)
            _tell_edns(tell, klass, ttl, mdns=mdns)
            tell("dns.resp.len", length)
        else:
            if kind == 33:
                _tell_service(tell, owner)
            else:
                tell("dns.resp.name", owner)
            tell("dns.resp.type", kind)
            if mdns:
                tell("dns.resp.class", klass & 0x7FFF)
                tell("dns.resp.cache_flush", klass >> 15)
            else:
                tell("dns.resp.class", klass)
            tell("dns.resp.ttl", ttl)
            tell("dns.resp.len", length)
        if not length:
            continue
        data = DATA.get(kind)
        try:
            if data is not None:
                data(tell, Reader(names, at, length), mdns)
        except Fault:
            return False
    return not found.fault


def _tell_service(tell: Tell, owner: str) -> None:
    parts = owner.split(".", 2)
    for name, part in zip(("dns.srv.service", "dns.srv.proto", "dns.srv.name"), parts, strict=False):
        tell(name, part)


def _tell_edns(tell: Tell, klass: int, ttl: int, *, mdns: bool) -> None:
    """What an OPT record has in the places of class and time to live (RFC 6891, section 6.1.3)."""
    if mdns:
        tell("dns.rr.udp_payload_size", klass & 0x7FFF)
        tell("dns.resp.cache_flush", klass >> 15)
    else:
        tell("dns.rr.udp_payload_size", klass)
    tell("dns.resp.ext_rcode", ttl >> 24)
    tell("dns.resp.edns0_version", ttl >> 16 & 255)
    tell("dns.resp.z", ttl & 0xFFFF)
    tell("dns.resp.z.do", ttl >> 15 & 1)
    tell("dns.resp.z.reserved", ttl & 0x7FFF)

