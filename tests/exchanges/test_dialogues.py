"""TCP's bytes in order: whatever the network and the capture did to the segments."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.registry import Registry
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from tests.engine.wire import tcp
from tests.exchanges.hear import BEGIN, SECOND, Frame, Heard, Talk, heard

FIN, SYN, RST, ACK = 1, 2, 4, 16


class Recorder:
    """A protocol of messages, each `GET `, its length in two digits, and so many bytes; `told` is what was heard."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self.told: list[tuple[object, ...]] = []

    def dialogue(self, packet: Packet) -> Messages:
        return Messages(self.told)

    def restored(self, state: Tree) -> Messages:
        found = Messages(self.told)
        found.begun = state["begun"]
        return found

    def tick(self, now: int) -> None:
        """Nothing waits."""

    def finish(self, now: int) -> None:
        """Nothing waits."""

    def state(self) -> Tree:
        return {"told": self.told}

    def restore(self, state: Tree) -> None:
        self.told[:] = [tuple(one) for one in state["told"]]


class Messages:
    def __init__(self, told: list[tuple[object, ...]]) -> None:
        self.told = told
        self.need = [0, 0]
        self.begun = 0

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        self.begun += 1
        if len(data) < 6:
            return 0
        if data.startswith(b"SWAP"):
            packet.become(data[4:].strip().decode())
            return len(data)
        if not data[4:6].isdigit():
            return len(data)
        size = 6 + int(data[4:6])
        if data.startswith(b"SKIP"):
            self.told.append(("skip", packet.frame, side))
            return size
        if len(data) < size:
            self.need[side] = size
            return 0
        self.need[side] = 0
        self.told.append(("message", packet.frame, side, data[6:size].decode()))
        return size

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        self.need[side] = 0
        self.told.append(("lost", packet.frame, side, count))
        return True

    def missed(self, packet: Packet, side: int, count: int) -> None:
        self.told.append(("missed", packet.frame, side, count))

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        self.told.append(("closed", packet.frame, side, data))

    def ended(self) -> None:
        self.told.append(("ended",))

    def state(self) -> Tree:
        return {"begun": self.begun}


Listen = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Listen:
    """What a Recorder hears of frames, the same in batches of any size and with snapshots between them."""
    made: list[Recorder] = []

    def registered(notes: Notes, out: Outlet) -> Registry:
        one = Recorder(notes, out)
        made.append(one)
        return Registry({"http": one}, conversations={"http": one})

    monkeypatch.setattr("pipeline.engine.exchanges.exchanges.registry", registered)

    def run(frames: list[Frame], events: list[tuple[str, int]] | None = None, cut: int = 1 << 20,
            batches: tuple[tuple[int, bool], ...] = ((1, True), (3, False), (5, True))) -> list[tuple[object, ...]]:
        def once(rows: int, restore: bool) -> tuple[Heard, list[tuple[object, ...]]]:
            found = heard(frames, batch_rows=rows, restore=restore, cut=cut)
            return found, made[-1].told

        whole, told = once(len(frames), False)
        for rows, restore in batches:
            assert once(rows, restore)[1] == told
        if events is not None:
            events += whole.events
        return told

    return run


def said(*texts: str) -> bytes:
    return "".join(f"GET {len(t):02d}{t}" for t in texts).encode()


def seg(seq: int, payload: bytes = b"", *, at: float = 0.0, side: int = 0, flags: int = ACK | 8, ack: int = 0) -> Frame:
    """A segment of a conversation of ports 4000 and 7777."""
    ends = (("10.0.0.1", 4000), ("10.0.0.2", 7777))
    (src, srcport), (dst, dstport) = ends[side], ends[1 - side]
    frame = bytearray(tcp(src, srcport, dst, dstport, payload, seq & 0xFFFFFFFF))
    header = len(frame) - len(payload) - 20
    frame[header + 8 : header + 12] = (ack & 0xFFFFFFFF).to_bytes(4, "big")
    frame[header + 13] = flags
    return BEGIN + round(at * SECOND), bytes(frame)


def messages(told: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [t[1:] for t in told if t[0] == "message"]


def test_messages_over_many_segments_and_many_in_one(listen: Listen) -> None:
    frames = Talk(7777, mss=5).open().client(said("hello", "world")).close().frames
    assert messages(listen(frames)) == [(6, 0, "hello"), (8, 0, "world")]
    frames = Talk(7777).open().client(said("a", "b", "c")).server(said("d")).close().frames
    told = listen(frames)
    assert messages(told) == [(4, 0, "a"), (4, 0, "b"), (4, 0, "c"), (5, 1, "d")]
    assert told[-3:] == [("closed", 6, 0, b""), ("closed", 7, 1, b""), ("ended",)]


def test_out_of_order_waits_for_the_hole_to_be_filled(listen: Listen) -> None:
    one, two, three = said("one"), said("two"), said("three")
    at = [1, 1 + len(one), 1 + len(one + two)]
    frames = [seg(0, flags=SYN), seg(at[2], three), seg(at[1], two), seg(at[0], one)]
    assert messages(listen(frames)) == [(4, 0, "one"), (4, 0, "two"), (4, 0, "three")]
    # Midway through a conversation, too, and past the end of the sequence numbers.
    begin = (1 << 32) - 4
    frames = [seg(begin, one), seg(begin + 18, three), seg(begin + 9, two), seg(begin, one)]
    assert messages(listen(frames)) == [(1, 0, "one"), (3, 0, "two"), (3, 0, "three")]


def test_the_first_bytes_win_and_are_taken_once(listen: Listen) -> None:
    frames = [
        seg(0, flags=SYN), seg(1, b"GET 0"), seg(1, b"GET 0"), seg(4, b"XX6abc"), seg(1, said("zzzzzz")),
        seg(10, b"XXdef"),
    ]  # fmt: skip
    # Places 4 and 5 were there before; the longer one brings "zzz" behind "abc"; of the last only "ef" is new.
    assert messages(listen(frames)) == [(5, 0, "abczzz")]
    held = [seg(0, flags=SYN), seg(10, b"34"), seg(8, b"ZZZZZ6"), seg(1, b"GET 06Z")]
    assert messages(listen(held)) == [(4, 0, "ZZZ34Z"[:6])]


def test_a_hole_that_was_acknowledged_is_never_filled(listen: Listen) -> None:
    frames = [
        seg(0, flags=SYN), seg(1, said("one")), seg(30, said("far")),
        seg(500, side=1, flags=ACK, ack=39), seg(39, said("on")),
    ]  # fmt: skip
    told = listen(frames)
    assert told[:2] == [("message", 2, 0, "one"), ("lost", 5, 0, 20)]
    assert told[2:] == [("message", 5, 0, "far"), ("message", 5, 0, "on"), ("ended",)]


def test_a_hole_is_given_up_in_time_and_at_the_end(listen: Listen) -> None:
    frames = [seg(0, flags=SYN), seg(1, said("one")), seg(30, said("far"), at=1), seg(39, said("on"), at=12)]
    assert messages(listen(frames)) == [(2, 0, "one"), (4, 0, "far"), (4, 0, "on")]
    frames = [seg(0, flags=SYN), seg(1, said("one")), seg(30, said("far"), at=1), seg(39, at=1, flags=RST | ACK)]
    assert listen(frames)[1:] == [
        ("lost", 4, 0, 20), ("message", 4, 0, "far"), ("closed", 4, 0, b""), ("closed", 4, 1, b""), ("ended",),
    ]  # fmt: skip


def test_a_hole_has_a_cap_with_its_event(listen: Listen) -> None:
    events: list[tuple[str, int]] = []
    frames = [seg(0, flags=SYN), seg(1, said("one"))]
    frames += [seg(100 + 10 * k, said("t")) for k in range(300)]
    told = listen(frames, events, batches=((7, False), (64, True)))
    assert ("stream-holes-forgotten", 1) in events
    assert told[1] == ("lost", 259, 0, 90)
    assert len(messages(told)) == 1 + 300 - 256


def test_what_the_snap_length_cut_off_is_a_hole(listen: Listen) -> None:
    frames = [seg(0, flags=SYN), seg(1, said("one" * 20)), seg(67, said("on"))]
    assert listen(frames, cut=14 + 20 + 20 + 20) == [("lost", 2, 0, 46), ("message", 3, 0, "on"), ("ended",)]


def test_bytes_that_are_not_wanted_are_passed_over(listen: Listen) -> None:
    frames = [
        seg(0, flags=SYN), seg(1, said("a")), seg(8, b"SKIP50".ljust(30, b".")), seg(48, b"." * 16 + said("b")),
        seg(38, b"." * 10),
    ]  # fmt: skip
    assert listen(frames) == [
        ("message", 2, 0, "a"), ("skip", 3, 0), ("missed", 5, 0, 0), ("message", 5, 0, "b"), ("ended",),
    ]  # fmt: skip


def test_a_conversation_becomes_another_protocols(listen: Listen) -> None:
    frames = Talk(7777).open().client(said("a")).client(b"SWAP http").client(said("b")).client(b"SWAPnobody").client(
        said("c")).frames
    told = listen(frames)
    assert messages(told) == [(4, 0, "a"), (6, 0, "b")]
    assert told.count(("ended",)) == 2


def test_any_segmentation_gives_the_same(listen: Listen) -> None:
    chance = random.Random(4)
    for _ in range(12):
        texts = ["".join(chance.choices("xyz", k=chance.randrange(40))) for _ in range(12)]
        whole = said(*texts)
        base = chance.choice([7, (1 << 32) - 60])
        frames = [seg(base - 1, flags=SYN)]
        pieces: list[tuple[int, bytes]] = []
        at = 0
        while at < len(whole):
            size = chance.randrange(1, 30)
            begin = max(0, at - chance.randrange(8))
            pieces.append((begin, whole[begin : at + size]))
            at += size
        for k in range(len(pieces) - 2):
            if chance.random() < 0.4:
                other = k + chance.randrange(1, 3)
                pieces[k], pieces[other] = pieces[other], pieces[k]
        pieces += chance.choices(pieces, k=5)
        frames += [seg(base + begin, data) for begin, data in pieces]
        assert [m[2] for m in messages(listen(frames))] == texts


def test_conversations_are_capped(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.exchanges.dialogues.MOST_CONVERSATIONS", 3)
    frames: list[Frame] = []
    for k in range(6):
        frames += Talk(7777, srcport=5000 + k).open().client(b"GET 05ab").frames
    events: list[tuple[str, int]] = []
    told = listen(sorted(frames), events)
    assert ("streams-forgotten", 1) in events
    assert told.count(("ended",)) == 6


def test_waiting_bytes_are_capped(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.exchanges.dialogues.MOST_WAITING", 20)
    events: list[tuple[str, int]] = []
    told = listen(Talk(7777, mss=8).open().client(said("x" * 60)).frames, events)
    assert [name for name, _ in events] == ["stream-bytes-forgotten"]
    assert told[0] == ("lost", 6, 0, 24)
