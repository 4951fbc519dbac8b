"""The network interfaces of this machine (of this network namespace), as the kernel tells them over netlink."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field

from collectors.sources import netlink
from collectors.sources.packet_socket import ANY, LINUX_SLL2, linktype_of
from collectors.sources.wireless import Wireless, wireless

_NEWLINK, _GETLINK = 16, 18
_NEWADDR, _GETADDR = 20, 22
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_OPERSTATE, _IFLA_STATS64 = 1, 3, 4, 16, 23
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFF_UP, _IFF_RUNNING = 1, 0x40
_STATES = ("unknown", "not present", "down", "lower layer down", "testing", "dormant", "up")
_NAMES = {1: "Ethernet", 101: "raw IP", 104: "C-HDLC", 105: "802.11", 119: "802.11 with Prism header",
          127: "802.11 with radiotap", 195: "802.15.4", 253: "netlink", 271: "vsock",
          LINUX_SLL2: "Linux cooked v2"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counters:
    """Frames since the interface is there, as `netstat -i` has them."""

    rx_ok: int = 0
    rx_err: int = 0
    rx_drp: int = 0
    rx_ovr: int = 0
    tx_ok: int = 0
    tx_err: int = 0
    tx_drp: int = 0
    tx_ovr: int = 0


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface; `any` stands for all of them. `linktype` is the LINKTYPE_ it is captured as, `state` its
    operational state (RFC 2863), `down` when it was not set up. `address` is that of the link, "" for none; `addresses`
    have the length of the prefix."""

    name: str
    index: int
    linktype: int
    state: str
    mtu: int | None = None
    address: str = ""
    addresses: tuple[str, ...] = ()
    counters: Counters = field(default_factory=Counters)
    wireless: Wireless | None = None

    @property
    def linktype_name(self) -> str:
        """The link type in words."""
        return _NAMES.get(self.linktype, str(self.linktype))


def interfaces() -> list[Interface]:
    """All interfaces in the order of their numbers, and `any` at the end. Raises OSError."""
    on_air = wireless()
    addresses = _addresses()
    found = []
    for kind, message in netlink.request(netlink.ROUTE, _GETLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0)):
        if kind == _NEWLINK:
            arphrd, index, flags = struct.unpack_from("=HiI", message, 2)
            about = netlink.attributes(message[16:])
            found.append(Interface(
                _text(about[_IFLA_IFNAME]), index, linktype_of(arphrd), _state(flags, about),
                struct.unpack("=I", about[_IFLA_MTU])[0] if _IFLA_MTU in about else None,
                about.get(_IFLA_ADDRESS, b"").hex(":"), tuple(addresses.get(index, ())),
                _counters(about.get(_IFLA_STATS64, b"")), on_air.get(index),
            ))  # fmt: skip
    found.sort(key=lambda each: each.index)
    return [*found, Interface(ANY, 0, LINUX_SLL2, "up")]


def _state(flags: int, about: dict[int, bytes]) -> str:
    if not flags & _IFF_UP:
        return "down"
    state = _STATES[about.get(_IFLA_OPERSTATE, b"\0")[0]] if about.get(_IFLA_OPERSTATE, b"\0")[0] < len(_STATES) else ""
    # Those that have no state of their own (lo, TUN) are up when they run.
    return "up" if state == "unknown" and flags & _IFF_RUNNING else state or "unknown"


def _counters(stats: bytes) -> Counters:
    """Those of struct rtnl_link_stats64, added up as net-tools does: what was missed counts as dropped."""
    if len(stats) < 23 * 8:
        return Counters()
    (rx, tx, _, _, rx_errors, tx_errors, rx_dropped, tx_dropped, _, _, _, _, _, _, rx_fifo, rx_missed,
     _, _, tx_fifo, _, _, _, _) = struct.unpack_from("=23Q", stats)  # fmt: skip
    return Counters(rx, rx_errors, rx_dropped + rx_missed, rx_fifo, tx, tx_errors, tx_dropped, tx_fifo)


def _addresses() -> dict[int, list[str]]:
    """Addresses with prefix length of each interface, by its number."""
    found: dict[int, list[str]] = {}
    for kind, message in netlink.request(netlink.ROUTE, _GETADDR, struct.pack("=BBBBI", 0, 0, 0, 0, 0)):
        if kind == _NEWADDR:
            family, prefix, _, _, index = struct.unpack_from("=BBBBI", message)
            about = netlink.attributes(message[8:])
            address = about.get(_IFA_LOCAL) or about.get(_IFA_ADDRESS, b"")
            if len(address) == {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family):
                found.setdefault(index, []).append(f"{socket.inet_ntop(family, address)}/{prefix}")
    return found


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "surrogateescape")
