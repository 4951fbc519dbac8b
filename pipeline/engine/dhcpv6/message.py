"""A message: its options, and those within them (RFC 8415 sections 8, 9 and 21)."""

from __future__ import annotations

from dataclasses import dataclass, field

RELAY_FORWARD, RELAY_REPLY = 12, 13
"""Types of messages that hold another one."""

CLIENT, SERVER, IA_NA, IA_TA, IA_ADDRESS, REQUESTED, RELAYED, STATUS, INTERFACE = 1, 2, 3, 4, 5, 6, 9, 13, 18
VENDOR_CLASS, DNS, IA_PD, IA_PREFIX, FQDN, LINK_LAYER = 16, 23, 25, 26, 39, 79
"""Options that are read apart."""

MOST_RELAYS = 32
"""Relay messages within each other that are unwrapped; RFC 8415 section 7.6 allows 8."""

_WITHIN = {IA_NA: 12, IA_TA: 4, IA_ADDRESS: 24, IA_PD: 12, IA_PREFIX: 25}
_MOST_OPTIONS = 512
_MOST_DEPTH = 4


@dataclass(slots=True)
class Option:
    """An option: its number, its value, and the options that stand within it. `whole` is whether all of it is there,
    `size` its length as it says."""

    code: int
    value: bytes
    size: int
    whole: bool
    within: list[Option] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    """A message, or one of a relay agent with what it forwards in `inner`."""

    kind: int
    data: bytes
    options: list[Option]
    inner: Message | None = None

    @property
    def relay(self) -> bool:
        """Whether it is a relay agent's."""
        return self.kind in (RELAY_FORWARD, RELAY_REPLY)

    @property
    def xid(self) -> int:
        """The transaction ID."""
        return int.from_bytes(self.data[1:4], "big")

    def value(self, code: int) -> bytes:
        """The value of the first option `code`; none where there is none."""
        return next((o.value for o in self.options if o.code == code and o.whole), b"")

    def innermost(self) -> Message:
        """What the client or the server said, behind all relays."""
        message = self
        while message.inner is not None:
            message = message.inner
        return message


def parse(data: bytes, depth: int = 0) -> Message | None:
    """The message in `data`; None where there is none."""
    if not data:
        return None
    kind = data[0]
    relay = kind in (RELAY_FORWARD, RELAY_REPLY)
    message = Message(kind, data, options(data[34 if relay else 4 :]))
    if relay and depth < MOST_RELAYS:
        for option in message.options:
            if option.code == RELAYED:
                message.inner = parse(option.value, depth + 1)
                break
    return message


def options(data: bytes, depth: int = 0) -> list[Option]:
    """The options in `data`; the last one may not be whole."""
    found: list[Option] = []
    at = 0
    while at + 4 <= len(data) and len(found) < _MOST_OPTIONS:
        code, size = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        value = data[at + 4 : at + 4 + size]
        option = Option(code, value, size, len(value) == size)
        head = _WITHIN.get(code)
        if head is not None and depth < _MOST_DEPTH and option.whole:
            option.within = options(value[head:], depth + 1)
        found.append(option)
        at += 4 + size
    return found


def domains(data: bytes, *, most: int = 32) -> list[str]:
    """Names in DNS's form, without compression (RFC 8415 section 10), with the dot at the end; the last may lack it."""
    found: list[str] = []
    labels: list[bytes] = []
    at = 0
    while at < len(data) and len(found) < most:
        size = data[at]
        if size == 0:
            found.append(_joined(labels) + ".")
            labels = []
        elif size > 63 or at + 1 + size > len(data):
            return found
        else:
            labels.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    if labels:
        found.append(_joined(labels))
    return found


def _joined(labels: list[bytes]) -> str:
    return b".".join(labels).decode("ascii", "replace")


def hardware_of(duid: bytes) -> bytes:
    """The link layer address in a DUID (RFC 8415 section 11), if there is one."""
    kind = int.from_bytes(duid[:2], "big")
    return duid[8:] if kind == 1 else duid[4:] if kind == 3 else b""
