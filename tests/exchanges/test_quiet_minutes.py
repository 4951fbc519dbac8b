"""Minutes of captures without a conversation: what nobody answers is told when it is late, not at the end."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from collectors.decode import decode
from pipeline.engine import Engine
from pipeline.engine.minutes import Minutes
from pipeline.engine.streams import Streams
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.engine.flow_rows import Row, rows_of, whole_rows_of
from tests.engine.wire import udp
from tests.exchanges.hear import BEGIN, SECOND, Frame, ask, frames_of, same_in_any_batches
from tests.exchanges.hosts import ONE, arp, icmp
from tests.fleet.shards import through
from tests.sources.makecap import pcap


def ping(seq: int, at: float) -> Frame:
    return icmp(8, rest=struct.pack(">HH", 7, seq), at=at)


def who_has(at: float) -> Frame:
    return arp(1, ONE, "10.0.0.1", bytes(6), f"10.0.1.{int(at) % 250}", at=at)


PINGS = [ping(k, 30 * k) for k in range(12)]
REQUESTS = [who_has(30 * k) for k in range(8)]


def told_so_far(packets: list[Frame], record: str) -> list[Row]:
    """Rows that are told before the capture ends."""
    found: list[Row] = []

    def take(rows: Columns) -> None:
        if rows.record.name == record:
            found.extend(whole_rows_of(rows))

    engine, columns = Engine(None, None, take), Columns(PACKETS, len(packets))
    decode(frames_of(packets), columns)
    engine.process(columns)
    engine.trackers.flush()
    return found


@pytest.mark.parametrize(("packets", "record", "late"), [(PINGS, "icmp_states", 8), (REQUESTS, "arp_states", 4)])
def test_what_is_late_is_told_before_the_end(packets: list[Frame], record: str, late: int) -> None:
    # BEGIN is 20 s into a minute, so the last that ends does it with the ping at 300 s, the request at 180 s.
    told = told_so_far(packets, record)
    assert [row["shoal.first_frame"] for row in told] == list(range(1, late + 1))


def test_they_end_at_the_same_frames_for_any_batches_and_snapshots() -> None:
    found = same_in_any_batches(sorted([*PINGS, *REQUESTS, ask(b"\0" * 5, 200.5), ask(b"\0" * 5, 290)]))
    assert len(found.rows["icmp"]) == len(PINGS)
    assert len(found.rows["arp"]) == len(REQUESTS)


@pytest.mark.parametrize("shards", [2, 5])
def test_shards_end_them_at_the_same_frames(shards: int, tmp_path: Path) -> None:
    others = [icmp(8, rest=struct.pack(">HH", 7, k), at=25 * k, src=f"10.0.0.{k + 3}") for k in range(12)]
    # The last answer comes after its minute in the capture, before it in its own shard.
    late = icmp(0, rest=struct.pack(">HH", 7, 0), at=130, src="10.0.0.2", dst="10.0.0.3")
    path = tmp_path / "quiet.pcap"
    path.write_bytes(pcap(sorted([*PINGS, *REQUESTS, *others, late]), magic=0xA1B23C4D))
    one, several = through(path, 1, 7).sorted(), through(path, shards, 7).sorted()
    assert several == one
    assert {"icmp_states", "arp_states"} <= one[3].keys()


def ticks(packets: list[Frame]) -> list[tuple[int, int]]:
    streams, minutes, columns = Streams(), Minutes(), Columns(PACKETS, len(packets))
    decode(frames_of(packets), columns)
    streams.process(columns)
    return minutes.process(columns, streams.conversation, streams.turn)


def datagram(at: float) -> Frame:
    return BEGIN + round(at * SECOND), udp("10.0.0.1", 9, "10.0.0.2", 9)


def test_after_the_first_conversation_only_conversations_count() -> None:
    # Minutes end at 40 s, 100 s, 160 s.
    assert ticks([ping(1, 0), ping(2, 39), ping(3, 40)]) == [(3, BEGIN + 40 * SECOND)]
    assert ticks([ping(1, 0), datagram(1), ping(2, 50), datagram(51)]) == [(4, BEGIN + 51 * SECOND)]
    assert ticks([ping(1, 0), datagram(45), ping(2, 110), ping(3, 200)]) == [(2, BEGIN + 45 * SECOND)]
    # A first conversation whose time is before that of the frames before it.
    assert ticks([ping(1, 101), datagram(1), datagram(40)]) == [(3, BEGIN + 40 * SECOND)]


def test_rows_of_conversations_do_not_depend_on_what_came_before_them() -> None:
    talk = [datagram(130), datagram(135), datagram(200), datagram(300)]
    rows = []
    for before in ([], [ping(1, 0), ping(2, 90), ping(3, 400)]):
        flows: list[Row] = []
        engine = Engine(lambda found, to=flows: to.extend(rows_of(found, found.record)))  # type: ignore[misc]
        columns = Columns(PACKETS, 16)
        decode(frames_of([*before, *talk]), columns)
        engine.process(columns)
        engine.finish()
        rows.append([{name: value for name, value in row.items() if "frame" not in name} for row in flows])
    assert rows[0] == rows[1]
    assert len(rows[0]) == 3
