"""The lab: kernel TCP across a switch that loses segments, and a mirror that sees what the design says."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

from collectors.sources import open_capture
from tests.netlab.lab import Capture, Host, LabError, Port, lab
from tests.netlab.link import Way

SIZE = 200_000


def transfer(near: Host, far: Host, address: str) -> tuple[int, int]:
    """Send SIZE bytes; returns the bytes that arrived and the segments the sending kernel sent again."""
    ready, result = threading.Event(), []

    def receive() -> None:
        with socket.create_server((address, 5001)) as server:
            ready.set()
            connection, _ = server.accept()
            with connection:
                got = 0
                while chunk := connection.recv(65536):
                    got += len(chunk)
                result.append(got)

    def send() -> None:
        with socket.create_connection((address, 5001), timeout=20) as connection:
            connection.sendall(b"x" * SIZE)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
            (resent,) = struct.unpack_from("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)
            result.append(resent)

    receiver = far.start(receive)
    assert ready.wait(5)
    near.start(send).join(30)
    receiver.join(30)
    got, resent = result
    return got, resent


def data_frames(path: Path) -> list[bytes]:
    """TCP sequence numbers (4 bytes) of the captured frames with payload from port 5001's client, in order."""
    numbers = []
    for frames in open_capture(str(path)):
        for offset, length in zip(frames.offset.tolist(), frames.length.tolist(), strict=True):
            frame = bytes(frames.buffer[offset : offset + 54])
            if frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[36:38] == b"\x13\x89" and length > 100:
                numbers.append(frame[38:42])
    return numbers


def test_lost_segments_are_sent_again_and_the_mirror_sees_both(tmp_path: Path) -> None:
    near = Host("near", 1, ("192.0.2.1/24",))
    far = Host("far", 2, ("192.0.2.2/24",), Port(out=Way(loss=0.05)))
    mirror = Host("mirror", 3, (), Port(mirror=True))
    path = tmp_path / "mirror.pcap"
    try:
        with lab((near, far, mirror), seed=3) as switch:
            capture = Capture(mirror, path, 128)
            capture.open()
            got, resent = transfer(near, far, "192.0.2.2")
            lost = switch.out["far"].counts.lost
            capture.close()
    except LabError as error:
        # An ordinary user can't make namespaces; then the error must say what the lab needs.
        assert "root" in str(error)  # noqa: PT017
        return
    numbers = data_frames(path)
    assert got == SIZE
    assert lost > 0
    assert resent >= lost
    assert len(numbers) - len(set(numbers)) >= lost
