"""SMTP conversations."""

from __future__ import annotations

from tests.fuzz.turns import converse, turns


def seeds() -> list[bytes]:
    """A mail, chunks, AUTH, STARTTLS."""
    hello = (b"220 mx\r\n", b"EHLO a\r\n", b"250-mx\r\n250 SIZE\r\n")
    conversations = (
        (b"MAIL FROM:<a@b>\r\nRCPT TO:c@d\r\nDATA\r\n", b"250 ok\r\n250 ok\r\n354 go\r\n", b"x\r\n.\r\n", b"250\r\n"),
        (b"BDAT 5\r\nabc\r\nBDAT 0 LAST\r\n", b"250 ok\r\n250 ok\r\n"),
        (b"AUTH LOGIN\r\n", b"334 eA==\r\n", b"eA==\r\n", b"334 eQ==\r\n", b"eA==\r\n", b"235 ok\r\n"),
        (b"STARTTLS\r\n", b"220 go\r\n", b"\x16\3\1\0\4\1\0\0\0"),
    )
    return [turns(*hello, *said, server=True) for said in conversations]


def run(data: bytes) -> None:
    """One conversation."""
    converse(25, data)
