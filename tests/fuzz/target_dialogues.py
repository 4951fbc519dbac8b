"""TCP segments in any order, over and beside each other, of a conversation that speaks HTTP; what is told must not hang
on how the frames are cut into batches."""

from __future__ import annotations

from tests.engine.wire import tcp
from tests.exchanges.hear import BEGIN, SECOND, Frame, heard

_TEXT = (
    b"GET /one HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\n" + b"b" * 30 + b"GET /two HTTP/1.1\r\nHost: h\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\nHTTP/1.1 404 No\r\n"
    b"Content-Length: 9\r\n\r\n123456789",
)


def seeds() -> list[bytes]:
    """A conversation in order, one with a hole, and one that begins anew."""
    order = bytes([0x02, 0, 0, 0, 0x81, 0, 0, 0, 0x10, 0, 1, 60, 0x90, 0, 1, 60, 0x10, 0, 61, 60, 0x90, 0, 61, 90])
    return [order, order[:8] + order[16:] + order[8:16], order + bytes([0x11, 0, 200, 0, 0x04, 0, 0, 0]) + order]


def run(data: bytes) -> None:
    """Four bytes a segment: side and flags, where it begins (two), how long it is."""
    frames: list[Frame] = []
    for k in range(0, min(len(data) - 3, 256), 4):
        what, begin, size = data[k], data[k + 1] << 8 | data[k + 2], data[k + 3]
        side = what >> 7
        ends = (("10.0.0.1", 4000), ("10.0.0.2", 80))
        (src, srcport), (dst, dstport) = ends[side], ends[1 - side]
        text = (_TEXT[side] * 2)[max(0, begin - 1) :][:size]
        frame = bytearray(tcp(src, srcport, dst, dstport, text, (0xFFFFFFF0 + begin) & 0xFFFFFFFF))
        header = len(frame) - len(text) - 20
        frame[header + 8 : header + 12] = ((0xFFFFFFF0 + (begin ^ size)) & 0xFFFFFFFF).to_bytes(4, "big")
        frame[header + 13] = what & 0x1F
        frames.append((BEGIN + k * (what & 0x60) * SECOND // 256, bytes(frame)))
    if frames:
        whole = heard(frames)
        parts = heard(frames, batch_rows=3, restore=True)
        assert parts.rows == whole.rows
        assert parts.details == whole.details
