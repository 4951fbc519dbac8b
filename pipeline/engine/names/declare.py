"""How a protocol over UDP or TCP is declared: its name, its ports, and the look at the bytes that tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipeline.engine.names.look import Look

MOST_READ = 4096
"""Bytes of a payload that are looked at."""

Check = Callable[[bytes, Look], str]
"""The name that the first MOST_READ bytes of a payload have; empty where they are not the protocol's."""


@dataclass(frozen=True, slots=True)
class Over:
    """A protocol over UDP. Without `check`, whatever comes to the ports has the name.

    With `heard`, the check is also made of what no port tells, in the order of declaration; with `stays`, all that
    follows in a conversation so found is given to it.
    """

    name: str
    ports: tuple[int, ...] = ()
    check: Check | None = None
    heard: Check | None = None
    stays: bool = False
    says: tuple[str, ...] = ()


def at_least(name: str, size: int) -> Check:
    """A check that takes whatever has as many bytes."""

    def check(data: bytes, look: Look) -> str:
        return name if len(data) >= size else ""

    return check


def ports(*given: int | Iterable[int]) -> tuple[int, ...]:
    """Ports and ranges of ports as one tuple."""
    found: list[int] = []
    for port in given:
        found.extend([port] if isinstance(port, int) else port)
    return tuple(found)


Length = Callable[[bytes, int], int]
"""How long the message is that begins at an offset: 0 where more bytes must come first, -1 where it is none."""
Name = Callable[[bytes, int, Look], str]
"""The name of the message that begins at an offset."""


KNOWN, ANY = 1, 2


@dataclass(frozen=True, slots=True)
class Spoken:
    """A protocol over TCP.

    Without `length`, each segment bears the name (with `check`, the one that it finds). With it, the bytes are a
    sequence of messages, and a segment bears the name of the last one that ends in it. What is no message bears the
    name too, up to the segment's end, where `rest` is KNOWN and there were messages before, or where it is ANY.
    """

    name: str
    ports: tuple[int, ...] = ()
    length: Length | None = None
    called: Name | None = None
    check: Check | None = None
    heard: Check | None = None
    says: tuple[str, ...] = ()
    rest: int = 0
