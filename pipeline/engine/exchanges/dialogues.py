"""TCP's bytes in order, for the conversations that a tracker follows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.engine import turns as bits
from pipeline.engine.exchanges.acks import Acks
from pipeline.engine.exchanges.choose import UNDECIDED, protocol_of
from pipeline.engine.exchanges.find import ANEW, FOLLOWED, PASSED_OVER, UNKNOWN
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.passing import Passing
from pipeline.engine.exchanges.side import Side
from pipeline.engine.exchanges.tracker import Conversations, Dialogue, Mindful
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown
from pipeline.engine.tcp.layout import FAST, KEEP_ALIVE, OUT_OF_ORDER, RETRANSMISSION, SPURIOUS
from pipeline.schema.columns import Columns

MOST_CONVERSATIONS = 65_536
"""Conversations followed at a time; at the cap those that said nothing for longest are given up."""
MOST_WAITING = 1 << 18
"""Bytes of a direction that wait for the rest of their message; more, and they are given up."""
MOST_BYTES = 1 << 26
"""Bytes of all conversations that wait; at the cap the conversations that said nothing for longest are given up."""
MOST_TRIES = 8
"""Segments of a conversation that told no protocol, before it is passed over."""
MOST_TURNS = 16
"""Times that a conversation becomes another protocol's, before it is passed over."""
SILENCE = 300_000_000_000
"""A conversation that was silent for so long (ns) is given up; what it says later is looked at anew."""
PATIENCE = 10_000_000_000
"""What came behind a hole waits for so long (ns of the capture) for the hole to be filled."""

_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_REPEATS = RETRANSMISSION | FAST | SPURIOUS
_WINDOW = 1024
_NEAR = 1 << 20


class _Conversation:
    """`dialogue` is None as long as no protocol is known. `last` is the time of its last segment, `spoke` whether there
    was one since the conversation was last looked at for giving it up; `slot` is its place in `Passing`, and `passed`
    says whether bytes went by there before a snapshot."""

    __slots__ = ("dialogue", "last", "passed", "protocol", "sides", "slot", "spoke", "tries", "turns")

    def __init__(self) -> None:
        self.protocol = ""
        self.dialogue: Dialogue | None = None
        self.sides = (Side(), Side())
        self.tries = 0
        self.turns = 0
        self.last = 0
        self.spoke = False
        self.slot = 0
        self.passed = False


class Dialogues:
    """The conversations that are followed, by the engine's number. `followed` is, of each number, UNKNOWN, FOLLOWED,
    PASSED_OVER or ANEW."""

    def __init__(self, notes: Notes, trackers: Mapping[str, Conversations]) -> None:
        self._notes = notes
        self._trackers = trackers
        self._known: dict[int, _Conversation] = {}
        self._holes: dict[int, int] = {}
        self._bytes = 0
        self._forgotten = 0
        self._bytes_forgotten = 0
        self._holes_forgotten = 0
        self._acks = Acks()
        self._passing = Passing()
        self._columns: Columns
        self.followed: NDArray[np.uint8] = np.zeros(1024, np.uint8)

    def begin(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Take up a batch, and make room for its conversations."""
        self._columns = columns
        self._acks.begin(columns, numbers, turns)
        for number in self._holes:
            self._holes[number] = 0
        most = int(numbers.max(initial=0))
        if most >= len(self.followed):
            self.followed = grown(self.followed, 2 * most)
        self._passing.begin(most, columns.rows)

    @property
    def passing(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """What `Packet.advance` passes over."""
        return self._passing.slots, self._passing.table

    def end(self) -> None:
        """The batch ends: what is acknowledged in it is known from now on."""
        for number in self._holes:
            self._acknowledge(number, self._columns.rows)

    def segment(self, packet: Packet) -> None:
        """Take a segment with payload, or one that begins or ends a side or a conversation."""
        number = packet.number
        if packet.turn & (bits.BEGINS | bits.REUSED):
            self._end(number, UNKNOWN)
        if self.followed[number] == PASSED_OVER:
            return
        conversation = self._known.get(number)
        if conversation is None:
            # What was given up amid its bytes is not taken up by bytes that are sent again.
            if not packet.length or (self.followed[number] == ANEW and packet.marks & _REPEATS):
                return
            conversation = self._open(packet)
        self._settle(conversation)
        conversation.last = packet.time
        conversation.spoke = True
        marks = packet.marks
        packet.muted = marks & _REPEATS == RETRANSMISSION or marks & (OUT_OF_ORDER | KEEP_ALIVE) != 0
        before = self._size(conversation)
        self._take_in(packet, conversation)
        packet.muted = False
        if number not in self._known:
            self._bytes -= before
            return
        conversation.slot = self._passing.arm(number, conversation.slot, conversation.sides)
        self._bytes += self._size(conversation) - before
        if self._bytes > MOST_BYTES:
            self._shed(packet)

    def _take_in(self, packet: Packet, conversation: _Conversation) -> None:
        number, row, index = packet.number, packet.row, packet.side
        length, flags, side = packet.length, packet.flags, conversation.sides[index]
        if number in self._holes:
            self._acknowledge(number, row + 1)
            self._judge(packet, conversation)
            if number not in self._known:
                return
        sequence = packet.seq
        other = conversation.sides[1 - index]
        if flags & _ACK and other.at >= 0:
            ahead = (packet.ack - other.at) & 0xFFFFFFFF
            if 0 < ahead < 0x80000000:
                # What was acknowledged and not seen will hardly come.
                other.acked = max(other.acked, other.at + ahead)
        if flags & _SYN:
            sequence += 1
            if side.at < 0 or packet.turn & bits.REUSED:
                side.begin(sequence)
        if side.at < 0 and (length or flags & _FIN):
            ahead = packet.relative - 1 if packet.completeness & 1 and self.followed[number] != ANEW else 0
            # What came before the first byte that is seen may be on its way yet, if it is not much.
            side.begin(sequence - (ahead if 0 < ahead < _NEAR else 0))
        self.followed[number] = FOLLOWED
        if length:
            place = side.place(sequence)
            if place + length > side.at:
                self._arrive(packet, conversation, index, place, place + length)
                if number not in self._known:
                    return
        if flags & _FIN and side.fin < 0:
            side.fin = side.place(sequence) + length
        if flags & _RST or side.fin >= 0:
            self._close(packet, conversation, index, reset=flags & _RST != 0)

    def _size(self, conversation: _Conversation) -> int:
        one, other = conversation.sides
        return one.have + one.held_bytes + other.have + other.held_bytes

    def _open(self, packet: Packet) -> _Conversation:
        if len(self._known) >= MOST_CONVERSATIONS:
            self._bytes -= self._give_up()
            self._forgotten += 1
            self._notes.note("streams-forgotten", packet.row, self._forgotten)
        conversation = self._known[packet.number] = _Conversation()
        return conversation

    def _give_up(self) -> int:
        """Give up the conversation that said nothing for longest, more or less: each has a second chance. How many
        bytes of it waited."""
        while True:
            number = next(iter(self._known))
            conversation = self._known[number]
            if self._settle(conversation):
                conversation.spoke = True
                conversation.slot = self._passing.arm(number, conversation.slot, conversation.sides)
            if not conversation.spoke or len(self._known) == 1:
                size = self._size(conversation)
                self._end(number, ANEW)
                return size
            conversation.spoke = False
            self._known[number] = self._known.pop(number)

    def _shed(self, packet: Packet) -> None:
        while self._bytes > MOST_BYTES and self._known:
            size = self._give_up()
            self._bytes -= size
            self._bytes_forgotten += size
        self._notes.note("stream-bytes-forgotten", packet.row, self._bytes_forgotten)

    def _end(self, number: int, then: int) -> None:
        """The conversation is not followed any more; `followed` says `then` of its number."""
        self.followed[number] = then
        conversation = self._known.pop(number, None)
        self._holes.pop(number, None)
        if conversation is None:
            return
        if conversation.slot:
            self._passing.release(number, conversation.slot)
        if isinstance(conversation.dialogue, Mindful):
            conversation.dialogue.ended()

    def _settle(self, conversation: _Conversation) -> bool:
        """Learn what was passed over since the last time; whether anything was."""
        passed, conversation.passed = conversation.passed, False
        return (conversation.slot != 0 and self._passing.settle(conversation.slot, conversation.sides)) or passed

    # Holes.

    def _acknowledge(self, number: int, row: int) -> None:
        """Learn what was acknowledged in the rows before `row` and not looked at yet."""
        first = self._holes[number]
        for index, side in enumerate(self._known[number].sides):
            if side.held:
                side.acked = max(side.acked, self._acks.highest(number, index, side, first, row))
        self._holes[number] = row

    def _judge(self, packet: Packet, conversation: _Conversation, *, now: bool = False) -> None:
        """Go on behind holes that will not be filled: known by acknowledgments, by what waits, by time, or `now`."""
        for index, side in enumerate(conversation.sides):
            while side.held and (
                now or side.acked >= side.held[0][0] or side.too_much() or packet.time - side.since > PATIENCE
            ):
                if side.too_much():
                    self._holes_forgotten += 1
                    self._notes.note("stream-holes-forgotten", packet.row, self._holes_forgotten)
                gap = side.held[0][0] - side.at
                side.at += gap
                side.since = packet.time
                if not self._lost(packet, conversation, index, gap):
                    return
                self._go_on(packet, conversation, index)
                if packet.number not in self._known:
                    return

    def _arrive(self, packet: Packet, conversation: _Conversation, index: int, start: int, stop: int) -> None:
        """Take the places from `start` to `stop`, of which some are new."""
        side = conversation.sides[index]
        if stop <= side.skip and start <= side.at and not side.held:
            # Not wanted, in order: the bytes are not even read.
            captured = packet.captured
            side.at = stop
            if captured < stop - start or packet.muted:
                self._missed(packet, conversation, index, stop - start - captured)
            return
        data = packet.payload() if stop > side.skip else b""
        if start < side.at:
            data = data[side.at - start :]
            start = side.at
        if not side.held and start == side.at:
            self._deliver(packet, conversation, index, stop, data)
        else:
            if not side.held:
                side.since = packet.time
            side.hold(start, stop, data)
            if packet.number not in self._holes:
                self._holes[packet.number] = packet.row
            self._go_on(packet, conversation, index)
        if packet.number in self._known and side.held:
            self._judge(packet, conversation)

    def _go_on(self, packet: Packet, conversation: _Conversation, index: int) -> None:
        """Deliver what was held and is in order now."""
        side = conversation.sides[index]
        while (piece := side.release()) is not None:
            _, stop, data = piece
            self._deliver(packet, conversation, index, stop, data)
            if packet.number not in self._known:
                return
        if not (conversation.sides[0].held or conversation.sides[1].held):
            self._holes.pop(packet.number, None)

    def _deliver(self, packet: Packet, conversation: _Conversation, index: int, stop: int, data: bytes) -> None:
        """`data` stands at `side.at`, and `stop` is where it would end had all of it been captured."""
        side = conversation.sides[index]
        start = side.at
        cut = stop - start - len(data)
        unwanted = min(side.skip, stop) - start
        if unwanted > 0:
            if stop - start <= unwanted:
                # Data of pieces that are not wanted is left out on purpose.
                side.at = stop
                if (data and cut > 0) or packet.muted:
                    self._missed(packet, conversation, index, cut if data else 0)
                return
            if cut > stop - start - unwanted:
                self._missed(packet, conversation, index, cut - (stop - start - unwanted))
                cut = stop - start - unwanted
            data = data[unwanted:]
        side.at = stop - cut
        if data:
            side.parts.append(data)
            side.have += len(data)
            self._offer(packet, conversation, index)
        if cut > 0 and packet.number in self._known:
            # The rest of the segment was cut off by the snap length, wherever it belongs by now.
            side.at = stop
            self._lost(packet, conversation, index, cut)

    def _missed(self, packet: Packet, conversation: _Conversation, index: int, count: int) -> None:
        if isinstance(conversation.dialogue, Mindful):
            conversation.dialogue.missed(packet, index, count)

    def _lost(self, packet: Packet, conversation: _Conversation, index: int, gap: int) -> bool:
        """The `gap` bytes before `at` are not there; whether the conversation is followed any longer."""
        side = conversation.sides[index]
        unwanted = min(side.skip - (side.at - gap), gap)
        if unwanted > 0:
            self._missed(packet, conversation, index, unwanted)
            gap -= unwanted
            if not gap:
                return True
        side.drop()
        dialogue = conversation.dialogue
        if dialogue is None:
            return True
        on = dialogue.lost(packet, index, gap)
        if packet.turned is not None:
            return self._turn(packet, conversation)
        if not on:
            self._end(packet.number, PASSED_OVER)
        return on

    # Messages.

    def _offer(self, packet: Packet, conversation: _Conversation, index: int) -> None:
        """Let the dialogue take what waits at the side."""
        side = conversation.sides[index]
        dialogue = conversation.dialogue
        if dialogue is None and (dialogue := self._choose(packet, conversation, index)) is None:
            return
        if side.have < dialogue.need[index]:
            if side.have > MOST_WAITING:
                self._overflow(packet, conversation, index)
            return
        data = side.waiting()
        # Messages are cut off the front of a window, so that many small ones do not move all that is behind them.
        at, room, size = 0, _WINDOW, len(data)
        while at < size:
            room = max(room, dialogue.need[index])
            if at + dialogue.need[index] > size:
                break
            packet.waiting = size - at
            done = dialogue.take(packet, index, data[at : at + room] if at or room < size else data)
            if done > 0:
                at += done
                room = _WINDOW
            if packet.turned is not None:
                break
            if done <= 0:
                if at + room >= size:
                    break
                room *= 4
        if at >= size:
            side.skip = side.at - side.have + at if at > size else 0
            side.drop()
        elif at:
            side.parts = [data[at:]]
            side.have = size - at
        if packet.turned is not None:
            self._turn(packet, conversation)
        elif side.have > MOST_WAITING:
            self._overflow(packet, conversation, index)

    def _overflow(self, packet: Packet, conversation: _Conversation, index: int) -> None:
        side = conversation.sides[index]
        count = side.have
        self._bytes_forgotten += count
        self._notes.note("stream-bytes-forgotten", packet.row, self._bytes_forgotten)
        side.skip = 0
        self._lost(packet, conversation, index, count)

    def _choose(self, packet: Packet, conversation: _Conversation, index: int) -> Dialogue | None:
        side = conversation.sides[index]
        last = side.parts[len(side.parts) - 1]
        protocol = protocol_of(side.waiting(), packet.ports)
        if not protocol and len(last) < side.have:
            # What comes late in a conversation may begin with a segment, as Wireshark's heuristics look at each.
            protocol = protocol_of(last, packet.ports)
            if protocol and protocol != UNDECIDED:
                side.parts, side.have = [last], len(last)
        if protocol in self._trackers:
            conversation.protocol = protocol
            conversation.dialogue = self._trackers[protocol].dialogue(packet)
            if packet.turned is not None:
                self._turn(packet, conversation)
                return None
            return conversation.dialogue
        if protocol != UNDECIDED:
            side.drop()
        conversation.tries += 1
        if conversation.tries >= MOST_TRIES:
            self._end(packet.number, PASSED_OVER)
        return None

    def _turn(self, packet: Packet, conversation: _Conversation) -> bool:
        """Do what `packet.become` or `packet.leave` asked for; whether the conversation is followed any longer."""
        protocol = packet.turned
        packet.turned = None
        conversation.turns += 1
        known = protocol == "" or protocol in self._trackers
        if protocol is None or not known or conversation.turns > MOST_TURNS:
            self._end(packet.number, PASSED_OVER)
            return False
        before = conversation.dialogue
        conversation.dialogue, conversation.protocol, conversation.tries = None, protocol, 0
        if isinstance(before, Mindful):
            before.ended()
        if protocol:
            conversation.dialogue = self._trackers[protocol].dialogue(packet)
            if packet.turned is not None:
                return self._turn(packet, conversation)
        for index, side in enumerate(conversation.sides):
            side.skip = 0
            if side.have and packet.number in self._known:
                self._offer(packet, conversation, index)
        return packet.number in self._known

    def _close(self, packet: Packet, conversation: _Conversation, index: int, *, reset: bool) -> None:
        """Tell what ends with this segment."""
        if reset:
            self._judge(packet, conversation, now=True)
        for k in (0, 1) if reset else (index,):
            side = conversation.sides[k]
            if packet.number not in self._known or side.closed or not (reset or 0 <= side.fin <= side.at):
                continue
            side.closed = True
            if conversation.dialogue is not None:
                data = side.waiting()
                side.drop()
                packet.left = max(0, side.skip - side.at)
                conversation.dialogue.closed(packet, k, data)
                if packet.turned is not None:
                    self._turn(packet, conversation)
        if packet.number in self._known and (reset or (conversation.sides[0].closed and conversation.sides[1].closed)):
            self._end(packet.number, PASSED_OVER)

    # All of them.

    def tick(self, now: int) -> None:
        """A minute of the capture ends at `now` (ns): conversations that are silent are given up."""
        for number in [n for n, c in self._known.items() if c.last < now - SILENCE]:
            conversation = self._known[number]
            if self._settle(conversation):
                conversation.last = now
                conversation.slot = self._passing.arm(number, conversation.slot, conversation.sides)
                continue
            self._bytes -= self._size(self._known[number])
            self._end(number, ANEW)

    def forget(self) -> None:
        """All numbers are given anew."""
        for number in list(self._known):
            self._end(number, UNKNOWN)
        self.followed[:] = UNKNOWN
        self._bytes = 0

    def finish(self) -> None:
        """The capture ends."""
        self.forget()

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "followed": self.followed, "given up": [self._forgotten, self._bytes_forgotten, self._holes_forgotten],
            "known": [
                [number, c.protocol, c.dialogue.state() if c.dialogue else None,
                 list(c.dialogue.need) if c.dialogue else [], c.tries, c.turns, c.last, c.spoke,
                 [side.state() for side in c.sides],
                 list(self._passing.passed(c.slot)) if c.slot else [0, 0], c.passed]
                for number, c in self._known.items()
            ],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.followed = state["followed"]
        self._forgotten, self._bytes_forgotten, self._holes_forgotten = state["given up"]
        self._known, self._holes, self._bytes = {}, {}, 0
        self._passing = Passing()
        self._passing.begin(len(self.followed), len(state["known"]))
        for number, protocol, dialogue, need, tries, turns, last, spoke, sides, went, passed in state["known"]:
            c = self._known[number] = _Conversation()
            c.protocol, c.tries, c.turns, c.last, c.spoke = protocol, tries, turns, last, spoke
            if dialogue is not None:
                c.dialogue = self._trackers[protocol].restored(dialogue)
                c.dialogue.need[:] = need
            for side, known in zip(c.sides, sides, strict=True):
                side.restore(known)
            c.sides[0].at += went[0]
            c.sides[1].at += went[1]
            c.passed = passed or went[0] or went[1]
            c.slot = self._passing.arm(number, c.slot, c.sides)
            if c.sides[0].held or c.sides[1].held:
                self._holes[number] = 0
            self._bytes += self._size(c)
