"""What a tracker of a protocol is to the engine: it takes datagrams, and sides of TCP conversations."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.snapshot import Tree


class Tracker(Protocol):
    """What is known of all exchanges of a protocol. State is capped; hitting the cap is noted."""

    def tick(self, now: int) -> None:
        """A minute of the capture ends at `now` (ns since 1970): tell what was waited for in vain."""

    def finish(self, now: int) -> None:
        """The capture ends: tell all that waits."""

    def state(self) -> Tree:
        """All that is known."""

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""


@runtime_checkable
class Datagrams(Tracker, Protocol):
    """A protocol over UDP."""

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take the payload of a datagram; whether it is the protocol's."""


@runtime_checkable
class Quotes(Tracker, Protocol):
    """A protocol over UDP of which the fields are told, too, that an ICMP error quotes."""

    def quoted(self, packet: Packet, data: bytes, ports: tuple[int, int]) -> None:
        """Tell the fields of a datagram that the frame at `packet` quotes: its payload, as far as it is there, and its
        source and destination port."""


class Dialogue(Protocol):
    """One TCP conversation, as its protocol sees it: bytes in order, of side 0 or 1.

    `need[side]` is how many bytes there must be before `take` is called again for a side (0: any).
    """

    need: list[int]

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """`data` begins where the last message of the side ended; `packet` is the frame that brought its end.

        How many bytes are done with: the others come again with more behind them. More than there are: those that
        follow are passed over as they come.
        """

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """`count` bytes of the side were not captured, and what waited before them is gone; whether the protocol can
        go on at what follows."""

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """The side has ended (FIN), or the conversation (RST); `data` is what was not done with."""

    def state(self) -> Tree:
        """All that is known of the conversation."""


@runtime_checkable
class Conversations(Tracker, Protocol):
    """A protocol over TCP."""

    def dialogue(self, packet: Packet) -> Dialogue:
        """A conversation that begins, or is first understood, with this frame."""

    def restored(self, state: Tree) -> Dialogue:
        """The conversation that a state was taken from."""
