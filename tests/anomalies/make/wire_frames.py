"""Frames made by hand, with their times: `(time in ns, bytes)`."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field

Timed = tuple[int, bytes]

EPOCH = 1_700_000_000_000_000_000
MS = 1_000_000
SECOND = 1_000_000_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
EVERYBODY = "ff:ff:ff:ff:ff:ff"
REQUEST, REPLY = 1, 2


def mac(text: str) -> bytes:
    """A hardware address."""
    return bytes.fromhex(text.replace(":", ""))


def ethernet(source: str, destination: str, kind: int, payload: bytes, vlan: int = -1) -> bytes:
    """An Ethernet frame, with a tag where `vlan` is one."""
    tag = struct.pack(">HH", 0x8100, vlan) if vlan >= 0 else b""
    return mac(destination) + mac(source) + tag + struct.pack(">H", kind) + payload


def arp(opcode: int, hardware: str, address: str, target: str, *, to: str = EVERYBODY, target_hw: str = "",
        vlan: int = -1) -> bytes:
    """A frame of ARP: `hardware` has `address`, and asks or tells `target`."""
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, opcode) + mac(hardware) + ipaddress.ip_address(address).packed
    body += mac(target_hw or "00:00:00:00:00:00") + ipaddress.ip_address(target).packed
    return ethernet(hardware, to, 0x0806, body, vlan)


def asks(hardware: str, address: str, target: str, **more: int) -> bytes:
    """Who has `target`? Tell `address`."""
    return arp(REQUEST, hardware, address, target, **more)  # type: ignore[arg-type]


def tells(hardware: str, address: str, to_hw: str, to: str, **more: int) -> bytes:
    """`address` is at `hardware`: to one neighbour."""
    return arp(REPLY, hardware, address, to, to=to_hw, target_hw=to_hw, **more)  # type: ignore[arg-type]


def announces(hardware: str, address: str, opcode: int = REQUEST) -> bytes:
    """`address` is at `hardware`: to everybody."""
    return arp(opcode, hardware, address, address)


def ip(source: str, destination: str, protocol: int, body: bytes, *, ttl: int = 64, hw: str = "02:00:00:00:00:01",
       to_hw: str = "02:00:00:00:00:02") -> bytes:
    """An Ethernet frame with a packet of IPv4 or IPv6."""
    one, two = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if one.version == 6:
        head = struct.pack(">IHBB", 6 << 28, len(body), protocol, ttl) + one.packed + two.packed
        return ethernet(hw, to_hw, 0x86DD, head + body)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0x4000, ttl, protocol, 0) + one.packed + two.packed
    return ethernet(hw, to_hw, 0x0800, head + body)


def discovery(kind: int, hardware: str, source: str, destination: str, target: str, flags: int = 0) -> bytes:
    """A neighbour solicitation (135) or advertisement (136) of RFC 4861; `flags` are R, S, O from the highest bit."""
    body = struct.pack(">BBHI", kind, 0, 0, flags << 29) + ipaddress.ip_address(target).packed
    if source != "::":
        body += struct.pack(">BB", 1 if kind == 135 else 2, 1) + mac(hardware)
    return ip(source, destination, 58, body, ttl=255, hw=hardware, to_hw="33:33:00:00:00:01")


def too_big(router: str, quoted: bytes, mtu: int) -> bytes:
    """The ICMP error that fragmentation is needed (RFC 792, RFC 1191), quoting a frame's packet."""
    packet = quoted[14:]
    return ip(router, str(ipaddress.ip_address(packet[12:16])), 1, struct.pack(">BBHHH", 3, 4, 0, 0, mtu) + packet[:28])


@dataclass
class Side:
    """One end of a connection: where it is, its TTL as it is captured, and the next number it sends."""

    address: str
    port: int
    ttl: int
    next: int
    acked: int = 0


@dataclass
class Talk:
    """A TCP connection, frame by frame; `now` goes on by itself."""

    client: Side = field(default_factory=lambda: Side("10.1.0.1", 40_000, 64, 4_294_900_000))
    server: Side = field(default_factory=lambda: Side("10.2.0.2", 80, 54, 900_000))
    now: int = EPOCH
    step: int = 5 * MS
    mss: int = 1460
    frames: list[Timed] = field(default_factory=list)

    def other(self, side: Side) -> Side:
        """The other end."""
        return self.server if side is self.client else self.client

    def segment(self, side: Side, flags: int, length: int = 0, *, seq: int | None = None, ack: int | None = None,
                ttl: int | None = None, window: int = 8192, options: bytes = b"", fill: int = 0x55) -> bytes:
        """A segment of a side, as told; its numbers do not move on."""
        to = self.other(side)
        seq = side.next if seq is None else seq
        ack = to.next if ack is None else ack
        head = struct.pack(
            ">HHIIBBHHH", side.port, to.port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF if flags & ACK else 0,
            (5 + len(options) // 4) << 4, flags, window, 0, 0,
        )  # fmt: skip
        frame = ip(side.address, to.address, 6, head + options + bytes([fill]) * length,
                   ttl=side.ttl if ttl is None else ttl)
        self.frames.append((self.now, frame))
        self.now += self.step
        return frame

    def send(self, side: Side, length: int, **more: int) -> None:
        """New data of a side."""
        self.segment(side, ACK | PSH, length, **more)  # type: ignore[arg-type]
        side.next += length

    def answer(self, side: Side, **more: int) -> None:
        """A side acknowledges all that came."""
        self.segment(side, ACK, **more)  # type: ignore[arg-type]

    def open(self, syn_ack_ttl: int | None = None) -> None:
        """The handshake."""
        told = struct.pack(">BBH", 2, 4, self.mss)
        self.segment(self.client, SYN, options=told)
        self.client.next += 1
        self.segment(self.server, SYN | ACK, options=told, ttl=syn_ack_ttl)
        self.server.next += 1
        self.answer(self.client)

    def exchange(self, times: int, ask: int = 100, reply: int = 400) -> None:
        """The client asks, the server replies, the client acknowledges."""
        for _ in range(times):
            self.send(self.client, ask)
            self.send(self.server, reply)
            self.answer(self.client)

    def wait(self, ns: int) -> None:
        """Nothing comes for so long."""
        self.now += ns
