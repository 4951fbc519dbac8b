"""What each conversation was found to speak, and the rows whose bytes must be looked at to name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.exchanges.names import PROTOCOL_ID
from pipeline.engine.names import layers, media
from pipeline.engine.names.datagrams import DATAGRAMS
from pipeline.engine.names.declare import ANY, MOST_READ, Over, Spoken
from pipeline.engine.names.hints import ALWAYS, DATAGRAM_BITS, SEGMENT_BITS, datagram_hints, segment_hints
from pipeline.engine.names.look import Look
from pipeline.engine.names.quick import datagram_rule, segment_rules
from pipeline.engine.names.segments import SEGMENTS
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

if not cython.compiled:
    from pipeline.engine.names.quick import message_length

MOST_TALKS = 16_384
"""Conversations of which more is remembered than their protocol; for one more the oldest is forgotten, and begins anew
with its next segment."""
MOST_TRIES = 16
"""Payloads in a row that promised something and held nothing, before a conversation is passed over: then only what
listens at its ports is asked, and for STUN, and of TCP nobody."""
MOST_PENDING = 4096
"""Bytes of a message's beginning that wait for the rest of its header."""

UNKNOWN, PLAIN, FIRST = 0, 1, 2
"""Of a conversation: nothing is known yet; it is passed over; from here on, the place of its protocol."""

TCP, UDP, MPTCP = PROTOCOL_ID["TCP"], PROTOCOL_ID["UDP"], PROTOCOL_ID["MPTCP"]
_HEX = PROTOCOL_ID["0x0000"]
_WORD = cython.declare(cython.longlong, 0xFFFFFFFF)
_ANNOUNCED = FIRST + len(DATAGRAMS)
_FTP_DATA = next(FIRST + i for i, spoken in enumerate(SEGMENTS) if spoken.name == "FTP-DATA")

_s = Slots(PACKETS)
_PAYLOAD = cython.declare(cython.Py_ssize_t, _s.u16("shoal.payload.offset"))
_PAYLOAD_LEN = cython.declare(cython.Py_ssize_t, _s.u32("shoal.payload.len"))
_PATH = _s.code("frame.protocols")
_SEQ = cython.declare(cython.Py_ssize_t, _s.u32("tcp.seq_raw"))
_LEN = cython.declare(cython.Py_ssize_t, _s.u32("tcp.len"))
_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_UDP_LEN = cython.declare(cython.Py_ssize_t, _s.u16("udp.length"))


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
_RTP = Over("RTP", check=media.rtp)
UDP_RULE = np.array([0, 0, *(datagram_rule(over) for over in (*DATAGRAMS, _RTP))], np.uint8)
TCP_RULE = segment_rules(SEGMENTS)
"""Of each place how its names are told by `quick`."""
UDP_OWN = np.array([0, 0, *(PROTOCOL_ID[over.name] for over in (*DATAGRAMS, _RTP))], np.uint16)
TCP_OWN = np.array([0, 0, *(PROTOCOL_ID[s.name] for s in SEGMENTS)], np.uint16)
"""Of each place the name that it bears first."""
IGMP_NAME = np.array([PROTOCOL_ID.get(layers.GROUP_NAMES.get(kind, ""), 0) for kind in range(256)], np.uint16)
"""By the kind of an IGMP message the name, 0 where it alone does not tell."""
_TCP_HEARD = [(place, s.heard) for place, s in enumerate(SEGMENTS, FIRST) if s.heard is not None]
_UDP_HEARD = [(place, o.heard, o.stays) for place, o in enumerate(DATAGRAMS, FIRST) if o.heard is not None]
_TCP_HINT = np.array([SEGMENT_BITS.get(heard, ALWAYS) for _, heard in _TCP_HEARD], np.uint8)
_UDP_HINT = np.array([DATAGRAM_BITS.get(heard, ALWAYS) for _, heard, _ in _UDP_HEARD], np.uint8)
# What is declared, by place.
_CHECKS = [None, None, *(over.check for over in DATAGRAMS)]
_NAMES = ["", "", *(over.name for over in DATAGRAMS)]
_SPOKEN = [None, None, *((s.length, s.called, s.check, s.name, s.rest) for s in SEGMENTS)]
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


def _asked(place: cython.int, data: bytes, look: Look) -> str:
    """The name that what is at `place` gives a datagram of its port."""
    check = _CHECKS[place]
    name: str = check(data, look) if check is not None else _NAMES[place]
    return name


class _Side:
    """What waits of a direction: the beginning of a message, the sequence number behind it, and the name of a message
    whose end is to come."""

    __slots__ = ("head", "name", "next")

    def __init__(self) -> None:
        self.head = b""
        self.next = 0
        self.name = ""


class _Talk:
    __slots__ = ("client", "memo", "server")

    def __init__(self) -> None:
        self.memo: dict[str, Any] = {}
        self.client = _Side()
        self.server = _Side()


def _roomy(array: Any, shape: tuple[int, ...], kind: type[np.generic]) -> Any:
    """An array of that shape that begins with what `array` holds."""
    whole = np.zeros(shape, kind)
    if array.size:
        whole[..., : array.shape[array.ndim - 1]] = array
    return whole if cython.compiled else memoryview(whole)


@cython.cclass
class Talks:
    """The conversations by the engine's number; of UDP ones, the number is negative in `_talks`.

    Of each TCP conversation and each UDP one, `tcp` and `udp` hold what it speaks (UNKNOWN, PLAIN, or a place), `tried`
    (TCP, UDP) how many payloads in a row told nothing, `talked` whether `_talks` has it. Of a TCP conversation `server`
    is 1 plus the side that answered a SYN, `opened` has a bit for each side that is amid a message and (2 bits on) for
    each of which a message's beginning waits, and `until` (side) the sequence number behind that message.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.forgotten = 0
        self._most = 0
        self._own([np.zeros(0, np.uint8)] * 7)
        self._talks: dict[int, _Talk] = {}
        self._look = Look()
        plain = not cython.compiled
        self._tcp_port = memoryview(TCP_PORT) if plain else TCP_PORT
        self._udp_port = memoryview(UDP_PORT) if plain else UDP_PORT
        self._tcp_rule = memoryview(TCP_RULE) if plain else TCP_RULE
        self._tcp_hint = memoryview(_TCP_HINT) if plain else _TCP_HINT
        self._udp_hint = memoryview(_UDP_HINT) if plain else _UDP_HINT
        self.hex: dict[int, str] = {}

    @cython.cfunc
    def _own(self, arrays: Any) -> object:
        """Take these as what is known of the conversations, with room for `_most` of them."""
        tcp, udp, tried, talked, server, opened, until = arrays
        one, two = (self._most + 1,), (2, self._most + 1)
        self.tcp, self.udp = _roomy(tcp, one, np.uint16), _roomy(udp, one, np.uint16)
        self.tried, self.talked = _roomy(tried, two, np.uint8), _roomy(talked, two, np.uint8)
        self.server, self.opened = _roomy(server, one, np.uint8), _roomy(opened, one, np.uint8)
        self.until = _roomy(until, two, np.uint32)
        return None

    @cython.cfunc
    def _arrays(self) -> list[Any]:
        of = (self.tcp, self.udp, self.tried, self.talked, self.server, self.opened, self.until)
        return [np.asarray(array) for array in of]

    def begin(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8],
              named: NDArray[np.uint16]) -> None:  # fmt: skip
        """Take up a batch, whose names are put into `named`."""
        plain = not cython.compiled
        self._columns = columns
        self._numbers = memoryview(numbers) if plain else numbers
        self._turns = memoryview(turns) if plain else turns
        self._named = memoryview(named) if plain else named
        self._u16 = memoryview(columns.u16) if plain else columns.u16
        self._u32 = memoryview(columns.u32) if plain else columns.u32
        self._raw = memoryview(columns.raw_buffer)
        self._whole = columns.datagrams
        self._start = memoryview(columns.raw_offset) if plain else columns.raw_offset
        self.hex.clear()
        most = int(numbers.max(initial=0))
        if most > self._most:
            self._most = max(1024, 2 * most)
            self._own(self._arrays())

    @cython.ccall
    def begins(self, number: cython.int, announced: cython.bint) -> object:
        """A conversation begins under a number."""
        self._talks.pop(number, None)
        if number > 0:
            self.talked[0, number] = 0
            if announced:
                self.tcp[number] = _FTP_DATA
        else:
            self.talked[1, -number] = 0
            if announced:
                self.udp[-number] = _ANNOUNCED
        return None

    @cython.ccall
    @cython.exceptval(-1, check=False)
    def whole(self, row: cython.Py_ssize_t) -> cython.int:
        """Of a fragment that completes a datagram: name it by what that is, and what is left to do then."""
        columns = self._columns
        for lane, name, left in _WHOLE:
            if columns.lane[lane, row]:
                self._named[row] = PROTOCOL_ID.get(name, self._named[row])
                return left
        return layers.FRAGMENT

    @cython.ccall
    def header(self, row: cython.Py_ssize_t) -> object:
        """Name a row by its last header."""
        columns = self._columns
        name = layers.read(columns, row, columns.texts[columns.code[_PATH, row]])
        if name.startswith("0x"):
            self.hex[row] = name
            self._named[row] = _HEX
        elif name:
            self._named[row] = PROTOCOL_ID.get(name, self._named[row])
        return None

    @cython.cfunc
    def _payload(self, row: cython.Py_ssize_t) -> bytes:
        if self._whole:
            whole: bytes | None = self._whole.get(row)
            if whole is not None:
                return whole
        start: cython.Py_ssize_t = self._start[row] + self._u16[_PAYLOAD, row]
        size: cython.Py_ssize_t = self._u32[_PAYLOAD_LEN, row]
        if cython.compiled and start >= 0 and 0 < size <= len(self._raw) - start:
            return cython.cast(cython.p_char, cython.address(self._raw[start]))[:size]
        return bytes(self._raw[start : start + size])

    @cython.cfunc
    def _talk(self, number: cython.int, row: cython.Py_ssize_t) -> _Talk:
        talk = self._talks.get(number)
        if talk is None:
            if len(self._talks) >= MOST_TALKS:
                oldest = next(iter(self._talks))
                del self._talks[oldest]
                if oldest > 0:
                    self.opened[oldest] = 0
                    self.talked[0, oldest] = 0
                else:
                    self.talked[1, -oldest] = 0
                self.forgotten += 1
                self._notes.note("talks-forgotten", row, self.forgotten)
            talk = self._talks[number] = _Talk()
            if number > 0:
                self.talked[0, number] = 1
            else:
                self.talked[1, -number] = 1
        return talk

    @cython.ccall
    def datagram(self, row: cython.Py_ssize_t) -> object:
        """Name a datagram by its payload."""
        number: cython.int = self._numbers[row]
        look = self._look
        data: bytes = self._payload(row)
        if len(data) > MOST_READ:
            data = data[:MOST_READ]
        look.srcport = self._u16[_UDP_SRC, row]
        look.dstport = self._u16[_UDP_DST, row]
        look.size = max(len(data), self._u16[_UDP_LEN, row] - 8)
        look.side = self._turns[row] & 1
        talk: _Talk | None = self._talks.get(-number) if number else None
        look.memo = talk.memo if talk is not None else {}
        name: str = self._datagram(number, data, look)
        if name:
            self._named[row] = PROTOCOL_ID.get(name, self._named[row])
            if number:
                self.tried[1, number] = 0
        if talk is None and number and look.memo:
            talk = self._talk(-number, row)
            talk.memo = look.memo
        return None

    @cython.cfunc
    def _datagram(self, number: cython.int, data: bytes, look: Look) -> str:
        kind: cython.int = self.udp[number] if number else UNKNOWN
        name: str
        if kind == _ANNOUNCED:
            name = media.rtp(data, look)
            if name:
                return name
        elif kind >= FIRST:
            name = _asked(kind, data, look)
            if name:
                return name
        src: cython.int = look.srcport
        dst: cython.int = look.dstport
        place: cython.int
        for place in (self._udp_port[min(src, dst)], self._udp_port[max(src, dst)]):
            if place:
                name = _asked(place, data, look)
                if name:
                    return name
        if kind == PLAIN:
            return media.stun_heard(data, look)
        hints: cython.ulonglong = datagram_hints(data, look.size)
        k: cython.Py_ssize_t
        for k in range(len(self._udp_hint)):
            if not hints >> self._udp_hint[k] & 1:
                continue
            place, hears, stays = _UDP_HEARD[k]
            name = hears(data, look)
            if name:
                if stays and number:
                    self.udp[number] = place
                return name
        if number:
            self.tried[1, number] += 1
            if self.tried[1, number] >= MOST_TRIES:
                self.udp[number] = PLAIN
        return ""

    @cython.ccall
    def segment(self, row: cython.Py_ssize_t) -> object:
        """Name a segment by what of messages ends in it."""
        number: cython.int = self._numbers[row]
        look = self._look
        data: bytes = self._payload(row)
        name: str
        place: cython.int
        port: cython.int
        src: cython.int = self._u16[_TCP_SRC, row]
        dst: cython.int = self._u16[_TCP_DST, row]
        side: cython.int = self._turns[row] & 1
        look.srcport, look.dstport, look.side, look.size = src, dst, side, self._u32[_LEN, row]
        # Where the payload stands, unless it was put together.
        begin: cython.Py_ssize_t = -1
        if not self._whole or row not in self._whole:
            begin = self._start[row] + self._u16[_PAYLOAD, row]
        talk: _Talk = self._talk(number, row)
        look.memo = talk.memo
        seq: cython.uint = self._u32[_SEQ, row]
        kind: cython.int = self.tcp[number]
        tried: cython.int = 0
        if kind >= FIRST:
            name = self._speak(kind, talk, number, data, begin, seq, look)
            if name:
                self.tried[0, number] = 0
                self._named[row] = PROTOCOL_ID.get(name, self._named[row])
                return None
            tried = kind
        else:
            server: cython.int = self.server[number]
            first = 0 if server == 0 else src if server == 1 + side else dst
            for port in (first, min(src, dst), max(src, dst)):
                place = self._tcp_port[port]
                if place == 0 or place == tried:
                    continue
                tried = place
                name = self._speak(place, talk, number, data, begin, seq, look)
                if name:
                    return self._found(number, row, place, name)
        hints: cython.ulonglong = segment_hints(data, look.size)
        k: cython.Py_ssize_t
        for k in range(len(self._tcp_hint)):
            if not hints >> self._tcp_hint[k] & 1:
                continue
            place, hears = _TCP_HEARD[k]
            if place != tried and hears(data, look):
                name = self._speak(place, talk, number, data, begin, seq, look)
                if name:
                    return self._found(number, row, place, name)
        self.tried[0, number] += 1
        if self.tried[0, number] >= MOST_TRIES:
            self.tcp[number] = PLAIN
            self.talked[0, number] = 0
            self._talks.pop(number, None)
        return None

    @cython.cfunc
    def _found(self, number: cython.int, row: cython.Py_ssize_t, place: cython.int, name: str) -> object:
        self.tcp[number] = place
        self.tried[0, number] = 0
        self._named[row] = PROTOCOL_ID.get(name, self._named[row])
        return None

    @cython.cfunc
    def _speak(self, place: cython.int, talk: _Talk, number: cython.int, data: bytes, begin: cython.Py_ssize_t,
               seq: cython.uint, look: Look) -> str:  # fmt: skip
        """The name of a segment of a conversation that speaks what is at `place`; empty where it can't be that. `begin`
        is where `data` stand in the batch's bytes, -1 where they do not."""
        length, called, check, own, rest = _SPOKEN[place]
        if length is None:
            return check(data, look) if check is not None else own
        which: cython.int = look.side
        bit: cython.int = 1 << which
        side: _Side = talk.server if which else talk.client
        wire: cython.Py_ssize_t = look.size
        cut: cython.bint = len(data) < wire
        name: str = ""
        told: str
        at: cython.Py_ssize_t = 0
        many: cython.Py_ssize_t
        size: cython.Py_ssize_t
        left: cython.Py_ssize_t
        begun: cython.bint = False
        if self.opened[number] & bit:
            left = (self.until[which, number] - seq) & _WORD
            self.opened[number] &= 15 ^ bit
            if left <= wire:
                name, at = own if called is None else side.name, left
                begun = True
        elif side.head:
            begun = True
            if side.next == seq:
                data = side.head + data
                begin = -1
            side.head = b""
            self.opened[number] &= 15 ^ bit << 2
        many = len(data)
        while at < many:
            size = 0
            if begin >= 0:
                size = message_length(self._raw, begin + at, begin + many, self._tcp_rule, place)
            if size == 0:
                size = length(data, at)
            if size < 0:
                if rest == ANY or (rest and self.tcp[number] == place):
                    name = own
                elif not begun:
                    return ""
                break
            begun = True
            if size == 0:
                if not cut and many - at <= MOST_PENDING:
                    side.head, side.next = data[at:], (seq + wire) & _WORD
                    self.opened[number] |= bit << 2
                break
            told = called(data, at, look) if called is not None else own
            at += size
            if at > many and not cut:
                side.name = told
                self.until[which, number] = (seq + wire + at - many) & _WORD
                self.opened[number] |= bit
                break
            name = told
        return name or "TCP"

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "forgotten": self.forgotten, "most": self._most, "arrays": self._arrays(),
            "talks": [
                [number, talk.memo, [[side.head, side.next, side.name] for side in (talk.client, talk.server)]]
                for number, talk in self._talks.items()
            ],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.forgotten, self._most = state["forgotten"], state["most"]
        self._own(state["arrays"])
        self._talks = {}
        for number, memo, sides in state["talks"]:
            talk = self._talks[number] = _Talk()
            talk.memo = memo
            for side, (head, expected, name) in zip((talk.client, talk.server), sides, strict=True):
                side.head, side.next, side.name = head, expected, name
