"""Messages over TCP, each behind its length (RFC 1035, section 4.2.2)."""

from __future__ import annotations

from typing import Protocol

from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.snapshot import Tree

_LENGTH = 2


class Takes(Protocol):
    """What takes the messages."""

    def message(self, packet: Packet, data: bytes, base: int, protocol: str, *, shown: bool, sure: bool) -> bool:
        """Take the message that begins at `base` of `data`; whether it could be followed to its end."""


class Messages:
    """One conversation. `sure` is, of each side, whether messages begin where one is looked for: after a gap nobody
    knows, until one has no fault. `missing` is how many bytes the message that waits for its end lacks, `over` how many
    bytes are passed over, being of a message with a gap."""

    def __init__(self, to: Takes, protocol: str) -> None:
        self._to = to
        self.protocol = protocol
        self.need = [_LENGTH, _LENGTH]
        self.sure = [True, True]
        self.missing = [0, 0]
        self.over = [0, 0]

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """Take the message at the start of `data`, if it is whole."""
        over = self.over[side]
        if over:
            self.over[side] = 0
            return over
        size = _LENGTH + (data[0] << 8 | data[1])
        if len(data) < size:
            self.missing[side] = size - len(data)
            return 0
        self.missing[side] = 0
        # Wireshark looks for no LLMNR over TCP, which RFC 4795 (section 2.1) has.
        shown = self.protocol != "LLMNR"
        if shown:
            packet.name("DNS")
        if self._to.message(packet, data[:size], _LENGTH, "DNS" if shown else "LLMNR", shown=shown,
                            sure=self.sure[side]):  # fmt: skip
            self.sure[side] = True
        return size

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """Where the gap is within a message, its rest is passed over; else what follows is taken for the begin of one,
        as Wireshark does."""
        left = self.missing[side] - count
        self.missing[side] = 0
        if left >= 0 and self.sure[side]:
            self.over[side] = left
        else:
            self.sure[side] = False
        return True

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """A message without its end is none."""

    def state(self) -> Tree:
        """All that is known of the conversation."""
        return {"protocol": self.protocol, "sure": list(self.sure), "missing": list(self.missing),
                "over": list(self.over)}
