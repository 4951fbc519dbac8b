"""ARP and neighbour discovery: requests and replies, paired, and what they say of addresses."""

from __future__ import annotations

import cython

from pipeline.engine.arp.bindings import Bindings, vlan_of
from pipeline.engine.arp.holders import Holders
from pipeline.engine.arp.neighbours import Neighbours
from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots
from pipeline.schema.exchanges.arp import ARP, ARP_KINDS, OUTCOMES

MOST_ASKED = 65_536
"""Requests remembered, with those that were answered lately; the oldest is told as it stands for one more."""

TIMEOUT_NS = 60_000_000_000
"""Event time for which replies are waited for, also for more than one."""

_KIND = {name: i for i, name in enumerate(ARP_KINDS)}
_OUTCOME = {name: i for i, name in enumerate(OUTCOMES)}
_NAMES = {3: "RARP", 4: "RARP", 5: "DRARP", 6: "DRARP", 7: "DRARP", 8: "Inverse ARP", 9: "Inverse ARP"}
_REQUEST = cython.declare(cython.int, 1)
_REPLY = cython.declare(cython.int, 2)
_MOST_ANSWERS = 8

_s = Slots(PACKETS)
_OPCODE = cython.declare(cython.Py_ssize_t, _s.u16("arp.opcode"))
_SRC_HW = cython.declare(cython.Py_ssize_t, _s.u64("arp.src.hw_mac"))
_DST_HW = cython.declare(cython.Py_ssize_t, _s.u64("arp.dst.hw_mac"))
_SRC = cython.declare(cython.Py_ssize_t, _s.u32("arp.src.proto_ipv4"))
_DST = cython.declare(cython.Py_ssize_t, _s.u32("arp.dst.proto_ipv4"))
_L_SRC_HW = cython.declare(cython.Py_ssize_t, _s.lane("arp.src.hw"))
_L_SRC = cython.declare(cython.Py_ssize_t, _s.lane("arp.src.proto"))
_L_DST_HW = cython.declare(cython.Py_ssize_t, _s.lane("arp.dst.hw"))
_L_DST = cython.declare(cython.Py_ssize_t, _s.lane("arp.dst.proto"))
_L_ICMP6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6"))
_DUPLICATE = cython.declare(cython.Py_ssize_t, _s.lane("arp.duplicate"))

Key = tuple[int, int, int]
"""A request: VLAN, hardware address of who asks, and the address asked for."""


class Arp:
    """Takes frames of ARP and of neighbour discovery; tells a row of each request with its replies, and bindings."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._asked: dict[Key, Row] = {}
        self._bindings = Bindings(notes, out, "ARP")
        self._holders = Holders()
        self._neighbours = Neighbours(notes, out)
        self._forgotten = 0

    def frame(self, packet: Packet) -> None:
        """Take a frame."""
        row: cython.Py_ssize_t = packet.row
        if packet._lane[_L_ICMP6, row]:
            packet.name("ICMPv6")
            self._neighbours.frame(packet, vlan_of(packet.columns, row))
            return
        opcode: cython.int = packet._u16[_OPCODE, row]
        packet.name("ARP" if opcode <= _REPLY else _NAMES.get(opcode, "ARP"))
        if not (
            packet._lane[_L_SRC_HW, row] and packet._lane[_L_SRC, row]
            and packet._lane[_L_DST_HW, row] and packet._lane[_L_DST, row]
        ):  # fmt: skip
            return
        source: cython.uint = packet._u32[_SRC, row]
        target: cython.uint = packet._u32[_DST, row]
        source_hw: cython.ulonglong = packet._u64[_SRC_HW, row]
        target_hw: cython.ulonglong = packet._u64[_DST_HW, row]
        kind = kind_of(opcode, source, source_hw, target, target_hw)
        if self._out.tells:
            if kind in ("probe", "announcement"):
                packet.detail(f"arp.is{kind}", 1)
            if opcode == _REQUEST or opcode == _REPLY:
                self._holders.frame(packet, opcode, source, source_hw, target, target_hw)
        if not self._out.stores:
            return
        vlan: cython.int = vlan_of(packet.columns, row)
        if opcode == _REQUEST or opcode == _REPLY:
            self._bindings.learn(packet, vlan, int(source).to_bytes(4, "big"), source_hw)
        if kind == "reply":
            self._reply(packet, vlan, source, source_hw, target, target_hw)
            return
        key = vlan, source_hw, target
        before = self._asked.get(key)
        if before is not None and kind in ("request", "probe"):
            fresh = before["shoal.first_time"] >= packet.time - TIMEOUT_NS
            if fresh and before["shoal.arp.kind"] == _KIND[kind] and "shoal.response_frame" not in before:
                before["shoal.arp.requests"] += 1
                return
            self._out.row(ARP, self._asked.pop(key))
        told = self._row(packet, vlan, kind, opcode)
        told["arp.src.hw_mac"], told["arp.src.proto_ipv4"], told["arp.dst.proto_ipv4"] = source_hw, source, target
        if kind in ("request", "probe"):
            self._ask(packet, key, told)
            return
        if kind in ("announcement", "gratuitous"):
            told["arp.dst.hw_mac"] = source_hw
        self._out.row(ARP, told)

    def _row(self, packet: Packet, vlan: cython.int, kind: str, opcode: cython.int) -> Row:
        told = packet.exchange(ARP)
        told["shoal.arp.kind"], told["shoal.arp.outcome"], told["arp.opcode"] = _KIND[kind], _OUTCOME["told"], opcode
        if vlan >= 0:
            told["shoal.vlan"] = vlan
        if packet._lane[_DUPLICATE, packet.row]:
            told["arp.duplicate-address-detected"] = 1
        return told

    def _ask(self, packet: Packet, key: Key, told: Row) -> None:
        if len(self._asked) >= MOST_ASKED:
            self._out.row(ARP, self._asked.pop(next(iter(self._asked))))
            self._forgotten += 1
            self._notes.note("arp-requests-forgotten", packet.row, self._forgotten)
        told["shoal.arp.outcome"], told["shoal.arp.requests"] = _OUTCOME["unanswered"], 1
        told["shoal.request_frame"] = packet.frame
        self._asked[key] = told

    def _reply(self, packet: Packet, vlan: cython.int, source: cython.uint, source_hw: cython.ulonglong,
               target: cython.uint, target_hw: cython.ulonglong) -> None:
        key = vlan, target_hw, source
        told = self._asked.get(key)
        if told is not None and told["shoal.first_time"] < packet.time - TIMEOUT_NS:
            self._out.row(ARP, self._asked.pop(key))
            told = None
        if told is None:
            told = self._row(packet, vlan, "reply", _REPLY)
            told["shoal.arp.outcome"], told["shoal.response_frame"] = _OUTCOME["unasked"], packet.frame
            told["arp.src.hw_mac"], told["arp.src.proto_ipv4"] = target_hw, target
            told["arp.dst.hw_mac"], told["arp.dst.proto_ipv4"] = source_hw, source
            self._out.row(ARP, told)
            return
        if "shoal.response_frame" not in told:
            told["shoal.arp.outcome"], told["shoal.response_frame"] = _OUTCOME["answered"], packet.frame
            told["shoal.response_time"], told["arp.dst.hw_mac"] = packet.time - told["shoal.first_time"], source_hw
            told["arp_answer.hw"], told["arp_answer.frame"] = [], []
        if packet._lane[_DUPLICATE, packet.row]:
            told["arp.duplicate-address-detected"] = 1
        hardware = int(source_hw).to_bytes(6, "big").hex(":").upper()
        if hardware not in told["arp_answer.hw"] and len(told["arp_answer.hw"]) < _MOST_ANSWERS:
            told["arp_answer.hw"].append(hardware)
            told["arp_answer.frame"].append(packet.frame)

    def tick(self, now: int) -> None:
        """Tell what was answered, or is no longer waited for."""
        for key in [k for k, row in self._asked.items() if row["shoal.first_time"] < now - TIMEOUT_NS]:
            self._out.row(ARP, self._asked.pop(key))
        self._bindings.tick()
        self._neighbours.tick(now)

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        for row in self._asked.values():
            self._out.row(ARP, row)
        self._asked.clear()
        self._bindings.tick()
        self._neighbours.finish()

    def state(self) -> Tree:
        """All that is known."""
        return {
            "asked": [[*key, _copied(row)] for key, row in self._asked.items()], "forgotten": self._forgotten,
            "bindings": self._bindings.state(), "holders": self._holders.state(),
            "neighbours": self._neighbours.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked = {(vlan, hardware, address): row for vlan, hardware, address, row in state["asked"]}
        self._forgotten = state["forgotten"]
        self._bindings.restore(state["bindings"])
        self._holders.restore(state["holders"])
        self._neighbours.restore(state["neighbours"])


def _copied(row: Row) -> Row:
    return {name: list(value) if isinstance(value, list) else value for name, value in row.items()}


def kind_of(opcode: cython.int, source: cython.uint, source_hw: cython.ulonglong, target: cython.uint,
            target_hw: cython.ulonglong) -> str:
    """Which of ARP_KINDS a message is (RFC 5227 section 1.1; Wireshark's arp.isprobe, .isannouncement)."""
    if opcode == _REQUEST:
        if source == target:
            return "gratuitous" if target_hw else "announcement"
        return "request" if source or target_hw else "probe"
    if opcode == _REPLY:
        return "gratuitous" if source == target else "reply"
    return "reverse" if opcode in (3, 4) else "inverse" if opcode in (8, 9) else "other"
