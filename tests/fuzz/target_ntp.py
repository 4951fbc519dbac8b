"""NTP's messages."""

from __future__ import annotations

from tests.exchanges.test_ntp import message, stamp
from tests.fuzz.turns import exchange, turns


def seeds() -> list[bytes]:
    """Client and server, peers, control, private."""
    sent = stamp(0)
    return [
        turns(message(3, xmt=sent), message(4, sent, stamp(1), stamp(2))),
        turns(message(1, xmt=sent), message(2, sent, sent, sent), message(5)),
        turns(bytes([0x16, 2, 0, 7]) + bytes(8), bytes([0x16, 0x82, 0, 7]) + bytes(40)),
        turns(bytes([0x17, 0, 3, 42]) + bytes(4), bytes([0x97, 0, 3, 42]) + bytes(40)),
    ]


def run(data: bytes) -> None:
    """Some datagrams."""
    exchange(123, data)
