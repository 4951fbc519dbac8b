"""Entities of windows as keys: a number for arrays, a tuple for dictionaries, a text for people."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.schema.columns import Columns
from pipeline.schema.windows import KINDS

NOBODY = bytes(16)
_V4 = bytes(10) + b"\xff\xff"
_OTHER = len(KINDS)
# Odd numbers without a pattern (of splitmix64 and its kin): products spread what is alike.
_MIX = tuple(np.uint64(m) for m in (
    0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F,
))  # fmt: skip


class Entity(NamedTuple):
    """`kind` is an index of `ENTITIES`, addresses are 16 bytes as in windows; `name` is of `other` alone."""

    kind: int
    host: bytes = NOBODY
    peer: bytes = NOBODY
    proto: int = 0
    port: int = 0
    name: str = ""

    @property
    def text(self) -> str:
        """As `shoal.alert.entity` has it; of a sensor `sensor`."""
        if self.kind == _OTHER:
            return self.name
        if KINDS[self.kind] == "sensor":
            return "sensor"
        if KINDS[self.kind] == "service":
            return endpoint(self.host, self.port)
        return address(self.host) + (f" {address(self.peer)}" if KINDS[self.kind] == "pair" else "")


def address(cell: bytes) -> str:
    """The address in a cell of 16 bytes."""
    return str(ipaddress.IPv4Address(cell[12:])) if cell[:12] == _V4 else str(ipaddress.IPv6Address(cell))


def cell(text: str) -> bytes:
    """The cell of an address. Raises ValueError."""
    found = ipaddress.ip_address(text)
    return _V4 + found.packed if found.version == 4 else found.packed


def endpoint(host: bytes, port: int) -> str:
    """Address and port, the address of IPv6 in brackets."""
    said = address(host)
    return f"[{said}]:{port}" if ":" in said else f"{said}:{port}"


def parse_entity(text: str, proto: int = 6) -> Entity:
    """What an anomaly calls its entity: an address, two, an address and a port; else one of kind `other`."""
    words = text.split()
    try:
        if len(words) == 2:
            lesser, other = sorted(map(cell, words))
            return Entity(KINDS.index("pair"), lesser, other)
        if len(words) == 1:
            try:
                return Entity(KINDS.index("host"), cell(text))
            except ValueError:
                host, _, port = text.rpartition(":")
                if port.isdecimal() and int(port) <= 0xFFFF:
                    return Entity(KINDS.index("service"), cell(host.strip("[]")), NOBODY, proto, int(port))
    except ValueError:
        pass
    return Entity(_OTHER, name=text)


def parse_only(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int]:
    """A network and a port (0: any) that `text` stands for. Raises ValueError."""
    try:
        return ipaddress.ip_network(text), 0
    except ValueError:
        host, _, port = text.rpartition(":")
        try:
            if port.isdecimal() and 0 < int(port) <= 0xFFFF:
                return ipaddress.ip_network(host.strip("[]")), int(port)
        except ValueError:
            pass
    raise ValueError(f"has '{text}', which is no address, network, or address:port")


def chosen(entity: Entity, only: tuple[str, ...]) -> bool:
    """Whether a rule with `only` is about the entity; one without is about all."""
    if not only:
        return True
    ends = [ipaddress.ip_address(address(end)) for end in (entity.host, entity.peer) if end != NOBODY]
    for network, port in map(parse_only, only):
        if any(end in network for end in ends) and port in (0, entity.port):
            return True
    return False


def keys(columns: Columns) -> NDArray[np.uint64]:
    """A number for the entity of each row of windows, shape (rows,): equal for equal ones, and for others but by a
    chance of 2^-64."""
    n = columns.rows
    words = [
        np.ascontiguousarray(columns.values(name)).view(np.uint64).reshape(n, 2)[:, half] for name in
        ("shoal.window.host", "shoal.window.peer") for half in (0, 1)
    ]  # fmt: skip
    small = columns.values("shoal.window.kind").astype(np.uint64) << np.uint64(32)
    small |= columns.values("shoal.window.proto").astype(np.uint64) << np.uint64(16)
    small |= columns.values("shoal.window.port").astype(np.uint64)
    return mixed(*words, small)


def mixed(*words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One number of several, of the same shape; at most five."""
    found = np.zeros(words[0].shape, np.uint64)
    for word, by in zip(words, _MIX, strict=False):
        found ^= (word + by) * by
        found ^= found >> np.uint64(29)
        found *= _MIX[1]
        found ^= found >> np.uint64(32)
    return found


def entity_of(columns: Columns, row: int) -> Entity:
    """The entity of a row of windows."""
    return Entity(
        int(columns.values("shoal.window.kind")[row]), columns.values("shoal.window.host")[row].tobytes(),
        columns.values("shoal.window.peer")[row].tobytes(), int(columns.values("shoal.window.proto")[row]),
        int(columns.values("shoal.window.port")[row]),
    )  # fmt: skip


def key_of(entity: Entity) -> int:
    """The number that `keys` gives rows of the entity."""
    halves = [np.frombuffer(end, np.uint64)[i : i + 1] for end in (entity.host, entity.peer) for i in (0, 1)]
    small = np.array([entity.kind << 32 | entity.proto << 16 | entity.port], np.uint64)
    return int(mixed(*halves, small)[0])
