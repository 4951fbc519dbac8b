"""Messages of neighbour discovery and their options (RFC 4861 section 4, RFC 8106)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT, REDIRECT = 133, 134, 135, 136, 137
"""Types of ICMPv6."""

_OPTIONS_AT = {ROUTER_SOLICITATION: 8, ROUTER_ADVERTISEMENT: 16, SOLICITATION: 24, ADVERTISEMENT: 24, REDIRECT: 40}
_SOURCE, _TARGET, _PREFIX, _MTU, _NONCE, _DNS = 1, 2, 3, 5, 14, 25
_MOST_OPTIONS = 128

Detail = Callable[[str, object], None]
Prefix = tuple[bytes, int, int, int, int]
"""A prefix: 16 bytes, its length, its flags, valid and preferred lifetime."""


@dataclass(slots=True)
class Message:
    """A message: hardware addresses of sender and target (0 without such an option), MTU (-1 without), prefixes and DNS
    servers; `target` and `destination` are 16 bytes, or none."""

    kind: int
    data: bytes
    target: bytes = b""
    destination: bytes = b""
    source_hw: int = 0
    target_hw: int = 0
    mtu: int = -1
    prefixes: list[Prefix] = field(default_factory=list)
    servers: list[bytes] = field(default_factory=list)
    options: list[tuple[int, bytes]] = field(default_factory=list)

    def number(self, at: int, size: int) -> int:
        """A field; 0 where it is not captured."""
        return int.from_bytes(self.data[at : at + size], "big") if at + size <= len(self.data) else 0


def parse(kind: int, data: bytes) -> Message | None:
    """The message of type `kind` in `data`, from its ICMPv6 header on; None where its fixed part is cut."""
    at = _OPTIONS_AT[kind]
    if len(data) < at:
        return None
    message = Message(kind, data)
    if at >= 24:
        message.target, message.destination = data[8:24], data[24:40] if kind == REDIRECT else b""
    while at + 2 <= len(data) and len(message.options) < _MOST_OPTIONS:
        end = at + 8 * data[at + 1]
        if end == at or end > len(data):
            break
        message.options.append((data[at], data[at:end]))
        _read(message, data[at], data[at:end])
        at = end
    return message


def _read(message: Message, kind: int, option: bytes) -> None:
    if kind in (_SOURCE, _TARGET) and len(option) == 8:
        hardware = int.from_bytes(option[2:], "big")
        if kind == _SOURCE:
            message.source_hw = hardware
        else:
            message.target_hw = hardware
    elif kind == _PREFIX and len(option) == 32:
        valid, preferred = int.from_bytes(option[4:8], "big"), int.from_bytes(option[8:12], "big")
        message.prefixes.append((option[16:], option[2], option[3], valid, preferred))
    elif kind == _MTU and len(option) == 8:
        message.mtu = int.from_bytes(option[4:], "big")
    elif kind == _DNS:
        message.servers += [option[k : k + 16] for k in range(8, len(option) - 15, 16)]


def tell(message: Message, detail: Detail) -> None:
    """Tell the fields of a message, as Wireshark shows them."""
    number = message.number
    if message.kind == ADVERTISEMENT:
        flags = number(4, 4)
        detail("icmpv6.nd.na.flag", flags)
        for name, shift in (("r", 31), ("s", 30), ("o", 29)):
            detail(f"icmpv6.nd.na.flag.{name}", flags >> shift & 1)
    elif message.kind == ROUTER_ADVERTISEMENT:
        flags = number(5, 1)
        for name, value in (
            ("cur_hop_limit", number(4, 1)), ("flag", flags), ("flag.m", flags >> 7), ("flag.o", flags >> 6 & 1),
            ("router_lifetime", number(6, 2)), ("reachable_time", number(8, 4)), ("retrans_timer", number(12, 4)),
        ):  # fmt: skip
            detail(f"icmpv6.nd.ra.{name}", value)
    elif message.kind == REDIRECT:
        detail("icmpv6.nd.rd.target_address", message.target)
    for kind, option in message.options:
        detail("icmpv6.opt.type", kind)
        detail("icmpv6.opt.length", option[1])
        if kind in (_SOURCE, _TARGET):
            for name in ("linkaddr", "src_linkaddr" if kind == _SOURCE else "target_linkaddr"):
                detail(f"icmpv6.opt.{name}", option[2:].hex(":"))
        elif kind == _NONCE:
            detail("icmpv6.opt.nonce", option[2:])
        elif kind == _DNS and len(option) >= 8:
            detail("icmpv6.opt.rdnss.lifetime", int.from_bytes(option[4:8], "big"))
    for prefix, length, flags, valid, preferred in message.prefixes:
        for name, told in (("length", length), ("flag", flags), ("flag.l", flags >> 7), ("flag.a", flags >> 6 & 1),
                           ("valid_lifetime", valid), ("preferred_lifetime", preferred)):
            detail(f"icmpv6.opt.prefix.{name}", told)
        detail("icmpv6.opt.prefix", prefix)
    if message.mtu >= 0:
        detail("icmpv6.opt.mtu", message.mtu)
    for server in message.servers:
        detail("icmpv6.opt.rdnss", server)
