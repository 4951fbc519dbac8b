"""NTP: messages with their answers, and what the clocks say (RFC 5905)."""

from __future__ import annotations

from socket import AF_INET, inet_ntop

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.waiting import Key, Waiting
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.ntp import NTP

PORT = 123
MOST_WAITING = 65_536
"""Messages that wait for their answer."""
PATIENCE = 60_000_000_000
"""How long one may wait, ns."""
TEN_YEARS = 10 * 365 * 86_400 * 1_000_000_000
"""A client's clock that is farther off (ns) is none: it sends numbers by chance, so as not to be known by them."""

_SECOND = 1_000_000_000
_1970 = 2_208_988_800
_WORDS = (("ntp.flags", 0, 1), ("ntp.stratum", 1, 2), ("ntp.ppoll", 2, 3), ("ntp.precision", 3, 4),
          ("ntp.rootdelay", 4, 8), ("ntp.rootdispersion", 8, 12))


def timestamp(data: bytes, at: int) -> int:
    """Nanoseconds since 1970 of the 64 bits at `at`; 0 for none. Those before 1968 are after 2036 (RFC 4330 3)."""
    seconds, fraction = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
    if not seconds and not fraction:
        return 0
    if seconds < 0x80000000:
        seconds += 1 << 32
    return (seconds - _1970) * _SECOND + (fraction * _SECOND >> 32)


def reference(data: bytes, stratum: int) -> str:
    """The reference identifier: letters of a clock or of a kiss of death, or the address of a server."""
    if stratum < 2:
        letters = data.rstrip(b"\0 ")
        return letters.decode("ascii") if letters.isalnum() and letters.isascii() else data.hex()
    return inet_ntop(AF_INET, data)


class Ntp:
    """Takes datagrams; tells a row of each message with its answer."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._out = out
        self._asked = Waiting(notes, out, NTP, "ntp-forgotten", most=MOST_WAITING, patience=PATIENCE)

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message."""
        if not data:
            return False
        packet.name("NTP")
        mode = data[0] & 7
        if self._out.tells:
            self._tell(packet, data, mode)
        if self._out.stores:
            if mode == 7 and len(data) >= 8:
                self._private(packet, data)
            elif mode == 6 and len(data) >= 12:
                answers = data[1] & 0x80 != 0
                key = (packet.flow, 6, int.from_bytes(data[2:4], "big"))
                self._done(packet, key, self._pair(packet, key, data, answers=answers), waits=not answers)
            elif mode < 6 and len(data) >= 48:
                self._time(packet, data, mode)
        return True

    def _tell(self, packet: Packet, data: bytes, mode: int) -> None:
        packet.detail("ntp.flags", data[0])
        if mode != 7:
            packet.detail("ntp.flags.li", data[0] >> 6)
        packet.detail("ntp.flags.vn", data[0] >> 3 & 7)
        packet.detail("ntp.flags.mode", mode)
        if mode == 7:
            if len(data) >= 4:
                packet.detail("ntp.priv.impl", data[2])
                packet.detail("ntp.priv.reqcode", data[3])
        elif mode != 6:
            for name, at, end in _WORDS[1:]:
                if end <= len(data):
                    packet.detail(name, int.from_bytes(data[at:end], "big"))
            if len(data) >= 16:
                packet.detail("ntp.refid", data[12:16])

    def _time(self, packet: Packet, data: bytes, mode: int) -> None:
        sent, answered = int.from_bytes(data[40:48], "big"), int.from_bytes(data[24:32], "big")
        if mode in (1, 2) and answered and (of := self._asked.get((packet.flow, 0, answered))) is not None:
            answers = of["side"] != packet.side
        else:
            answers = mode == 4
        key = (packet.flow, 0, answered if answers else sent)
        row = self._pair(packet, key, data, answers=answers)
        _clocks(packet, row, data, asks=not answers and mode != 5)
        self._done(packet, key, row, waits=not answers and mode != 5)

    def _private(self, packet: Packet, data: bytes) -> None:
        key, answers = (packet.flow, 7, data[2] << 8 | data[3]), data[0] & 0x80 != 0
        row = self._pair(packet, key, data, answers=answers)
        row["ntp.priv.reqcode"] = data[3]
        self._done(packet, key, row, waits=not answers)

    def _done(self, packet: Packet, key: Key, row: Row, *, waits: bool) -> None:
        if waits:
            row["side"] = packet.side
            self._asked.put(key, row, packet.row)
        else:
            self._out.row(NTP, row)

    def _pair(self, packet: Packet, key: Key, data: bytes, *, answers: bool) -> Row:
        """The row that the message begins, or ends as its answer."""
        if answers:
            row = self._asked.take(key)
            if row is None:
                row = packet.exchange(NTP, reverse=True)
                row["ntp.flags.mode"], row["ntp.flags.vn"] = data[0] & 7, data[0] >> 3 & 7
            else:
                row["shoal.response_time"] = packet.time - row["shoal.first_time"]
            row["shoal.response_frame"] = packet.frame
            row["shoal.ntp.response_bytes"] = len(data)
            return row
        row = packet.exchange(NTP)
        row["shoal.request_frame"], row["shoal.ntp.request_bytes"] = packet.frame, len(data)
        row["ntp.flags.mode"], row["ntp.flags.vn"] = data[0] & 7, data[0] >> 3 & 7
        return row

    def tick(self, now: int) -> None:
        """Tell what was asked in vain."""
        self._asked.tick(now)

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        self._asked.finish()

    def state(self) -> Tree:
        """All that is known."""
        return {"asked": self._asked.state()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked.restore(state["asked"])


def _clocks(packet: Packet, row: Row, data: bytes, *, asks: bool) -> None:
    """What a message says of its sender's clock; of an answer, how far the clocks are apart (RFC 5905 section 8)."""
    row["ntp.flags.li"], row["ntp.stratum"], row["ntp.ppoll"] = data[0] >> 6, data[1], data[2]
    row["shoal.ntp.reference"] = reference(data[12:16], data[1])
    for name, at in (("shoal.ntp.root_delay", 4), ("shoal.ntp.root_dispersion", 8)):
        row[name] = int.from_bytes(data[at : at + 4], "big") * _SECOND >> 16
    answer = (("ntp.reftime", 16), ("ntp.org", 24), ("ntp.rec", 32), ("ntp.xmt", 40))
    for name, at in (("ntp.reftime", 16), ("ntp.org", 40)) if asks else answer:
        if time := timestamp(data, at):
            row[name] = time
    if "shoal.response_time" not in row or "ntp.rec" not in row or "ntp.xmt" not in row:
        return
    asked, arrived, sent = row["shoal.first_time"], row["ntp.rec"], row["ntp.xmt"]
    row["shoal.ntp.offset"] = (arrived - asked + sent - packet.time) // 2
    row["shoal.ntp.delay"] = row["shoal.response_time"] - (sent - arrived)
    if "ntp.org" in row:
        offset = (arrived + sent - 2 * row["ntp.org"] - row["shoal.response_time"]) // 2
        if abs(offset) < TEN_YEARS:
            row["shoal.ntp.client_offset"] = offset
