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


class Silent:
    """What a tracker has that tells no rows: all that is known stands in its conversations."""

    def tick(self, now: int) -> None:
        """Nothing waits."""

    def finish(self, now: int) -> None:
        """Nothing waits."""

    def state(self) -> Tree:
        """There is nothing to know."""
        return {}

    def restore(self, state: Tree) -> None:
        """There is nothing to know."""


@runtime_checkable
class Datagrams(Tracker, Protocol):
    """A protocol over UDP."""

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take the payload of a datagram; whether it is the protocol's."""


@runtime_checkable
class Frames(Tracker, Protocol):
    """A protocol that is neither over UDP nor over TCP: what is said in it stands in the columns."""

    def frame(self, packet: Packet) -> None:
        """Take a frame."""


@runtime_checkable
class Settling(Datagrams, Protocol):
    """A protocol over UDP on any port that may know enough of a conversation."""

    def settled(self) -> list[tuple[int, str]]:
        """Conversations, by number, of which nothing but a name is to be told any more, until one of their datagrams is
        recognised anew; and that name. Each is told once, and may be told again with later datagrams."""


@runtime_checkable
class Quotes(Tracker, Protocol):
    """A protocol over UDP of which the fields are told, too, that an ICMP error quotes."""

    def quoted(self, packet: Packet, data: bytes, ports: tuple[int, int]) -> None:
        """Tell the fields of a datagram that the frame at `packet` quotes: its payload, as far as it is there, and its
        source and destination port."""


class Dialogue(Protocol):
    """One TCP conversation, as its protocol sees it: bytes in order, of side 0 or 1.

    `need[side]` is how many bytes there must be before `take` is called again for a side (0: any). It holds until the
    dialogue sets it anew: set it to 0, or to the next message's, when a message is done with.

    Within `take`, `lost` and `closed` it may say `packet.become("tls")`: what follows the bytes done with, of both
    sides, is the dialogue of another tracker (STARTTLS, Upgrade); `packet.become("")`: it is to be found out anew by
    content (CONNECT); `packet.leave()`: nobody wants the rest. It is not called any more then, but for `ended`.

    A frame may bring several messages, and a frame that Wireshark takes for sent again or out of order brings messages
    of which no details are told, as tshark tells none: that is seen to by `packet`; rows are told as ever.
    """

    need: list[int]

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """`data` begins where the last message of the side ended; `packet` is the frame that brought its end.

        How many bytes are done with: the others come again with more behind them, maybe at once. More than there are:
        those that follow are passed over as they come, unseen; who wants to know when the last of them came leaves it
        to be taken. With 0, `take` is called again when there are more bytes than now (and `need`).
        """

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """`count` bytes of the side were not captured, and what waited before them is gone; whether the protocol can
        go on at what follows. Not told of bytes that are passed over anyway; `Mindful.missed` is."""

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """The side has ended (FIN), or the conversation (RST); `data` is what was not done with."""

    def state(self) -> Tree:
        """All that is known of the conversation."""


class Mindful(Dialogue, Protocol):
    """A dialogue that is told more."""

    def missed(self, packet: Packet, side: int, count: int) -> None:
        """`count` bytes that are passed over were not captured; 0 where some came in a `muted` frame."""

    def ended(self) -> None:
        """The last call: both sides are closed, or the conversation was given up (silent for long, forgotten at a cap,
        its ports are another's now, `become`, the end of the capture). Rows that wait are to be told."""


@runtime_checkable
class Conversations(Tracker, Protocol):
    """A protocol over TCP."""

    def dialogue(self, packet: Packet) -> Dialogue:
        """A conversation that begins, or is first understood, with this frame."""

    def restored(self, state: Tree) -> Dialogue:
        """The conversation that a state was taken from."""
