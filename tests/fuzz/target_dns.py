"""Datagrams to and from port 53."""

from __future__ import annotations

from tests.exchanges.hear import answer, ask, heard
from tests.exchanges.test_hear import QUERY, REPLY


def seeds() -> list[bytes]:
    """A query and a response."""
    return [QUERY, REPLY]


def run(data: bytes) -> None:
    """The bytes asked and answered."""
    heard([ask(data), answer(data, 0.1)])
