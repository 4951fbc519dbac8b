"""One input as what both sides say in turns."""

from __future__ import annotations

from tests.exchanges.hear import Talk, answer, ask, heard

MOST_TURNS = 24


def turns(*said: bytes, server: bool = False) -> bytes:
    """A seed: each piece behind its length, for segments of any size; with `server` it says the first."""
    return (b"\xfe" if server else b"\xff") + b"".join(len(data).to_bytes(2, "big") + data for data in said)


def pieces(data: bytes) -> list[bytes]:
    """What is said, from the second byte on."""
    found = []
    at = 1
    while at + 2 <= len(data) and len(found) < MOST_TURNS:
        size = int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def converse(port: int, data: bytes) -> None:
    """A TCP conversation; the first byte is the size of segments, and whether the server begins."""
    first = data[0] if data else 0
    talk = Talk(port, mss=1460 if first > 0xF0 else 1 + first // 2).open()
    for turn, said in enumerate(pieces(data)):
        talk = talk.server(said) if turn % 2 == first % 2 else talk.client(said)
    heard(talk.close(reset=first % 5 == 0).frames, batch_rows=7, restore=first % 3 == 0)


def exchange(port: int, data: bytes) -> None:
    """Datagrams, there and back."""
    said = pieces(data)
    frames = [(answer if n % 2 else ask)(piece, n / 10, dstport=port) for n, piece in enumerate(said)]
    if frames:
        heard(frames, batch_rows=3, restore=data[0] % 3 == 0)
