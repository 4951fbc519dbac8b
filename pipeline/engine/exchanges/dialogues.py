"""TCP's bytes in order, for the conversations that a tracker follows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns
from pipeline.engine.exchanges.choose import protocol_of
from pipeline.engine.exchanges.find import FOLLOWED, PASSED_OVER, UNKNOWN
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.tracker import Conversations, Dialogue
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown

MOST_TRIES = 4
"""Segments of a side of which the first bytes told no protocol, before a conversation is passed over."""

_WORD = 0xFFFFFFFF


class _Side:
    """One direction: `next` is the sequence number expected, -1 before the first segment."""

    __slots__ = ("data", "next", "skip")

    def __init__(self) -> None:
        self.next = -1
        self.data = b""
        self.skip = 0


class _Conversation:
    __slots__ = ("dialogue", "protocol", "sides", "tries")

    def __init__(self) -> None:
        self.protocol = ""
        self.dialogue: Dialogue | None = None
        self.sides = (_Side(), _Side())
        self.tries = 0


class Dialogues:
    """The conversations that are followed, by the engine's number. `followed` is UNKNOWN, FOLLOWED or PASSED_OVER."""

    def __init__(self, notes: Notes, trackers: Mapping[str, Conversations]) -> None:
        self._notes = notes
        self._trackers = trackers
        self._known: dict[int, _Conversation] = {}
        self.followed: NDArray[np.uint8] = np.zeros(1024, np.uint8)

    def begin(self, numbers: NDArray[np.int32]) -> None:
        """Make room for the conversations of a batch."""
        most = int(numbers.max(initial=0))
        if most >= len(self.followed):
            self.followed = grown(self.followed, 2 * most)

    def segment(self, packet: Packet) -> None:
        """Take a segment with payload, or one that begins or ends a side."""
        number = packet.number
        if packet.turn & turns.BEGINS:
            self._known.pop(number, None)
            self.followed[number] = UNKNOWN
        if self.followed[number] == PASSED_OVER:
            return
        length, flags = packet.length, packet.flags
        conversation = self._known.get(number)
        if length:
            data = packet.payload()
            if conversation is None:
                protocol = protocol_of(data, packet.ports)
                if not protocol:
                    self.followed[number] = PASSED_OVER
                    return
                conversation = self._known[number] = _Conversation()
                self.followed[number] = FOLLOWED
                conversation.protocol = protocol
                conversation.dialogue = self._trackers[protocol].dialogue(packet)
            self._payload(packet, conversation, packet.seq, data, length)
        if flags & 5 and conversation is not None and conversation.dialogue is not None:
            for side in (0, 1) if flags & 4 else (packet.side,):
                conversation.dialogue.closed(packet, side, conversation.sides[side].data)
                conversation.sides[side].data = b""

    def _payload(self, packet: Packet, conversation: _Conversation, seq: int, data: bytes, length: int) -> None:
        side = conversation.sides[packet.side]
        dialogue = conversation.dialogue
        assert dialogue is not None
        if side.next >= 0:
            old = (side.next - seq) & _WORD
            if old >= 0x80000000:
                gap = (seq - side.next) & _WORD
                side.data = b""
                if not dialogue.lost(packet, packet.side, gap):
                    self._drop(packet.number)
                    return
            elif old >= length:
                return
            else:
                data = data[old:]
        side.next = (seq + length) & _WORD
        data = side.data + data if side.data else data
        while data and len(data) >= dialogue.need[packet.side]:
            done = dialogue.take(packet, packet.side, data)
            if done == 0:
                break
            data = data[done:]
        side.data = data

    def _drop(self, number: int) -> None:
        self._known.pop(number, None)
        self.followed[number] = PASSED_OVER

    def finish(self) -> None:
        """The capture ends."""
        self._known.clear()

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "followed": self.followed,
            "known": [
                [number, c.protocol, c.dialogue.state() if c.dialogue else None,
                 [[s.next, s.data, s.skip] for s in c.sides]]
                for number, c in self._known.items()
            ],
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.followed = state["followed"]
        self._known = {}
        for number, protocol, dialogue, sides in state["known"]:
            c = self._known[number] = _Conversation()
            c.protocol = protocol
            c.dialogue = self._trackers[protocol].restored(dialogue)
            for side, (expected, data, skip) in zip(c.sides, sides, strict=True):
                side.next, side.data, side.skip = expected, data, skip
