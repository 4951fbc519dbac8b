"""The fields of a message, as Wireshark shows them of its frame."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from pipeline.engine.dhcpv6.message import (
    CLIENT,
    DNS,
    FQDN,
    IA_ADDRESS,
    IA_NA,
    IA_PD,
    IA_PREFIX,
    IA_TA,
    INTERFACE,
    RELAYED,
    REQUESTED,
    SERVER,
    STATUS,
    VENDOR_CLASS,
    Message,
    Option,
    domains,
    hardware_of,
)

_PREFERENCE, _ELAPSED, _RECONFIGURE, _SEARCH, _SNTP, _LIFETIME, _REMOTE_ID = 7, 8, 19, 24, 31, 32, 37
_ADDRESSES = {DNS: "dns_server", _SNTP: "sntp_server"}
_NUMBERS = {_PREFERENCE: ("option_preference", 1), _ELAPSED: ("elapsed_time", 2), _RECONFIGURE: ("reconf_msg", 1),
            _LIFETIME: ("lifetime", 4)}
# Messages that may name the client (RFC 4704 section 5).
_NAMED = (1, 2, 3, 5, 6, 7)
_EPOCH = date(2000, 1, 1)
_DAY = 86_400

Detail = Callable[[str, object], None]


def tell(message: Message, detail: Detail) -> None:
    """Tell the fields of a message, and of what a relay forwards in it."""
    data = message.data
    detail("dhcpv6.msgtype", message.kind)
    if message.relay:
        if len(data) < 34:
            return
        detail("dhcpv6.hopcount", data[1])
        detail("dhcpv6.linkaddr", data[2:18])
        detail("dhcpv6.peeraddr", data[18:34])
    else:
        if len(data) < 4:
            return
        detail("dhcpv6.xid", message.xid)
    _options(message.options, message, detail)


def _options(found: list[Option], message: Message, detail: Detail) -> None:
    for option in found:
        detail("dhcpv6.option.type", option.code)
        detail("dhcpv6.option.length", option.size)
        if option.code == RELAYED and message.inner is not None and message.inner.data is option.value:
            tell(message.inner, detail)
        if not option.whole:
            return
        _option(option, option.value, message, detail)


def _option(option: Option, value: bytes, message: Message, detail: Detail) -> None:
    code = option.code
    if code in (CLIENT, SERVER):
        _duid(value, detail)
    elif code in (IA_NA, IA_PD) and len(value) >= 12:
        detail("dhcpv6.iaid", value[:4].hex())
        detail("dhcpv6.iaid.t1", int.from_bytes(value[4:8], "big"))
        detail("dhcpv6.iaid.t2", int.from_bytes(value[8:12], "big"))
        _options(option.within, message, detail)
    elif code == IA_TA and len(value) >= 4:
        detail("dhcpv6.iata", value[:4].hex())
        _options(option.within, message, detail)
    elif code == IA_ADDRESS and len(value) >= 24:
        detail("dhcpv6.iaaddr.ip", value[:16])
        detail("dhcpv6.iaaddr.pref_lifetime", int.from_bytes(value[16:20], "big"))
        detail("dhcpv6.iaaddr.valid_lifetime", int.from_bytes(value[20:24], "big"))
        _options(option.within, message, detail)
    elif code == IA_PREFIX and len(value) >= 25:
        detail("dhcpv6.iaprefix.pref_lifetime", int.from_bytes(value[:4], "big"))
        detail("dhcpv6.iaprefix.valid_lifetime", int.from_bytes(value[4:8], "big"))
        detail("dhcpv6.iaprefix.pref_len", value[8])
        detail("dhcpv6.iaprefix.pref_addr", value[9:25])
        _options(option.within, message, detail)
    elif code == REQUESTED:
        for at in range(0, len(value) - 1, 2):
            detail("dhcpv6.requested_option_code", int.from_bytes(value[at : at + 2], "big"))
    elif code in _NUMBERS:
        name, size = _NUMBERS[code]
        if len(value) == size:
            number = int.from_bytes(value, "big")
            # Hundredths of a second on the wire, shown in milliseconds.
            detail(f"dhcpv6.{name}", number * 10 if code == _ELAPSED else number)
    elif code == STATUS and len(value) >= 2:
        detail("dhcpv6.status_code", int.from_bytes(value[:2], "big"))
        if len(value) > 2:
            detail("dhcpv6.status_msg", text(value[2:]))
    elif code in _ADDRESSES:
        for at in range(0, len(value) - 15, 16):
            detail(f"dhcpv6.{_ADDRESSES[code]}", value[at : at + 16])
    elif code == _SEARCH:
        for name in domains(value):
            # Of a single label Wireshark says that it is a top level domain, in another field.
            if name.count(".") > 1:
                detail("dhcpv6.search_list_entry", name)
    elif code == FQDN and value and message.kind in _NAMED:
        detail("dhcpv6.client_fqdn_flags", value[0])
        for name in domains(value[1:], most=1):
            detail("dhcpv6.client_domain", name)
    elif code == VENDOR_CLASS and len(value) >= 4:
        detail("dhcpv6.vendorclass.enterprise", int.from_bytes(value[:4], "big"))
        for name in classes(value[4:]):
            detail("dhcpv6.vendorclass.data", name)
    elif code == INTERFACE:
        detail("dhcpv6.interface_id", value)
    elif code == _REMOTE_ID and len(value) >= 4:
        detail("dhcpv6.remoteid.enterprise", int.from_bytes(value[:4], "big"))


def classes(value: bytes) -> list[str]:
    """The texts of a vendor class, each behind its length."""
    found: list[str] = []
    at = 0
    while at + 2 <= len(value):
        end = at + 2 + int.from_bytes(value[at : at + 2], "big")
        if end > len(value):
            break
        found.append(text(value[at + 2 : end]))
        at = end
    return found


def text(data: bytes) -> str:
    """A text up to its first NUL; what is no UTF-8 is replaced."""
    return data.partition(b"\0")[0].decode("utf-8", "replace")


def _duid(duid: bytes, detail: Detail) -> None:
    detail("dhcpv6.duid.bytes", duid)
    if len(duid) < 2:
        return
    kind = int.from_bytes(duid[:2], "big")
    detail("dhcpv6.duid.type", kind)
    if kind == 1 and len(duid) >= 8:
        days, seconds = divmod(int.from_bytes(duid[4:8], "big"), _DAY)
        made, minutes = _EPOCH + timedelta(days), seconds // 60
        clock = f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds % 60:02d}"
        detail("dhcpv6.duidllt.time", f"{made:%b} {made.day:2d}, {made.year} {clock}.000000000 UTC")
        if len(duid) > 8:
            detail("dhcpv6.duidllt.link_layer_addr", hardware_of(duid).hex(":"))
    elif kind == 2 and len(duid) >= 6:
        detail("dhcpv6.duiden.enterprise", int.from_bytes(duid[2:6], "big"))
        if len(duid) > 6:
            detail("dhcpv6.duiden.identifier", duid[6:])
    elif kind == 3 and len(duid) > 4:
        detail("dhcpv6.duidll.link_layer_addr", hardware_of(duid).hex(":"))
    elif kind == 4 and len(duid) > 2:
        detail("dhcpv6.duiduuid.bytes", duid[2:])
