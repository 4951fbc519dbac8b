"""Frames of hosts that look each other up: ICMP, ARP, neighbour discovery, DHCP."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence

import numpy as np

from collectors.decode import decode
from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.exchanges.hear import BEGIN, SECOND, Frame, frames_of

ONE, TWO, THREE = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", b"\2\0\0\0\0\3"
"""Hardware addresses."""

ALL = b"\xff" * 6
COOKIE = b"\x63\x82\x53\x63"


def number(hardware: bytes) -> int:
    """A hardware address as columns hold it."""
    return int.from_bytes(hardware, "big")


def _at(at: float) -> int:
    return BEGIN + round(at * SECOND)


def _sum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data)) if len(data) % 2 == 0 else _unsummed(data)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _unsummed(data: bytes) -> int:
    return sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0"))


def ip(protocol: int, body: bytes, src: str, dst: str, *, src_hw: bytes = ONE, dst_hw: bytes = TWO, ttl: int = 64
       ) -> bytes:  # fmt: skip
    """An Ethernet frame with a packet, IPv4 or IPv6."""
    one, two = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if one.version == 6:
        head = struct.pack(">IHBB", 6 << 28, len(body), protocol, ttl)
        return dst_hw + src_hw + b"\x86\xdd" + head + one.packed + two.packed + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, ttl, protocol, 0)
    return dst_hw + src_hw + b"\x08\0" + head + one.packed + two.packed + body


def icmp(kind: int, code: int = 0, rest: bytes = b"\0\1\0\1", data: bytes = b"", at: float = 0.0, *,
         src: str = "10.0.0.1", dst: str = "10.0.0.2", ttl: int = 64) -> Frame:  # fmt: skip
    """An ICMP message: `rest` is the second half of its header."""
    message = struct.pack(">BBH", kind, code, _sum(struct.pack(">BBH", kind, code, 0) + rest + data)) + rest + data
    return _at(at), ip(1, message, src, dst, ttl=ttl)


def icmp6(kind: int, body: bytes, at: float = 0.0, *, code: int = 0, src: str = "fe80::1", dst: str = "fe80::2",
          src_hw: bytes = ONE, ttl: int = 255) -> Frame:  # fmt: skip
    """An ICMPv6 message: `body` is what follows its checksum."""
    head = ipaddress.IPv6Address(src).packed + ipaddress.IPv6Address(dst).packed
    bare = struct.pack(">BBH", kind, code, 0) + body
    checksum = _sum(head + struct.pack(">II", len(bare), 58) + bare)
    return _at(at), ip(58, struct.pack(">BBH", kind, code, checksum) + body, src, dst, src_hw=src_hw, ttl=ttl)


def arp(opcode: int, src_hw: bytes, src: str, dst_hw: bytes, dst: str, at: float = 0.0, *, vlan: int = 0) -> Frame:
    """An ARP message."""
    one, two = (ipaddress.IPv4Address(end).packed for end in (src, dst))
    tag = struct.pack(">HH", 0x8100, vlan) if vlan else b""
    head = ALL + src_hw + tag + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, opcode)
    return _at(at), head + src_hw + one + dst_hw + two


def option(code: int, value: bytes) -> bytes:
    """An option of DHCP."""
    return bytes((code, len(value))) + value


def address(text: str) -> bytes:
    """The bytes of an address."""
    return ipaddress.ip_address(text).packed


def dhcp(kind: int, *options: bytes, xid: int = 1, hardware: bytes = ONE, op: int = 0, client: str = "0.0.0.0",
         your: str = "0.0.0.0", relay: str = "0.0.0.0", sname: bytes = b"", file: bytes = b"", end: bytes = b"\xff"
         ) -> bytes:  # fmt: skip
    """A message of DHCP of type `kind`; of BOOTP where it is 0."""
    op = op or (2 if kind in (2, 5, 6) else 1)
    ends = b"".join(address(a) for a in (client, your, "0.0.0.0", relay))
    head = struct.pack(">BBBBIHH", op, 1, len(hardware), 0, xid, 0, 0) + ends + hardware.ljust(16, b"\0")
    typed = option(53, bytes((kind,))) if kind else b""
    return head + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + COOKIE + typed + b"".join(options) + end


def asked(message: bytes, at: float = 0.0, *, src: str = "0.0.0.0", dst: str = "255.255.255.255") -> Frame:
    """A client's message."""
    return _at(at), ip(17, struct.pack(">HHHH", 68, 67, 8 + len(message), 0) + message, src, dst)


def told(message: bytes, at: float = 0.0, *, src: str = "10.0.0.9", dst: str = "255.255.255.255") -> Frame:
    """A server's message."""
    return _at(at), ip(17, struct.pack(">HHHH", 67, 68, 8 + len(message), 0) + message, src, dst)


def option6(code: int, value: bytes) -> bytes:
    """An option of DHCPv6."""
    return struct.pack(">HH", code, len(value)) + value


def dhcp6(kind: int, xid: int, options: Sequence[bytes] = (), at: float = 0.0, *, src: str = "fe80::1",
          dst: str = "ff02::1:2") -> Frame:  # fmt: skip
    """A message of DHCPv6."""
    body = bytes((kind,)) + xid.to_bytes(3, "big") + b"".join(options)
    ports = (547, 546) if kind in (2, 7, 10) else (546, 547)
    return _at(at), ip(17, struct.pack(">HHHH", *ports, 8 + len(body), 0) + body, src, dst)


def standing(frame: Frame) -> tuple[Packet, Columns]:
    """A packet that stands at the frame, for a tracker alone; what is told of it goes to the columns' details."""
    columns = Columns(PACKETS, 1)
    decode(frames_of([frame]), columns)
    packet = Packet(Outlet(lambda _: None, details=True))
    packet.begin(columns, np.zeros(1, np.int32), np.zeros(1, np.uint8), np.zeros(1, np.uint16))
    packet.move(0)
    return packet, columns
