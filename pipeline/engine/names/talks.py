"""What each conversation was found to speak, and the rows whose bytes must be looked at to name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.exchanges.names import PROTOCOL_ID
from pipeline.engine.names import layers, media
from pipeline.engine.names.datagrams import DATAGRAMS
from pipeline.engine.names.declare import MOST_READ, Look, Over, Spoken
from pipeline.engine.names.segments import SEGMENTS
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

MOST_TALKS = 50_000
"""Conversations of which more is remembered than their protocol; for one more the oldest is forgotten, and begins anew
with its next segment."""
MOST_TRIES = 16
"""Payloads in a row that promised something and held nothing, before a conversation is passed over."""
MOST_PENDING = 16_384
"""Bytes of a message's beginning that wait for the rest of its header."""

UNKNOWN, PLAIN, FIRST = 0, 1, 2
"""Of a conversation: nothing is known yet; it is passed over; from here on, the place of its protocol."""

TCP, UDP, MPTCP = PROTOCOL_ID["TCP"], PROTOCOL_ID["UDP"], PROTOCOL_ID["MPTCP"]
_HEX = PROTOCOL_ID["0x0000"]
_WORD = 0xFFFFFFFF
_ANNOUNCED = FIRST + len(DATAGRAMS)
_FTP_DATA = next(FIRST + i for i, spoken in enumerate(SEGMENTS) if spoken.name == "FTP-DATA")

_s = Slots(PACKETS)
_PAYLOAD, _PAYLOAD_LEN = _s.u16("shoal.payload.offset"), _s.u32("shoal.payload.len")
_SEQ, _LEN = _s.u32("tcp.seq_raw"), _s.u32("tcp.len")
_TCP_SRC, _TCP_DST = _s.u16("tcp.srcport"), _s.u16("tcp.dstport")
_UDP_SRC, _UDP_DST, _UDP_LEN = _s.u16("udp.srcport"), _s.u16("udp.dstport"), _s.u16("udp.length")


def _port_table(declared: Sequence[Over | Spoken]) -> NDArray[np.uint16]:
    table = np.zeros(65_536, np.uint16)
    for place, protocol in enumerate(declared, FIRST):
        for port in protocol.ports:
            if port:
                table[port] = place
    return table


TCP_PORT, UDP_PORT = _port_table(SEGMENTS), _port_table(DATAGRAMS)
"""Of each port the place of its protocol, 0 for none."""
TCP_NAME = np.array(
    [0, 0, *(PROTOCOL_ID[s.name] if s.length is None and s.check is None else 0 for s in SEGMENTS)], np.uint16
)
UDP_NAME = np.array(
    [0, 0, *(PROTOCOL_ID[o.name] if o.check is None and (o.ports or o.stays) else 0 for o in DATAGRAMS), 0], np.uint16
)
"""Of each place the name, where no byte need be looked at."""
IGMP_NAME = np.array([PROTOCOL_ID.get(layers.GROUP_NAMES.get(kind, ""), 0) for kind in range(256)], np.uint16)
"""By the kind of an IGMP message the name, 0 where it alone does not tell."""
_TCP_HEARD = tuple((place, s) for place, s in enumerate(SEGMENTS, FIRST) if s.heard is not None)
_UDP_HEARD = tuple((place, o) for place, o in enumerate(DATAGRAMS, FIRST) if o.heard is not None)
_WHOLE = (
    (_s.lane("icmp"), "ICMP", layers.DONE), (_s.lane("icmpv6"), "ICMPv6", layers.DONE),
    (_s.lane("udp"), "UDP", layers.DATAGRAM), (_s.lane("tcp"), "TCP", layers.SEGMENT),
    (_s.lane("sctp"), "SCTP", layers.DONE),
)  # fmt: skip
_PATHS: dict[str, tuple[int, int]] = {}
_MOST_PATHS = 10_000


def of_path(path: str) -> tuple[int, int]:
    """The place of the name that a path of layers tells among PROTOCOLS, and what is left to do (`layers`)."""
    found = _PATHS.get(path)
    if found is None:
        if len(_PATHS) >= _MOST_PATHS:
            _PATHS.clear()
        name, what = layers.of_path(path)
        found = _PATHS[path] = PROTOCOL_ID[name], what
    return found


class _Side:
    """What waits of a direction: the beginning of a message, the sequence number behind it, and the name of a message
    whose end is to come."""

    __slots__ = ("head", "name", "next")

    def __init__(self) -> None:
        self.head = b""
        self.next = 0
        self.name = ""


class _Talk:
    __slots__ = ("memo", "sides")

    def __init__(self) -> None:
        self.memo: dict[str, Any] = {}
        self.sides = (_Side(), _Side())


class Talks:
    """The conversations by the engine's number; of UDP ones, the number is negative in `_talks`."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.forgotten = 0
        self.tcp: NDArray[np.uint16] = np.zeros(1024, np.uint16)
        self.udp: NDArray[np.uint16] = np.zeros(1024, np.uint16)
        self.tried: NDArray[np.uint8] = np.zeros((2, 1024), np.uint8)
        self.opened: NDArray[np.uint8] = np.zeros(1024, np.uint8)
        self.until: NDArray[np.uint32] = np.zeros((2, 1024), np.uint32)
        self.server: NDArray[np.uint8] = np.zeros(1024, np.uint8)
        self.talked: NDArray[np.uint8] = np.zeros((2, 1024), np.uint8)
        self._talks: dict[int, _Talk] = {}
        self._look = Look()
        self._columns: Columns
        self._numbers: NDArray[np.int32]
        self._turns: NDArray[np.uint8]
        self._named: NDArray[np.uint16]
        self.hex: dict[int, str] = {}

    def begin(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8],
              named: NDArray[np.uint16]) -> None:  # fmt: skip
        """Take up a batch, whose names are put into `named`."""
        self._columns, self._numbers, self._turns, self._named = columns, numbers, turns, named
        self.hex.clear()
        most = int(numbers.max(initial=0))
        if most >= len(self.tcp):
            rows = 2 * most
            self.tcp, self.udp, self.opened = grown(self.tcp, rows), grown(self.udp, rows), grown(self.opened, rows)
            self.server = grown(self.server, rows)
            self.talked = np.ascontiguousarray(grown(np.ascontiguousarray(self.talked.T), rows).T)
            self.tried = np.ascontiguousarray(grown(np.ascontiguousarray(self.tried.T), rows).T)
            self.until = np.ascontiguousarray(grown(np.ascontiguousarray(self.until.T), rows).T)

    def begins(self, number: int, announced: bool) -> None:
        """A conversation begins under a number."""
        self._talks.pop(number, None)
        self.talked[0 if number > 0 else 1, abs(number)] = 0
        if announced:
            if number > 0:
                self.tcp[number] = _FTP_DATA
            else:
                self.udp[-number] = _ANNOUNCED

    def whole(self, row: int) -> int:
        """Of a fragment that completes a datagram: name it by what that is, and what is left to do then."""
        columns = self._columns
        if row not in columns.datagrams:
            return layers.FRAGMENT
        for lane, name, left in _WHOLE:
            if columns.lane[lane, row]:
                self._named[row] = PROTOCOL_ID[name]
                return left
        return layers.FRAGMENT

    def header(self, row: int) -> None:
        """Name a row by its last header."""
        columns = self._columns
        name = layers.read(columns, row, columns.texts[int(columns.values("frame.protocols")[row])])
        if name.startswith("0x"):
            self.hex[row] = name
            self._named[row] = _HEX
        elif name:
            self._named[row] = PROTOCOL_ID[name]

    def _payload(self, row: int) -> bytes:
        columns = self._columns
        whole = columns.datagrams.get(row)
        if whole is not None:
            return whole
        start = int(columns.raw_offset[row]) + int(columns.u16[_PAYLOAD, row])
        return bytes(columns.raw_buffer[start : start + int(columns.u32[_PAYLOAD_LEN, row])])

    def _talk(self, number: int, row: int) -> _Talk:
        talk = self._talks.get(number)
        if talk is None:
            if len(self._talks) >= MOST_TALKS:
                oldest = next(iter(self._talks))
                del self._talks[oldest]
                if oldest > 0:
                    self.opened[oldest] = 0
                self.forgotten += 1
                self._notes.note("talks-forgotten", row, self.forgotten)
            talk = self._talks[number] = _Talk()
            self.talked[0 if number > 0 else 1, abs(number)] = 1
        return talk

    def datagram(self, row: int) -> None:
        """Name a datagram by its payload."""
        number = int(self._numbers[row])
        columns, look = self._columns, self._look
        data = self._payload(row)[:MOST_READ]
        look.srcport, look.dstport = int(columns.u16[_UDP_SRC, row]), int(columns.u16[_UDP_DST, row])
        look.size = max(len(data), int(columns.u16[_UDP_LEN, row]) - 8)
        look.side = int(self._turns[row]) & 1
        talk = self._talks.get(-number) if number else None
        look.memo = talk.memo if talk is not None else {}
        name = self._datagram(number, data, look)
        if name:
            self._named[row] = PROTOCOL_ID[name]
            if number:
                self.tried[1, number] = 0
        if look.memo and talk is None and number:
            self._talk(-number, row).memo = look.memo

    def _datagram(self, number: int, data: bytes, look: Look) -> str:
        kind = int(self.udp[number]) if number else UNKNOWN
        if kind == _ANNOUNCED:
            name = media.rtp(data, look)
            if name:
                return name
        elif kind >= FIRST:
            over = DATAGRAMS[kind - FIRST]
            name = over.check(data, look) if over.check is not None else over.name
            if name:
                return name
        low, high = sorted((look.srcport, look.dstport))
        for port in (low, high):
            place = int(UDP_PORT[port])
            if place:
                over = DATAGRAMS[place - FIRST]
                name = over.check(data, look) if over.check is not None else over.name
                if name:
                    return name
        for place, over in _UDP_HEARD:
            assert over.heard is not None
            name = over.heard(data, look)
            if name:
                if over.stays and number:
                    self.udp[number] = place
                return name
        if number:
            self.tried[1, number] += 1
            if self.tried[1, number] >= MOST_TRIES:
                self.udp[number] = PLAIN
        return ""

    def segment(self, row: int) -> None:
        """Name a segment by what of messages ends in it."""
        number = int(self._numbers[row])
        columns, look = self._columns, self._look
        data = self._payload(row)
        look.srcport, look.dstport = int(columns.u16[_TCP_SRC, row]), int(columns.u16[_TCP_DST, row])
        look.size = int(columns.u32[_LEN, row])
        look.side = int(self._turns[row]) & 1
        talk = self._talk(number, row)
        look.memo = talk.memo
        seq = int(columns.u32[_SEQ, row])
        kind = int(self.tcp[number])
        places: list[int]
        if kind >= FIRST:
            places = [kind]
        else:
            server = self.server[number]
            first = look.srcport if server == 1 + look.side else look.dstport if server else 0
            places = []
            for port in (first, *sorted((look.srcport, look.dstport))):
                place = int(TCP_PORT[port])
                if place and place not in places:
                    places.append(place)
        for place in places:
            name = self._speak(SEGMENTS[place - FIRST], talk, number, data, seq, look)
            if name:
                self.tcp[number] = place
                self.tried[0, number] = 0
                self._named[row] = PROTOCOL_ID[name]
                return
        for place, spoken in _TCP_HEARD:
            assert spoken.heard is not None
            if place != kind and spoken.heard(data, look):
                name = self._speak(spoken, talk, number, data, seq, look)
                if name:
                    self.tcp[number] = place
                    self._named[row] = PROTOCOL_ID[name]
                    return
        self.tried[0, number] += 1
        if self.tried[0, number] >= MOST_TRIES:
            self.tcp[number] = PLAIN
            self._talks.pop(number, None)

    def _speak(self, spoken: Spoken, talk: _Talk, number: int, data: bytes, seq: int, look: Look) -> str:
        """The name of a segment of a conversation that speaks `spoken`; empty where it can't be that."""
        length = spoken.length
        if length is None:
            return spoken.check(data, look) if spoken.check is not None else spoken.name
        side, bit = talk.sides[look.side], 1 << look.side
        cut = len(data) < look.size
        end = (seq + look.size) & _WORD
        name, at, begun = "", 0, False
        if self.opened[number] & bit:
            left = (int(self.until[look.side, number]) - seq) & _WORD
            self.opened[number] &= 0xFF ^ bit
            if left <= look.size:
                name, at = side.name, left
                begun = True
        elif side.head:
            begun = True
            if side.next == seq:
                data = side.head + data
            side.head = b""
        while at < len(data):
            size = length(data, at)
            if size < 0:
                if not begun:
                    return ""
                break
            begun = True
            if size == 0:
                if not cut and len(data) - at <= MOST_PENDING:
                    side.head, side.next = data[at:], end
                break
            called = spoken.called(data, at, look) if spoken.called is not None else spoken.name
            at += size
            if at > len(data) and not cut:
                side.name = called
                self.until[look.side, number] = (end + at - len(data)) & _WORD
                self.opened[number] |= bit
                break
            name = called
        return name or "TCP"

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "forgotten": self.forgotten, "tcp": self.tcp, "udp": self.udp, "tried": self.tried, "opened": self.opened,
            "until": self.until, "server": self.server, "talked": self.talked,
            "talks": [
                [number, talk.memo, [[side.head, side.next, side.name] for side in talk.sides]]
                for number, talk in self._talks.items()
            ],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.forgotten = state["forgotten"]
        self.tcp, self.udp, self.tried = state["tcp"], state["udp"], state["tried"]
        self.opened, self.until = state["opened"], state["until"]
        self.server, self.talked = state["server"], state["talked"]
        self._talks = {}
        for number, memo, sides in state["talks"]:
            talk = self._talks[number] = _Talk()
            talk.memo = memo
            for side, (head, expected, name) in zip(talk.sides, sides, strict=True):
                side.head, side.next, side.name = head, expected, name
