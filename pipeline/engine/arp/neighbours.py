"""Neighbour discovery (RFC 4861): solicitations and advertisements, paired, of neighbours and of routers."""

from __future__ import annotations

from pipeline.engine.arp.bindings import Bindings
from pipeline.engine.arp.discovery import (
    ADVERTISEMENT,
    REDIRECT,
    ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION,
    SOLICITATION,
    Message,
    parse,
    tell,
)
from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots
from pipeline.schema.exchanges.arp import ND, ND_KINDS, OUTCOMES

MOST_ASKED = 65_536
"""Solicitations of neighbours remembered; the oldest is told as unanswered for one more."""

MOST_ROUTERS = 1024
"""Solicitations of routers remembered: all of them are looked at when a router tells all."""

TIMEOUT_NS = 60_000_000_000
"""Event time for which advertisements are waited for."""

_KIND = {name: i for i, name in enumerate(ND_KINDS)}
_OUTCOME = {name: i for i, name in enumerate(OUTCOMES)}
_NOBODY = bytes(16)
_HEADER = 24
_MOST_PREFIXES, _MOST_SERVERS = 16, 8

_s = Slots(PACKETS)
_TYPE, _PAYLOAD, _LENGTH = _s.u8("icmpv6.type"), _s.u16("shoal.payload.offset"), _s.u32("shoal.payload.len")
_ETH_SRC, _L_ETH = _s.u64("eth.src"), _s.lane("eth")
_L_NS, _L_NA = _s.lane("icmpv6.nd.ns"), _s.lane("icmpv6.nd.na")

Key = tuple[int, bytes, bytes]
"""A solicitation: VLAN, who asks, and the target; none for routers."""


class Neighbours:
    """Takes messages; tells a row of each solicitation with its advertisement, and bindings."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._asked: dict[Key, Row] = {}
        self._routers: dict[Key, Row] = {}
        self._bindings = Bindings(notes, out, "ND")
        self._forgotten = 0

    def frame(self, packet: Packet, vlan: int) -> None:
        """Take a frame in VLAN `vlan`, -1 without a tag."""
        kind = int(packet.columns.u8[_TYPE, packet.row])
        message = parse(kind, _body(packet))
        if message is None:
            return
        if self._out.tells:
            tell(message, packet.detail)
        if not self._out.stores:
            return
        source = packet.addresses[0]
        if message.source_hw and kind in (SOLICITATION, ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT):
            self._bindings.learn(packet, vlan, source, message.source_hw)
        if kind in (SOLICITATION, ROUTER_SOLICITATION):
            self._ask(packet, vlan, source, message)
        elif kind == ADVERTISEMENT:
            self._bindings.learn(packet, vlan, message.target, message.target_hw)
            self._advertise(packet, vlan, message)
        elif kind == ROUTER_ADVERTISEMENT:
            self._route(packet, vlan, message)
        elif kind == REDIRECT:
            told = self._row(packet, vlan, "redirect")
            told["shoal.nd.target"], told["shoal.nd.destination"] = message.target, message.destination
            if message.target_hw:
                told["shoal.nd.target_hw"] = message.target_hw
            self._out.row(ND, told)

    def _row(self, packet: Packet, vlan: int, kind: str) -> Row:
        told = packet.exchange(ND)
        told["ipv6.src"], told["ipv6.dst"] = packet.addresses
        told["shoal.nd.kind"], told["shoal.nd.outcome"] = _KIND[kind], _OUTCOME["told"]
        if vlan >= 0:
            told["shoal.vlan"] = vlan
        return told

    def _ask(self, packet: Packet, vlan: int, source: bytes, message: Message) -> None:
        key = vlan, source, message.target
        before = self._waiting(packet, key)
        if before is not None:
            before["shoal.nd.requests"] += 1
            return
        asked, most = (self._asked, MOST_ASKED) if message.target else (self._routers, MOST_ROUTERS)
        if len(asked) >= most:
            self._out.row(ND, asked.pop(next(iter(asked))))
            self._forgotten += 1
            self._notes.note("solicitations-forgotten", packet.row, self._forgotten)
        kind = "router solicitation"
        if message.kind == SOLICITATION:
            kind = "solicitation" if source != _NOBODY else "duplicate address detection"
        told = asked[key] = self._row(packet, vlan, kind)
        told["shoal.nd.outcome"], told["shoal.nd.requests"] = _OUTCOME["unanswered"], 1
        told["shoal.request_frame"] = packet.frame
        if message.target:
            told["shoal.nd.target"] = message.target
        hardware = message.source_hw or _sender(packet)
        if hardware:
            told["shoal.nd.src_hw"] = hardware

    def _waiting(self, packet: Packet, key: Key) -> Row | None:
        """The solicitation that is still waited for."""
        asked = self._asked if key[2] else self._routers
        found = asked.get(key)
        if found is not None and found["shoal.first_time"] < packet.time - TIMEOUT_NS:
            self._out.row(ND, asked.pop(key))
            return None
        return found

    def _answer(self, packet: Packet, key: Key) -> Row | None:
        told = self._waiting(packet, key)
        if told is not None:
            del (self._asked if key[2] else self._routers)[key]
            told["shoal.nd.outcome"], told["shoal.response_frame"] = _OUTCOME["answered"], packet.frame
            told["shoal.response_time"] = packet.time - told["shoal.first_time"]
        return told

    def _advertise(self, packet: Packet, vlan: int, message: Message) -> None:
        """Who asked is told; to all goes what answers another one's probe, and what nobody asked for."""
        flags = message.number(4, 4)
        target = packet.addresses[1]
        told = self._answer(packet, (vlan, target, message.target))
        probe = vlan, _NOBODY, message.target
        # A host that found its address free announces it itself.
        if told is None and self._asked.get(probe, {}).get("shoal.nd.src_hw", 0) != _sender(packet):
            told = self._answer(packet, probe)
        if told is None:
            told = self._row(packet, vlan, "advertisement")
            told["shoal.nd.target"], told["shoal.response_frame"] = message.target, packet.frame
            if flags >> 30 & 1:
                told["shoal.nd.outcome"] = _OUTCOME["unasked"]
        if message.target_hw:
            told["shoal.nd.target_hw"] = message.target_hw
        told["icmpv6.nd.na.flag.r"], told["icmpv6.nd.na.flag.o"] = flags >> 31, flags >> 29 & 1
        self._out.row(ND, told)

    def _route(self, packet: Packet, vlan: int, message: Message) -> None:
        """A row of its own, and the answer to who solicits routers: one host, or all of the VLAN."""
        target = packet.addresses[1]
        waiting = [target]
        if target[0] == 0xFF:
            waiting = [who for at, who, _ in self._routers if at == vlan]
        for who in waiting:
            asked = self._answer(packet, (vlan, who, b""))
            if asked is not None:
                _router(asked, message)
                self._out.row(ND, asked)
        told = self._row(packet, vlan, "router advertisement")
        _router(told, message)
        self._out.row(ND, told)

    def tick(self, now: int) -> None:
        """Tell what was asked in vain."""
        for asked in (self._asked, self._routers):
            for key in [k for k, row in asked.items() if row["shoal.first_time"] < now - TIMEOUT_NS]:
                self._out.row(ND, asked.pop(key))
        self._bindings.tick()

    def finish(self) -> None:
        """Tell all that waits."""
        for asked in (self._asked, self._routers):
            for row in asked.values():
                self._out.row(ND, row)
            asked.clear()
        self._bindings.tick()

    def state(self) -> Tree:
        """All that is known."""
        return {
            "asked": [[*key, dict(row)] for asked in (self._asked, self._routers) for key, row in asked.items()],
            "forgotten": self._forgotten, "bindings": self._bindings.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked, self._routers = {}, {}
        for vlan, who, target, row in state["asked"]:
            (self._asked if target else self._routers)[vlan, who, target] = row
        self._forgotten = state["forgotten"]
        self._bindings.restore(state["bindings"])


def _router(row: Row, message: Message) -> None:
    """Add what a router says."""
    flags = message.number(5, 1)
    row["icmpv6.nd.ra.cur_hop_limit"], row["icmpv6.nd.ra.router_lifetime"] = message.number(4, 1), message.number(6, 2)
    row["icmpv6.nd.ra.flag.m"], row["icmpv6.nd.ra.flag.o"] = flags >> 7, flags >> 6 & 1
    if message.source_hw:
        row["shoal.nd.target_hw"] = message.source_hw
    if message.mtu >= 0:
        row["icmpv6.opt.mtu"] = message.mtu
    prefixes = message.prefixes[:_MOST_PREFIXES]
    for k, name in enumerate(("prefix", "length", "flags", "valid_lifetime", "preferred_lifetime")):
        row[f"nd_prefix.{name}"] = [prefix[k] for prefix in prefixes]
    row["nd_dns.address"] = message.servers[:_MOST_SERVERS]


def _sender(packet: Packet) -> int:
    """The hardware address that sent the frame, 0 where there is none."""
    columns, row = packet.columns, packet.row
    return int(columns.u64[_ETH_SRC, row]) if columns.lane[_L_ETH, row] > 1 else 0


def _body(packet: Packet) -> bytes:
    """The message from its ICMPv6 header on; the payload of a decoded solicitation or advertisement is its options."""
    columns, row = packet.columns, packet.row
    if not (columns.lane[_L_NS, row] or columns.lane[_L_NA, row]):
        return packet.payload()
    if row in columns.datagrams:
        # RFC 6980 forbids fragments here: the header is not looked for.
        return b""
    start = int(columns.raw_offset[row]) + int(columns.u16[_PAYLOAD, row])
    end = start + int(columns.u32[_LENGTH, row])
    return bytes(columns.raw_buffer[start - _HEADER : end])
