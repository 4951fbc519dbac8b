"""Frame by frame, `shoal capture` finds what dumpcap finds on the same interface."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.capture.frames import assorted, ethernet, ipv4
from tests.capture.programs import side_by_side
from tests.capture.wire import NAME, Space, space, wire

_TUNSETIFF, _TUNSETLINK = 0x400454CA, 0x400454CD
COOKED = ("-y", "LINUX_SLL2")
_IFF_TUN, _IFF_TAP, _IFF_NO_PI = 1, 2, 0x1000


@pytest.fixture(scope="module")
def ends() -> Iterator[tuple[Space, Space]]:
    with wire(mtu=9000) as both:
        yield both


def send_all(sender: socket.socket, frames: list[bytes]) -> None:
    with sender:
        for frame in frames:
            sender.send(frame)


@pytest.mark.parametrize("end", [0, 1], ids=["outgoing", "incoming"])
@pytest.mark.parametrize(
    ("snaplen", "expression", "least"),
    [
        (0, "", 95), (60, "", 95), (15, "", 95), (0, "tcp port 80", 10), (0, "vlan 5", 6), (0, "vlan 7 and vlan 5", 1),
        (0, "host 10.9.0.7", 1), (0, "greater 200", 1), (0, "ether broadcast", 20), (100, "vlan and tcp", 4),
    ],
)  # fmt: skip
def test_ethernet(
    ends: tuple[Space, Space], tmp_path: Path, end: int, snaplen: int, expression: str, least: int
) -> None:
    def send() -> None:
        send_all(ends[0].sender(), assorted())

    ours, theirs, program = side_by_side(
        tmp_path, ends[end], NAME, send, least, "-s", str(snaplen or 262_144), expression=expression
    )
    assert ours == theirs
    assert program.counters() == (len(ours), len(ours), 0)


def test_jumbo_frames(ends: tuple[Space, Space], tmp_path: Path) -> None:
    frames = [ethernet(os.urandom(size)) for size in (1501, 4000, 8999, 9000)]
    ours, theirs, _ = side_by_side(tmp_path, ends[1], NAME, lambda: send_all(ends[0].sender(), frames), 4)
    assert ours == theirs == [(len(frame), frame) for frame in frames]


def test_segments_that_no_wire_has(tmp_path: Path) -> None:
    """A TCP sender that leaves segmenting to the adapter: frames of up to 64 KiB."""
    with wire() as (a, b):
        for number, end in enumerate((a, b), 1):
            end.ip("addr", "add", f"10.9.1.{number}/24", "dev", NAME)
        listener = b.inside(lambda: socket.create_server(("10.9.1.2", 8080)))

        def transfer() -> None:
            client = a.inside(lambda: socket.create_connection(("10.9.1.2", 8080)))
            server, _ = listener.accept()
            data = os.urandom(1 << 20)
            with client, server:
                for at in range(0, len(data), 1 << 16):
                    client.sendall(data[at : at + (1 << 16)])
                    got = 0
                    while got < 1 << 16:
                        got += len(server.recv(1 << 16))

        with listener:
            ours, theirs, _ = side_by_side(tmp_path, b, NAME, transfer, 20, expression="tcp port 8080")
    assert ours == theirs
    assert max(length for length, _ in ours) > 10_000


def test_any(ends: tuple[Space, Space], tmp_path: Path) -> None:
    frames = [frame for frame in assorted() if frame[12:14] not in (b"\x81\x00", b"\x88\xa8")]

    def send() -> None:
        send_all(ends[0].sender(), frames)
        with ends[1].inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            sender.sendto(b"over lo", ("127.0.0.1", 9))

    ours, theirs, _ = side_by_side(tmp_path, ends[1], "any", send, len(frames), peer=COOKED)
    assert ours == theirs


@pytest.mark.parametrize(("expression", "least"), [("tcp port 80", 10), ("inbound and udp", 20), ("udp[8] = 0", 20)])
def test_any_with_a_filter(ends: tuple[Space, Space], tmp_path: Path, expression: str, least: int) -> None:
    def send() -> None:
        send_all(ends[0].sender(), [frame for frame in assorted() if frame[12:14] == b"\x08\x00"])

    ours, theirs, _ = side_by_side(
        tmp_path, ends[1], "any", send, least, "-s", "50", expression=expression, peer=COOKED
    )
    assert ours == theirs


def test_any_keeps_vlan_tags(ends: tuple[Space, Space], tmp_path: Path) -> None:
    """dumpcap loses them there; here the type is the tag's, and the tag stands behind the header."""
    packet = ipv4(17, 1, 2, 30)
    frame = ethernet(packet, 0x0800, vlans=(0x8100 << 16 | 5,))
    ours, theirs, _ = side_by_side(
        tmp_path, ends[1], "any", lambda: send_all(ends[0].sender(), [frame]), 1, peer=COOKED
    )
    (length, data), (_, peer) = ours[0], theirs[0]
    assert data == b"\x81\x00" + peer[2:20] + b"\x00\x05\x08\x00" + packet
    assert length == len(data)


def test_loopback(tmp_path: Path) -> None:
    """Each packet goes out and comes in; it is told once."""
    with space() as one:
        def send() -> None:
            with one.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
                for i in range(20):
                    sender.sendto(bytes(i), ("127.0.0.1", 9))

        ours, theirs, program = side_by_side(tmp_path, one, "lo", send, 20, expression="udp")
        assert ours == theirs
        assert program.counters() == (20, 20, 0)


@contextlib.contextmanager
def tap(where: Space, flags: int, arphrd: int | None = None) -> Iterator[int]:
    """The descriptor of a TUN or TAP interface `tap0`, which is up; `arphrd` is its link type."""

    def make() -> int:
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", b"tap0", flags | _IFF_NO_PI))
        if arphrd is not None:
            fcntl.ioctl(fd, _TUNSETLINK, arphrd)
        return fd

    fd = where.inside(make)
    try:
        where.ip("link", "set", "tap0", "up")
        yield fd
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("flags", "arphrd", "frames", "expression"),
    [
        (_IFF_TAP, None, [ethernet(b"t" * 64), ethernet(ipv4(6, 1, 80, 5), 0x0800)], "tcp port 80"),
        (_IFF_TUN, None, [ipv4(17, 1, 2, 9), ipv4(6, 1, 80, 0)], "tcp port 80"),
        (_IFF_TAP, 803, [bytes.fromhex("00000a00040000006c09") + b"\x80\x00" + bytes(range(40)),
                         bytes.fromhex("0000080000000000") + b"\xd4\x00" + bytes(8)], "type mgt"),
        (_IFF_TAP, 801, [b"\x80\x00" + bytes(range(40)), b"\xd4\x00" + bytes(12)], "type mgt"),
    ],
    ids=["tap", "tun", "radiotap", "802.11"],
)  # fmt: skip
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "filtered"])
def test_interfaces_of_user_space(
    tmp_path: Path, flags: int, arphrd: int | None, frames: list[bytes], expression: str, filtered: bool
) -> None:
    with space() as one, tap(one, flags, arphrd) as fd:
        def send() -> None:
            for frame in frames:
                os.write(fd, frame)

        least = 1 if filtered else 2
        ours, theirs, _ = side_by_side(
            tmp_path, one, "tap0", send, least, expression=expression if filtered else ""
        )
        assert ours == theirs
        assert len(ours) == least
