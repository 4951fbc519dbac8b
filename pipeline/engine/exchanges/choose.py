"""Which protocol a TCP conversation speaks: by its first bytes, and by its ports where these tell nothing."""

from __future__ import annotations

_BY_PORT: dict[int, str] = {22: "ssh", 25: "smtp", 587: "smtp", 29418: "ssh"}


def protocol_of(data: bytes, ports: tuple[int, int]) -> str:
    """The tracker's name for a conversation whose side begins with `data`; empty where none is to follow it."""
    if data[:4] == b"SSH-":
        return "ssh"
    one, other = ports
    low, high = min(one, other), max(one, other)
    return _BY_PORT.get(low) or _BY_PORT.get(high) or ""
