"""Conversations that become TLS on request."""

from __future__ import annotations

from tests.exchanges.test_upgrades import ASK, YES
from tests.fuzz.turns import converse, turns

_PORTS = (143, 110, 21, 5222, 389)


def seeds() -> list[bytes]:
    """One of each protocol, behind the byte that chooses it."""
    said = (
        (b"* OK IMAP4\r\n", b"a STARTTLS\r\n", b"a OK go\r\n"), (b"+OK POP\r\n", b"STLS\r\n", b"+OK go\r\n"),
        (b"220 ftp\r\n", b"AUTH TLS\r\n", b"234 go\r\n"), (b"<stream:stream>", b"<starttls/>", b"<proceed/>"),
        (b"", ASK, YES),
    )  # fmt: skip
    return [bytes([n]) + turns(*pieces, b"\x15\3\3\0\2\2\x28", server=True) for n, pieces in enumerate(said)]


def run(data: bytes) -> None:
    """One conversation."""
    converse(_PORTS[(data[0] if data else 0) % len(_PORTS)], data[1:])
