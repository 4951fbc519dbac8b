"""The fields of a message, as Wireshark shows them of its frame."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from pipeline.engine.dhcp.message import COOKIE, FIXED, REQUEST, Message
from pipeline.engine.dhcp.options import (
    AGENT,
    CLIENT_ID,
    DOMAIN_SEARCH,
    FQDN,
    MESSAGE_TYPE,
    OVERLOAD,
    PARAMETERS,
    domain_name,
    domain_names,
    text,
    values,
)
from pipeline.engine.exchanges.packet import Packet
from pipeline.schema.exchanges.dhcp_options import OPTIONS, SPECIAL

_END = 255
_ETHERNET = (1, 6)
_POLICY_FILTER, _STATIC_ROUTE = 21, 33
_PAIRS = {_POLICY_FILTER: ("policy_filter.ip", "policy_filter.subnet_mask"),
          _STATIC_ROUTE: ("static_route.ip", "static_route.router")}
_AGENTS = {1: "agent_circuit_id", 2: "agent_remote_id", 5: "link_selection", 6: "subscriber_id",
           11: "server_id_override", 12: "relay_agent_id"}

Detail = Callable[[str, object], None]


def tell(packet: Packet, message: Message) -> None:
    """Tell the fields of a message: none where Wireshark's walk over the options runs into the end of a cut frame."""
    data, detail = message.data, packet.detail
    size = message.number(2, 1)
    if len(data) < 3 or not message.sound or (data[0] == REQUEST and len(data) < 28 + size):
        return
    if not _fixed(message, detail):
        return
    for code, at, length in message.options:
        if not _option(message, code, at, length, detail):
            return


def _fixed(message: Message, detail: Detail) -> bool:
    """Tell the fixed part; whether it is whole."""
    data, number = message.data, message.number
    have = len(data)
    htype, size = data[1], data[2]
    detail("dhcp.type", data[0])
    detail("dhcp.hw.type", htype)
    detail("dhcp.hw.len", size)
    for name, at, width in (("hops", 3, 1), ("id", 4, 4), ("secs", 8, 2), ("flags", 10, 2), ("ip.client", 12, 4),
                            ("ip.your", 16, 4), ("ip.server", 20, 4), ("ip.relay", 24, 4)):
        if have < at + width:
            return False
        value = number(at, width)
        if name == "secs":
            # Some clients send it with its bytes swapped; Wireshark takes the small one of both.
            swapped = int.from_bytes(data[8:10], "little")
            value = swapped if 0 < swapped <= 0xFF else value
        detail(f"dhcp.{name}", value)
        if name == "flags":
            detail("dhcp.flags.bc", value >> 15)
    if 0 < size <= 16:
        if htype in _ETHERNET and size == 6 and have >= 34:
            detail("dhcp.hw.mac_addr", number(28, 6))
        elif have >= 44:
            detail("dhcp.hw.addr", data[28:44])
    if have < FIXED:
        return False
    if not message.overload & 2 and data[44]:
        detail("dhcp.server", text(data[44:108]))
    if not message.overload & 1 and data[108]:
        detail("dhcp.file", text(data[108:FIXED]))
    if not message.typed:
        detail("dhcp.bootp", 1)
    if message.cookie:
        detail("dhcp.cookie", int.from_bytes(COOKIE, "big"))
    return True


def _option(message: Message, code: int, at: int, length: int, detail: Detail) -> bool:
    """Tell an option; whether Wireshark goes on behind it."""
    data = message.data
    # Wireshark shows the end mark under the number of padding.
    detail("dhcp.option.type", 0 if code == _END else code)
    if code == 0:
        detail("dhcp.option.padding", data[at : at + length])
        return True
    if code == _END:
        detail("dhcp.option.end", _END)
        rest = data[at + 1 : message.length]
        if at >= FIXED and rest and len(rest) == message.length - at - 1:
            detail("dhcp.option.padding", rest)
        return True
    if length < 0:
        return False
    detail("dhcp.option.length", length)
    value = data[at : at + length]
    if len(value) < length:
        return False
    detail("dhcp.option.value", value)
    known = OPTIONS.get(code)
    if known is not None and known.form != SPECIAL:
        name = f"dhcp.option.{known.name}"
        for one in values(known.form, value):
            detail(name, one)
        return True
    if code == MESSAGE_TYPE:
        if not value:
            return False
        detail("dhcp.option.dhcp", value[0])
    elif code == OVERLOAD:
        if value:
            detail("dhcp.option.option_overload", value[0])
    elif code == PARAMETERS:
        for item in value:
            detail("dhcp.option.request_list_item", item)
    elif code in _PAIRS:
        for k in range(0, len(value) - 7, 8):
            for name, start in zip(_PAIRS[code], (k, k + 4), strict=True):
                detail(f"dhcp.option.{name}", int.from_bytes(value[start : start + 4], "big"))
    elif code == CLIENT_ID:
        _client_id(value, detail)
    elif code == FQDN:
        _fqdn(value, detail)
    elif code == AGENT:
        _agent(value, detail)
    elif code == DOMAIN_SEARCH:
        _domain_search(message, at, detail)
    return True


def _client_id(value: bytes, detail: Detail) -> None:
    kind = value[0] if value else 0
    if len(value) == 7 and 0 < kind < 48:
        detail("dhcp.hw.type", kind)
        if kind in _ETHERNET:
            detail("dhcp.hw.mac_addr", int.from_bytes(value[1:], "big"))
    elif len(value) == 17 and kind == 0:
        detail("dhcp.client_id.uuid", str(UUID(bytes_le=value[1:])))
    elif kind == 255 and len(value) >= 7:
        duid = value[5:]
        detail("dhcp.client_id.duid_type", int.from_bytes(duid[:2], "big"))
        if duid[:2] == b"\0\2" and len(duid) >= 6:
            detail("dhcp.client_id.enterprise_num", int.from_bytes(duid[2:6], "big"))
    elif kind == 0 and len(value) > 1:
        detail("dhcp.client_id.type", 0)
        detail("dhcp.client_id.undef", text(value[1:]))


def _fqdn(value: bytes, detail: Detail) -> None:
    if len(value) < 3:
        return
    detail("dhcp.fqdn.flags", value[0])
    detail("dhcp.fqdn.rcode1", value[1])
    detail("dhcp.fqdn.rcode2", value[2])
    if len(value) > 3:
        detail("dhcp.fqdn.name", fqdn(value))


def fqdn(value: bytes) -> str:
    """The name of option 81 (RFC 4702), in DNS's form where its flag says so; a last label may lack its end."""
    if value[:1] and value[0] & 4:
        return domain_name(value[3:] + b"\0", 0)[0]
    return text(value[3:])


def _agent(value: bytes, detail: Detail) -> None:
    whole = suboptions(value)
    for code, item in whole:
        detail("dhcp.option.agent_information_option.suboption", code)
        name = _AGENTS.get(code)
        if name is None:
            continue
        told: object = item
        if code in (5, 11):
            if len(item) != 4:
                continue
            told = int.from_bytes(item, "big")
        elif code == 6:
            told = text(item)
        detail(f"dhcp.option.agent_information_option.{name}", told)
    rest = value[sum(2 + len(item) for _, item in whole) :]
    if len(rest) > 1:
        detail("dhcp.option.agent_information_option.suboption", rest[0])


def suboptions(value: bytes) -> list[tuple[int, bytes]]:
    """Number and value of each suboption of option 82 (RFC 3046), as far as they are whole."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 2 <= len(value):
        end = at + 2 + value[at + 1]
        if end > len(value):
            break
        found.append((value[at], value[at + 2 : end]))
        at = end
    return found


def _domain_search(message: Message, at: int, detail: Detail) -> None:
    """Tell the domains at the last part of the list, which may be in several options (RFC 3397)."""
    places = [place for code, place, size in message.options if code == DOMAIN_SEARCH and size >= 0]
    if at == places[-1]:
        for name in domain_names(message.whole().get(DOMAIN_SEARCH, b"")):
            detail("dhcp.option.dhcp_dns_domain_search_list_fqdn", name)
