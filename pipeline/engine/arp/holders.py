"""Where another one had an address that is claimed now (`arp.duplicate-address-frame`), by Wireshark's rule."""

from __future__ import annotations

from pipeline.engine.arp.duplicates import MOST_ADDRESSES
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.snapshot import Tree

_REPLY = 2
_GROUP_BIT = 1 << 40


class Holders:
    """The holder of each address, with the frame and the time (ns) at which it was seen last."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[int, int, int]] = {}

    def frame(self, packet: Packet, opcode: int, source: int, source_hw: int, target: int, target_hw: int) -> None:
        """Take a request or a reply, and tell what it repeats."""
        self._claim(packet, source, source_hw)
        if opcode == _REPLY and source != target:
            self._claim(packet, target, target_hw)

    def _claim(self, packet: Packet, address: int, hardware: int) -> None:
        if address == 0 or hardware == 0 or hardware & _GROUP_BIT:
            return
        holder = self._held.get(address)
        if holder is not None and holder[0] != hardware:
            packet.detail("arp.duplicate-address-frame", holder[1])
            # Wireshark counts whole seconds of the clock.
            seconds = packet.time // 1_000_000_000 - holder[2] // 1_000_000_000
            packet.detail("arp.seconds-since-duplicate-address-frame", seconds & 0xFFFFFFFF)
            return
        if holder is None and len(self._held) >= MOST_ADDRESSES:
            del self._held[next(iter(self._held))]
        self._held[address] = hardware, packet.frame, packet.time

    def state(self) -> Tree:
        """All that is known."""
        return {"held": [[address, *holder] for address, holder in self._held.items()]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._held = {address: (hardware, frame, time) for address, hardware, frame, time in state["held"]}
