"""TCP's bytes in order, for the conversations that a tracker follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import cython
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

_FIN = cython.declare(cython.int, 1)
_SYN = cython.declare(cython.int, 2)
_RST = cython.declare(cython.int, 4)
_ACK = cython.declare(cython.int, 16)
_BEGINS = cython.declare(cython.int, bits.BEGINS | bits.REUSED)
_REUSED = cython.declare(cython.int, bits.REUSED)
_REPEATS = cython.declare(cython.uint, RETRANSMISSION | FAST | SPURIOUS)
_AGAIN = cython.declare(cython.uint, RETRANSMISSION)
_ASIDE = cython.declare(cython.uint, OUT_OF_ORDER | KEEP_ALIVE)
_UNKNOWN = cython.declare(cython.int, UNKNOWN)
_FOLLOWED = cython.declare(cython.int, FOLLOWED)
_PASSED_OVER = cython.declare(cython.int, PASSED_OVER)
_GIVEN_UP = cython.declare(cython.int, ANEW)
_WINDOW = cython.declare(cython.longlong, 1024)
_NEAR = cython.declare(cython.longlong, 1 << 20)
_WORD = cython.declare(cython.longlong, 0xFFFFFFFF)
_HALF = cython.declare(cython.longlong, 0x80000000)
_MOVED = cython.declare(cython.int, 2048)
_ENDLESS = cython.declare(cython.longlong, (1 << 62) + (1 << 40))


@cython.cclass
class Conversation:
    """`dialogue` is None as long as no protocol is known; `mindful` is it, if it wants to be told more. `last` is the
    time of its last segment, `spoke` whether there was one since the conversation was last looked at for giving it up;
    `slot` is its place in `Passing`, and `passed` says whether bytes went by there before a snapshot. `over` says that
    it is not followed any more."""

    def __init__(self) -> None:
        self.protocol = ""
        self.dialogue: Dialogue | None = None
        self.mindful: Mindful | None = None
        self.one = Side()
        self.other = Side()
        self.tries = 0
        self.turns = 0
        self.last = 0
        self.spoke = False
        self.slot = 0
        self.passed = False
        self.over = False

    def speak(self, protocol: str, dialogue: Dialogue | None) -> None:
        """From here on it is `dialogue` that takes it, of tracker `protocol`."""
        self.protocol = protocol
        self.dialogue = dialogue
        told_more = hasattr(dialogue, "missed") and hasattr(dialogue, "ended")
        self.mindful = cast(Mindful, dialogue) if told_more else None

    def side(self, index: cython.int) -> Side:
        """Side 0 or 1."""
        return self.other if index else self.one

    def size(self) -> cython.longlong:
        """How many of its bytes wait."""
        return self.one.have + self.one.held_bytes + self.other.have + self.other.held_bytes


@cython.cclass
class Dialogues:
    """The conversations that are followed, by the engine's number. `followed` is, of each number, UNKNOWN, FOLLOWED,
    PASSED_OVER or ANEW."""

    def __init__(self, notes: Notes, trackers: Mapping[str, Conversations]) -> None:
        self._notes = notes
        self._trackers = trackers
        self._known: dict[int, Conversation] = {}
        self._moved = 0
        self._holes: dict[int, int] = {}
        self._bytes = 0
        self._forgotten = 0
        self._bytes_forgotten = 0
        self._holes_forgotten = 0
        self._acks = Acks()
        self._passing = Passing()
        self._columns: Columns
        self.followed: NDArray[np.uint8] = np.zeros(1024, np.uint8)
        self._look()

    def _look(self) -> None:
        self._followed = self.followed if cython.compiled else memoryview(self.followed)  # type: ignore[arg-type]

    def begin(self, columns: Columns, numbers: NDArray[np.int32], turns: NDArray[np.uint8]) -> None:
        """Take up a batch, and make room for its conversations."""
        self._columns = columns
        self._acks.begin(columns, numbers, turns)
        for number in self._holes:
            self._holes[number] = 0
        most = int(numbers.max(initial=0))
        if most >= len(self.followed):
            self.followed = grown(self.followed, 2 * most)
            self._look()
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
        number: cython.int = packet.number
        if packet.turn & _BEGINS:
            self._end(number, _UNKNOWN)
        state: cython.int = self._followed[number]
        if state == _PASSED_OVER:
            return
        marks: cython.uint = packet.marks
        known = self._known.get(number)
        if known is None:
            # What was given up amid its bytes is not taken up by bytes that are sent again.
            if not packet.length or (state == _GIVEN_UP and marks & _REPEATS):
                return
            known = self._open(packet)
        conversation: Conversation = known
        self._settle(conversation)
        conversation.last = packet.time
        conversation.spoke = True
        packet.muted = marks & _REPEATS == _AGAIN or marks & _ASIDE != 0
        before: cython.longlong = conversation.size()
        self._take_in(packet, conversation)
        packet.muted = False
        if conversation.over:
            self._bytes -= before
            return
        self._arm(number, conversation)
        self._bytes += conversation.size() - before
        if self._bytes > MOST_BYTES:
            self._shed(packet)

    def _arm(self, number: cython.int, conversation: Conversation) -> None:
        conversation.slot = self._passing.arm(number, conversation.slot, conversation.one, conversation.other)

    def _take_in(self, packet: Packet, conversation: Conversation) -> None:
        number: cython.int = packet.number
        index: cython.int = packet.side
        length: cython.longlong = packet.length
        flags: cython.int = packet.flags
        sequence: cython.longlong = packet.seq
        ahead: cython.longlong
        side: Side = conversation.side(index)
        other: Side = conversation.side(1 - index)
        if self._holes and number in self._holes:
            self._acknowledge(number, packet.row + 1)
            self._judge(packet, conversation, False)
            if conversation.over:
                return
        if flags & _ACK and other.at >= 0:
            ahead = packet.ack
            ahead = (ahead - other.at) & _WORD
            if 0 < ahead < _HALF:
                # What was acknowledged and not seen will hardly come.
                other.acked = max(other.acked, other.at + ahead)
        if flags & _SYN:
            sequence += 1
            if side.at < 0 or packet.turn & _REUSED:
                side.begin(sequence)
        if side.at < 0 and (length or flags & _FIN):
            ahead = 0
            if packet.completeness & 1 and self._followed[number] != _GIVEN_UP:
                ahead = packet.relative
                ahead -= 1
            # What came before the first byte that is seen may be on its way yet, if it is not much.
            side.begin(sequence - ahead if 0 < ahead < _NEAR else sequence)
        self._followed[number] = _FOLLOWED
        if length:
            place: cython.longlong = side.place(sequence)
            if place + length > side.at:
                self._arrive(packet, conversation, index, place, place + length)
                if conversation.over:
                    return
        if flags & _FIN and side.fin < 0:
            side.fin = side.place(sequence) + length
        if flags & _RST or side.fin >= 0:
            self._close(packet, conversation, index, flags & _RST != 0)

    def _open(self, packet: Packet) -> Conversation:
        if len(self._known) >= MOST_CONVERSATIONS:
            self._bytes -= self._give_up()
            self._forgotten += 1
            self._notes.note("streams-forgotten", packet.row, self._forgotten)
        conversation = Conversation()
        self._known[packet.number] = conversation
        return conversation

    def _give_up(self) -> cython.longlong:
        """Give up the conversation that said nothing for longest, more or less: each has a second chance. How many
        bytes of it waited."""
        while True:
            self._moved += 1
            if self._moved >= _MOVED:
                # A dict looks for its first entry among all that were removed before it, until it is made anew.
                self._known, self._moved = dict(self._known), 0
            number = next(iter(self._known))
            conversation: Conversation = self._known[number]
            if self._settle(conversation):
                conversation.spoke = True
                self._arm(number, conversation)
            if not conversation.spoke or len(self._known) == 1:
                size = conversation.size()
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

    def _end(self, number: cython.int, then: cython.int) -> None:
        """The conversation is not followed any more; `followed` says `then` of its number."""
        self._followed[number] = then
        known = self._known.pop(number, None)
        if known is None:
            return
        self._holes.pop(number, None)
        conversation: Conversation = known
        conversation.over = True
        if conversation.slot:
            self._passing.release(number, conversation.slot)
        if conversation.mindful is not None:
            conversation.mindful.ended()

    def _settle(self, conversation: Conversation) -> cython.bint:
        """Learn what was passed over since the last time; whether anything was."""
        passed: cython.bint = conversation.passed
        conversation.passed = False
        if conversation.slot and self._passing.settle(conversation.slot, conversation.one, conversation.other):
            return True
        return passed

    # Holes.

    def _acknowledge(self, number: cython.int, row: cython.Py_ssize_t) -> None:
        """Learn what was acknowledged in the rows before `row` and not looked at yet."""
        first = self._holes[number]
        conversation: Conversation = self._known[number]
        side: Side
        for index in range(2):
            side = conversation.side(index)
            if side.held:
                side.acked = max(side.acked, self._acks.highest(number, index, side, first, row))
        self._holes[number] = row

    def _judge(self, packet: Packet, conversation: Conversation, now: cython.bint) -> None:
        """Go on behind holes that will not be filled: known by acknowledgments, by what waits, by time, or `now`."""
        index: cython.int
        side: Side
        gap: cython.longlong
        for index in range(2):
            side = conversation.side(index)
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
                if conversation.over:
                    return

    def _arrive(
        self, packet: Packet, conversation: Conversation, index: cython.int, start: cython.longlong,
        stop: cython.longlong,
    ) -> None:  # fmt: skip
        """Take the places from `start` to `stop`, of which some are new."""
        side: Side = conversation.side(index)
        if stop <= side.skip and start <= side.at and not side.held:
            # Not wanted, in order: the bytes are not even read.
            captured: cython.longlong = packet.captured
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
        if not conversation.over and side.held:
            self._judge(packet, conversation, False)

    def _go_on(self, packet: Packet, conversation: Conversation, index: cython.int) -> None:
        """Deliver what was held and is in order now."""
        side: Side = conversation.side(index)
        while (piece := side.release()) is not None:
            _, stop, data = piece
            self._deliver(packet, conversation, index, stop, data)
            if conversation.over:
                return
        if not (conversation.one.held or conversation.other.held):
            self._holes.pop(packet.number, None)

    def _deliver(
        self, packet: Packet, conversation: Conversation, index: cython.int, stop: cython.longlong, data: bytes
    ) -> None:
        """`data` stands at `side.at`, and `stop` is where it would end had all of it been captured."""
        side: Side = conversation.side(index)
        start: cython.longlong = side.at
        cut: cython.longlong = stop - start - len(data)
        unwanted: cython.longlong = min(side.skip, stop) - start
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
        if cut > 0 and not conversation.over:
            # The rest of the segment was cut off by the snap length, wherever it belongs by now.
            side.at = stop
            self._lost(packet, conversation, index, cut)

    def _missed(self, packet: Packet, conversation: Conversation, index: cython.int, count: cython.longlong) -> None:
        if conversation.mindful is not None:
            conversation.mindful.missed(packet, index, count)

    def _lost(self, packet: Packet, conversation: Conversation, index: cython.int, gap: cython.longlong) -> cython.bint:
        """The `gap` bytes before `at` are not there; whether the conversation is followed any longer."""
        side: Side = conversation.side(index)
        unwanted: cython.longlong = min(side.skip - (side.at - gap), gap)
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

    def _offer(self, packet: Packet, conversation: Conversation, index: cython.int) -> None:
        """Let the dialogue take what waits at the side."""
        side: Side = conversation.side(index)
        dialogue = conversation.dialogue
        if dialogue is None and (dialogue := self._choose(packet, conversation, index)) is None:
            return
        need: cython.longlong = dialogue.need[index]
        if side.have < need:
            if side.have > MOST_WAITING:
                self._overflow(packet, conversation, index)
            return
        data = side.waiting()
        # Messages are cut off the front of a window, so that many small ones do not move all that is behind them.
        size: cython.longlong = len(data)
        room: cython.longlong = _WINDOW
        at: cython.longlong = 0
        done: cython.longlong
        while at < size:
            room = max(room, need)
            if need > size - at:
                break
            packet.waiting = size - at
            done = dialogue.take(packet, index, data[at : at + room] if at or room < size else data)
            if done > 0:
                at += min(done, _ENDLESS)
                room = _WINDOW
            if packet.turned is not None:
                break
            if done <= 0:
                if at + room >= size:
                    break
                room *= 4
            need = dialogue.need[index]
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

    def _overflow(self, packet: Packet, conversation: Conversation, index: cython.int) -> None:
        side: Side = conversation.side(index)
        count = side.have
        self._bytes_forgotten += count
        self._notes.note("stream-bytes-forgotten", packet.row, self._bytes_forgotten)
        side.skip = 0
        self._lost(packet, conversation, index, count)

    def _choose(self, packet: Packet, conversation: Conversation, index: cython.int) -> Dialogue | None:
        side: Side = conversation.side(index)
        last = side.parts[len(side.parts) - 1]
        protocol = protocol_of(side.waiting(), packet.ports)
        if not protocol and len(last) < side.have:
            # What comes late in a conversation may begin with a segment, as Wireshark's heuristics look at each.
            protocol = protocol_of(last, packet.ports)
            if protocol and protocol != UNDECIDED:
                side.parts, side.have = [last], len(last)
        if protocol in self._trackers:
            conversation.speak(protocol, self._trackers[protocol].dialogue(packet))
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

    def _turn(self, packet: Packet, conversation: Conversation) -> cython.bint:
        """Do what `packet.become` or `packet.leave` asked for; whether the conversation is followed any longer."""
        protocol = packet.turned
        packet.turned = None
        conversation.turns += 1
        known = protocol == "" or protocol in self._trackers
        if protocol is None or not known or conversation.turns > MOST_TURNS:
            self._end(packet.number, PASSED_OVER)
            return False
        before = conversation.mindful
        conversation.speak(protocol, None)
        conversation.tries = 0
        if before is not None:
            before.ended()
        if protocol:
            conversation.speak(protocol, self._trackers[protocol].dialogue(packet))
            if packet.turned is not None:
                return self._turn(packet, conversation)
        side: Side
        for index in range(2):
            side = conversation.side(index)
            side.skip = 0
            if side.have and not conversation.over:
                self._offer(packet, conversation, index)
        return not conversation.over

    def _close(self, packet: Packet, conversation: Conversation, index: cython.int, reset: cython.bint) -> None:
        """Tell what ends with this segment."""
        if reset:
            self._judge(packet, conversation, True)
        k: cython.int
        for k in range(2):
            side: Side = conversation.side(k)
            if not reset and k != index:
                continue
            if conversation.over or side.closed or not (reset or 0 <= side.fin <= side.at):
                continue
            side.closed = True
            if conversation.dialogue is not None:
                data = side.waiting()
                side.drop()
                packet.left = max(0, side.skip - side.at)
                conversation.dialogue.closed(packet, k, data)
                if packet.turned is not None:
                    self._turn(packet, conversation)
        if not conversation.over and (reset or (conversation.one.closed and conversation.other.closed)):
            self._end(packet.number, PASSED_OVER)

    # All of them.

    def tick(self, now: int) -> None:
        """A minute of the capture ends at `now` (ns): conversations that are silent are given up."""
        conversation: Conversation
        silent = []
        before: cython.longlong = now - SILENCE
        for number, conversation in self._known.items():
            if conversation.last < before:
                silent.append(number)
        for number in silent:
            conversation = self._known[number]
            if self._settle(conversation):
                conversation.last = now
                self._arm(number, conversation)
                continue
            self._bytes -= conversation.size()
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
                 [c.one.state(), c.other.state()],
                 list(self._passing.passed(c.slot)) if c.slot else [0, 0], c.passed]
                for number, c in self._known.items()
            ],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.followed = state["followed"]
        self._look()
        self._forgotten, self._bytes_forgotten, self._holes_forgotten = state["given up"]
        self._known, self._holes, self._bytes = {}, {}, 0
        self._passing = Passing()
        self._passing.begin(len(self.followed), len(state["known"]))
        for number, protocol, dialogue, need, tries, turns, last, spoke, sides, went, passed in state["known"]:
            c: Conversation = Conversation()
            self._known[number] = c
            c.protocol, c.tries, c.turns, c.last, c.spoke = protocol, tries, turns, last, spoke
            if dialogue is not None:
                restored = self._trackers[protocol].restored(dialogue)
                restored.need[:] = need
                c.speak(protocol, restored)
            one, other = sides
            c.one.restore(one)
            c.other.restore(other)
            c.one.at += went[0]
            c.other.at += went[1]
            c.passed = bool(passed or went[0] or went[1])
            self._arm(number, c)
            if c.one.held or c.other.held:
                self._holes[number] = 0
            self._bytes += c.size()
