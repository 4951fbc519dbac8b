"""AF_PACKET sockets as packet(7) and the kernel's packet_mmap.rst have them: what the ring asks of the kernel."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import socket
import struct
from dataclasses import dataclass

import numpy as np

from collectors.filters.program import Program
from collectors.sources.frames import CaptureError
from collectors.sources.linktypes import RAW

ANY = "any"
"""The name that stands for all interfaces at once."""
LINUX_SLL2 = 276

_SOL_PACKET = 263
_ADD_MEMBERSHIP = 1
_RX_RING = 5
_STATISTICS = 6
_VERSION = 10
_RESERVE = 12
_TIMESTAMP = 17
_FANOUT = 18
_IGNORE_OUTGOING = 23
_SO_ATTACH_FILTER = 26
_TPACKET_V3 = 2
_MR_PROMISC = 1
_RAW_HARDWARE = 1 << 6
_ETH_P_ALL = 3
_SIOCGIFFLAGS, _SIOCGIFHWADDR, _SIOCGIFNAME, _SIOCSHWTSTAMP = 0x8913, 0x8927, 0x8910, 0x89B0
_HWTSTAMP_FILTER_ALL = 1
_IFF_UP, _IFF_LOOPBACK = 1, 8
_HEADROOM = 8
"""Bytes kept free before each frame beyond what the kernel leaves: with those, a VLAN tag or a cooked header fits."""

FANOUT_MODES = {"hash": 0, "lb": 1, "cpu": 2, "rollover": 3, "rnd": 4, "qm": 5}
"""PACKET_FANOUT_ modes; `hash` keeps both directions of a flow on one socket, and fragments together."""

_ARPHRD = {1: 1, 772: 1, 801: 105, 802: 119, 803: 127, 513: 104, 805: 195, 824: 253, 826: 271,
           65534: RAW, 519: RAW, 518: RAW, 768: RAW, 769: RAW, 776: RAW}  # fmt: skip
"""LINKTYPE_ of an interface's ARPHRD_ (linux/if_arp.h), where its frames are captured with their own header."""

_libc = ctypes.CDLL(None, use_errno=True)


def linktype_of(arphrd: int) -> int:
    """The LINKTYPE_ that an interface of an ARPHRD_ is captured as: LINUX_SLL2 (cooked) where nothing better fits."""
    return _ARPHRD.get(arphrd, LINUX_SLL2)


@dataclass(frozen=True, slots=True)
class Device:
    """An interface as capture sees it; `index` is 0 for `any`."""

    name: str
    index: int
    linktype: int
    loopback: bool
    up: bool

    @property
    def cooked(self) -> bool:
        """Whether its frames come without link-layer header, and get one of LINKTYPE_LINUX_SLL2."""
        return self.linktype == LINUX_SLL2


def device(name: str) -> Device:
    """The interface of a name in this network namespace; raises CaptureError for one that is not there."""
    if name == ANY:
        return Device(ANY, 0, LINUX_SLL2, False, True)
    try:
        index = socket.if_nametoindex(name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
            request = struct.pack("16s24x", name.encode())
            (arphrd,) = struct.unpack_from("H", fcntl.ioctl(ask, _SIOCGIFHWADDR, request), 16)
            (flags,) = struct.unpack_from("H", fcntl.ioctl(ask, _SIOCGIFFLAGS, request), 16)
    except OSError:
        known = ", ".join(sorted(other for _, other in socket.if_nameindex()))
        raise CaptureError(f"{name}: no such interface; there are {known}, and {ANY}") from None
    return Device(name, index, linktype_of(arphrd), bool(flags & _IFF_LOOPBACK), bool(flags & _IFF_UP))


def open_socket(of: Device) -> socket.socket:
    """A socket for frames of `of` that takes none yet (protocol 0); raises CaptureError without CAP_NET_RAW."""
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM if of.cooked else socket.SOCK_RAW, 0)
    except PermissionError as e:
        raise CaptureError(f"{of.name}: capturing needs the capability CAP_NET_RAW; run it as root") from e
    except OSError as e:
        raise CaptureError(f"{of.name}: no packet socket can be had here ({e.strerror})") from e


def map_ring(sock: socket.socket, block_bytes: int, blocks: int, timeout_ms: int) -> mmap.mmap:
    """Give the socket a TPACKET_V3 ring and map it; raises OSError (ENOMEM when there is not so much memory)."""
    sock.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
    sock.setsockopt(_SOL_PACKET, _RESERVE, _HEADROOM)
    # Frames of a ring of version 3 are as long as they are; the frame size only has to divide the block.
    frame = mmap.PAGESIZE
    request = (block_bytes, blocks, frame, block_bytes // frame * blocks, timeout_ms, 0, 0)
    sock.setsockopt(_SOL_PACKET, _RX_RING, struct.pack("7I", *request))
    return mmap.mmap(sock.fileno(), block_bytes * blocks, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def attach(sock: socket.socket, program: Program) -> None:
    """Have the kernel run `program` on each packet; what it returns is the snap length. Raises OSError."""
    cells = np.zeros(len(program.code), np.dtype([("code", "=u2"), ("jt", "u1"), ("jf", "u1"), ("k", "=u4")]))
    for name in ("code", "jt", "jf", "k"):
        cells[name] = getattr(program, name)
    data = ctypes.create_string_buffer(cells.tobytes(), cells.nbytes)
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(cells), ctypes.addressof(data)))


def takes(program: Program) -> bool:
    """Whether the kernel takes a program: it is not too long for it, or for its memory for options of a socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            attach(other, program)
        except OSError:
            return False
    return True


def bind(sock: socket.socket, to: Device) -> None:
    """Let frames of `to` in; raises OSError (ENETDOWN: the interface is down)."""
    # By number: Python's own bind takes names alone, and knows none for all interfaces.
    address = struct.pack("=HHiHBB8x", socket.AF_PACKET, socket.htons(_ETH_P_ALL), to.index, 0, 0, 0)
    error = ctypes.get_errno() if _libc.bind(sock.fileno(), address, len(address)) else take_error(sock)
    if error:
        raise OSError(error, os.strerror(error))


def take_error(sock: socket.socket) -> int:
    """The error pending on the socket, which is none then; 0 for none."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def set_promiscuous(sock: socket.socket, of: Device) -> None:
    """Have the interface take frames for other hosts too, as long as the socket lives."""
    sock.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, struct.pack("iHH8x", of.index, _MR_PROMISC, 0))


def ignore_outgoing(sock: socket.socket) -> None:
    """Have the kernel keep back outgoing copies (Linux 4.20); raises OSError."""
    sock.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)


def join_fanout(sock: socket.socket, group: int, mode: str) -> None:
    """Share frames with the other sockets of the fanout `group` (0 to 65,535).

    PACKET_FANOUT_FLAG_DEFRAG is not set: the kernel would hand out whole datagrams in the place of the fragments that
    were on the wire, and nothing, uncounted, of those that lack one. All fragments between two addresses go to one
    socket anyway, which need not be the one of the ports that only the first of them names.
    """
    sock.setsockopt(_SOL_PACKET, _FANOUT, struct.pack("=I", group | FANOUT_MODES[mode] << 16))


def stamp_in_hardware(sock: socket.socket, of: Device) -> None:
    """Have the adapter stamp all frames (needs CAP_NET_ADMIN); raises OSError where it can't."""
    config = ctypes.create_string_buffer(struct.pack("iii", 0, 0, _HWTSTAMP_FILTER_ALL), 12)
    fcntl.ioctl(sock, _SIOCSHWTSTAMP, struct.pack("16sP16x", of.name.encode(), ctypes.addressof(config)))
    sock.setsockopt(_SOL_PACKET, _TIMESTAMP, _RAW_HARDWARE)


def take_statistics(sock: socket.socket) -> tuple[int, int, int]:
    """Packets that the filter took (dropped ones too), dropped ones, and how often the ring was full, since the last
    time: the kernel sets them to 0."""
    received, dropped, freezes = struct.unpack("3I", sock.getsockopt(_SOL_PACKET, _STATISTICS, 12))
    return received, dropped, freezes


def is_up(sock: socket.socket, of: Device) -> bool | None:
    """Whether the interface is up; None when it is no more, under whatever name."""
    if of.index == 0:
        return True
    try:
        named = fcntl.ioctl(sock, _SIOCGIFNAME, struct.pack("16si20x", b"", of.index))
        (flags,) = struct.unpack_from("H", fcntl.ioctl(sock, _SIOCGIFFLAGS, named[:16] + bytes(24)), 16)
    except OSError:
        return None
    return bool(flags & _IFF_UP)


def loopback_index() -> int:
    """The number of the loopback interface in this network namespace; 0 for none."""
    try:
        return socket.if_nametoindex("lo")
    except OSError:
        return 0
