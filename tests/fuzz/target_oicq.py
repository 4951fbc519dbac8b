"""OICQ's messages."""

from __future__ import annotations

from tests.exchanges.test_oicq import message
from tests.fuzz.turns import exchange, turns


def seeds() -> list[bytes]:
    """Messages and answers."""
    return [turns(message(), message()), turns(message(23), message(23), message(2, 9), message()[:9])]


def run(data: bytes) -> None:
    """Some datagrams."""
    exchange(8000, data)
