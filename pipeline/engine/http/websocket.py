"""Frames of WebSocket (RFC 6455 section 5.2): where one ends."""

from __future__ import annotations


def frame_size(data: bytes) -> int:
    """Bytes of the frame that `data` begins with; 0 where its head is not there yet."""
    if len(data) < 2:
        return 0
    size = data[1] & 0x7F
    head = 2
    if size >= 126:
        head = 4 if size == 126 else 10
        if len(data) < head:
            return 0
        size = int.from_bytes(data[2:head], "big") & ((1 << 62) - 1)
    return head + (4 if data[1] & 0x80 else 0) + size
