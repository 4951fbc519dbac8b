"""Requests and replies, paired; errors with what they quote."""

from __future__ import annotations

from functools import lru_cache

import cython

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.icmp.echoes import Echoes
from pipeline.engine.icmp.words import code_name, type_name
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots
from pipeline.schema.exchanges.icmp import ICMP, ICMP_KINDS, ICMP_OUTCOMES

MOST_ASKED = 65_536
"""Requests remembered, with those that were answered lately; the oldest is told as unanswered for one more."""

TIMEOUT_NS = 60_000_000_000
"""Event time after which a reply is no longer waited for."""

_KIND = {name: i for i, name in enumerate(ICMP_KINDS)}
_OUTCOME = {name: i for i, name in enumerate(ICMP_OUTCOMES)}
_REQUESTS = {8: "echo", 13: "timestamp", 15: "information", 17: "mask", 42: "extended echo"}
_REPLIES = {0: "echo", 14: "timestamp", 16: "information", 18: "mask", 43: "extended echo"}
_REQUESTS6 = {128: "echo", 160: "extended echo"}
_REPLIES6 = {129: "echo", 161: "extended echo"}
_ASKED = {"echo": 8, "timestamp": 13, "information": 15, "mask": 17, "extended echo": 42}
_ERRORS, _ERRORS6 = (3, 4, 5, 11, 12), (1, 2, 3, 4)

_s = Slots(PACKETS)
_VERSION = cython.declare(cython.Py_ssize_t, _s.u8("ip.version"))
_TYPE = cython.declare(cython.Py_ssize_t, _s.u8("icmp.type"))
_CODE = cython.declare(cython.Py_ssize_t, _s.u8("icmp.code"))
_CHECKSUM = cython.declare(cython.Py_ssize_t, _s.u16("icmp.checksum"))
_TYPE6 = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.type"))
_CODE6 = cython.declare(cython.Py_ssize_t, _s.u8("icmpv6.code"))
_CHECKSUM6 = cython.declare(cython.Py_ssize_t, _s.u16("icmpv6.checksum"))
_L_ICMP = cython.declare(cython.Py_ssize_t, _s.lane("icmp"))
_L_ICMP6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6"))
_IDENT = cython.declare(cython.Py_ssize_t, _s.u16("icmp.ident"))
_SEQ = cython.declare(cython.Py_ssize_t, _s.u16("icmp.seq"))
_L_ECHO = cython.declare(cython.Py_ssize_t, _s.lane("icmp.echo"))
_IDENT6 = cython.declare(cython.Py_ssize_t, _s.u16("icmpv6.echo.identifier"))
_SEQ6 = cython.declare(cython.Py_ssize_t, _s.u16("icmpv6.echo.sequence_number"))
_L_ECHO6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6.echo"))
_MTU = cython.declare(cython.Py_ssize_t, _s.u16("icmp.mtu"))
_L_MTU = cython.declare(cython.Py_ssize_t, _s.lane("icmp.mtu"))
_MTU6 = cython.declare(cython.Py_ssize_t, _s.u32("icmpv6.mtu"))
_L_MTU6 = cython.declare(cython.Py_ssize_t, _s.lane("icmpv6.mtu"))
_GATEWAY = cython.declare(cython.Py_ssize_t, _s.u32("icmp.redir_gw"))
_L_GATEWAY = cython.declare(cython.Py_ssize_t, _s.lane("icmp.redir_gw"))
_TTL = cython.declare(cython.Py_ssize_t, _s.u8("ip.ttl"))
_HLIM = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.hlim"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u32("frame.len"))
_Q_SRC = cython.declare(cython.Py_ssize_t, _s.b16("shoal.quoted.src"))
_Q_DST = cython.declare(cython.Py_ssize_t, _s.b16("shoal.quoted.dst"))
_Q_PROTO = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.proto"))
_Q_PORTS = cython.declare(cython.Py_ssize_t, _s.u8("shoal.quoted.ports"))
_Q_SRCPORT = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.srcport"))
_Q_DSTPORT = cython.declare(cython.Py_ssize_t, _s.u16("shoal.quoted.dstport"))
_Q_STREAM = cython.declare(cython.Py_ssize_t, _s.u32("shoal.quoted.stream"))
_L_QUOTED = cython.declare(cython.Py_ssize_t, _s.lane("quoted"))
_L_Q_STREAM = cython.declare(cython.Py_ssize_t, _s.lane("quoted.stream"))
_ALL_PORTS = cython.declare(cython.int, _s.upto("shoal.quoted.ports"))
_ALL_ENDS = cython.declare(cython.int, _s.upto("shoal.quoted.dst"))

Key = tuple[int, bytes, int, int, int]
"""A request: flow, who asked, type of the request (with ICMPv6's above 255), identifier, sequence number."""


class Icmp:
    """Takes frames; tells a row of each request with its reply, of each error, and of each other message."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._asked: dict[Key, Row] = {}
        self._echoes = Echoes(notes)
        self._forgotten = 0

    def frame(self, packet: Packet) -> None:
        """Take a message."""
        row: cython.Py_ssize_t = packet.row
        v6: cython.bint = packet._lane[_L_ICMP6, row] != 0
        packet.name("ICMPv6" if v6 else "ICMP")
        if packet._lane[_L_ICMP6 if v6 else _L_ICMP, row] < 2:
            return
        kind: cython.int = packet._u8[_TYPE6 if v6 else _TYPE, row]
        code: cython.int = packet._u8[_CODE6 if v6 else _CODE, row]
        of = (_REQUESTS6 if v6 else _REQUESTS).get(kind)
        if of is not None:
            self._request(packet, v6, kind, code, of)
            return
        of = (_REPLIES6 if v6 else _REPLIES).get(kind)
        if of is not None:
            self._reply(packet, v6, kind, code, of)
        elif self._out.stores:
            error = kind in (_ERRORS6 if v6 else _ERRORS)
            told = self._row(packet, v6, kind, code, "error" if error else "other", "told", False)
            told["shoal.ttl"] = _hops(packet)
            if error:
                _quoted(packet, told)
            self._out.row(ICMP, told)

    def _row(self, packet: Packet, v6: cython.bint, kind: cython.int, code: cython.int, of: str, outcome: str,
             reverse: cython.bint) -> Row:
        row = packet.exchange(ICMP, reverse=reverse)
        row["icmpv6.type" if v6 else "icmp.type"] = kind
        row["icmpv6.code" if v6 else "icmp.code"] = code
        row["shoal.icmp.type"], row["shoal.icmp.code"] = _names(v6, kind, code)
        row["shoal.icmp.kind"], row["shoal.icmp.outcome"] = _KIND[of], _OUTCOME[outcome]
        row["frame.len"] = packet._u32[_LEN, packet.row]
        return row

    def _request(self, packet: Packet, v6: cython.bint, kind: cython.int, code: cython.int, of: str) -> None:
        pair = _pair(packet, v6)
        if pair is None:
            return
        if self._out.tells:
            self._tell_data(packet, of)
            if of == "echo":
                self._echoes.request(packet, *pair, _checksum(packet, v6), v6=v6)
        if not self._out.stores:
            return
        key = (packet.flow, packet.addresses[0], kind + (256 if v6 else 0), pair[0], pair[1])
        before = self._asked.pop(key, None)
        if before is not None:
            self._give_up(before)
        elif len(self._asked) >= MOST_ASKED:
            oldest = next(iter(self._asked))
            self._give_up(self._asked.pop(oldest))
            self._forgotten += 1
            self._notes.note("echoes-forgotten", packet.row, self._forgotten)
        row = self._asked[key] = self._row(packet, v6, kind, code, of, "unanswered", False)
        row["icmp.ident"], row["icmp.seq"] = pair
        row["shoal.request_frame"] = packet.frame

    def _reply(self, packet: Packet, v6: cython.bint, kind: cython.int, code: cython.int, of: str) -> None:
        pair = _pair(packet, v6)
        if pair is None:
            return
        if self._out.tells:
            self._tell_data(packet, of)
            found = self._echoes.reply(packet, *pair, _checksum(packet, v6), v6=v6) if of == "echo" else None
            if found is not None:
                name = "icmpv6" if v6 else "icmp"
                packet.detail(f"{name}.resp_to", found[0])
                packet.detail(f"{name}.resptime", f"{(packet.time - found[1]) / 1e6:.15g}")
        if not self._out.stores:
            return
        asked = _ASKED[of]
        if v6:
            asked = 384 if of == "echo" else 416
        key = (packet.flow, packet.addresses[1], asked, pair[0], pair[1])
        row = self._asked.get(key)
        if row is not None and row["shoal.first_time"] < packet.time - TIMEOUT_NS:
            self._give_up(self._asked.pop(key))
            row = None
        if row is None or "shoal.response_frame" in row:
            told = self._row(packet, v6, kind, code, of, "unasked" if row is None else "repeated", True)
            told["icmp.ident"], told["icmp.seq"] = pair
            if row is not None:
                told["shoal.request_frame"] = row["shoal.request_frame"]
                told["shoal.response_time"] = packet.time - row["shoal.first_time"]
        else:
            # It stays among those asked, so that a second reply is known to be one.
            told = row
            told["shoal.icmp.outcome"] = _OUTCOME["answered"]
            told["shoal.response_time"] = packet.time - told["shoal.first_time"]
        told["shoal.response_frame"] = packet.frame
        told["shoal.ttl"] = _hops(packet)
        if of == "mask" and len(data := packet.payload()) >= 4:
            told["icmp.address_mask"] = int.from_bytes(data[:4], "big")
        self._out.row(ICMP, told)

    def _tell_data(self, packet: Packet, of: str) -> None:
        if of not in ("timestamp", "mask"):
            return
        data = packet.payload()
        names = ("originate", "receive", "transmit") if of == "timestamp" else ()
        for at, name in zip((0, 4, 8), names, strict=False):
            if len(data) >= at + 4:
                packet.detail(f"icmp.{name}_timestamp", int.from_bytes(data[at : at + 4], "big"))
        if of == "mask" and len(data) >= 4:
            packet.detail("icmp.address_mask", int.from_bytes(data[:4], "big"))

    def _give_up(self, row: Row) -> None:
        if "shoal.response_frame" not in row:
            self._out.row(ICMP, row)

    def tick(self, now: int) -> None:
        """Tell what was asked in vain."""
        self._echoes.tick(now)
        for key in [k for k, row in self._asked.items() if row["shoal.first_time"] < now - TIMEOUT_NS]:
            self._give_up(self._asked.pop(key))

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        for row in self._asked.values():
            self._give_up(row)
        self._asked.clear()

    def state(self) -> Tree:
        """All that is known."""
        return {
            "asked": [[list(key), dict(row)] for key, row in self._asked.items()],
            "echoes": self._echoes.state(), "forgotten": self._forgotten,
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked = {_key(*key): row for key, row in state["asked"]}
        self._echoes.restore(state["echoes"])
        self._forgotten = state["forgotten"]


def _key(flow: int, who: bytes, kind: int, ident: int, seq: int) -> Key:
    return flow, who, kind, ident, seq


@lru_cache(1024)
def _names(v6: bool, kind: int, code: int) -> tuple[str, str]:
    return type_name(kind, v6=v6), code_name(kind, code, v6=v6)


def _pair(packet: Packet, v6: cython.bint) -> tuple[int, int] | None:
    """Identifier and sequence number; None where the message is cut before them. An extended echo's number (RFC 8335)
    is not decoded, and stands as 0."""
    row: cython.Py_ssize_t = packet.row
    there: cython.int = packet._lane[_L_ECHO6 if v6 else _L_ECHO, row]
    if not there:
        return None
    return packet._u16[_IDENT6 if v6 else _IDENT, row], packet._u16[_SEQ6 if v6 else _SEQ, row] if there > 1 else 0


def _checksum(packet: Packet, v6: cython.bint) -> cython.int:
    return packet._u16[_CHECKSUM6 if v6 else _CHECKSUM, packet.row]


def _hops(packet: Packet) -> cython.int:
    return packet._u8[_HLIM if packet._u8[_VERSION, packet.row] == 6 else _TTL, packet.row]


def _quoted(packet: Packet, told: Row) -> None:
    """Add what an error says, and of the packet that it quotes."""
    row: cython.Py_ssize_t = packet.row
    b16 = packet.columns.b16
    if packet._lane[_L_MTU, row]:
        told["icmp.mtu"] = packet._u16[_MTU, row]
    elif packet._lane[_L_MTU6, row]:
        told["icmp.mtu"] = packet._u32[_MTU6, row]
    if packet._lane[_L_GATEWAY, row]:
        told["icmp.redir_gw"] = packet._u32[_GATEWAY, row]
    there: cython.int = packet._lane[_L_QUOTED, row]
    if there >= _ALL_ENDS:
        told["shoal.quoted.src"] = b16[_Q_SRC, row].tobytes()
        told["shoal.quoted.dst"] = b16[_Q_DST, row].tobytes()
        told["shoal.quoted.proto"] = packet._u8[_Q_PROTO, row]
    if there >= _ALL_PORTS and packet._u8[_Q_PORTS, row]:
        told["shoal.quoted.srcport"] = packet._u16[_Q_SRCPORT, row]
        told["shoal.quoted.dstport"] = packet._u16[_Q_DSTPORT, row]
    if packet._lane[_L_Q_STREAM, row]:
        told["shoal.quoted.stream"] = packet._u32[_Q_STREAM, row]
