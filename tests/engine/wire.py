"""Frames made by hand for the engine's tests, and the streams that Shoal and tshark give them."""

from __future__ import annotations

import ipaddress
import struct
import subprocess
from pathlib import Path

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.sources.makecap import pcap

A, B, C, D = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"
RTP = bytes.fromhex("8000000100000001deadbeef") + b"\x55" * 20


def _packet(src: str, dst: str, protocol: int, body: bytes) -> bytes:
    s, d = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if s.version == 6:
        head = b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), protocol, 64)
        return b"\2" * 12 + head + s.packed + d.packed + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0)
    return b"\2" * 12 + b"\x08\0" + head + s.packed + d.packed + body


def udp(src: str, srcport: int, dst: str, dstport: int, payload: bytes = RTP) -> bytes:
    """An Ethernet frame with a datagram."""
    return _packet(src, dst, 17, struct.pack(">HHHH", srcport, dstport, 8 + len(payload), 0) + payload)


def tcp(src: str, srcport: int, dst: str, dstport: int, payload: bytes, seq: int = 1) -> bytes:
    """An Ethernet frame with a segment."""
    return _packet(src, dst, 6, struct.pack(">HHIIHHHH", srcport, dstport, seq, 1, 0x5018, 8192, 0, 0) + payload)


def segment(src: str, srcport: int, dst: str, dstport: int, flags: int, seq: int, ack: int, size: int = 0) -> bytes:
    """An Ethernet frame with a segment."""
    header = struct.pack(">HHIIBBHHH", srcport, dstport, seq, ack, 0x50, flags, 8192, 0, 0)
    return _packet(src, dst, 6, header + bytes(size))


def sdp(address: str, port: int | str, media: str = "audio", proto: str = "RTP/AVP", more: str = "") -> str:
    """A session description with one medium."""
    family = "IP6" if ":" in address else "IP4"
    session = f"v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n"
    return f"{session}m={media} {port} {proto} 0\r\n{more}"


def sip(first: str, body: str, cseq: int = 1, call: str = "call") -> bytes:
    """A SIP message of method INVITE, or the answer to one."""
    return (
        f"{first}\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n"
        f"Call-ID: {call}\r\nCSeq: {cseq} INVITE\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def invite(port: int | str = 30000, cseq: int = 1, **medium: str) -> bytes:
    """A offers `port`."""
    return udp(A, 5060, B, 5060, sip("INVITE sip:b@x SIP/2.0", sdp(A, port, **medium), cseq))


def answer(code: str = "200 OK", port: int = 40000) -> bytes:
    """B answers with `port`."""
    return udp(B, 5060, A, 5060, sip(f"SIP/2.0 {code}", sdp(B, port)))


def call(xid: int, version: int = 2, procedure: int = 3, protocol: int = 17) -> bytes:
    """A call of the portmapper: GETPORT of mountd."""
    return struct.pack(">14I", xid, 0, 2, 100000, version, procedure, 0, 0, 0, 0, 100005, 3, protocol, 0)


def reply(xid: int, port: int, accept: int = 0) -> bytes:
    """The portmapper's reply."""
    return struct.pack(">7I", xid, 1, 0, 0, 0, accept, port)


def skinny(message: int, words: int, address: str, port: int, version: int = 20) -> bytes:
    """A Skinny message with `words` words before its address."""
    room = b"\0" * (12 if version > 16 else 0)
    body = b"\0" * 4 * words + ipaddress.ip_address(address).packed + room + struct.pack("<I", port) + b"\0" * 120
    return struct.pack("<III", len(body) + 4, version, message) + body


def rtsp(transport: str, *, response: bool = True) -> bytes:
    """A SETUP or the reply to one."""
    first = "RTSP/1.0 200 OK" if response else "SETUP rtsp://x/y RTSP/1.0"
    return f"{first}\r\nCSeq: 3\r\nTransport: {transport}\r\nSession: 1\r\n\r\n".encode()


def streams(frames: list[bytes], folder: Path, batch_rows: int = 4096) -> list[int]:
    """The index Shoal gives each frame's conversation, `udp.stream` or `tcp.stream`."""
    path = folder / "made.pcap"
    path.write_bytes(pcap((i, frame) for i, frame in enumerate(frames)))
    columns, engine, found = Columns(PACKETS, batch_rows), Engine(), []
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            is_tcp = columns.present("tcp.stream")
            assert is_tcp is not None
            of_tcp, of_udp = columns.values("tcp.stream").tolist(), columns.values("udp.stream").tolist()
            found += [t if there else u for there, t, u in zip(is_tcp.tolist(), of_tcp, of_udp, strict=True)]
    return found


def tshark(frames: list[bytes], folder: Path) -> list[int]:
    """The index tshark gives each frame's conversation."""
    path = folder / "made.pcap"
    path.write_bytes(pcap((i, frame) for i, frame in enumerate(frames)))
    told = subprocess.run(["tshark", "-n", "-r", str(path), "-T", "fields", "-e", "udp.stream", "-e", "tcp.stream"],
                          capture_output=True, text=True, check=True)
    return [int(line.replace("\t", "")) for line in told.stdout.splitlines()]
