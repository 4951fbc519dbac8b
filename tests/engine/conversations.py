"""TCP conversations made by chance, for comparing with tshark: what a sender does, and what a network makes of it.

A conversation is driven by a few numbers for each side, so that sequence numbers meet as they do in real traffic:
repeated, behind, one before, beyond. Then frames are lost, doubled, swapped and cut.
"""

from __future__ import annotations

import ipaddress
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

MS = 1_000_000
START = 1_700_000_000_000 * MS
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
WORD = 0xFFFF_FFFF
ADDRESSES = ("10.0.0.1", "10.0.0.2", "192.168.7.9", "2001:db8::1", "2001:db8::2")
# No port of a protocol that announces conversations, and none whose dissector refuses what is not its own.
PORTS = (80, 443, 4000, 9999, 40_000, 40_001)


@dataclass(frozen=True)
class Frame:
    """An Ethernet frame, when it was captured (ns), and how long it was."""

    time: int
    data: bytes
    length: int


ODD_OPTIONS = (
    b"\1\3\3\2", b"\3\4\2\2", b"\2\4\1\0", b"\4\2", b"\0\5\2", b"\x22\2", b"\x22\6abcd",
    b"\xfe\4\xf9\x89", b"\xfe\x08\xf9\x89abcd", b"\x08\1", b"\x08\x0c\1", b"\x13\x12" + bytes(16), b"\x1e\4\x20\0",
    b"\x1e\x08\x20\1abcd", b"\x1e\4\x30\1", b"\x1e\4\x50\1",
    b"\x1e\x14\x20\5" + bytes(16), b"\5\x0a\0\0\0\1\0\0\0\2", b"\5",
)  # fmt: skip
"""Options where none is wont to be, cut, too long, empty, or of multipath TCP."""


def ethernet(src: str, dst: str, protocol: int, body: bytes, fragment: int = 0) -> bytes:
    """A frame with an IP packet; `fragment` is IPv4's word of flags and offset."""
    s, d = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if s.version == 6:
        head = b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), protocol, 64)
    else:
        head = b"\x08\0" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 7, fragment, 64, protocol, 0)
    return b"\2" * 12 + head + s.packed + d.packed + body


def padded(*options: bytes) -> bytes:
    """The options, filled up to a whole number of words."""
    joined = b"".join(options)[:40]
    return joined + b"\1" * (-len(joined) % 4)


def sack(blocks: Sequence[tuple[int, int]]) -> bytes:
    """The SACK option (RFC 2018, section 3)."""
    edges = b"".join(struct.pack(">II", a & WORD, b & WORD) for a, b in blocks)
    return bytes((5, 2 + len(edges))) + edges


@dataclass
class Side:
    """One end: address, port, what it sends next, what it has acknowledged, its window, what it sent lately."""

    address: str
    port: int
    first: int
    at: int = 0
    acked: int = 0
    window: int = 8192
    sent: list[tuple[int, int]] = field(default_factory=list)


class Conversation:
    """Segments of two sides, by chance of `r`."""

    def __init__(self, r: random.Random, now: int) -> None:
        self.r = r
        self.now = now
        self.frames: list[Frame] = []
        six = r.random() < 0.3
        addresses = ADDRESSES[3:] if six else ADDRESSES[:3]
        ends = [(r.choice(addresses), r.choice(PORTS)) for _ in range(2)]
        if r.random() < 0.9 and ends[0][0] == ends[1][0]:
            ends[1] = (next(a for a in addresses if a != ends[0][0]), ends[1][1])
        self.sides = [Side(*end, self.number(), window=r.choice((0, 64, 512, 8192, 65_535))) for end in ends]
        self.stamps = r.random() < 0.4
        self.stamp = r.randrange(1 << 32)
        self.steps = r.choice((0, 0, 1000, MS, 5 * MS, 30 * MS)), r.choice((1000, MS, 19 * MS, 25 * MS, 300 * MS))

    def number(self) -> int:
        """An initial sequence number: anywhere, about to wrap, 0, or half the range away from that."""
        r = self.r
        near = r.randrange(3000)
        return r.choice((r.randrange(1 << 32), WORD - near, near % 3, 0x8000_0000 - near))

    def tick(self) -> None:
        """Time passes, or not; now and then it runs back."""
        step = self.r.choice(self.steps)
        self.now += -step if self.r.random() < 0.01 else step

    def send(self, side: int, flags: int, seq: int, ack: int = 0, length: int = 0, options: bytes = b"") -> None:
        """Add a segment."""
        r, me, other = self.r, self.sides[side], self.sides[1 - side]
        if not options and r.random() < 0.03:
            options += r.choice(ODD_OPTIONS)
        if self.stamps and r.random() < 0.95:
            self.stamp += r.randrange(3)
            options += b"\1\1\x08\x0a" + struct.pack(">II", self.stamp & WORD, 0)
        options = padded(options)
        words = 5 + len(options) // 4
        numbers = (seq & WORD, ack & WORD)
        head = struct.pack(">HHIIBBHHH", me.port, other.port, *numbers, words << 4, flags, me.window, 0, 0)
        body = head + options + b"\0" * length
        data = ethernet(me.address, other.address, 6, body)
        self.frames.append(Frame(self.now, data, len(data)))
        self.tick()

    def handshake(self) -> None:
        """All of it, parts of it, or none; some of it twice, or with another number."""
        r = self.r
        client, server = self.sides
        for side in self.sides:
            side.at = side.first
        tell = [self.greeting(), self.greeting() if r.random() < 0.8 else b""]
        kind = r.random()
        early = 0
        if r.random() < 0.15:
            tell[0] += b"\x22\x0a" + bytes(r.randrange(256) for _ in range(8)) if r.random() < 0.7 else b"\x22\x02"
            early = r.choice((0, 1, 100))
        taken = client.first + 1 + (early if r.random() < 0.5 else 0)
        if kind < 0.8:
            for _ in range(r.choice((1, 1, 1, 2))):
                self.send(0, SYN, client.first, 0 if r.random() < 0.9 else r.randrange(1 << 32), early, tell[0])
        client.at = client.first + 1 + early
        if r.random() < 0.05:
            self.send(1, SYN, server.first, options=tell[1])
        if kind > 0.1:
            for _ in range(r.choice((1, 1, 1, 2))):
                self.send(1, SYN | ACK, server.first, taken, r.choice((0, 0, 0, 0, 10)), tell[1])
            if r.random() < 0.05:
                server.first = self.number()
                self.send(1, SYN | ACK, server.first, taken, 0, tell[1])
        server.at = server.first + 1
        client.acked, server.acked = server.at, client.at
        if 0.2 < kind < 0.9:
            self.send(0, ACK, client.at, client.acked)

    def greeting(self) -> bytes:
        """What a SYN tells: segment size, a window's shift, that SACK is known."""
        r = self.r
        parts = [b"\2\4\5\xb4"]
        if r.random() < 0.7:
            parts.append(b"\1\3\3" + bytes((r.choice((0, 1, 2, 7, 14, 15)),)))
        if r.random() < 0.7:
            parts.append(b"\1\1\4\2")
        return b"".join(parts)

    def blocks(self, side: int) -> bytes:
        """A SACK option over what the other side sent, or nothing."""
        r, sent = self.r, self.sides[1 - side].sent
        if not sent or r.random() < 0.7:
            return b""
        chosen = [r.choice(sent[-8:]) for _ in range(r.choice((1, 1, 2, 3, 4)))]
        return b"\1\1" + sack([(seq, seq + length) for seq, length in chosen])

    def step(self) -> None:
        """One segment of one side."""
        r = self.r
        side = r.randrange(2)
        me, other = self.sides[side], self.sides[1 - side]
        kind = r.random()
        if r.random() < 0.1:
            me.window = r.choice((0, 0, 64, 100, 500, 512, 8192, 65_535))
        length = r.choice((1, 1, 2, 64, 100, 500, 1460))
        flags = ACK | (PSH if r.random() < 0.3 else 0)
        if kind < 0.35:
            self.data(side, flags, me.at, length)
            me.at += length
        elif kind < 0.47 and me.sent:
            seq, length = r.choice(me.sent[-6:])
            self.data(side, flags, seq, length + r.choice((0, 0, 0, 1, -1, 100)))
        elif kind < 0.52:
            self.send(side, ACK, me.at - 1, me.acked, r.choice((0, 1, 1, 2, 50)))
        elif kind < 0.57:
            # What went before was not captured.
            self.data(side, flags, me.at + length, length)
            me.at += 2 * length if r.random() < 0.7 else length
        elif kind < 0.60:
            # What it acknowledges was not captured.
            me.acked = other.at + r.choice((1, length, 2000))
            self.send(side, flags, me.at, me.acked, r.choice((0, 0, 10)), self.blocks(side))
            if r.random() < 0.6:
                other.at = me.acked
        elif kind < 0.63 and r.random() < 0.5:
            odd = (0, PSH, URG | ACK, SYN | FIN, SYN | RST, FIN, RST, RST | ACK, FIN | PSH | URG, SYN | ACK, SYN)
            self.send(side, r.choice(odd), me.at + r.choice((0, 0, -1, 1)), me.acked, r.choice((0, 0, 1, 20)))
        elif kind < 0.66:
            other_window = other.window
            other.window = 0
            self.send(1 - side, ACK, other.at, other.acked)
            self.send(side, ACK, me.at, me.acked, 1)
            if r.random() < 0.5:
                self.send(1 - side, ACK, other.at, other.acked + r.choice((0, 0, 1)))
            other.window = other_window
        elif kind < 0.70:
            for _ in range(r.randrange(1, 5)):
                self.send(side, ACK, me.at, me.acked, 0, self.blocks(side))
            if r.random() < 0.6:
                self.data(1 - side, ACK, me.acked, length)
        elif kind < 0.72:
            # To the very edge of the window.
            room = min(max(me.acked - me.acked + other.window, 1), 3000)
            self.data(side, flags, other.acked + other.window - room, room)
        else:
            if other.sent and r.random() < 0.75:
                seq, length = r.choice(other.sent[-4:])
                me.acked = max(me.acked, seq + length - r.choice((0, 0, 0, 1, length)))
            elif r.random() < 0.1:
                me.acked -= r.choice((1, 100))
            self.send(side, ACK, me.at, me.acked, 0, self.blocks(side))

    def data(self, side: int, flags: int, seq: int, length: int) -> None:
        """A segment with data, remembered as sent."""
        me = self.sides[side]
        length = max(length, 0)
        self.send(side, flags, seq, me.acked, length)
        me.sent.append((seq, length))

    def close(self) -> None:
        """FIN, RST, both, neither; once or more."""
        r = self.r
        for side in (0, 1, 0, 1):
            me, other = self.sides[side], self.sides[1 - side]
            kind = r.random()
            if kind < 0.4:
                self.send(side, FIN | ACK, me.at, me.acked, r.choice((0, 0, 10)))
                if r.random() < 0.8:
                    me.at += 1
            elif kind < 0.5:
                self.send(side, RST | (ACK if r.random() < 0.5 else 0), me.at, me.acked)
            elif kind < 0.8:
                self.send(side, ACK, me.at, other.at)

    def again(self) -> None:
        """A SYN on the same ports: with the number of before, or another."""
        client = self.sides[0]
        if self.r.random() < 0.6:
            client.first = self.number()
        self.sides[1].first = self.number()
        for side in self.sides:
            side.sent.clear()

    def played(self, segments: int) -> list[Frame]:
        """The conversation, with what the network did to it."""
        r = self.r
        for k in range(r.choice((1, 1, 2, 3))):
            if k:
                self.again()
            self.handshake()
            for _ in range(r.randrange(segments)):
                self.step()
            self.close()
        return self.disturbed()

    def disturbed(self) -> list[Frame]:
        """Frames lost, doubled, swapped; of one side only; or cut."""
        r = self.r
        lost, doubled, swapped, cut, odd, refused = (r.choice((0.0, 0.0, 0.03)) for _ in range(6))
        one = r.random() < 0.05
        here = ipaddress.ip_address(self.sides[0].address).packed
        kept: list[Frame] = []
        for frame in self.frames:
            if r.random() < lost or (one and here not in frame.data[26:38]):
                continue
            if r.random() < cut:
                # Of a header with fewer than 16 bytes tshark shows the ports alone, Shoal what there is.
                left = (34 if frame.data[12] == 8 else 54) + r.choice((2, *range(16, 61)))
                frame = Frame(frame.time, frame.data[:left], frame.length)
            if r.random() < odd and frame.data[12] == 8:
                # The packet ends before its header does, or is longer than what was sent.
                total = r.choice((0, 20, 36, 38, 39, 40, 2000))
                frame = Frame(frame.time, frame.data[:16] + struct.pack(">H", total) + frame.data[18:], frame.length)
            kept += [frame, frame] if r.random() < doubled else [frame]
            whole = len(frame.data) == frame.length and frame.data[12] == 8
            if r.random() < refused and whole and frame.data[47] & SYN == 0:
                # A router between them quotes the packet, or the front of it.
                packet = frame.data[14 : 34 + r.choice((8, 16, 20, 100))]
                data = ethernet("10.9.9.9", self.sides[0].address, 1, b"\3\1" + bytes(6) + packet)
                kept.append(Frame(frame.time, data, len(data)))
                continue
            if len(kept) > 2 and r.random() < swapped:
                kept[-1], kept[-2] = Frame(kept[-2].time, *_rest(kept[-1])), Frame(kept[-1].time, *_rest(kept[-2]))
        return kept


def _rest(frame: Frame) -> tuple[bytes, int]:
    return frame.data, frame.length


def capture(seed: int, conversations: int = 6, segments: int = 80) -> list[Frame]:
    """Several conversations, one in the other, on ports that some of them share."""
    r = random.Random(seed)
    queues = [Conversation(r, START + r.randrange(1000) * MS).played(segments) for _ in range(conversations)]
    frames: list[Frame] = []
    while queues:
        queue = r.choice(queues)
        for _ in range(r.randrange(1, 12)):
            if queue:
                frames.append(queue.pop(0))
        if not queue:
            queues.remove(queue)
    return frames
